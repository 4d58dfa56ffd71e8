"""FHIR STU3, zib 2017: what is special in the mappings of nursing, wounds and pregnancy."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.blocks.values import Block, Boolean, Code, Moment, Quantity, Ref, Text
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle

SNOMED = "2.16.840.1.113883.6.96"
NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
REASON = "http://hl7.org/fhir/StructureDefinition/event-reasonReference"


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def block(kind: str, release: str = "2017", **values: Any) -> Block:
    return Block(kind, release, f"{kind}/1", values)


def written(translator: Translator, context: Context, form: str, *blocks: Block) -> list[dict[str, Any]]:
    return translator.write_blocks(list(blocks), form, context, "seed").resources


def again(translator: Translator, context: Context, *blocks: Block) -> dict[str, Block]:
    """The blocks by type, after a trip through STU3; of several of a type the last."""
    resources = written(translator, context, "fhir-stu3", *blocks)
    data = fhir_json.encode(bundle(resources, "https://epd.example/fhir"), "stu3")
    return {each.type: each for each in translator.read(data, context, "fhir-stu3").blocks}


def crossed(
    translator: Translator, context: Context, form: str, *resources: dict[str, Any]
) -> list[dict[str, Any]]:
    """STU3 resources in another format."""
    data = fhir_json.encode(bundle(copy.deepcopy(list(resources)), "https://epd.example/fhir"), "stu3")
    return translator.write(translator.read(data, context, "fhir-stu3"), form, context).resources


def profiles(resources: list[dict[str, Any]]) -> list[str]:
    return [each["meta"]["profile"][0].rpartition("/")[2] for each in resources]


def concept(code: str, system: str = "http://snomed.info/sct") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


WOUND = {
    "resourceType": "Condition",
    "id": "wound",
    "meta": {"profile": [f"{NICTIZ}zib-Wound"]},
    "clinicalStatus": "active",
    "verificationStatus": "confirmed",
    "code": concept("112633009"),
    "subject": {"reference": "Patient/p"},
}
SEEN = {
    "resourceType": "Observation",
    "id": "seen",
    "meta": {"profile": [f"{NICTIZ}WoundCharacteristics"]},
    "extension": [{"url": REASON, "valueReference": {"reference": "Condition/wound"}}],
    "status": "final",
    "code": concept("364554009"),
    "subject": {"reference": "Patient/p"},
    "component": [
        {"code": concept("405009004"), "valueCodeableConcept": concept("N", "http://hl7.org/fhir/v2/0136")}
    ],
}


def test_what_is_seen_of_a_wound_belongs_to_the_wound_that_it_points_at(
    translator: Translator, noon: Context
) -> None:
    found = crossed(translator, noon, "fhir-r4", SEEN, WOUND)
    assert profiles(found) == [
        "nl-core-Wound",
        "nl-core-wounds.WoundCharacteristics",
        "nl-core-Wound.WoundInfection",
    ]
    assert found[2]["valueBoolean"] is False


def test_what_is_seen_alone_makes_no_wound_of_another_kind(translator: Translator, noon: Context) -> None:
    length = {"code": concept("39126-8", "http://loinc.org"), "valueQuantity": {"value": 5, "unit": "cm"}}
    found = crossed(translator, noon, "fhir-r4", SEEN | {"component": [length]})
    assert [each["resourceType"] for each in found] == ["Observation", "Observation"]


def test_the_date_of_a_dressing_alone_is_no_burn(translator: Translator, noon: Context) -> None:
    dressed = block("Burnwound", "2020", DateOfLastDressingChange=Moment("2026-05-06"))
    assert written(translator, noon, "fhir-stu3", dressed) == []
    burnt = block("Burnwound", "2020", Depth=Code("262588000", SNOMED))
    assert profiles(written(translator, noon, "fhir-stu3", burnt)) == ["zib-BurnWound"]


def test_a_condition_that_claims_no_profile_is_a_problem(translator: Translator, noon: Context) -> None:
    bare = {name: value for name, value in WOUND.items() if name != "meta"}
    assert profiles(crossed(translator, noon, "fhir-r4", bare)) == ["nl-core-Problem"]


@pytest.mark.parametrize(
    ("change", "crosses"),
    [
        ({"verificationStatus": "unknown"}, True),
        ({"verificationStatus": "refuted"}, False),
        ({"clinicalStatus": "resolved"}, False),
    ],
)
def test_a_status_that_denies_something_keeps_a_wound_in_its_format(
    translator: Translator, noon: Context, change: dict[str, str], crosses: bool
) -> None:
    assert bool(crossed(translator, noon, "fhir-r4", WOUND | change)) is crosses
    (again,) = crossed(translator, noon, "fhir-stu3", WOUND | change)
    assert again | change == again


def test_the_date_of_a_pregnancy_is_that_of_its_duration(translator: Translator, noon: Context) -> None:
    duration: dict[str, Any] = {
        "PregnancyDuration": Quantity("24", "wk", "wk"),
        "DateTime": Moment("2026-05-06"),
    }
    found = written(translator, noon, "fhir-stu3", block("Pregnancy", Pregnant=Boolean(True), **duration))
    condition, status, weeks = found
    assert (condition["clinicalStatus"], "assertedDate" in condition) == ("active", False)
    assert (status["valueBoolean"], weeks["effectiveDateTime"]) == (True, "2026-05-06")
    assert weeks["extension"][0]["valueReference"]["reference"] == f"Condition/{condition['id']}"

    (main, *_) = crossed(
        translator, noon, "fhir-r4", weeks, condition | {"assertedDate": "2026-01-02"}, status
    )
    assert main["effectiveDateTime"] == "2026-05-06"


def test_a_pregnancy_that_is_none_is_not_active(translator: Translator, noon: Context) -> None:
    condition, status = written(translator, noon, "fhir-stu3", block("Pregnancy", Pregnant=Boolean(False)))
    assert (condition["clinicalStatus"], status["valueBoolean"]) == ("inactive", False)
    assert crossed(translator, noon, "fhir-r4", condition, status) == []


def test_a_hearing_aid_points_back_at_the_hearing(translator: Translator, noon: Context) -> None:
    aid = block("MedicalDevice", Product={"ProductType": Code("6012004", SNOMED)})
    hearing = block(
        "HearingFunction",
        HearingFunction=Code("15188001", SNOMED),
        HearingAid=[Ref("MedicalDevice/1")],
    )
    function, use, product = written(translator, noon, "fhir-stu3", hearing, aid)
    assert profiles([use, product]) == [
        "zib-HearingFunction-HearingAid",
        "zib-HearingFunction-HearingAid-Product",
    ]
    assert use["extension"][0]["valueReference"]["reference"] == f"Observation/{function['id']}"


def test_infection_of_a_wound_is_yes_or_no(translator: Translator, noon: Context) -> None:
    for infected, letter in ((True, "Y"), (False, "N")):
        wound = block("Wound", WoundType=Code("112633009", SNOMED), WoundInfection=Boolean(infected))
        _, seen = written(translator, noon, "fhir-stu3", wound)
        (coding,) = seen["component"][0]["valueCodeableConcept"]["coding"]
        assert (coding["system"], coding["code"]) == ("http://hl7.org/fhir/v2/0136", letter)
        assert again(translator, noon, wound)["Wound"].values["WoundInfection"].value is infected


def test_a_catheter_is_no_incontinence_material(translator: Translator, noon: Context) -> None:
    devices = [
        Block("MedicalDevice", "2017", f"MedicalDevice/{i}", {"ProductDescription": Text(words)})
        for i, words in ((1, "katheter"), (2, "luier"))
    ]
    bladder = block(
        "BladderFunction",
        UrineCatheter=Ref("MedicalDevice/1"),
        IncontinenceMaterial=Ref("MedicalDevice/2"),
    )
    found = written(translator, noon, "fhir-stu3", bladder, *devices)
    assert profiles(found[1:]) == [
        "zib-BladderFunction-UrineCatheter",
        "zib-BladderFunction-UrineCatheterProduct",
        "zib-MedicalDevice",
        "zib-MedicalDeviceProduct",
    ]
    values = again(translator, noon, bladder, *devices)["BladderFunction"].values
    assert values["UrineCatheter"].key.endswith(found[1]["id"])
    assert values["IncontinenceMaterial"].key.endswith(found[3]["id"])


def test_a_feeding_tube_is_used_once(translator: Translator, noon: Context) -> None:
    tube = block(
        "MedicalDevice", StartDate=Moment("2026-05-06"), Product={"ProductType": Code("281414004", SNOMED)}
    )
    system = block(
        "FeedingTubeSystem",
        FeedingTube=Ref("MedicalDevice/1"),
        FeedingTubeLength=Quantity("52", "cm", "cm"),
    )
    use, product = written(translator, noon, "fhir-stu3", system, tube)
    assert profiles([use, product]) == ["zib-FeedingTubeSystem", "zib-FeedingTubeSystem-Product"]
    assert use["whenUsed"] == {"start": "2026-05-06"}
    assert use["device"]["reference"] == f"Device/{product['id']}"
    found = again(translator, noon, system, tube)
    assert found["MedicalDevice"].values["StartDate"].value == "2026-05-06"
    assert found["FeedingTubeSystem"].values["FeedingTube"].key == found["MedicalDevice"].key


def test_each_freedom_restricting_intervention_is_a_procedure(translator: Translator, noon: Context) -> None:
    kinds = [{"TypeOfIntervention": Code(code, SNOMED)} for code in ("225317005", "68894007")]
    measures = block("FreedomRestrictingMeasures", LegallyCapable=Boolean(False), Intervention=kinds)
    found = written(translator, noon, "fhir-stu3", measures)
    assert [each["code"]["coding"][0]["code"] for each in found] == ["225317005", "68894007"]
    capable = f"{NICTIZ}zib-FreedomRestrictingMeasures-LegallyCapable"
    for each in found:
        (extension,) = each["extension"]
        assert (extension["url"], extension["extension"][0]["valueBoolean"]) == (capable, False)


def test_what_is_given_through_a_tube_or_a_line_is_referred_to_as_sent(
    translator: Translator, noon: Context
) -> None:
    """Of an administration that the document does not hold the reference says all that is known."""
    given = Ref("", "NaCl 0,9%", "MedicationAdministration/1")
    system = block("FeedingTubeSystem", EnteralNutrition=[given])
    line = {"LockFluid": given, "AdministeringSystem": [{"InfusionFluid": given}]}
    values = again(translator, noon, system, block("Infusion", LumenOrLine=[line]))
    (nutrition,) = values["FeedingTubeSystem"].values["EnteralNutrition"]
    (found,) = values["Infusion"].values["LumenOrLine"]
    for ref in (nutrition, found["LockFluid"], found["AdministeringSystem"][0]["InfusionFluid"]):
        assert (ref.display, ref.literal) == (given.display, given.literal)


def test_a_legal_status_alone_stands_with_the_patient(translator: Translator, noon: Context) -> None:
    patient = Block("Patient", "2017", "Patient/1", {"DateOfBirth": Moment("1970-01-01")})
    status = Code("4", "2.16.840.1.113883.2.4.3.11.60.40.2.14.3.2")
    known = block("FreedomRestrictingMeasures", Subject=Ref("Patient/1"), LegalStatus=status)
    (person,) = written(translator, noon, "fhir-stu3", patient, known)
    assert [each["url"] for each in person["extension"]] == [f"{NICTIZ}zib-patient-legalstatus"]


@pytest.mark.parametrize(("code", "crosses"), [("confirmed", True), ("refuted", False)])
def test_a_wound_of_r4_with_a_status_that_affirms_it_goes_to_stu3(
    translator: Translator, noon: Context, code: str, crosses: bool
) -> None:
    terms = "http://terminology.hl7.org/CodeSystem"
    wound = {
        "resourceType": "Condition",
        "id": "wound",
        "meta": {"profile": [f"{NICTIZ}nl-core-Wound"]},
        "clinicalStatus": concept("active", f"{terms}/condition-clinical"),
        "verificationStatus": concept(code, f"{terms}/condition-ver-status"),
        "category": [concept("416462003")],
        "code": concept("112633009"),
    }
    read = translator.read_tree(wound, noon, "fhir-r4", "seed")
    assert profiles(translator.write(read, "fhir-stu3", noon).resources) == ["zib-Wound"] * crosses
