"""What breaks base FHIR: told by `$validate`, refused by every way in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.hostile.specimen import uuid
from conformance.stage import EPD
from gateway.codecs.fhir import fhir_xml
from tests.api.client import Door
from tests.exchange.house import House
from tests.exchange.resources import as_json, bundle, entry, ordinary, patient, pressure

NOTHING = {"persons": 0, "documents": 0, "versions": 0}
VERSIONS = ("r4", "stu3")
LINE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
COLUMN = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col"


@pytest.fixture
def door(house: House) -> Door:
    """An application in which nothing has happened yet."""
    return Door(house)


def send(door: Door, path: str, content: bytes, method: str = "POST") -> Any:
    kind = "xml" if content.startswith(b"<") else "json"
    headers = {
        "Authorization": f"Bearer {door.house.stage.token(EPD)}",
        "Content-Type": f"application/fhir+{kind}",
    }
    return door.http.request(method, path, content=content, headers=headers)


def told(answer: Any) -> list[tuple[str, str, str]]:
    """Severity, code and place of each issue that has a place."""
    return [
        (issue["severity"], issue["code"], issue["expression"][0])
        for issue in answer.json()["issue"]
        if "expression" in issue
    ]


def observation(**members: Any) -> dict[str, Any]:
    return pressure("") | members


def without(tree: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key != name}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("tree", "code", "place"),
    [
        (observation(status="geheim"), "code-invalid", "Observation.status"),
        (without(observation(), "status"), "required", "Observation"),
        (observation(valueString="x", valueBoolean=True), "structure", "Observation"),
        (observation(valueString="x", dataAbsentReason={"text": "x"}), "invariant", "Observation"),
    ],
)
def test_validate_tells_what_breaks_it(door: Door, version: str, tree: Any, code: str, place: str) -> None:
    answer = send(door, f"/fhir/{version}/Observation/$validate", as_json(tree))
    assert answer.status_code == 200
    assert ("error", code, place) in told(answer)
    assert "geheim" not in answer.text
    assert door.house.rows() == NOTHING


@pytest.mark.parametrize("syntax", ["json", "xml"])
def test_validate_tells_line_and_column(door: Door, syntax: str) -> None:
    tree = {"resourceType": "Patient", "active": True, "gender": "f"}
    content = json.dumps(tree, indent=1).encode()
    if syntax == "xml":
        content = fhir_xml.encode(tree, "r4").replace(b"><", b">\n  <")
    (issue,) = [
        each
        for each in send(door, "/fhir/r4/Patient/$validate", content).json()["issue"]
        if each["severity"] == "error"
    ]
    found = {each["url"]: each["valueInteger"] for each in issue["extension"]}
    line = content.split(b"\n")[found[LINE] - 1]
    assert line[found[COLUMN] - 1 :].startswith(b'"gender"' if syntax == "json" else b"<gender")


def test_validate_takes_an_extension_for_a_value(door: Door) -> None:
    why = {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
        ]
    }
    tree = without(observation(), "status") | {"_status": why}
    assert not [
        each
        for each in told(send(door, "/fhir/r4/Observation/$validate", as_json(tree)))
        if each[0] == "error"
    ]


HOME = {"resourceType": "Organization", "name": "Duinrand", "address": [{"use": "home", "city": "Duin"}]}


def test_what_may_come_in_is_an_error_of_validate_all_the_same(door: Door) -> None:
    answer = send(door, "/fhir/r4/Organization/$validate", as_json(HOME))
    assert ("error", "invariant", "Organization") in told(answer)


def test_what_may_come_in_is_a_warning_at_its_entry(door: Door) -> None:
    answer = send(door, "/fhir/r4", as_json(bundle(entry(patient(), 1), entry(HOME, 2))))
    assert answer.status_code == 200, answer.text
    first, second = (each["response"].get("outcome") for each in answer.json()["entry"])
    assert first is None
    assert ("warning", "invariant", ["Bundle.entry[1].resource"]) in [
        (issue["severity"], issue["code"], issue["expression"]) for issue in second["issue"]
    ]


@pytest.mark.parametrize("syntax", ["json", "xml"])
@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (observation(status="geheim"), "Observation.status"),
        (without(observation(), "status"), "Observation"),
        (without(observation(), "code"), "Observation"),
    ],
)
def test_a_resource_that_breaks_it_is_refused(door: Door, wrong: Any, place: str, syntax: str) -> None:
    who = send(door, "/fhir/r4", as_json(bundle(entry(patient(), 1)))).json()["entry"][0]["response"][
        "location"
    ]
    before = door.house.rows()
    tree = wrong | {"subject": {"reference": who.partition("/_history/")[0]}}
    written = as_json if syntax == "json" else lambda each: fhir_xml.encode(each, "r4")
    created = send(door, "/fhir/r4/Observation", written(tree))
    assert created.status_code == 422
    assert place in [found for _, _, found in told(created)]
    assert send(door, "/fhir/r4/Observation/o", written(tree | {"id": "o"}), "PUT").status_code == 422
    assert door.house.rows() == before


@pytest.mark.parametrize("kind", ["transaction", "document"])
def test_of_a_bundle_with_one_that_breaks_it_nothing_is_kept(door: Door, kind: str) -> None:
    tree = ordinary(type=kind)
    tree["entry"][1]["resource"]["status"] = "geheim"
    answer = send(door, "/fhir/r4", as_json(tree))
    assert answer.status_code == (422 if kind == "transaction" else 400)
    assert ("error", "code-invalid", "Bundle.entry[1].resource.status") in told(answer)
    assert door.house.rows() == NOTHING


def test_of_a_batch_only_what_breaks_it_is_refused(door: Door) -> None:
    """However much is wrong with entries before it."""
    poor = [entry(pressure(uuid(1), component=[{"id": "a"}] * 30), number) for number in (10, 11)]
    who = send(door, "/fhir/r4", as_json(bundle(entry(patient(), 1)))).json()["entry"][0]["response"][
        "location"
    ]
    about = who.partition("/_history/")[0]
    sound, wrong = entry(pressure(about), 2), entry(pressure(about, status="geheim"), 3)
    answer = send(door, "/fhir/r4", as_json(bundle(*poor, sound, wrong, kind="batch")))
    assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == ["422", "422", "201", "422"]
    issues = answer.json()["entry"][3]["response"]["outcome"]["issue"]
    assert issues[0]["expression"] == ["Bundle.entry[3].resource.status"]
    assert {each["url"] for each in issues[0]["extension"]} == {LINE, COLUMN}


def test_a_batch_that_is_no_bundle_is_refused_whole(door: Door) -> None:
    answer = send(door, "/fhir/r4", as_json(bundle(entry(patient(), 1), kind="batch", total=1)))
    assert answer.status_code == 422
    assert door.house.rows() == NOTHING


@pytest.mark.parametrize("version", VERSIONS)
def test_a_document_that_breaks_it_is_refused(door: Door, version: str) -> None:
    tree = bundle({"resource": patient()}, {"resource": observation(status="geheim")}, kind="collection")
    answer = send(door, "/documents", as_json(tree))
    assert answer.status_code == 422
    assert "Bundle.entry[1].resource.status" in [place for _, _, place in told(answer)]
    assert door.house.rows() == NOTHING
