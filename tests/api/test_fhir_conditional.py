"""What an EPD writes on a condition: that something is there, is not, or is of a version."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.hostile.specimen import uuid
from conformance.stage import EPD, Client, Stage
from gateway.exchange.changes.asked import Posted
from tests.api.client import Door
from tests.api.epd import NEIGHBOUR, door, fenna, made, numbered, outcomes, places, post, send, statuses
from tests.exchange.house import BRAM, FENNA, House
from tests.exchange.resources import BSN, NUMBERS, as_json, bundle, entry, ordinary, patient, pressure

__all__ = ["door"]

AT_ONCE = 50
NOTHING = {"persons": 0, "documents": 0, "versions": 0}


def test_a_conditional_create_is_answered_with_what_is_there(door: Door) -> None:
    who = fenna(door)

    def create(number: str, condition: str) -> Any:
        return send(door, "POST", "r4/Observation", numbered(who, number), If_None_Exist=condition)

    first, again = create("17", f"identifier={NUMBERS}|17"), create("17", f"identifier={NUMBERS}|17")
    assert [each.status_code for each in (first, again)] == [201, 200]
    assert again.json() == first.json()
    assert create("18", f"identifier={NUMBERS}|18").status_code == 201
    assert create("17", "identifier=18").status_code == 200
    send(door, "POST", "r4/Observation", numbered(who))
    assert create("17", f"Observation?identifier={NUMBERS}|17").status_code == 412


@pytest.mark.slow
def test_of_fifty_requests_at_once_one_creates(tmp_path: Path) -> None:
    found: list[tuple[int, str]] = []
    with Stage(tmp_path) as stage:
        stage.prepare()
        stage.start()
        token, media = stage.token(EPD), "application/fhir+json"
        headers = {"Content-Type": media, "If-None-Exist": f"identifier={BSN}|{FENNA}"}

        def create() -> None:
            answer = stage.ask("POST", "/fhir/r4/Patient", token, as_json(patient()), headers)
            found.append((answer.status, answer.json["id"]))

        at_once(create)
    assert Counter(status for status, _ in found) == {201: 1, 200: AT_ONCE - 1}
    assert len({id_ for _, id_ in found}) == 1


def at_once(task: Callable[[], None]) -> None:
    """Do it in as many threads at a time."""
    threads = [threading.Thread(target=task) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_fifty_exchanges_at_once_one_creates(house: House) -> None:
    content, found = as_json(numbered(f"Patient?identifier={BSN}|{FENNA}")), Counter[int]()
    house.pipeline.bundling.change(house.call(EPD), "r4", lambda: Posted("POST", as_json(ordinary())))

    def create() -> None:
        posted = Posted("POST", content, type="Observation", if_none_exist=f"identifier={NUMBERS}|17")
        changed = house.pipeline.changing.change(house.call(EPD), "r4", lambda: posted)
        found.update(done.status for done in changed.kept.done)

    at_once(create)
    assert found == {201: 1, 200: AT_ONCE - 1}
    assert house.rows()["versions"] == 3


@pytest.mark.parametrize(
    "condition",
    ["code=1", f"identifier={BSN}|{FENNA}", f"subject.identifier={BSN}|{FENNA}", "identifier=", "x", "%00"],
)
def test_a_condition_that_cannot_be_answered_is_refused(door: Door, condition: str) -> None:
    who = fenna(door)
    rows = door.house.rows()
    answer = send(door, "POST", "r4/Observation", pressure(who), If_None_Exist=condition)
    assert answer.status_code == 400
    assert FENNA not in answer.text
    assert door.house.rows() == rows


def test_a_person_is_created_once_by_number(door: Door) -> None:
    condition = f"identifier={BSN}|{FENNA}"
    answers = [send(door, "POST", "r4/Patient", patient(), If_None_Exist=condition) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    again = post(door, bundle(entry(patient(), 1, ifNoneExist=condition), entry(pressure(uuid(1)), 2)))
    assert statuses(again) == ["200", "201"]
    subject = send(door, "GET", f"r4/{made(again, 1)}").json()["subject"]
    assert subject == {"reference": f"Patient/{answers[0].json()['id']}"}


CONDITION = f"identifier={NUMBERS}|17"


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_what_meets_the_condition_is_updated_and_else_created(door: Door, version: str) -> None:
    who = made(post(door, bundle(entry(patient(), 1)), version))
    path = f"{version}/Observation?{CONDITION}"
    sent = numbered(who) | {"status": "final"}
    if version == "stu3":
        sent.pop("category")
    created = send(door, "PUT", path, sent)
    assert (created.status_code, created.headers["etag"]) == (201, 'W/"1"')
    kept = created.json()["id"]
    assert created.headers["location"].endswith(f"/{version}/Observation/{kept}/_history/1")
    updated = send(door, "PUT", f"{path}&_format=json", sent | {"status": "amended"})
    assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
    named = send(door, "PUT", path, sent | {"id": kept})
    assert (named.status_code, named.json()["id"]) == (200, kept)
    other = send(door, "PUT", path, sent | {"id": "another"})
    assert other.status_code == 400
    assert "not that of what meets the condition" in other.text
    send(door, "POST", f"{version}/Observation", sent)
    assert send(door, "PUT", path, sent).status_code == 412
    assert send(door, "GET", f"{version}/Observation/{kept}").headers["etag"] == 'W/"3"'


def test_a_conditional_update_creates_under_the_id_of_the_resource(door: Door) -> None:
    who = fenna(door)
    created = send(door, "PUT", f"r4/Observation?{CONDITION}", numbered(who) | {"id": "mine"})
    assert (created.status_code, created.json()["id"]) == (201, "mine")
    clash = send(door, "PUT", "r4/Observation?identifier=18", numbered(who, "18") | {"id": "mine"})
    assert clash.status_code == 412
    assert send(door, "DELETE", "r4/Observation/mine").status_code == 204
    back = send(door, "PUT", f"r4/Observation?{CONDITION}", numbered(who) | {"id": "mine"})
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')


def test_a_conditional_update_expects_a_version_too(door: Door) -> None:
    who, path = fenna(door), f"r4/Observation?{CONDITION}"
    assert send(door, "PUT", path, numbered(who), If_Match="*").status_code == 412
    assert send(door, "PUT", path, numbered(who), If_None_Match="*").status_code == 201
    assert send(door, "PUT", path, numbered(who), If_None_Match="*").status_code == 412
    assert send(door, "PUT", path, numbered(who), If_Match='W/"2"').status_code == 412
    assert send(door, "PUT", path, numbered(who), If_Match='W/"1"').headers["etag"] == 'W/"2"'


def test_a_condition_finds_what_its_own_sender_delivered_of_this_person(door: Door) -> None:
    who, path = fenna(door), f"r4/Observation?{CONDITION}"
    bram = made(post(door, bundle(entry(patient(BRAM), 1))))
    theirs = made(post(door, bundle(entry(patient(), 1))))
    ids = set()
    for subject, client in ((who, EPD), (bram, EPD)):
        answer = send(door, "PUT", path, numbered(subject), client)
        assert answer.status_code == 201
        ids.add(answer.json()["id"])
    answer = send(door, "PUT", path, numbered(f"Patient?identifier={BSN}|{FENNA}"), NEIGHBOUR)
    assert answer.status_code == 400, "the neighbour delivered no Patient"
    send(door, "PUT", "r4/Patient/hers", patient(id="hers"), NEIGHBOUR)
    answer = send(door, "PUT", path, numbered("Patient/hers"), NEIGHBOUR)
    assert answer.status_code == 201
    assert len(ids | {answer.json()["id"]}) == 3
    wrong = send(door, "PUT", f"{path}&patient={bram}", numbered(who))
    assert wrong.status_code == 422, "the condition is about Bram, the resource about Fenna"
    assert send(door, "PUT", f"{path}&patient={theirs}", numbered(who)).status_code == 200


def test_of_fifty_conditional_updates_at_once_one_creates(house: House) -> None:
    content, found = as_json(numbered(f"Patient?identifier={BSN}|{FENNA}")), Counter[int]()
    house.pipeline.bundling.change(house.call(EPD), "r4", lambda: Posted("POST", as_json(ordinary())))

    def update() -> None:
        posted = Posted("PUT", content, type="Observation", search=CONDITION)
        changed = house.pipeline.changing.change(house.call(EPD), "r4", lambda: posted)
        found.update(done.status for done in changed.kept.done)

    at_once(update)
    assert found == {201: 1, 200: AT_ONCE - 1}
    assert house.rows()["versions"] == 2 + AT_ONCE
    assert len(house.search("r4", "Observation")["entry"]) == 2


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_what_meets_the_condition_is_deleted(door: Door, version: str) -> None:
    who = made(post(door, bundle(entry(patient(), 1)), version))
    sent = numbered(who)
    if version == "stu3":
        sent.pop("category")
    kept = send(door, "POST", f"{version}/Observation", sent).json()["id"]
    path = f"{version}/Observation?{CONDITION}&patient={who}"
    assert send(door, "DELETE", path, If_Match='W/"2"').status_code == 412
    gone = send(door, "DELETE", path, If_Match='W/"1"')
    assert (gone.status_code, gone.content, gone.headers["etag"]) == (204, b"", 'W/"2"')
    assert send(door, "GET", f"{version}/Observation/{kept}").status_code == 410
    nothing = send(door, "DELETE", path)
    assert nothing.status_code == 204
    assert "etag" not in nothing.headers
    for _ in range(2):
        send(door, "POST", f"{version}/Observation", sent)
    rows = door.house.rows()["versions"]
    assert send(door, "DELETE", path).status_code == 412
    assert door.house.rows()["versions"] == rows


def test_a_person_is_deleted_by_number_in_a_bundle(door: Door) -> None:
    def delete(client: Client = EPD, **request: str) -> Any:
        url = f"Patient?identifier={BSN}|{FENNA}"
        tree = bundle({"request": {"method": "DELETE", "url": url} | request}, kind="batch")
        return statuses(send(door, "POST", "r4", tree, client))

    assert delete() == ["204"]
    assert door.house.rows() == NOTHING, "who asks for nobody leaves nobody behind"
    assert delete(ifMatch="*") == ["412"]
    who = fenna(door)
    assert delete(NEIGHBOUR) == ["204"]
    assert send(door, "GET", f"r4/{who}").status_code == 200, "of another organisation nothing is deleted"
    assert delete() == ["204"]
    assert send(door, "GET", f"r4/{who}").status_code == 410


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_deletion_does_not_tell_whether_others_know_a_person(door: Door, kind: str) -> None:
    request = {"request": {"method": "DELETE", "url": f"Patient?identifier={BSN}|{FENNA}"}}
    tree = bundle(request, kind=kind, identifier={"system": NUMBERS, "value": "d"})
    unknown = post(door, tree, client=NEIGHBOUR)
    who = fenna(door)
    rows = door.house.rows()
    known = post(door, tree, client=NEIGHBOUR)
    assert known.content == unknown.content
    assert known.headers.keys() == unknown.headers.keys(), "no account of what was not stored"
    assert door.house.rows() == rows, "the record that others keep is not touched"
    assert send(door, "GET", f"r4/{who}").status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
@pytest.mark.parametrize(
    "path",
    [
        f"Patient?identifier={BSN}|{FENNA}",
        f"Patient?identifier={FENNA}",
        f"Device?identifier=1&patient={FENNA}",
    ],
)
def test_a_number_stands_in_no_address(door: Door, method: str, path: str) -> None:
    fenna(door)
    rows = door.house.rows()
    tree = patient() if path.startswith("Patient") else {"resourceType": "Device"}
    answer = send(door, method, f"r4/{path}", tree if method == "PUT" else None)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "security")
    assert FENNA not in answer.text
    assert door.house.rows() == rows


@pytest.mark.parametrize(
    ("search", "status"),
    [
        ("", 400),
        ("?", 400),
        ("?_format=json", 400),
        ("?patient={who}", 400),
        ("?code=1", 400),
        (f"?identifier={BSN}|{FENNA}", 400),
        (f"?patient.identifier={BSN}|{FENNA}&identifier=17", 400),
        ("?identifier=17", 422),
        ("?identifier=17&patient=Patient/nobody", 422),
        ("?identifier=17&patient=Organization/1", 400),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_a_search_that_says_too_little_or_too_much_changes_nothing(
    door: Door, method: str, search: str, status: int
) -> None:
    who = fenna(door)
    path = f"r4/Observation{search.format(who=who)}"
    rows = door.house.rows()
    answer = send(door, method, path, pressure() if method == "PUT" else None)
    assert answer.status_code == status, answer.text
    assert FENNA not in answer.text
    assert door.house.rows() == rows


def test_a_neighbours_patient_is_like_nobody_in_a_condition(door: Door) -> None:
    who = fenna(door)
    theirs, nobody = (
        send(door, "DELETE", f"r4/Observation?identifier=17&patient={each}", client=NEIGHBOUR)
        for each in (who, "Patient/nobody")
    )
    assert theirs.status_code == nobody.status_code == 422
    assert theirs.content == nobody.content


def conditional(method: str, resource: Any = None, search: str = CONDITION, **request: Any) -> Any:
    """An entry that updates or deletes what meets a condition."""
    found = {"request": {"method": method, "url": f"Observation?{search}"} | request}
    return found | ({"resource": resource} if resource else {})


def test_the_entries_of_a_transaction_may_have_conditions(door: Door) -> None:
    who = fenna(door)
    for number in ("17", "18"):
        send(door, "POST", "r4/Observation", numbered(who, number))
    update = conditional("PUT", numbered(who) | {"status": "amended"}) | {"fullUrl": uuid(1)}
    create = conditional("PUT", numbered(who, "19"), "identifier=19", ifNoneMatch="*")
    delete = conditional("DELETE", search=f"identifier={NUMBERS}|18")
    nothing = conditional("DELETE", search=f"identifier={NUMBERS}|20")
    refers = entry(pressure(who, hasMember=[{"reference": uuid(1)}]), 2)
    tree = bundle(update, create, delete, nothing, refers, identifier={"system": NUMBERS, "value": "t"})
    answer = post(door, tree)
    assert statuses(answer) == ["200", "201", "204", "204", "201"]
    assert answer.json()["entry"][3]["response"] == {"status": "204 No Content"}
    assert send(door, "GET", f"r4/{made(answer, 4)}").json()["hasMember"] == [{"reference": made(answer)}]
    assert post(door, tree).json() == answer.json(), "the same transaction is answered as before"


@pytest.mark.parametrize("by", ["id", "condition"])
def test_what_a_transaction_deletes_meets_no_condition_of_what_it_creates(door: Door, by: str) -> None:
    who = fenna(door)
    old = "Observation/" + send(door, "POST", "r4/Observation", numbered(who)).json()["id"]
    url = old if by == "id" else f"Observation?{CONDITION}&patient={who}"
    delete = {"request": {"method": "DELETE", "url": url}}
    create = entry(numbered(who), 1, ifNoneExist=CONDITION)
    refers = entry(pressure(who, hasMember=[{"reference": f"Observation?{CONDITION}"}]), 2)
    tree = bundle(create, refers, delete, identifier={"system": NUMBERS, "value": "t"})
    answer = post(door, tree)
    assert statuses(answer) == ["201", "201", "204"]
    assert send(door, "GET", f"r4/{old}").status_code == 410
    assert send(door, "GET", f"r4/{made(answer, 1)}").json()["hasMember"] == [{"reference": made(answer)}]
    assert post(door, tree).json() == answer.json(), "the same transaction is answered as before"


def test_a_conditional_reference_to_what_the_transaction_deletes_leads_nowhere(door: Door) -> None:
    who = fenna(door)
    old = send(door, "POST", "r4/Observation", numbered(who)).json()["id"]
    refers = entry(pressure(who, hasMember=[{"reference": f"Observation?{CONDITION}"}]), 1)
    answer = post(door, bundle(refers, {"request": {"method": "DELETE", "url": f"Observation/{old}"}}))
    assert (answer.status_code, places(answer)) == (
        400,
        ["Bundle.entry[0].resource.hasMember[0].reference"],
    )
    assert send(door, "GET", f"r4/Observation/{old}").status_code == 200


def test_the_entries_of_a_batch_may_have_conditions(door: Door) -> None:
    who = fenna(door)
    tree = bundle(
        conditional("PUT", numbered(who)),
        conditional("PUT", numbered(who)),
        conditional("PUT", numbered(who), ifMatch='W/"7"'),
        conditional("DELETE"),
        conditional("DELETE", search=f"{CONDITION}&patient={who}"),
        kind="batch",
    )
    assert statuses(post(door, tree)) == ["201", "200", "412", "422", "204"]


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        ([conditional("PUT", numbered(uuid(1)), "")], "Bundle.entry[1].request.url"),
        ([conditional("DELETE", search="code=1")], "Bundle.entry[1].request.url"),
        ([conditional("DELETE", ifNoneMatch="*")], "Bundle.entry[1].request"),
        ([conditional("DELETE"), conditional("DELETE")], "Bundle.entry[2].request.url"),
        (
            [conditional("PUT", numbered(uuid(1)), ifNoneExist="identifier=1")],
            "Bundle.entry[1].request.ifNoneExist",
        ),
        ([conditional("PUT", numbered(uuid(1)), ifMatch="1")], "Bundle.entry[1].request.ifMatch"),
        ([conditional("PUT", numbered(uuid(1)), ifNoneMatch='W/"1"')], "Bundle.entry[1].request.ifNoneMatch"),
        ([conditional("PUT", numbered(uuid(1)) | {"id": BRAM})], "Bundle.entry[1].resource.id"),
        ([entry(pressure(uuid(1)), 2, ifMatch='W/"1"')], "Bundle.entry[1].request"),
    ],
)
def test_a_condition_that_is_wrong_keeps_the_transaction(door: Door, entries: list[Any], place: str) -> None:
    answer = post(door, bundle(entry(patient(), 1), *entries))
    assert (answer.status_code, places(answer)) == (400, [place]), answer.text
    assert BRAM not in answer.text
    assert door.house.rows() == NOTHING
    assert {effect for effect, _ in outcomes(door)} == {"deny"}


def test_two_entries_cannot_change_one_resource(door: Door) -> None:
    who = fenna(door)
    kept = send(door, "POST", "r4/Observation", numbered(who)).json()["id"]
    both = bundle(conditional("PUT", numbered(who)), entry(numbered(who) | {"id": kept}, 2, "PUT"))
    answer = post(door, both)
    assert (answer.status_code, places(answer)) == (400, ["Bundle.entry[1].request.url"])
    assert send(door, "GET", f"r4/Observation/{kept}").headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Match": "*"}, 200),
        ({"If_Match": ' W/"3" , "1"'}, 200),
        ({"If_Match": 'W/"3", W/"2"'}, 412),
        ({"If_Match": 'W/"x-1"'}, 412),
        ({"If_Match": 'W/"01"'}, 412),
        ({"If_None_Match": "*"}, 412),
        ({"If_Match": "1"}, 400),
        ({"If_Match": "W/1"}, 400),
        ({"If_Match": '"1'}, 400),
        ({"If_Match": '*, "1"'}, 400),
        ({"If_None_Match": 'W/"1"'}, 400),
        ({"If_Match": "*", "If_None_Match": "*"}, 400),
        ({"If_None_Exist": "identifier=1"}, 400),
    ],
)
def test_an_update_goes_on_when_its_version_holds(door: Door, headers: dict[str, Any], status: int) -> None:
    send(door, "PUT", "r4/Patient/p", patient(id="p"))
    answer = send(door, "PUT", "r4/Patient/p", patient(id="p", gender="male"), **headers)
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["issue"][0]["diagnostics"]
    assert send(door, "GET", "r4/Patient/p").headers["etag"] == f'W/"{2 if status == 200 else 1}"'


def test_an_update_may_ask_that_there_is_none_or_any(door: Door) -> None:
    who = patient(id="p")
    assert send(door, "PUT", "r4/Patient/p", who, If_Match="*").status_code == 412
    assert door.house.rows() == NOTHING
    assert send(door, "PUT", "r4/Patient/p", who, If_None_Match="*").status_code == 201
    assert send(door, "DELETE", "r4/Patient/p", If_None_Match="*").status_code == 400
    assert send(door, "DELETE", "r4/Patient/p", If_Match="*").status_code == 204
    assert send(door, "DELETE", "r4/Patient/p", If_Match="*").status_code == 412
    assert send(door, "PUT", "r4/Patient/p", who, If_Match="*").status_code == 412, "it was deleted"
    assert send(door, "PUT", "r4/Patient/p", who, If_None_Match="*").status_code == 201


@pytest.mark.parametrize("header", ["If_Match", "If_None_Match"])
def test_a_create_expects_no_version(door: Door, header: str) -> None:
    who = fenna(door)
    answer = send(door, "POST", "r4/Observation", pressure(who), **dict[str, Any]({header: "*"}))
    assert answer.status_code == 400


@pytest.mark.parametrize("search", ["", "?identifier=1"])
def test_an_id_that_is_taken_is_refused_like_one_that_nobody_may_choose(door: Door, search: str) -> None:
    send(door, "PUT", "r4/Patient/p", patient(id="p"))
    rows, answers = door.house.rows(), []
    for id_ in ("p", BRAM):
        path = f"r4/Patient{search}" if search else f"r4/Patient/{id_}"
        answers.append(send(door, "PUT", path, patient(BRAM, id=id_), NEIGHBOUR))
    taken, number = answers
    assert taken.status_code == number.status_code == 400
    assert taken.content == number.content
    assert set(taken.headers) == set(number.headers)
    assert door.house.rows() == rows


def test_a_taken_id_in_a_bundle_is_told_at_its_entry(door: Door) -> None:
    send(door, "PUT", "r4/Patient/p", patient(id="p"))
    tree = bundle(entry(pressure(uuid(2)), 1), entry(patient(BRAM, id="p"), 2, "PUT"))
    answer = send(door, "POST", "r4", tree, NEIGHBOUR)
    assert (answer.status_code, places(answer)) == (400, ["Bundle.entry[1].resource.id"])
    stale = bundle(entry(patient(BRAM, id="p"), 2, "PUT", ifMatch='W/"1"'))
    nothing = bundle(entry(patient(BRAM, id="q"), 2, "PUT", ifMatch='W/"1"'))
    first, second = (send(door, "POST", "r4", each, NEIGHBOUR) for each in (stale, nothing))
    assert first.status_code == 412
    assert first.content == second.content
