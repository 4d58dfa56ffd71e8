"""What a PGO gets over HTTP."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle as BundleR4
from fhir.resources.R4B.capabilitystatement import CapabilityStatement as CapabilityStatementR4
from fhir.resources.STU3.bundle import Bundle as BundleSTU3
from fhir.resources.STU3.capabilitystatement import CapabilityStatement as CapabilityStatementSTU3
from lxml import etree

from conformance.stage import AUDITOR, EPD
from gateway.codecs.fhir import fhir_xml
from gateway.codecs.fhir.elements import types
from tests.api.client import Door
from tests.api.epd import send
from tests.exchange.house import BRAM, FENNA

VERSIONS = ("r4", "stu3")
BUNDLES: dict[str, Any] = {"r4": BundleR4, "stu3": BundleSTU3}
STATEMENTS: dict[str, Any] = {"r4": CapabilityStatementR4, "stu3": CapabilityStatementSTU3}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_that_is_said_to_be_served_is(door: Door, version: str) -> None:
    door.post()
    statement = door.get(f"/fhir/{version}/metadata", None).json()
    rows = statement["rest"][0]["resource"]
    kinds = [row["type"] for row in rows if {"code": "search-type"} in row["interaction"]]
    assert {"Patient", "Condition", "Observation"} <= set(kinds)
    for kind in kinds:
        response = door.get(f"/fhir/{version}/{kind}")
        assert response.status_code == 200
        assert response.json()["type"] == "searchset"
        assert FENNA not in response.text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_search_gives_a_valid_bundle(door: Door, version: str) -> None:
    door.post()
    response = door.get(f"/fhir/{version}/Condition?_include=Condition:subject&nonsense=1")
    assert response.headers["content-type"].startswith("application/fhir+json; fhirVersion=")
    bundle = response.json()
    BUNDLES[version].model_validate(
        {
            **bundle,
            "entry": [{"fullUrl": entry["fullUrl"], "search": entry["search"]} for entry in bundle["entry"]],
        }
    )
    assert bundle["total"] == 2
    (link,) = bundle["link"]
    assert link["url"] == f"https://gateway.example/fhir/{version}/Condition?_include=Condition:subject"
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert entry["fullUrl"].endswith(f"/fhir/{version}/{resource['resourceType']}/{resource['id']}")
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", resource["id"])
        assert resource["meta"]["profile"]
        one = door.get(entry["fullUrl"].removeprefix("https://gateway.example"))
        assert one.json() == resource


@pytest.mark.parametrize("version", VERSIONS)
def test_json_and_xml_say_the_same(door: Door, version: Any) -> None:
    door.post()
    as_json = door.get(f"/fhir/{version}/Observation").json()
    as_xml = door.get(f"/fhir/{version}/Observation", headers={"Accept": "application/fhir+xml"})
    assert as_xml.headers["content-type"].startswith("application/fhir+xml; fhirVersion=")
    assert etree.fromstring(as_xml.content).tag == "{http://hl7.org/fhir}Bundle"
    tree = fhir_xml.decode(as_xml.content, version)
    assert [entry["fullUrl"] for entry in tree["entry"]] == [entry["fullUrl"] for entry in as_json["entry"]]
    assert door.get(f"/fhir/{version}/Observation?_format=xml").content[:60] == as_xml.content[:60]


def test_decimals_keep_their_digits(door: Door) -> None:
    door.post()
    for version in VERSIONS:
        assert '"value":71.50' in door.get(f"/fhir/{version}/Observation?code=http://loinc.org|29463-7").text


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/fhir/r4/Condition", "application/fhir+json; fhirVersion=3.0", 400),
        ("/fhir/stu3/Condition", "application/fhir+json; fhirVersion=4.0", 400),
        ("/fhir/r4/metadata", "application/fhir+json; fhirVersion=3.0", 400),
        ("/fhir/r4/Condition", "text/html", 406),
        ("/fhir/r5/Condition", "", 400),
        ("/fhir/r4/Nonsense", "", 404),
        ("/fhir/r4/Bundle", "", 404),
        ("/fhir/r4/Condition/nonsense", "", 404),
        ("/fhir/r4/Condition/1/_history", "", 403),
        ("/fhir/r4/Condition?code:in=1", "", 400),
        (f"/fhir/r4/Condition?patient={FENNA}", "", 400),
        ("/fhir/r4/Condition?patient=somebody", "", 403),
        ("/fhir/r4", "", 405),
        ("/nonsense", "", 404),
    ],
)
def test_what_cannot_be_answered_has_an_outcome(door: Door, path: str, accept: str, status: int) -> None:
    response = door.get(path, headers={"Accept": accept} if accept else None)
    assert response.status_code == status
    body = response.json()
    assert body["resourceType"] == "OperationOutcome"
    assert FENNA not in response.text


def test_unknown_parameters_are_refused_when_that_is_preferred(door: Door) -> None:
    path = "/fhir/r4/Condition?nonsense=1&_sort=date"
    assert door.get(path).status_code == 200
    strict = door.get(path, headers={"Prefer": "handling=strict"})
    assert strict.status_code == 400
    assert [issue["diagnostics"].split(":")[0] for issue in strict.json()["issue"]] == ["nonsense", "_sort"]


@pytest.mark.parametrize(
    ("client", "paths"),
    [
        (EPD, ("Condition", "Patient", "Nonsense")),
        (AUDITOR, ("Condition", "Condition/x", "Nonsense")),
        (None, ("Condition", "Condition/x", "Nonsense")),
    ],
)
def test_who_may_not_read_learns_nothing(door: Door, client: Any, paths: tuple[str, ...]) -> None:
    door.post()
    told = {door.get(f"/fhir/r4/{path}", client).text for path in paths}
    assert len(told) == 1, "the refusal is the same whatever is asked for"


def test_somebody_elses_record_cannot_be_told_from_none(door: Door) -> None:
    door.post()
    mine = door.get("/fhir/r4/Condition").json()["entry"][0]["resource"]["id"]
    answers = [door.get(f"/fhir/r4/Condition/{found}", person=BRAM) for found in (mine, "0" * 32)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert answers[0].headers.keys() == answers[1].headers.keys()


def test_the_person_of_a_request_is_that_of_the_token(door: Door) -> None:
    door.post()
    for header in ("X-Patient", "X-Person", "MedMij-Person", "X-Purpose-Of-Use"):
        response = door.get("/fhir/r4/Condition", person=BRAM, headers={header: FENNA})
        assert response.json()["total"] == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_the_capability_statement_is_valid_and_for_anybody(door: Door, version: str) -> None:
    response = door.get(f"/fhir/{version}/metadata", None)
    assert response.status_code == 200
    found = STATEMENTS[version].model_validate_json(response.content)
    assert str(found.fhirVersion) == {"r4": "4.0.1", "stu3": "3.0.2"}[version]
    assert door.house.log() == []
    as_xml = door.get(f"/fhir/{version}/metadata?_format=xml", None)
    assert etree.fromstring(as_xml.content).tag == "{http://hl7.org/fhir}CapabilityStatement"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_capability_statement_names_every_type_that_can_be_written(door: Door, version: Any) -> None:
    rows = door.get(f"/fhir/{version}/metadata", None).json()["rest"][0]["resource"]
    named = [row["type"] for row in rows if {"code": "create"} in row["interaction"]]
    assert sorted(set(named)) == sorted(named)
    assert "Basic" in named
    for kind in types(version).resources:
        answer = send(door, "PUT", f"{version}/{kind}/a b", {"resourceType": kind, "id": "a b"})
        taken = "not taken here" not in answer.text
        assert answer.status_code == 400
        assert (kind in named) == taken, kind


def test_the_capability_statement_names_only_parameters_that_work(door: Door) -> None:
    for version in VERSIONS:
        for row in door.get(f"/fhir/{version}/metadata", None).json()["rest"][0]["resource"]:
            if {"code": "search-type"} not in row["interaction"]:
                continue
            names = [each["name"] for each in row["searchParam"] if each["type"] == "token"]
            query = "&".join(f"{name}=x" for name in names)
            found = door.get(f"/fhir/{version}/{row['type']}?{query}", headers={"Prefer": "handling=strict"})
            assert found.status_code == 200
            assert found.json()["link"][0]["url"].endswith(query)
