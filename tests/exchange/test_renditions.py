"""A record of documents and resources together, in either FHIR version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.blocks import Block
from gateway.codecs.fhir.elements import Version
from gateway.exchange import Question
from gateway.exchange.numbers import COVER
from gateway.mapping import Context, Written
from gateway.policy import parse_register
from gateway.policy.register import REGISTER
from gateway.storage import Change, FhirForm, NewDocument, ResourceName, save
from tests.exchange.house import FENNA, House, kinds
from tests.exchange.resources import BSN as SYSTEM

NL_CORE = "http://nictiz.nl/fhir/StructureDefinition/nl-core-"
BSN = {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": FENNA}
PATIENT = {
    "resourceType": "Patient",
    "id": "fenna",
    "meta": {"profile": [f"{NL_CORE}Patient"]},
    "identifier": [BSN],
    "active": True,
    "name": [{"use": "official", "family": "Ferdinand"}],
}
WEIGHT = {
    "resourceType": "Observation",
    "id": "weight-1",
    "meta": {"profile": [f"{NL_CORE}BodyWeight"]},
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/fenna"},
    "performer": [{"identifier": BSN, "display": "zelf"}],
    "effectiveDateTime": "2026-05-06",
    "issued": "2026-05-06T10:00:00+02:00",
    "valueQuantity": {"value": 80.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}
WEIGHING = "Observation?code=29463-7"


@pytest.fixture
def address(each_address: str) -> str:
    """Both databases."""
    return each_address


def receive(house: House, *resources: dict[str, Any], form: FhirForm = "fhir-r4") -> None:
    """Resources of Fenna, as an endpoint stores them."""
    books = house.pipeline.books
    changes = [
        Change(ResourceName(form, each["resourceType"], each["id"]), json.dumps(each).encode())
        for each in resources
    ]
    document = NewDocument(
        person=books.database.pseudonym(FENNA),
        sender="urn:oid:1.2.3",
        identifier="",
        content=b"",
        received=books.now(),
        format=form,
        release="2020",
        account=b"",
        changes=changes,
    )
    with books.database.write() as transaction:
        save(transaction, document)


def only(bundle: dict[str, Any]) -> dict[str, Any]:
    (entry,) = bundle["entry"]
    resource: dict[str, Any] = entry["resource"]
    return resource


def test_a_resource_is_served_as_it_was_received_but_for_a_bsn(house: House) -> None:
    receive(house, PATIENT, WEIGHT)
    found = only(house.search("r4", WEIGHING))
    meta = found["meta"]
    assert meta["versionId"] == "1"
    assert meta["lastUpdated"].startswith(str(house.pipeline.books.now().year))
    for name in ("id", "status", "effectiveDateTime", "issued", "valueQuantity"):
        assert found[name] == WEIGHT[name]
    person = {"reference": "Patient/fenna"}
    assert found["subject"] == person
    assert found["performer"] == [person | {"display": "zelf"}]  # who was named by number
    assert FENNA not in json.dumps(found)
    # Of a Patient the number is withheld, so nothing goes along that no concept covers.
    assert only(house.search("r4", "Patient")).keys() == {"resourceType", "id", "meta", "name"}


def test_and_as_a_resource_of_the_other_version(house: House) -> None:
    receive(house, PATIENT, WEIGHT)
    found = only(house.search("stu3", WEIGHING))
    patient = only(house.search("stu3", "Patient"))
    assert found["valueQuantity"]["value"] == 80.5
    assert found["subject"]["reference"] == f"Patient/{patient['id']}"
    assert "issued" not in found


def test_what_is_about_a_person_in_a_document_and_in_resources_is_about_one_patient(house: House) -> None:
    house.deliver()
    before = kinds(house.search("r4", "Observation"))
    receive(house, PATIENT, WEIGHT)
    patient = only(house.search("r4", "Patient"))
    assert patient["id"] == "fenna"
    found = house.search("r4", "Observation")
    assert kinds(found)["Observation"] == before["Observation"] + 1
    subjects = {entry["resource"]["subject"]["reference"] for entry in found["entry"]}
    assert subjects == {"Patient/fenna"}


def test_a_resource_that_changed_is_the_new_one(house: House) -> None:
    receive(house, PATIENT, WEIGHT)
    assert only(house.search("r4", WEIGHING))["valueQuantity"]["value"] == 80.5
    lighter: dict[str, Any] = json.loads(json.dumps(WEIGHT))
    lighter["valueQuantity"]["value"] = 79
    receive(house, lighter)
    found = only(house.search("r4", WEIGHING))
    assert (found["valueQuantity"]["value"], found["meta"]["versionId"]) == (79, "2")


def test_a_record_is_made_once_for_searches_that_follow_each_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(house, PATIENT, WEIGHT)
    made: list[str] = []
    write = house.pipeline.translator.write_blocks

    def counted(blocks: Sequence[Block], form: str, context: Context, seed: str) -> Written:
        made.append(form)
        return write(blocks, form, context, seed)

    monkeypatch.setattr(house.pipeline.translator, "write_blocks", counted)
    versions: tuple[Version, ...] = ("r4", "r4", "stu3", "r4")
    for version in versions:
        house.ask(Question(version, "Observation"))
    assert made == ["fhir-r4", "fhir-stu3"]
    receive(house, WEIGHT)
    house.ask(Question("r4", "Observation"))
    assert made == ["fhir-r4", "fhir-stu3", "fhir-r4"]
    assert len(house.log()) == 5  # each search was decided all the same


def test_nothing_is_kept_when_that_is_not_wanted(house: House) -> None:
    house.pipeline.renditions._seconds = 0
    receive(house, PATIENT, WEIGHT)
    house.ask(Question("r4", "Observation"))
    assert not house.pipeline.renditions._kept


def test_what_came_from_where_comes_along(house: House) -> None:
    house.deliver()
    receive(house, PATIENT, WEIGHT)
    for version in ("r4", "stu3"):
        entries = house.search(version, f"{WEIGHING}&_revinclude=Provenance:target")["entry"]
        found = [each["resource"] for each in entries if each["resource"]["resourceType"] == "Observation"]
        provenances = [each["resource"] for each in entries if each["search"]["mode"] == "include"]
        assert len(found) == len(provenances) == 2  # one of the document, one that was received by itself
        for each in found:
            name = f"Observation/{each['id']}"
            (mine,) = [one for one in provenances if {"reference": name} in one["target"]]
            assert mine["recorded"] == each["meta"]["lastUpdated"]
        assert FENNA not in json.dumps(provenances)


@pytest.mark.parametrize(
    "changes",
    [
        {"note": [{"text": f"Zie {SYSTEM}|{FENNA} van haar."}]},
        {"note": [{"text": "urn:oid:2.16.840.1.113883.2.4.6.3"}]},
        {"bodySite": {"coding": [{"system": SYSTEM, "code": FENNA}]}},
        {"method": {"coding": [{"system": SYSTEM, "code": FENNA}], "text": SYSTEM}},
        {"identifier": [{"system": f"{SYSTEM}/", "value": FENNA}]},
        {"meta": {"profile": [f"{NL_CORE}BodyWeight", SYSTEM]}},
        {"performer": [{"display": f"{SYSTEM}|{FENNA}"}]},
        {"performer": [{"identifier": {"system": f"{SYSTEM}/", "value": FENNA}}]},
        {"contained": [{"resourceType": "Practitioner", "id": "a", "name": [{"given": ["x", SYSTEM]}]}]},
        {"valueQuantity": {"value": 80.5, "unit": SYSTEM, "system": SYSTEM, "code": "kg"}},
    ],
)
@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_the_system_of_a_bsn_anywhere_does_not_keep_the_record_from_its_person(
    house: House, version: Version, changes: dict[str, Any]
) -> None:
    receive(house, PATIENT, WEIGHT | changes)
    found = only(house.search(version, WEIGHING))
    text = json.dumps(found)
    assert "NamingSystem/bsn" not in text
    assert FENNA not in text
    assert found["effectiveDateTime"] == "2026-05-06"
    if "Zie " in str(changes):
        assert f"Zie http://fhir.nl/fhir/{COVER}|{COVER} van haar." in text


@pytest.mark.parametrize("version", ["r4", "stu3"])
@pytest.mark.parametrize("syntax", ["json", "xml"])
def test_a_number_in_a_text_is_covered_and_all_else_is_served(
    house: House, version: Any, syntax: Any
) -> None:
    told = {"note": [{"text": f"zie {SYSTEM}: {FENNA}"}], "identifier": [{"value": FENNA}]}
    receive(house, PATIENT, WEIGHT | told)
    found = house.ask(Question(version, "Observation", syntax=syntax)).body.decode()
    assert FENNA not in found
    assert SYSTEM not in found
    assert "80.5" in found
    assert f"zie http://fhir.nl/fhir/{COVER}: {COVER}" in found


LUNG = {"coding": [{"system": "http://snomed.info/sct", "code": "39607008"}]}
LEFT = {"coding": [{"system": "http://snomed.info/sct", "code": "7771000"}]}
ASTHMA = {
    "resourceType": "Condition",
    "id": "asthma",
    "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-Problem"]},
    "clinicalStatus": "active",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "195967001"}]},
    "subject": {"reference": "Patient/fenna"},
    "bodySite": [
        LUNG
        | {
            "extension": [
                {
                    "url": "http://nictiz.nl/fhir/StructureDefinition/BodySite-Qualifier",
                    "valueCodeableConcept": LEFT,
                }
            ]
        }
    ],
}
"""Zib 2017 has the laterality as a concept of the problem, zib 2020 within that of the location."""


@pytest.mark.parametrize(
    ("named", "gone"),
    [
        ("ProblemAnatomicalLocation", {"39607008", "7771000"}),
        ("ProblemAnatomicalLocation.Laterality", {"7771000"}),
    ],
)
def test_a_concept_is_withheld_by_the_name_that_the_release_written_has_for_it(
    house: House, named: str, gone: set[str]
) -> None:
    receive(house, PATIENT, ASTHMA, form="fhir-stu3")
    whole = json.dumps(house.search("r4", "Condition"))
    assert all(code in whole for code in ("195967001", "39607008", "7771000"))
    text = REGISTER.read_bytes().replace(
        b"      except:\n", b"      except:\n        Problem: [%s]\n" % named.encode()
    )
    object.__setattr__(house.pipeline.books, "register", parse_register(text, "register.yaml"))
    found = json.dumps(house.search("r4", "Condition"))
    assert {code for code in ("195967001", "39607008", "7771000") if code not in found} == gone
