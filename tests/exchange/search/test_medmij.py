"""The queries that the published MedMij TestScripts send, each understood whole."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from lxml import etree

from gateway.codecs.fhir import fhir_xml
from gateway.codecs.fhir.elements import Version
from gateway.exchange.search import Search, parse, parse_lastn
from tests.exchange.search.records import scope

FHIR = "{http://hl7.org/fhir}"


def queries(folder: Path) -> set[tuple[str, str]]:
    """Resource type and what comes after it, with days for the variables of the script."""
    found: set[tuple[str, str]] = set()
    for script in folder.rglob("*.xml"):
        for operation in etree.parse(script).iter(f"{FHIR}operation"):
            parts = {str(child.tag).removeprefix(FHIR): child.get("value") or "" for child in operation}
            if "?" in parts.get("params", "") and parts.get("resource"):
                found.add((parts["resource"], re.sub(r"\$\{[^}]*\}", "2024-03-01", parts["params"])))
    return found


def understood(kind: str, params: str) -> Search:
    """The search of a query, `?…` or `/$lastn?…`; nothing in it is unknown."""
    path, _, query = params.partition("?")
    pairs = parse_qsl(query)
    search = parse_lastn if path == "/$lastn" else partial(parse, kind)
    found = search(pairs, scope("stu3", strict=True))
    assert list(found.handled) == pairs
    assert found.path == kind + path
    return found


def test_every_query_of_the_test_scripts_is_handled_whole(testdata: Path) -> None:
    found = queries(testdata / "testscripts")
    assert len(found) > 25
    for kind, params in found:
        understood(kind, params)


def test_the_queries_of_the_bgz_find_something_in_the_record_of_its_scripts(testdata: Path) -> None:
    folder = testdata / "testscripts" / "STU3" / "BgZ-3-0"
    files = sorted(folder.rglob("_reference/resources/*.xml"))
    record = [fhir_xml.decode(file.read_bytes(), "stu3") for file in files]
    found = {(kind, params): understood(kind, params).run(record) for kind, params in queries(folder)}
    assert len(found) > 20
    for (kind, params), answer in found.items():
        assert answer.matches, f"{kind}{params}"
        assert {each["resourceType"] for each in answer.matches} == {kind}
        if "/$lastn" in params or "code=" in params:
            assert len(answer.matches) <= 2
        if "_include" in params:
            assert answer.included, f"{kind}{params}"


SCT, LOINC = "http://snomed.info/sct", "http://loinc.org"
SERVICES: list[tuple[Version, str]] = [
    # Patient and GP, BgZ 3.0 (48), Huisartsgegevens 2.0 (49)
    ("stu3", "Patient?_include=Patient:general-practitioner"),
    ("stu3", "Coverage?_include=Coverage:payor:Patient&_include=Coverage:payor:Organization"),
    ("stu3", "EpisodeOfCare?type=http://snomed.info/sct|364320009"),
    # GGZ 2.0 (50)
    ("stu3", f"CarePlan?category={SCT}|243114000"),
    ("stu3", "CareTeam?_include=CareTeam:participant"),
    # Documenten 3.0 (51)
    ("stu3", "DocumentReference?status=current&indexed=ge2023-01-01&indexed=le2024-01-01"),
    ("stu3", "DocumentManifest?status=current&created=ge2023-01-01"),
    # Medicatie 9 (31, 35)
    ("stu3", f"MedicationRequest?category={SCT}|16076005&periodofuse=ge2024-01-01&identifier=urn:x|1"),
    ("stu3", "MedicationRequest?medication.code=urn:oid:2.16.840.1.113883.2.4.4.7|1"),
    ("stu3", "MedicationDispense?medicationtreatment=urn:x|1&_include=MedicationDispense:performer"),
    # Afspraken 2.0 (47), Vragenlijsten 2.0 (59), Zwangerschapskaart (65)
    ("stu3", "Appointment?date=ge2024-01-01&date=le2025-01-01"),
    ("stu3", f"Task?code={LOINC}|74468-0&status=requested"),
    ("stu3", "Observation?context=EpisodeOfCare/1"),
    # BgLZ 3.0 (61)
    ("stu3", "CarePlan?_include=CarePlan:activity-goal&_include=CarePlan:activity-outcomereference"),
    ("stu3", "CarePlan?_include=CarePlan:activity-medicaldevice&_include:recurse=DeviceUseStatement:device"),
    # Vaccinaties 1.0 and 2.0, BgZ-MSZ
    ("r4", "Immunization?_include=Immunization:performer&_include=Immunization:location"),
    ("r4", "Observation?category=vital-signs&_revinclude=Provenance:target"),
    # nl-core, Flag-category
    ("r4", f"Flag?category={SCT}|1"),
]
"""Requests of services that these scripts do not test (MedMij 2.2; nl-mgo; Nictiz)."""


@pytest.mark.parametrize(("version", "query"), SERVICES)
def test_the_queries_of_other_services_are_handled_whole(version: Version, query: str) -> None:
    kind, _, rest = query.partition("?")
    pairs = parse_qsl(rest)
    assert list(parse(kind, pairs, scope(version, strict=True)).handled) == pairs
