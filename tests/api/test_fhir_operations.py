"""Searches by POST, and the operations on a record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.stage import EPD, PGO, Client
from tests.api.client import Door
from tests.exchange.house import BRAM, FENNA

VERSIONS = ("r4", "stu3")


@pytest.fixture
def address(each_address: str) -> str:
    """Both databases."""
    return each_address


def names(bundle: dict[str, Any]) -> set[str]:
    return {entry["fullUrl"].rpartition("/fhir/")[2] for entry in bundle.get("entry", ())}


def posted(door: Door, path: str, body: bytes, media: str = "application/x-www-form-urlencoded") -> Any:
    """POST as the PGO of Fenna."""
    token = door.house.stage.token(PGO, FENNA)
    return door.http.post(
        path, content=body, headers={"Authorization": f"Bearer {token}", "Content-Type": media}
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_search_by_post_is_the_search(door: Door, version: str) -> None:
    door.post()
    by_get = door.get(
        f"/fhir/{version}/Observation?code=http://loinc.org|29463-7&_include=Observation:subject"
    )
    body = b"code=http%3A%2F%2Floinc.org%7C29463-7&_include=Observation%3Asubject"
    by_post = posted(door, f"/fhir/{version}/Observation/_search", body)
    assert by_post.status_code == 200
    assert by_post.json()["link"] == by_get.json()["link"]
    assert names(by_post.json()) == names(by_get.json())
    mixed = posted(door, f"/fhir/{version}/Observation/_search?_format=xml", body)
    assert mixed.headers["content-type"].startswith("application/fhir+xml")


def test_a_body_that_is_no_form_is_refused(door: Door) -> None:
    path = "/fhir/r4/Observation/_search"
    assert posted(door, path, b"{}", "application/json").status_code == 415
    assert posted(door, path, b"code=\xff").status_code == 400
    assert posted(door, path, b"code=" + b"x" * 70_000).status_code == 413
    refused = posted(door, path, f"patient.identifier={FENNA}".encode())
    assert refused.status_code == 400
    assert FENNA not in refused.text


@pytest.mark.parametrize("version", VERSIONS)
def test_an_operation_by_post_takes_parameters(door: Door, version: str) -> None:
    door.post()
    found = door.get(f"/fhir/{version}/Patient").json()["entry"][0]["resource"]["id"]
    path = f"/fhir/{version}/Patient/{found}/$everything"
    whole = door.get(path).json()
    assert posted(door, path, b"").json()["link"] == whole["link"]
    rows = [{"name": "_type", "valueString": "Condition"}, {"name": "_count", "valueInteger": 1}]
    body = json.dumps({"resourceType": "Parameters", "parameter": rows}).encode()
    some = posted(door, path, body, "application/fhir+json").json()
    assert some["link"] == door.get(f"{path}?_type=Condition&_count=1").json()["link"]
    assert len(some["entry"]) == 1
    latest = f"/fhir/{version}/Observation/$lastn"
    as_xml = (
        b'<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="max"/><valueInteger value="2"/>'
    )
    newest = posted(door, latest, as_xml + b"</parameter></Parameters>", "application/fhir+xml").json()
    assert names(newest) == names(door.get(f"{latest}?max=2").json())


@pytest.mark.parametrize(
    ("body", "media", "status", "place"),
    [
        ({"resourceType": "Patient"}, "application/fhir+json", 400, "Patient"),
        ({"parameter": [{"name": "a"}]}, "application/fhir+json", 400, "Parameters.parameter[0]"),
        (
            {"parameter": [{"name": "a", "valuePeriod": {"start": "2024"}}]},
            "application/fhir+json",
            400,
            "Parameters.parameter[0]",
        ),
        ({"parameter": []}, "application/fhir+json", 400, "Parameters.parameter"),
        ({"parameter": [{"name": "a", "valueCode": "b"}]}, "text/plain", 415, ""),
        ({}, "application/fhir+json; fhirVersion=3.0", 415, ""),
    ],
)
def test_a_body_that_is_no_parameters_is_refused(
    door: Door, body: dict[str, Any], media: str, status: int, place: str
) -> None:
    content = json.dumps({"resourceType": "Parameters"} | body).encode()
    refused = posted(door, "/fhir/r4/Observation/$lastn", content, media)
    assert refused.status_code == status
    assert refused.json()["issue"][0].get("expression", [""]) == [place]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_last_of_each_code(door: Door, version: str) -> None:
    door.post()
    everything = door.get(f"/fhir/{version}/Observation").json()
    found = door.get(f"/fhir/{version}/Observation/$lastn").json()
    codes = [str(entry["resource"]["code"]) for entry in found["entry"]]
    assert sorted(codes) == sorted(set(codes))
    assert set(codes) == {str(entry["resource"]["code"]) for entry in everything["entry"]}
    assert names(posted(door, f"/fhir/{version}/Observation/$lastn", b"max=1").json()) == names(found)


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_is_all_that_searches_find(door: Door, version: str) -> None:
    door.post()
    (patient,) = names(door.get(f"/fhir/{version}/Patient").json())
    one = patient.rpartition("/")[2]
    found = door.get(f"/fhir/{version}/Patient/{one}/$everything").json()
    kinds = {row["type"] for row in door.get(f"/fhir/{version}/metadata", None).json()["rest"][0]["resource"]}
    assert names(found) == set().union(*(names(door.get(f"/fhir/{version}/{kind}").json()) for kind in kinds))
    assert door.get(f"/fhir/{version}/Patient/{one}/$everything", person=BRAM).status_code == 403
    only = door.get(f"/fhir/{version}/Patient/{one}/$everything?_type=Condition").json()
    assert {entry["resource"]["resourceType"] for entry in only["entry"]} == {"Condition"}


def test_a_report_that_is_not_there_is_no_document(door: Door) -> None:
    door.post()
    assert door.get("/fhir/r4/Composition/x/$document").status_code == 404


@pytest.mark.parametrize("version", VERSIONS)
def test_the_operations_are_announced(door: Door, version: str) -> None:
    rest = door.get(f"/fhir/{version}/metadata", None).json()["rest"][0]
    rows = rest.get("operation", []) or [op for row in rest["resource"] for op in row.get("operation", [])]
    assert {row["name"] for row in rows} >= {"lastn", "everything"}


def checked(door: Door, path: str, tree: dict[str, Any], client: Client = EPD) -> Any:
    person = FENNA if client is PGO else ""
    headers = {"Authorization": f"Bearer {door.house.stage.token(client, person)}"}
    return door.http.post(path, json=tree, headers=headers | {"Content-Type": "application/fhir+json"})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resource_is_checked_and_not_kept(door: Door, version: str) -> None:
    path = f"/fhir/{version}/Patient/$validate"
    before = door.house.rows()
    sound = checked(door, path, {"resourceType": "Patient", "gender": "female"})
    assert [issue["severity"] for issue in sound.json()["issue"]] == ["information"]
    beside = checked(door, path, {"resourceType": "Patient", "gender": "female", "active": True}).json()[
        "issue"
    ]
    assert [issue["expression"] for issue in beside] == [["Patient.active"]]
    wrong = checked(door, path, {"resourceType": "Condition", "code": {"text": "x"}}).json()["issue"]
    assert ("error", "this is no Patient") in {
        (each["severity"], each["diagnostics"][-18:]) for each in wrong
    }
    broken = checked(door, path, {"resourceType": "Patient", "gender": 4})
    assert broken.status_code == 400
    assert door.house.rows() == before
    decision, outcome = door.house.log()[0]
    assert decision["activity"] == "epd-validates-resource"
    assert outcome is not None
    assert checked(door, path, {"resourceType": "Patient"}, PGO).status_code == 403
