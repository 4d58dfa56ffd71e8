"""Resources of an earlier nl-core are read where they can be told apart, and never written."""

import json
from typing import Any

import pytest

from conformance.score import NOW
from gateway.blocks.values import Code, Quantity, Ref, Text
from gateway.mapping import Context, Translator

NOON = Context(NOW)
SNOMED = "2.16.840.1.113883.6.96"
Tree = dict[str, Any]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def resource(kind: str, profile: str, code: str, **more: Any) -> Tree:
    return {
        "resourceType": kind,
        "id": profile,
        "meta": {"profile": [f"http://nictiz.nl/fhir/StructureDefinition/nl-core-{profile}"]},
        "code": coded(code),
        **more,
    }


def coded(code: str) -> Tree:
    return {"coding": [{"system": "http://snomed.info/sct", "code": code}]}


def values(translator: Translator, *resources: Tree) -> list[tuple[str, Tree]]:
    """The blocks of a Bundle: type and values, without the places that they came from."""
    entries = [{"resource": each} for each in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    read = translator.read(json.dumps(bundle).encode(), NOON, "fhir-r4")
    return [
        (block.type, {name: plain(value) for name, value in block.values.items()}) for block in read.blocks
    ]


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, Ref):
        return value.key
    fields = {name: getattr(value, name) for name in value.__struct_fields__ if name != "at"}
    return type(value)(**fields)


def test_the_pulse_rate_stands_in_the_observation_of_the_whole(translator: Translator) -> None:
    quantity = {"value": 50, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}
    found = values(translator, resource("Observation", "PulseRate", "366199006", valueQuantity=quantity))
    assert found == [("PulseRate", {"PulseRateValue": Quantity("50", "/min", "/min")})]


def test_the_interpretation_of_a_heart_rate_is_an_observation(translator: Translator) -> None:
    whole = resource(
        "Observation",
        "HeartRate",
        "364075005",
        hasMember=[{"reference": "Observation/HeartRate.InterpretationHeartRate"}],
    )
    part = resource(
        "Observation",
        "HeartRate.InterpretationHeartRate",
        "301113001",
        valueCodeableConcept=coded("48867003"),
    )
    assert values(translator, whole, part) == [
        ("HeartRate", {"InterpretationHeartRate": Code("48867003", SNOMED)})
    ]


def test_the_device_and_the_kind_of_a_visual_acuity_have_other_places(translator: Translator) -> None:
    url = "http://hl7.org/fhir/StructureDefinition/observation-deviceCode"
    found = values(
        translator,
        resource(
            "Observation",
            "VisualAcuity",
            "363983007",
            extension=[{"url": url, "valueCodeableConcept": coded("419475002")}],
            component=[{"code": coded("363983007"), "valueCodeableConcept": coded("419775003")}],
        ),
    )
    assert found == [
        (
            "VisualAcuity",
            {
                "VisualAcuityType": Code("419775003", SNOMED),
                "VisualAcuityMeasurementDevice": Code("419475002", SNOMED),
            },
        )
    ]


def test_a_pregnancy_that_is_a_condition_is_no_problem(translator: Translator) -> None:
    found = values(translator, resource("Condition", "Pregnancy", "118185001", note=[{"text": "a note"}]))
    assert found == [("Pregnancy", {"Comment": Text("a note")})]


def test_an_aid_that_points_back_at_its_observation(translator: Translator) -> None:
    hearing = resource("Observation", "HearingFunction", "47078008")
    aid = resource(
        "DeviceUseStatement",
        "HearingFunction.HearingAid",
        "",
        reasonReference=[{"reference": "Observation/HearingFunction"}],
    )
    del aid["code"]
    found = values(translator, hearing, aid)
    assert ("HearingFunction", {"HearingAid": ["MedicalDevice/HearingFunction.HearingAid"]}) in found
