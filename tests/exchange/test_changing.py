"""The seven steps of a change, with the real parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.hostile.specimen import uuid
from conformance.stage import EPD
from gateway.errors import Conflict, Denied, NotFound
from gateway.exchange import Answer, Pipeline, Question
from gateway.exchange.changes import keeping
from gateway.exchange.changes.answers import Changed
from gateway.exchange.changes.asked import Posted
from gateway.exchangelog import verify
from gateway.policy import parse_register
from gateway.policy.register import REGISTER
from gateway.storage import ResourceName, save, verify_records
from tests.exchange.house import BRAM, House
from tests.exchange.resources import NUMBERS, as_json, bundle, entry, ordinary, patient, pressure

NOTHING = {"persons": 0, "documents": 0, "versions": 0}


def together(house: House, tree: Any, person: str = "") -> Changed:
    """What a transaction or document gives."""
    bundling = house.pipeline.bundling
    done = bundling.change(house.call(EPD, person), "r4", lambda: Posted("POST", as_json(tree)))
    assert done.changed is not None
    return done.changed


def back(name: ResourceName) -> Question:
    """The question for a resource of R4."""
    return Question("r4", name.type, id=name.id)


def effects(house: House) -> list[tuple[str, str]]:
    return [(d["effect"], o["status"] if o else "gap") for d, o in house.log()]


def permitting(house: House, action: str, blocks: str) -> None:
    """Let the register allow only some block types of an action."""
    text = REGISTER.read_text()
    start = text.index(f"action: {action}\n")
    narrowed = text[start:].replace('allow: "*"', f"allow: {blocks}", 1)
    register = parse_register((text[:start] + narrowed).encode(), "register.yaml")
    old = house.pipeline
    books = replace(old.books, register=register)
    house.pipeline = Pipeline(books, old.parties, old.translator, house.settings)


def sound(house: House) -> bool:
    """True when log and records verify."""
    with house.pipeline.books.database.read() as transaction:
        return not [*verify(transaction.log.store).problems, *verify_records(transaction)]


def test_what_is_permitted_in_part_is_not_kept(house: House) -> None:
    permitting(house, "deliver", '{Patient: "*"}')
    with pytest.raises(Denied):
        together(house, ordinary())
    assert house.rows() == NOTHING
    assert effects(house) == [("permit-with-less", "refused")]


def test_what_no_mapping_reads_is_permitted_by_its_type(house: House) -> None:
    basic = {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": uuid(1)}}
    tree = bundle(entry(patient(), 1), entry(basic, 2))
    permitting(house, "deliver", '{Patient: "*"}')
    with pytest.raises(Denied):
        together(house, tree)
    permitting(house, "deliver", '{Patient: "*", Basic: "*"}')
    assert together(house, tree).kept.new


def test_what_may_be_read_back_in_part_is_not_given(house: House) -> None:
    (who, _) = together(house, ordinary()).kept.done
    permitting(house, "read-back", '{Problem: "*"}')
    answers: list[Answer] = []
    with pytest.raises(Denied):
        house.pipeline.changing.read_back(house.call(EPD), back(who.name), answers.append)
    assert answers == []


def test_a_failure_while_storing_leaves_a_decision_and_nothing_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(*arguments: Any) -> Any:
        save(*arguments)
        raise RuntimeError("power cut")

    monkeypatch.setattr(keeping, "save", half)
    with pytest.raises(RuntimeError):
        together(house, ordinary())
    assert house.rows() == NOTHING
    assert effects(house) == [("permit", "failed")]
    assert sound(house)


def test_a_token_for_one_person_changes_that_person_only(house: House) -> None:
    with pytest.raises(Denied):
        together(house, ordinary(), BRAM)
    assert house.log()[0][0]["reasons"] == ["person-mismatch"]
    assert house.rows() == NOTHING


def test_a_message_is_kept_as_a_delivery(house: House) -> None:
    header = {
        "resourceType": "MessageHeader",
        "eventUri": "http://epd.example/event",
        "source": {"endpoint": "http://epd.example"},
        "focus": [{"reference": uuid(2)}],
    }
    resources = [header, patient(), pressure(uuid(1))]
    entries = [{"fullUrl": uuid(number), "resource": each} for number, each in enumerate(resources)]
    tree = bundle(*entries, kind="message")
    first, again = together(house, tree), together(house, tree)
    assert first.kept.new
    assert again.kept == first.kept._replace(new=False)
    kept = house.pipeline.changing
    answers: list[Answer] = []
    kept.read_back(house.call(EPD), back(first.kept.done[0].name), answers.append)
    assert f'"focus":[{{"reference":"Observation/{first.kept.done[2].name.id}"}}]' in answers[0].body.decode()
    assert sound(house)


def numbered(number: str = "17") -> Any:
    return pressure(uuid(1), identifier=[{"system": NUMBERS, "value": number}])


def named(*entries: Any) -> Any:
    return bundle(entry(patient(), 1), *entries, identifier={"system": NUMBERS, "value": "t"})


def test_what_was_there_already_is_there_again(house: House) -> None:
    together(house, bundle(entry(patient(), 1), entry(numbered(), 2)))
    tree = named(entry(numbered(), 2, ifNoneExist=f"identifier={NUMBERS}|17"), entry(pressure(uuid(1)), 3))
    first, again = together(house, tree), together(house, tree)
    assert [done.status for done in first.kept.done] == [201, 200, 201]
    assert again.kept == first.kept._replace(new=False)


def test_what_was_answered_is_answered_after_it_has_changed(house: House) -> None:
    together(house, bundle(entry(patient(id="p"), 1, "PUT"), entry(pressure("Patient/p", id="o"), 2, "PUT")))
    tree = bundle(
        entry(pressure("Patient/p", id="o", status="amended"), 2, "PUT", ifMatch='W/"1"'),
        {"request": {"method": "DELETE", "url": "Condition/none"}},
        identifier={"system": NUMBERS, "value": "t"},
    )
    with pytest.raises(NotFound):
        together(house, tree)
    del tree["entry"][1]
    first = together(house, tree)
    together(house, bundle(entry(pressure("Patient/p", id="o", status="final"), 2, "PUT")))
    again = together(house, tree)
    assert (first.kept.done[0].status, first.kept.done[0].version) == (200, 2)
    assert again.kept == first.kept._replace(new=False)


def test_what_was_met_and_is_gone_cannot_be_answered_again(house: House) -> None:
    there = together(house, bundle(entry(patient(), 1), entry(numbered(), 2))).kept.done[1]
    tree = named(entry(numbered(), 2, ifNoneExist=f"identifier={NUMBERS}|17"))
    together(house, tree)
    posted = Posted("DELETE", type=there.name.type, id=there.name.id)
    house.pipeline.changing.change(house.call(EPD), "r4", lambda: posted)
    with pytest.raises(Conflict):
        together(house, tree)


def test_a_document_keeps_the_ids_of_its_resources(house: House) -> None:
    composition = {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "letter"},
        "subject": {"reference": "Patient/p"},
        "date": "2026-03-04",
        "author": [{"display": "Duinrand"}],
        "title": "Letter",
    }

    def letter(bsn: str, status: str, id_: str = "p") -> Any:
        resources = [composition, patient(bsn, id=id_), pressure(f"Patient/{id_}", id="o", status=status)]
        changed = composition | {"subject": {"reference": f"Patient/{id_}"}}
        entries = ({"resource": each} for each in [changed, *resources[1:]])
        own = {"system": NUMBERS, "value": f"{id_} {status} {bsn == BRAM}"}
        return bundle(*entries, kind="document", identifier=own, timestamp="2026-03-04T09:00:00Z")

    first, second = (together(house, letter("999980014", status)) for status in ("final", "amended"))
    assert [done.name for done in first.kept.done] == [done.name for done in second.kept.done]
    assert [done.version for done in second.kept.done] == [2, 2, 2]
    other = together(house, letter(BRAM, "final"))
    assert not {done.name for done in other.kept.done} & {done.name for done in first.kept.done}
    names = [together(house, letter(BRAM, status, BRAM)).kept.done[1].name for status in ("final", "amended")]
    assert names[0] != names[1], "no id is made of what may be a number"


def test_a_reference_to_what_belongs_to_another_record_stays_as_it_is(house: House) -> None:
    practice = {"resourceType": "Organization", "name": "Praktijk"}
    tree = bundle(entry(patient(BRAM), 1), entry(practice, 2))
    name = together(house, tree).kept.done[1].name
    literal = f"Organization/{name.id}"
    kept = together(
        house, bundle(entry(patient(), 1), entry(pressure(uuid(1), performer=[{"reference": literal}]), 2))
    )
    assert f'"performer":[{{"reference":"{literal}"}}]' in kept.kept.done[1].content.decode()
    assert isinstance(name, ResourceName)
