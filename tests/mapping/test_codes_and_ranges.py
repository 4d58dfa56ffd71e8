"""Which of several says what is meant: codings of one concept, ranges of one result."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Translator

PROFILE = "http://nictiz.nl/fhir/StructureDefinition/"
NULL = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"}
PENICILLIN = {"system": "http://snomed.info/sct", "code": "91936005", "display": "Penicilline"}
MEANING = {"r4": "http://terminology.hl7.org/CodeSystem/referencerange-meaning"}
MEANING["stu3"] = "http://hl7.org/fhir/referencerange-meaning"


@pytest.fixture(scope="module")
def translator() -> Translator:
    """The project's own mappings."""
    return Translator()


def moved(
    translator: Translator, noon: Context, source: dict[str, Any], version: Version, to: str
) -> list[dict[str, Any]]:
    read = translator.read(fhir_json.encode(source, version), noon, f"fhir-{version}")
    return translator.write(read, to, noon).resources


@pytest.mark.parametrize(
    ("code", "codes", "text"),
    [
        ({"coding": [NULL, PENICILLIN]}, ["91936005"], None),
        ({"coding": [{"display": "Penicilline"}, PENICILLIN], "text": "x"}, ["91936005"], "x"),
        ({"coding": [{"display": "Penicilline"}], "text": "x"}, ["OTH"], "x"),
        ({"coding": [{"display": "Penicilline"}]}, ["OTH"], "Penicilline"),
        ({"coding": [NULL], "text": "x"}, ["UNK"], "x"),
    ],
)
def test_what_a_concept_says_in_any_way_is_not_lost(
    translator: Translator, noon: Context, code: dict[str, Any], codes: list[str], text: str | None
) -> None:
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "meta": {"profile": [f"{PROFILE}nl-core-AllergyIntolerance"]},
        "code": code,
    }
    (found,) = moved(translator, noon, allergy, "r4", "fhir-stu3")
    assert ([each["code"] for each in found["code"]["coding"]], found["code"].get("text")) == (codes, text)
    (same,) = moved(translator, noon, allergy, "r4", "fhir-r4")
    assert sorted(map(str, same["code"]["coding"])) == sorted(map(str, code["coding"]))
    assert same["code"].get("text") == code.get("text")


def meant(version: Version, kind: str) -> dict[str, Any]:
    return {"coding": [{"system": MEANING[version], "code": kind}]}


def limits(version: Version, low: str, kind: str = "") -> dict[str, Any]:
    value: dict[str, Any] = {"low": {"value": Decimal(low), "unit": "mmol/L"}}
    return value | {"type": meant(version, kind)} if kind else value


def low(limits: dict[str, Any]) -> Decimal:
    return Decimal(limits["low"]["value"])


@pytest.mark.parametrize(("version", "to"), [("r4", "fhir-stu3"), ("stu3", "fhir-r4")])
@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["critical", "normal"], "2"),
        (["normal", "critical"], "1"),
        (["critical", ""], "2"),
        (["", "normal"], "1"),
        (["critical"], None),
        (["recommended"], None),
    ],
)
def test_only_a_normal_range_is_the_reference_range_of_a_result(
    translator: Translator, noon: Context, version: Version, to: str, kinds: list[str], expected: str | None
) -> None:
    profile = {"r4": "nl-core-LaboratoryTestResult", "stu3": "zib-LaboratoryTestResult-Observation"}[version]
    result = {
        "resourceType": "Observation",
        "id": "a",
        "meta": {"profile": [PROFILE + profile]},
        "status": "final",
        "code": {"text": "kalium"},
        "referenceRange": [limits(version, str(i), kind) for i, kind in enumerate(kinds, 1)],
    }
    (found,) = moved(translator, noon, result, version, to)
    there = [str(each["low"]["value"]) for each in found.get("referenceRange", ())]
    assert there == ([expected] if expected else [])
    (same,) = moved(translator, noon, result, version, f"fhir-{version}")
    kept = sorted(({"type": meant(version, "normal")} | each for each in same["referenceRange"]), key=low)
    sent = [
        {"type": meant(version, "normal")} | limits(version, str(i), kind) for i, kind in enumerate(kinds, 1)
    ]
    assert kept == sent  # one that names no type is normal


def place(code: str, side: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    if side:
        laterality = {"coding": [{"system": "http://snomed.info/sct", "code": side}]}
        url = f"{PROFILE}ext-AnatomicalLocation.Laterality"
        found["extension"] = [{"url": url, "valueCodeableConcept": laterality}]
    return found


def test_the_side_of_one_place_is_not_given_to_another(translator: Translator, noon: Context) -> None:
    sites = [place("71341001"), place("72696002", "7771000")]
    problem = {
        "resourceType": "Condition",
        "id": "a",
        "meta": {"profile": [f"{PROFILE}nl-core-Problem"]},
        "code": {"text": "fractuur"},
        "bodySite": sites,
    }
    (found,) = moved(translator, noon, problem, "r4", "fhir-stu3")
    assert found["bodySite"] == [place("71341001")]
    (same,) = moved(translator, noon, problem, "r4", "fhir-r4")
    assert same["bodySite"] == sites
    (found,) = moved(translator, noon, problem | {"bodySite": sites[::-1]}, "r4", "fhir-stu3")
    assert [each["coding"][0]["code"] for each in found["bodySite"]] == ["72696002"]
    assert "7771000" in str(found["bodySite"][0]["extension"])
