"""FHIR STU3, zib 2017: scores and measurements, and what they are in FHIR R4 and ADA."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from gateway.blocks.values import Block, Code, Identifier, Integer, Moment, Quantity, Ref, Text
from gateway.codecs import ada
from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Read, Translator, bundle

Tree = dict[str, Any]
NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
LOINC = "http://loinc.org"
MINUTES = {
    "1": ("9272-6", ("32410-3", "32406-1", "32407-9", "32409-5", "32408-7")),
    "5": ("9274-2", ("32415-2", "32411-1", "32412-9", "32414-5", "32413-7")),
    "10": ("9271-8", ("32405-3", "32401-2", "32402-0", "32404-6", "32403-8")),
    "unknown": (
        "",
        ("RespiratoryScore", "AppearanceScore", "PulseScore", "GrimaceScore", "MuscleToneScore"),
    ),
}
NULL_FLAVOR = {
    "fhir-stu3": "http://hl7.org/fhir/v3/NullFlavor",
    "fhir-r4": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
}
ANSWERS = ("LA6727-7", "LA6724-4", "LA6718-6", "LA6721-0", "LA6715-2")
FORMS: dict[str, Version] = {"fhir-stu3": "stu3", "fhir-r4": "r4"}


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


@pytest.fixture
def read(translator: Translator, noon: Context) -> Callable[..., Read]:
    """Reads resources of a format."""

    def reading(form: str, *resources: Tree) -> Read:
        return translator.read(fhir_json.encode(bundle([*resources], noon.base), FORMS[form]), noon, form)

    return reading


def coded(code: str) -> Tree:
    return {"coding": [{"system": LOINC, "code": code}]}


def apgar(minute: str, form: str) -> Tree:
    """A made-up score of nine."""
    code, parts = MINUTES[minute]
    stu3 = form == "fhir-stu3"
    said = (
        {"valueQuantity": {"value": 9}, "comment": "a text"}
        if stu3
        else {"valueInteger": 9, "note": [{"text": "a text"}]}
    )
    known = minute != "unknown"
    unknown = {"coding": [{"system": NULL_FLAVOR[form], "code": "UNK"}], "text": "ApgarScore"}
    components = [
        {"code": coded(part) if known else {"text": part}, "valueCodeableConcept": coded(answer)}
        for part, answer in zip(parts, ANSWERS, strict=True)
    ]
    profile = "zib-ApgarScore" if stu3 else f"nl-core-ApgarScore-{minute}Minute"
    return {
        "resourceType": "Observation",
        "id": f"apgar-{minute}",
        **({"meta": {"profile": [NICTIZ + profile]}} if stu3 or known else {}),
        "identifier": [{"system": "urn:oid:2.999.1", "value": minute}],
        "status": "final",
        "code": coded(code) if known else unknown,
        "subject": {"reference": "Patient/p"},
        "performer": [{"reference": "Patient/p"}],
        "effectiveDateTime": "2026-05-06T07:01:00+02:00",
        **said,
        "component": components,
    }


def bare(resource: Any) -> Any:
    """A resource without the words and types that writing adds; the order of a list does not count."""
    skipped = ("display", "id", "type")
    if isinstance(resource, dict):
        return {name: bare(each) for name, each in resource.items() if name not in skipped}
    if isinstance(resource, list):
        return sorted((bare(each) for each in resource), key=str)
    return resource


@pytest.mark.parametrize("minute", MINUTES)
@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("source", FORMS)
def test_an_apgar_score_keeps_its_moment(
    translator: Translator, noon: Context, read: Any, source: str, target: str, minute: str
) -> None:
    """A low first score must not pass for one after ten minutes."""
    (written,) = translator.write(read(source, apgar(minute, source)), target, noon).resources
    assert bare(written) == bare(apgar(minute, target))


def test_an_apgar_score_keeps_its_moment_through_ada(
    translator: Translator, noon: Context, read: Any
) -> None:
    form = translator.write(read("fhir-stu3", apgar("5", "fhir-stu3")), "ada", noon)
    (written,) = translator.write(
        translator.read(ada.encode(form.root), noon, "ada"), "fhir-r4", noon
    ).resources
    assert written["code"]["coding"][0]["code"] == "9274-2"


def test_an_apgar_score_of_which_no_moment_is_known_gets_none(
    translator: Translator, noon: Context, read: Any
) -> None:
    values = {"ApgarScoreTotal": Integer(9), "MusleToneScore": Code("LA6715-2", "2.16.840.1.113883.6.1")}
    score = Block("ApgarScore", "2017", "ApgarScore/1", values)
    (written,) = translator.write_blocks([score], "fhir-stu3", noon, "seed").resources
    (coding,) = written["code"]["coding"]
    assert (coding["system"], coding["code"]) == (NULL_FLAVOR["fhir-stu3"], "UNK")
    assert [each["code"] for each in written["component"]] == [{"text": "MuscleToneScore"}]
    (again,) = read("fhir-stu3", written).blocks
    assert again.values["ApgarScoreTotal"].value == 9
    assert again.values["MusleToneScore"].code == "LA6715-2"


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ({"value": 7}, 7),
        ({"value": Decimal("7.0")}, 7),
        ({"value": Decimal("7.5")}, None),
        ({"value": 7, "comparator": "<"}, None),
    ],
)
def test_a_number_that_is_not_whole_is_no_count(
    translator: Translator, noon: Context, read: Any, quantity: Tree, number: int | None
) -> None:
    score = {
        "resourceType": "Observation",
        "id": "pain",
        "meta": {"profile": [f"{NICTIZ}zib-PainScore"]},
        "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "225908003"}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-05-06T07:01:00+02:00",
        "valueQuantity": quantity,
    }
    found = read("fhir-stu3", score)
    value = found.blocks[0].values.get("PainScoreValue")
    assert (value.value if value else None) == number
    (again,) = translator.write(found, "fhir-stu3", noon).resources
    assert again["valueQuantity"] == quantity


@pytest.mark.parametrize(("code", "given"), [("Y", True), ("N", False)])
def test_whether_oxygen_was_given(
    translator: Translator, noon: Context, read: Any, code: str, given: bool
) -> None:
    answer = {"coding": [{"system": "http://hl7.org/fhir/v2/0136", "code": code}]}
    saturation = {
        "resourceType": "Observation",
        "id": "o2",
        "meta": {"profile": [f"{NICTIZ}zib-OxygenSaturation"]},
        "status": "final",
        "code": coded("59408-5"),
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-05-06T07:01:00+02:00",
        "component": [{"code": coded("74206-4"), "valueCodeableConcept": answer}],
    }
    found = read("fhir-stu3", saturation)
    assert found.blocks[0].values["ExtraOxygenAdministration"].value is given
    (r4,) = translator.write(found, "fhir-r4", noon).resources
    assert r4["component"][0]["valueBoolean"] is given
    (stu3,) = translator.write(read("fhir-r4", r4), "fhir-stu3", noon).resources
    assert stu3["component"][0]["valueCodeableConcept"] == answer


def measurement(**values: Any) -> Block:
    snomed = "2.16.840.1.113883.6.96"
    results = [
        {"MeasurementName": Code(code, snomed), "ResultValue": Quantity("2", "", "1")}
        for code in ("281113000", "281115007")
    ]
    basic = {"Subject": Ref("Patient/1"), "IdentificationNumber": [Identifier("m-1", "2.999.1")]}
    dated = {"DateTime": Moment("2026-05-06"), "Comment": Text("a text")}
    return Block(
        "GeneralMeasurement",
        "2017",
        "GeneralMeasurement/1",
        {**basic, **dated, "MeasurementResult": results, **values},
    )


def test_a_measurement_with_a_name_has_its_results_as_members(translator: Translator, noon: Context) -> None:
    named = measurement(Investigation=Code("273513009", "2.16.840.1.113883.6.96"))
    whole, *results = translator.write_blocks([named], "fhir-stu3", noon, "seed").resources
    assert [each["type"] for each in whole["related"]] == ["has-member", "has-member"]
    assert [each["target"]["reference"] for each in whole["related"]] == [
        f"Observation/{each['id']}" for each in results
    ]
    assert (whole["comment"], whole["effectiveDateTime"]) == ("a text", "2026-05-06")
    assert not [each for each in results if {"identifier", "comment", "effectiveDateTime"} & each.keys()]


def test_results_without_a_measurement_say_all_themselves(translator: Translator, noon: Context) -> None:
    results = translator.write_blocks([measurement()], "fhir-stu3", noon, "seed").resources
    assert len(results) == 2
    for each in results:
        assert each["identifier"] == [{"system": "urn:oid:2.999.1", "value": "m-1"}]
        assert (each["comment"], each["effectiveDateTime"]) == ("a text", "2026-05-06")


def test_what_a_result_says_itself_stays_there(translator: Translator, noon: Context, read: Any) -> None:
    """Its number is not that of the measurement; the relation is as it was said."""
    basic = {
        "resourceType": "Observation",
        "meta": {"profile": [f"{NICTIZ}zib-GeneralMeasurement"]},
        "status": "final",
    }
    result = {
        **basic,
        "id": "result",
        "identifier": [{"system": "urn:oid:2.999.1", "value": "r-1"}],
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "281113000"}]},
        "effectiveDateTime": "2026-05-06T07:01:00+02:00",
        "comment": "a text",
    }
    whole = {
        **basic,
        "id": "whole",
        "identifier": [{"system": "urn:oid:2.999.1", "value": "m-1"}],
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "273513009"}]},
        "related": [{"target": {"reference": "Observation/result"}}],
    }
    found = read("fhir-stu3", whole, result)
    (block,) = found.blocks
    assert [each.value for each in block.values["IdentificationNumber"]] == ["m-1"]
    again = {each["id"]: each for each in translator.write(found, "fhir-stu3", noon).resources}
    for each in (whole, result):
        for extension in again[each["id"]].get("_status", {}).get("extension", ()):
            assert extension["url"].endswith("code-specification")
        again[each["id"]].pop("_status", None)
    assert bare(again["whole"]) == bare(whole)
    assert bare(again["result"]) == bare(result)


def test_the_period_of_an_administration_is_carried_along(
    translator: Translator, noon: Context, read: Any
) -> None:
    """The zib has a moment only, and of a plan the period is not when it was given."""
    given = {
        "resourceType": "MedicationAdministration",
        "id": "given",
        "meta": {"profile": [f"{NICTIZ}zib-MedicationAdministration"]},
        "status": "completed",
        "category": {"coding": [{"system": "http://snomed.info/sct", "code": "18629005"}]},
        "medicationReference": {"display": "Natriumchloride"},
        "subject": {"reference": "Patient/p"},
        "effectivePeriod": {"start": "2026-05-06T07:01:00+02:00", "end": "2026-05-06T08:00:00+02:00"},
    }
    found = read("fhir-stu3", given)
    values = found.blocks[0].values
    assert "AdministrationDateTime" not in values
    assert [each.type for each in found.blocks] == ["MedicationAdministration"]
    (again,) = translator.write(found, "fhir-stu3", noon).resources
    assert bare(again) == bare(given)


def test_when_a_medicine_is_to_be_given_is_not_when_it_was(
    translator: Translator, noon: Context, read: Any
) -> None:
    given = Block("MedicationAdministration", "2017", "MedicationAdministration/1", {})
    plan = {
        "OrderStatus": Code("active", "2.16.840.1.113883.4.642.3.32"),
        "StartDate": Moment("2026-05-06"),
        "EndDate": Moment("2026-05-07"),
        "MedicationAdministration": Ref(given.key),
    }
    blocks = [given, Block("PlannedCareActivity", "2017", "PlannedCareActivity/1", plan)]
    (written,) = translator.write_blocks(blocks, "fhir-stu3", noon, "plan").resources
    assert written["effectivePeriod"] == {"start": "2026-05-06", "end": "2026-05-07"}
    again = {each.type: each.values for each in read("fhir-stu3", written).blocks}
    assert "AdministrationDateTime" not in again["MedicationAdministration"]
    assert again["PlannedCareActivity"]["StartDate"].value == "2026-05-06"
    assert again["PlannedCareActivity"]["EndDate"].value == "2026-05-07"


@pytest.mark.parametrize("status", ["in-progress", "on-hold", "completed", "entered-in-error", "stopped"])
def test_the_status_of_an_administration_is_that_of_fhir(
    translator: Translator, noon: Context, read: Any, status: str
) -> None:
    system = "http://hl7.org/fhir/medication-admin-status"
    values = {"MedicationAdministrationStatus": Code(status, system)}
    block = Block("MedicationAdministration", "2017", "MedicationAdministration/1", values)
    (written,) = translator.write_blocks([block], "fhir-stu3", noon, "seed").resources
    assert written["status"] == status
    assert read("fhir-stu3", written).blocks[0].values["MedicationAdministrationStatus"].code == status


def test_an_administration_of_which_no_status_is_known_is_not_completed(
    translator: Translator, noon: Context
) -> None:
    block = Block(
        "MedicationAdministration", "2017", "MedicationAdministration/1", {"Comment": Text("a text")}
    )
    (written,) = translator.write_blocks([block], "fhir-stu3", noon, "seed").resources
    assert written["status"] == "unknown"
