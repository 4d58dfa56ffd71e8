"""Questions in Bundles: each goes the way that it goes alone."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.hostile.specimen import uuid
from conformance.stage import AUDITOR, EPD, PGO, Client
from gateway.errors import Denied
from gateway.exchange.changes.bundles import MAX_LOOKS
from tests.api.client import Door
from tests.api.epd import NEIGHBOUR, door, fenna, made, outcomes, places, post, send, statuses
from tests.exchange.house import BRAM, FENNA
from tests.exchange.resources import BSN, as_json, bundle, entry, ordinary, patient, pressure

__all__ = ["door"]

NOTHING = {"persons": 0, "documents": 0, "versions": 0}


def ask(url: str, **request: Any) -> Any:
    """An entry that asks."""
    return {"request": {"method": "GET", "url": url} | request}


def from_pgo(door: Door, tree: Any, version: str = "r4", person: str = FENNA, **headers: str) -> Any:
    """A Bundle of a person's PGO."""
    own = {
        "Authorization": f"Bearer {door.house.stage.token(PGO, person)}",
        "Content-Type": "application/fhir+json",
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return door.http.post(f"/fhir/{version}", content=as_json(tree), headers=own | named)


def kind_of(answer: Any, number: int) -> str:
    kind: str = answer.json()["entry"][number]["resource"]["resourceType"]
    return kind


def test_an_epd_reads_back_in_a_batch_what_it_reads_back_alone(door: Door) -> None:
    post(door, bundle(entry(patient(id="p"), 1, "PUT"), entry(pressure("Patient/p", id="o"), 2, "PUT")))
    send(door, "PUT", "r4/Observation/o", pressure("Patient/p", id="o", status="amended"))
    send(door, "PUT", "r4/Patient/theirs", patient(id="theirs"), NEIGHBOUR)
    before = len(outcomes(door))
    answer = post(
        door,
        bundle(
            ask("Observation/o"),
            ask("https://gateway.example/fhir/r4/Observation/o/_history/1"),
            ask("Patient/theirs"),
            ask("Observation?status=final"),
            ask("Observation/o/$meta"),
            kind="batch",
        ),
    )
    assert answer.json()["type"] == "batch-response"
    assert statuses(answer) == ["200", "200", "404", "403", "400"]
    now, then = answer.json()["entry"][:2]
    alone = send(door, "GET", "r4/Observation/o")
    assert now["resource"] == alone.json()
    assert now["response"]["etag"] == alone.headers["etag"] == 'W/"2"'
    assert now["response"]["lastModified"] == alone.json()["meta"]["lastUpdated"]
    assert then["resource"] == send(door, "GET", "r4/Observation/o/_history/1").json()
    log = outcomes(door)[before:]
    assert log[:4] == [("permit", "completed")] * 2 + [("deny", "refused")] * 2


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_a_pgo_asks_in_a_batch_what_it_asks_alone(door: Door, version: str) -> None:
    post(door, ordinary())
    post(door, bundle(entry(patient(BRAM, id="bram"), 1, "PUT")))
    kept = door.get(f"/fhir/{version}/Observation").json()["entry"][0]["resource"]
    before = len(outcomes(door))
    searched = "Observation?code=http://loinc.org|85354-9&_count=1"
    answer = from_pgo(
        door,
        bundle(
            ask(searched),
            ask(f"Observation/{kept['id']}"),
            ask("Patient/bram"),
            ask("Observation?patient=bram"),
            ask(f"Patient?identifier={BSN}|{BRAM}"),
            ask("Nonsense/1"),
            kind="batch",
        ),
        version,
    )
    assert statuses(answer) == ["200", "200", "404", "403", "400", "404"]
    page, one = answer.json()["entry"][:2]
    alone = door.get(f"/fhir/{version}/{searched}").json()
    assert page["resource"]["type"] == "searchset"
    assert page["resource"]["link"] == alone["link"]
    assert page["resource"]["entry"] == alone["entry"]
    assert one["resource"] == door.get(f"/fhir/{version}/Observation/{kept['id']}").json()
    assert FENNA not in answer.text
    assert BRAM not in answer.text
    log = door.house.log()[before:]
    assert [(d["activity"], d["effect"], o["status"] if o else "") for d, o in log[:2]] == [
        ("person-reads-own-record", "permit-with-less", "completed")
    ] * 2
    assert all(outcome["content_hash"] for _, outcome in log[:2] if outcome)


def test_what_a_pgo_writes_in_a_batch_is_refused_at_its_entry(door: Door) -> None:
    post(door, ordinary())
    rows = door.house.rows()
    tree = bundle(
        entry(patient(), 1),
        ask("Patient"),
        {"request": {"method": "DELETE", "url": f"Patient?identifier={BSN}|{FENNA}"}},
        kind="batch",
    )
    answer = from_pgo(door, tree)
    assert statuses(answer) == ["403", "200", "403"]
    assert door.house.rows() == rows


def test_handling_is_that_of_the_bundle(door: Door) -> None:
    tree = bundle(ask("Patient?nonsense=1"), kind="batch")
    post(door, ordinary())
    assert statuses(from_pgo(door, tree)) == ["200"]
    assert statuses(from_pgo(door, tree, Prefer="handling=strict")) == ["400"]


def test_who_may_neither_deliver_nor_read_is_refused_before_a_byte_is_read(door: Door) -> None:
    answer = send(door, "POST", "r4", b"<", client=AUDITOR)
    assert answer.status_code == 403
    assert outcomes(door) == [("deny", "refused")]


def test_a_question_sees_what_its_transaction_has_changed(door: Door) -> None:
    post(door, bundle(entry(patient(id="p"), 1, "PUT"), entry(pressure("Patient/p", id="o"), 2, "PUT")))
    answer = post(
        door,
        bundle(
            ask("Observation/o"),
            entry(pressure("Patient/p", id="o", status="amended"), 2, "PUT"),
            ask("Observation/new"),
            entry(pressure("Patient/p", id="new"), 3, "PUT"),
            ask("Observation/o/_history/1"),
        ),
    )
    assert statuses(answer) == ["200", "200", "200", "201", "200"], answer.text
    seen, _, new, _, old = (each.get("resource") for each in answer.json()["entry"])
    assert (seen["status"], seen["meta"]["versionId"]) == ("amended", "2")
    assert (new["id"], old["status"]) == ("new", "final")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Observation?status=final", 403),
        ("Patient/theirs", 404),
        ("Patient/nobody", 404),
        ("Observation/gone", 410),
        ("Observation/o", 410),
        ("Observation/gone/_history/7", 404),
        ("Patient/p/_history/x", 400),
        ("Patient/p?x=1", 400),
        ("http://elsewhere.example/Patient/p", 400),
        ("", 400),
    ],
)
def test_a_question_that_would_be_refused_keeps_the_transaction(door: Door, url: str, status: int) -> None:
    post(door, bundle(entry(patient(id="p"), 1, "PUT"), entry(pressure("Patient/p", id="o"), 2, "PUT")))
    send(door, "PUT", "r4/Patient/theirs", patient(id="theirs"), NEIGHBOUR)
    send(door, "PUT", "r4/Observation/gone", pressure("Patient/p", id="gone"))
    send(door, "DELETE", "r4/Observation/gone")
    rows = door.house.rows()
    delete = {"request": {"method": "DELETE", "url": "Observation/o"}}
    answer = post(door, bundle(entry(pressure("Patient/p"), 1), delete, ask(url)))
    assert answer.status_code == status, answer.text
    assert door.house.rows() == rows
    assert outcomes(door)[-1][1] == "refused"
    if status == 400:
        assert places(answer) == ["Bundle.entry[2].request.url"]


def test_a_transaction_may_only_ask(door: Door) -> None:
    post(door, ordinary())
    rows = door.house.rows()
    tree = bundle(ask("Patient"), ask("Observation"))
    answer = from_pgo(door, tree)
    assert (answer.json()["type"], statuses(answer)) == ("transaction-response", ["200", "200"])
    assert [kind_of(answer, number) for number in range(2)] == ["Bundle", "Bundle"]
    assert from_pgo(door, bundle(ask("Patient"), ask("Patient/nobody"))).status_code == 404
    assert post(door, tree).status_code == 403, "an EPD searches as little in a Bundle as alone"
    assert door.house.rows() == rows


def test_a_pgo_changes_nothing_by_asking_beside(door: Door) -> None:
    post(door, ordinary())
    rows = door.house.rows()
    answer = from_pgo(door, bundle(ask("Patient"), entry(pressure(f"Patient?identifier={BSN}|{FENNA}"), 1)))
    assert answer.status_code == 403
    assert door.house.rows() == rows
    assert door.house.log()[-1][0]["event"] == "transfer-from-other-system"


def test_a_failure_after_the_change_is_told_at_its_entry(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any) -> None:
        raise Denied

    monkeypatch.setattr(door.house.pipeline.changing, "read_back", denied)
    answer = post(door, bundle(entry(patient(id="p"), 1, "PUT"), ask("Patient/p")))
    assert statuses(answer) == ["201", "403"]


def test_a_question_has_no_resource(door: Door) -> None:
    wrong = ask("Patient/p") | {"resource": patient()}
    assert places(post(door, bundle(wrong))) == ["Bundle.entry[0].resource"]
    assert statuses(post(door, bundle(wrong, kind="batch"))) == ["400"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_questions_have_a_bound(door: Door, kind: str) -> None:
    answer = post(door, bundle(*(ask("Patient/p") for _ in range(MAX_LOOKS + 1)), kind=kind))
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["code"] == "too-costly"
    assert door.house.rows() == NOTHING


@pytest.mark.parametrize("client", [EPD, PGO])
def test_a_number_in_a_question_is_told_nowhere(door: Door, client: Client, capsys: Any) -> None:
    made(post(door, ordinary()))
    tree = bundle(ask(f"Patient/{BRAM}"), ask(f"Patient?identifier={BSN}|{BRAM}"), kind="batch")
    answer = from_pgo(door, tree) if client is PGO else post(door, tree)
    printed = capsys.readouterr()
    assert {status[0] for status in statuses(answer)} == {"4"}
    for text in (answer.text, printed.out, printed.err, str(door.house.log())):
        assert BRAM not in text


def test_a_question_leads_to_no_entry(door: Door) -> None:
    who = fenna(door)
    assert post(door, bundle(ask(uuid(1)), entry(pressure(who), 1))).status_code == 400
