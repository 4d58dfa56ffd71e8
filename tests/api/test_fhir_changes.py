"""What an EPD writes over HTTP, and reads back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conformance.hostile.specimen import uuid
from conformance.stage import AUDITOR, EPD, PGO, Client
from gateway.codecs.fhir import fhir_xml
from gateway.errors import Fault, Issue
from gateway.exchange.changes import keeping
from gateway.storage import save
from tests.api.client import Door
from tests.api.epd import NEIGHBOUR, door, fenna, made, numbered, outcomes, places, post, send, statuses
from tests.exchange.house import BRAM, FENNA
from tests.exchange.resources import BSN, NUMBERS, as_json, bundle, entry, ordinary, patient, pressure

__all__ = ["door"]

NOTHING = {"persons": 0, "documents": 0, "versions": 0}
MARRIED = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"


def test_a_resource_lives_from_create_to_delete(door: Door) -> None:
    who = fenna(door)
    created = send(door, "POST", "r4/Observation", pressure(who, id="mine"))
    assert created.status_code == 201
    kept = created.json()
    path = f"r4/Observation/{kept['id']}"
    assert kept["id"] != "mine"
    assert created.headers["location"] == f"https://gateway.example/fhir/{path}/_history/1"
    assert created.headers["etag"] == 'W/"1"'

    later = pressure(who, id=kept["id"], status="amended")
    updated = send(door, "PUT", path, later)
    assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
    read = send(door, "GET", path)
    assert read.json() == updated.json()
    assert read.json() == later | {"meta": read.json()["meta"]}
    assert read.json()["meta"]["versionId"] == "2"
    assert read.headers["last-modified"] == updated.headers["last-modified"]
    assert send(door, "GET", f"{path}/_history/1").json() == kept

    gone = send(door, "DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert [send(door, "GET", each).status_code for each in (path, f"{path}/_history/3")] == [410, 410]
    assert send(door, "GET", f"{path}/_history/2").json() == updated.json()
    assert send(door, "GET", f"{path}/_history/9").status_code == 404
    assert send(door, "DELETE", path).status_code == 204
    back = send(door, "PUT", path, later)
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"4"')
    assert {status for _, status in outcomes(door)} == {"completed", "refused"}


def test_an_update_creates_under_the_id_of_its_address(door: Door) -> None:
    who = fenna(door)
    answers = [send(door, "PUT", "r4/Observation/abc-1", pressure(who, id="abc-1")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].headers["location"].endswith("/fhir/r4/Observation/abc-1/_history/1")
    assert "location" not in answers[1].headers


@pytest.mark.parametrize(("etag", "status"), [('W/"1"', 200), ('"1"', 200), ('W/"2"', 412), ("1", 400)])
def test_an_update_may_expect_a_version(door: Door, etag: str, status: int) -> None:
    who = fenna(door)
    send(door, "PUT", "r4/Observation/abc", pressure(who, id="abc"))
    answer = send(door, "PUT", "r4/Observation/abc", pressure(who, id="abc", status="amended"), If_Match=etag)
    assert answer.status_code == status
    assert send(door, "GET", "r4/Observation/abc").json()["status"] == (
        "amended" if status == 200 else "final"
    )


def test_what_is_answered_to_a_change_is_what_is_preferred(door: Door) -> None:
    who = fenna(door)

    def answer(preference: str) -> Any:
        return send(door, "POST", "r4/Observation", pressure(who), Prefer=f"return={preference}")

    minimal, whole, told = map(answer, ("minimal", "representation", "OperationOutcome"))
    assert {each.status_code for each in (minimal, whole, told)} == {201}
    assert minimal.content == b""
    assert whole.json()["resourceType"] == "Observation"
    assert told.json()["resourceType"] == "OperationOutcome"
    assert len({each.headers["location"] for each in (minimal, whole, told)}) == 3
    entries = post(door, ordinary(), Prefer="return=representation").json()["entry"]
    assert [each["resource"]["resourceType"] for each in entries] == ["Patient", "Observation"]


def test_a_transaction_is_kept_with_its_references(door: Door) -> None:
    device = {"resourceType": "Device", "deviceName": [{"name": "meter", "type": "user-friendly-name"}]}
    panel = pressure(
        uuid(1),
        device={"reference": uuid(3)},
        hasMember=[{"reference": uuid(4)}],
        extension=[{"url": "http://epd.example/x", "valueReference": {"reference": uuid(3)}}],
    )
    tree = bundle(
        entry(patient(), 1),
        entry(panel, 2),
        entry(device, 3),
        entry(pressure(uuid(1), hasMember=[{"reference": uuid(2)}]), 4),
    )
    answer = post(door, tree)
    assert answer.json()["type"] == "transaction-response"
    assert statuses(answer) == ["201"] * 4
    who, one, meter, other = (made(answer, number) for number in range(4))
    kept = send(door, "GET", f"r4/{one}").json()
    assert kept["subject"] == {"reference": who}
    assert kept["device"] == {"reference": meter}
    assert kept["extension"][0]["valueReference"] == {"reference": meter}
    assert kept["hasMember"] == [{"reference": other}]
    assert send(door, "GET", f"r4/{other}").json()["hasMember"] == [{"reference": one}]
    assert outcomes(door)[0] == ("permit", "completed")
    assert door.house.rows() == {"persons": 1, "documents": 1, "versions": 4}


def test_addresses_of_the_sender_become_those_of_the_gateway(door: Door) -> None:
    tree = ordinary()
    tree["entry"][0]["fullUrl"] = "http://epd.example/fhir/Patient/7"
    tree["entry"][1]["fullUrl"] = "http://epd.example/fhir/Observation/8"
    tree["entry"][1]["resource"]["subject"]["reference"] = "Patient/7"
    answer = post(door, tree)
    assert send(door, "GET", f"r4/{made(answer, 1)}").json()["subject"] == {"reference": made(answer)}


def test_a_conditional_reference_leads_to_what_was_delivered(door: Door) -> None:
    who = fenna(door)
    found = send(door, "POST", "r4/Observation", numbered(who)).json()["id"]
    one = pressure(
        f"Patient?identifier={BSN}|{FENNA}",
        hasMember=[{"reference": f"Observation?identifier={NUMBERS}|17"}],
    )
    kept = send(door, "GET", f"r4/{made(post(door, bundle(entry(one, 1))))}").json()
    assert kept["subject"] == {"reference": who}
    assert kept["hasMember"] == [{"reference": f"Observation/{found}"}]
    one["hasMember"][0]["reference"] += "0"
    answer = post(door, bundle(entry(one, 1)))
    assert (answer.status_code, places(answer)) == (400, ["Bundle.entry[0].resource.hasMember[0].reference"])


def spoilt(number: int, **changes: Any) -> Any:
    """A transaction with something else in an entry."""
    tree = ordinary()
    tree["entry"][number] |= changes
    return tree


ORGANISATION = {"resourceType": "Organization", "name": "Huisartsenpraktijk"}
BAD: dict[str, tuple[Any, int, str]] = {
    "fullUrl twice": (spoilt(1, fullUrl=uuid(1)), 400, "Bundle.entry[1].fullUrl"),
    "identity twice": (
        bundle(*(entry(patient(id="a"), number, "PUT") for number in (1, 2))),
        400,
        "Bundle.entry[1].request.url",
    ),
    "condition twice": (
        bundle(*(entry(patient(), number, ifNoneExist="identifier=1") for number in (1, 2))),
        400,
        "Bundle.entry[1].request.ifNoneExist",
    ),
    "a question with a resource": (
        spoilt(1, request={"method": "GET", "url": "Patient"}),
        400,
        "Bundle.entry[1].resource",
    ),
    "an update of nothing in particular": (
        spoilt(1, request={"method": "PUT", "url": "Observation"}),
        400,
        "Bundle.entry[1].request.url",
    ),
    "nothing to create": (
        bundle(entry(patient(), 1), {"request": {"method": "POST", "url": "Patient"}}),
        400,
        "Bundle.entry[1].resource",
    ),
    "no request": (bundle({"resource": patient()}), 400, "Bundle.entry[0].request.method"),
    "another type": (
        spoilt(1, request={"method": "POST", "url": "Condition"}),
        400,
        "Bundle.entry[1].resource.resourceType",
    ),
    "another id": (
        bundle(entry(patient(id="a"), 1) | {"request": {"method": "PUT", "url": "Patient/b"}}),
        400,
        "Bundle.entry[0].resource.id",
    ),
    "a number as id": (bundle(entry(patient(id=BRAM), 1, "PUT")), 400, "Bundle.entry[0].resource.id"),
    "a Bundle inside": (
        bundle(entry(patient(), 1), entry(bundle(entry(patient(), 3), kind="collection"), 2)),
        400,
        "Bundle.entry[1].resource.resourceType",
    ),
    "no entries": (bundle(), 400, "Bundle.entry"),
    "another kind": (ordinary(type="collection"), 400, "Bundle.type"),
    "no Bundle": (patient(), 400, "Patient"),
    "reference to nothing in it": (
        spoilt(1, resource=pressure(uuid(9))),
        422,
        "Bundle.entry[1].resource.subject.reference",
    ),
    "reference to nothing": (
        spoilt(1, resource=pressure("Patient/9")),
        422,
        "Bundle.entry[1].resource.subject.reference",
    ),
    "reference to elsewhere": (
        spoilt(1, resource=pressure("http://epd.example/fhir/Patient/9")),
        422,
        "Bundle.entry[1].resource.subject.reference",
    ),
    "no number": (
        spoilt(0, resource=patient(identifier=[{"system": NUMBERS, "value": "1"}])),
        422,
        "Bundle.entry[0].resource",
    ),
    "no such number": (
        spoilt(0, resource=patient("123456789")),
        422,
        "Bundle.entry[0].resource.identifier[0].value",
    ),
    "two persons": (
        bundle(entry(patient(), 1), entry(patient(BRAM), 2)),
        422,
        "Bundle.entry[1].resource.identifier[0].value",
    ),
    "a relative as a person": (
        spoilt(
            0,
            resource=patient(
                contained=[patient(BRAM, id="p")],
                link=[{"other": {"reference": "#p"}, "type": "seealso"}],
            ),
        ),
        422,
        "Bundle.entry[0].resource.contained[0].identifier[0].value",
    ),
    "nobody": (bundle(entry(ORGANISATION, 1)), 422, "Bundle.entry[0].resource"),
    "unknown code": (
        spoilt(0, resource=patient(maritalStatus={"coding": [{"system": MARRIED, "code": "Z"}]})),
        422,
        "Bundle.entry[0].resource.maritalStatus.coding[0].system",
    ),
    "wrong kind": (spoilt(0, resource=patient(birthDate=1)), 400, "Bundle.entry[0].resource.birthDate"),
}


@pytest.mark.parametrize("name", BAD)
def test_of_a_bad_transaction_nothing_is_kept(door: Door, name: str) -> None:
    tree, status, place = BAD[name]
    answer = post(door, tree)
    assert answer.status_code == status, answer.text
    assert place in places(answer), answer.text
    assert door.house.rows() == NOTHING
    assert outcomes(door) == [("deny", "refused")]
    for secret in (FENNA, BRAM, "123456789", "Duinkerk"):
        assert secret not in answer.text


def test_a_stale_entry_rolls_all_back(door: Door) -> None:
    post(door, bundle(entry(patient(id="p"), 1, "PUT")))
    rows = door.house.rows()
    stale = post(
        door, bundle(entry(pressure("Patient/p"), 1), entry(patient(id="p"), 2, "PUT", ifMatch='W/"7"'))
    )
    assert stale.status_code == 412
    assert door.house.rows() == rows
    assert outcomes(door)[-1] == ("permit", "refused")


def test_a_batch_is_as_many_exchanges_as_it_has_entries(door: Door) -> None:
    who = fenna(door)
    answer = post(
        door,
        bundle(
            entry(pressure(who), 1),
            entry(ORGANISATION, 2),
            entry(pressure("Patient/9"), 3),
            {"request": {"method": "PATCH", "url": "Patient"}},
            {"request": {"method": "DELETE", "url": who}},
            entry(pressure(who), 4),
            kind="batch",
        ),
    )
    assert answer.json()["type"] == "batch-response"
    assert statuses(answer) == ["201", "422", "422", "400", "204", "422"]
    told = [each["response"].get("outcome") for each in answer.json()["entry"]]
    assert told[2]["issue"][0]["expression"] == ["Bundle.entry[2].resource.subject.reference"]
    effects = " ".join(effect for effect, _ in outcomes(door)[1:])
    assert effects == "permit deny deny deny permit deny"
    assert send(door, "GET", f"r4/{made(answer)}").status_code == 200
    assert send(door, "GET", f"r4/{who}").status_code == 410


def test_a_fault_of_ours_spoils_its_own_entry_only(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    who = fenna(door)

    def failing(transaction: Any, document: Any) -> Any:
        if b"amended" in document.content:
            raise Fault(Issue("fatal", "exception", "the disk of room 7"))
        return save(transaction, document)

    monkeypatch.setattr(keeping, "save", failing)
    answer = post(
        door,
        bundle(entry(pressure(who, status="amended"), 1), entry(pressure(who), 2), kind="batch"),
        X_Request_ID="00000000-0000-4000-8000-000000000001",
    )
    assert statuses(answer) == ["500", "201"]
    assert "00000000-0000-4000-8000-000000000001" in answer.text
    assert "room 7" not in answer.text
    assert [status for _, status in outcomes(door)] == ["completed", "failed", "completed"]


def test_the_same_transaction_is_answered_as_before(door: Door) -> None:
    tree = ordinary(identifier={"system": NUMBERS, "value": "t-1"})
    condition = f"identifier={NUMBERS}|17"
    tree["entry"] += [
        entry(numbered(uuid(1)), 3, ifNoneExist=condition),
        entry(pressure(uuid(1), id="mine"), 4, "PUT"),
    ]
    first, again = post(door, tree), post(door, tree)
    assert statuses(first) == ["201"] * 4
    assert again.json() == first.json()
    assert door.house.rows() == {"persons": 1, "documents": 1, "versions": 4}
    assert door.house.log()[-1][1]["code"] == "duplicate"  # type: ignore[index]
    tree["entry"][1]["resource"]["status"] = "amended"
    assert statuses(post(door, tree)) == ["201", "201", "200", "200"]


def test_a_transaction_without_a_name_is_another_one(door: Door) -> None:
    assert made(post(door, ordinary())) != made(post(door, ordinary()))
    assert door.house.rows() == {"persons": 1, "documents": 2, "versions": 4}


def letter(**changes: Any) -> Any:
    """A document Bundle."""
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "brief"},
        "subject": {"reference": "Patient/1"},
        "date": "2026-03-04",
        "author": [{"display": "Arts"}],
        "title": "Brief",
        "section": [{"entry": [{"reference": "Observation/2"}]}],
    }
    resources = [composition, patient(id="1"), pressure("Patient/1", id="2")]
    named = {"identifier": {"system": NUMBERS, "value": "brief-1"}}
    return (
        {
            "resourceType": "Bundle",
            "type": "document",
            "timestamp": "2026-03-04T09:00:00Z",
            "entry": [{"resource": each} for each in resources],
        }
        | named
        | changes
    )


def test_a_document_is_kept_once_and_its_next_version_replaces_it(door: Door) -> None:
    first, again = post(door, letter()), post(door, letter())
    assert [first.status_code, again.status_code] == [201, 200]
    assert first.headers["location"] == again.headers["location"]
    assert first.json()["resourceType"] == "OperationOutcome"
    assert door.house.rows() == {"persons": 1, "documents": 1, "versions": 3}
    assert post(door, letter(timestamp="2026-03-05T10:00:00Z")).status_code == 201
    assert door.house.rows() == {"persons": 1, "documents": 2, "versions": 6}


def test_a_document_begins_as_it_should(door: Door) -> None:
    tree = letter()
    tree["entry"].reverse()
    answer = post(door, tree)
    assert (answer.status_code, places(answer)) == (400, ["Bundle.entry[0].resource"])
    assert door.house.rows() == NOTHING


def test_a_person_may_be_named_by_number(door: Door) -> None:
    about = {"identifier": {"system": BSN, "value": FENNA}}
    answer = send(door, "POST", "r4/Observation", pressure() | {"subject": about})
    assert answer.status_code == 201
    (decision, _), *_ = door.house.log()
    assert decision["person"] == door.house.pipeline.books.database.pseudonym(FENNA)


def test_another_organisation_finds_nothing(door: Door) -> None:
    who = fenna(door)
    for path in (f"r4/{who}", f"r4/{who}/_history/1"):
        theirs = send(door, "GET", path, client=NEIGHBOUR)
        nothing = send(door, "GET", path.replace(who, "Patient/nobody"), client=NEIGHBOUR)
        assert theirs.status_code == 404
        assert theirs.content == nothing.content
    for method in ("DELETE",):
        assert send(door, method, f"r4/{who}", client=NEIGHBOUR).status_code == 404
    theirs = send(door, "POST", "r4/Observation", pressure(who), client=NEIGHBOUR)
    nothing = send(door, "POST", "r4/Observation", pressure("Patient/nobody"), client=NEIGHBOUR)
    assert (theirs.status_code, theirs.content) == (422, nothing.content)
    assert send(door, "GET", f"r4/{who}").status_code == 200


def test_a_condition_sees_what_its_own_sender_delivered(door: Door) -> None:
    condition = f"identifier={BSN}|{FENNA}"
    for client in (EPD, NEIGHBOUR):
        answer = send(door, "POST", "r4/Patient", patient(), client, If_None_Exist=condition)
        assert answer.status_code == 201


def test_a_resource_stays_with_its_person(door: Door) -> None:
    send(door, "PUT", "r4/Patient/p", patient(id="p"))
    moved = send(door, "PUT", "r4/Patient/p", patient(BRAM, id="p"))
    assert moved.status_code == 422
    assert send(door, "GET", "r4/Patient/p").headers["etag"] == 'W/"1"'


def test_a_reference_to_another_person_is_one_to_nothing_known(door: Door) -> None:
    bram = made(post(door, bundle(entry(patient(BRAM), 1))))
    tree = ordinary()
    tree["entry"][1]["resource"]["performer"] = [{"reference": bram}]
    assert post(door, tree).status_code == 422
    assert door.house.rows()["persons"] == 1


@pytest.mark.parametrize("client", [PGO, AUDITOR])
def test_who_may_not_write_is_refused_before_a_byte_is_read(door: Door, client: Client) -> None:
    told = {
        send(door, method, path, b"<", client=client).text
        for method, path in (("POST", "r4"), ("POST", "r4/Observation"), ("PUT", "r4/Observation/1"))
    }
    assert len(told) == 1
    assert {effect for effect, _ in outcomes(door)} == {"deny"}
    assert send(door, "DELETE", "r4/Observation/1", client=client).status_code == 403


def test_a_pgo_reads_no_version_of_a_sender(door: Door) -> None:
    who = fenna(door)
    assert send(door, "GET", f"r4/{who}/_history/1", client=PGO).status_code == 403


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_json_and_xml_go_in_and_come_back(door: Door, version: Any) -> None:
    tree = ordinary()
    if version == "stu3":
        tree["entry"][1]["resource"].pop("category")
    answer = post(
        door,
        fhir_xml.encode(tree, version),
        version,
        Content_Type="application/fhir+xml",
        Accept="application/fhir+xml",
    )
    assert answer.headers["content-type"].startswith("application/fhir+xml; fhirVersion=")
    entries = fhir_xml.decode(answer.content, version)["entry"]
    assert [each["response"]["status"] for each in entries] == ["201 Created"] * 2
    where = entries[1]["response"]["location"].partition("/_history/")[0]
    as_json = send(door, "GET", f"{version}/{where}").json()
    as_xml = send(door, "GET", f"{version}/{where}", Accept="application/fhir+xml")
    assert fhir_xml.decode(as_xml.content, version)["id"] == as_json["id"]
    other = "stu3" if version == "r4" else "r4"
    assert send(door, "GET", f"{other}/{where}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PATCH", "r4/Observation/1", {}, 405),
        ("PUT", "r4/Observation", {}, 400),
        ("DELETE", "r4/Observation", {}, 400),
        ("PUT", "r4", {}, 405),
        ("POST", "r4/Observation/1", {}, 405),
        ("POST", "r4/Nonsense", {}, 400),
        ("POST", "r4/Bundle", {}, 400),
        ("POST", "r5", {}, 400),
        ("GET", "r4/Observation/1/_history/x", {}, 400),
        ("POST", "r4", {"Content_Type": "text/plain"}, 415),
        ("POST", "r4", {"Content_Type": "application/fhir+json; fhirVersion=3.0"}, 415),
        ("POST", "r4", {"Accept": "application/fhir+json; fhirVersion=3.0"}, 400),
        ("POST", "r4", {"Content_Type": "application/fhir+xml"}, 400),
    ],
)
def test_what_is_not_there_has_an_outcome(
    door: Door, method: str, path: str, headers: dict[str, Any], status: int
) -> None:
    answer = send(door, method, path, pressure("Patient/1", id="1"), **headers)
    assert answer.status_code == status, answer.text
    assert "OperationOutcome" in answer.text
    assert door.house.rows() == NOTHING


@pytest.mark.parametrize(
    "path", ["/documents", "/fhir/r4", "/fhir/stu3/Observation", "/fhir/r4/Patient/$validate"]
)
@pytest.mark.parametrize("media", ["application/fhir+json", "application/fhir+xml"])
def test_an_empty_document_is_said_to_be_empty(door: Door, path: str, media: str) -> None:
    headers = {"Authorization": f"Bearer {door.house.stage.token(EPD)}", "Content-Type": media}
    for content in (b"", b"\xef\xbb\xbf\r\n"):
        answer = door.http.post(path, content=content, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["issue"][0]["diagnostics"] == "the document is empty"


def test_a_number_never_shows(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [
        post(door, ordinary()),
        send(door, "POST", "r4/Patient", patient(), If_None_Exist=f"identifier={BSN}|{BRAM}"),
        send(door, "PUT", f"r4/Patient/{BRAM}", patient(id=BRAM)),
        send(door, "GET", f"r4/Patient/{BRAM}"),
        send(door, "POST", "r4/Observation", pressure(f"Patient?identifier={BSN}|{BRAM}")),
    ]
    printed = capsys.readouterr()
    for text in (
        printed.out,
        printed.err,
        str(door.house.log()),
        str([answer.headers for answer in answers]),
    ):
        assert FENNA not in text
        assert BRAM not in text
    assert all(BRAM not in answer.text for answer in answers)
    assert FENNA.encode() not in door.house.stored()


def test_the_account_is_for_its_sender(door: Door) -> None:
    answer = post(door, ordinary())
    found = re.fullmatch(r'<https://gateway\.example(.+)>; rel="describedby"', answer.headers["link"])
    assert found is not None
    accounts = door.get(found[1], EPD).json()
    assert accounts.keys() == {"fhir-r4", "fhir-stu3"}
    lines = accounts["fhir-stu3"]["lines"]
    assert all(each["place"].startswith("Bundle.entry[") for each in lines)
    assert any("component[0].valueQuantity.value" in each["place"] for each in lines)
    assert door.get(found[1], NEIGHBOUR).status_code == 404


def test_warnings_stand_at_the_entry_that_they_are_about(door: Door) -> None:
    page = {
        "resourceType": "Basic",
        "code": {"text": "x"},
        "subject": {"reference": uuid(1)},
    }
    answer = post(door, bundle(entry(patient(), 1), entry(page, 2)))
    outcomes_ = [each["response"].get("outcome") for each in answer.json()["entry"]]
    assert outcomes_[0] is None
    assert outcomes_[1]["issue"][0]["expression"] == ["Bundle.entry[1].resource"]


def test_a_document_of_another_organisation_replaces_nothing(door: Door) -> None:
    """Who knows by which number somebody calls a problem, cannot take it out of the record with that."""

    def deliver(words: str, client: Client) -> None:
        problem = {
            "resourceType": "Condition",
            "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-Problem"]},
            "identifier": [{"system": NUMBERS, "value": "17"}],
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "195967001", "display": words}]},
            "subject": {"reference": uuid(1)},
        }
        entries = [{"fullUrl": uuid(1), "resource": patient()}, {"fullUrl": uuid(2), "resource": problem}]
        tree = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        assert door.post(as_json(tree), "application/fhir+json", client).status_code == 201

    deliver("asthma", EPD)
    deliver("nothing", NEIGHBOUR)
    deliver("a bit of asthma", EPD)
    found = [each["resource"] for each in door.get("/fhir/r4/Condition").json()["entry"]]
    assert {each["code"]["coding"][0]["display"] for each in found} == {"nothing", "a bit of asthma"}
    assert len({each["id"] for each in found}) == 2
    targets = [
        target["reference"]
        for each in door.get("/fhir/r4/Provenance").json()["entry"]
        for target in each["resource"]["target"]
        if target["reference"].startswith("Condition/")
    ]
    assert sorted(targets) == sorted(f"Condition/{each['id']}" for each in found)
