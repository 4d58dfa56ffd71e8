"""A plan stays a plan, in every format, also when its day has passed: nobody said that it was carried out."""

from typing import Any

import pytest

from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle

Tree = dict[str, Any]
NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
PATIENT = {"reference": "Patient/p"}
CODE = {"coding": [{"system": "http://snomed.info/sct", "code": "240977001"}]}
VACCINE = {"coding": [{"system": "http://www.whocc.no/atc", "code": "J06BB11"}]}


def due(uri: str) -> Tree:
    return {"coding": [{"system": uri, "code": "due"}]}


STU3: dict[str, Tree] = {
    "ProcedureRequest": {
        "meta": {"profile": [f"{NICTIZ}zib-ProcedureRequest"]},
        "status": "active",
        "intent": "plan",
        "code": CODE,
        "subject": PATIENT,
        "occurrencePeriod": {"start": "2012-03-13"},
    },
    "DeviceRequest": {
        "meta": {"profile": [f"{NICTIZ}zib-MedicalDeviceRequest"]},
        "status": "active",
        "intent": {"coding": [{"system": "http://hl7.org/fhir/request-intent", "code": "order"}]},
        "codeCodeableConcept": CODE,
        "subject": PATIENT,
        "occurrencePeriod": {"start": "2012-03-13"},
    },
    "ImmunizationRecommendation": {
        "meta": {"profile": [f"{NICTIZ}zib-VaccinationRecommendation"]},
        "patient": PATIENT,
        "recommendation": [
            {
                "date": "2012-03-13",
                "vaccineCode": VACCINE,
                "forecastStatus": due("http://hl7.org/fhir/immunization-recommendation-status"),
            }
        ],
    },
    "Appointment": {
        "meta": {"profile": [f"{NICTIZ}eAfspraak-Appointment"]},
        "status": "proposed",
        "start": "2012-03-13T10:00:00+01:00",
        "participant": [{"actor": PATIENT, "status": "accepted"}],
    },
}
R4: dict[str, Tree] = {
    "ServiceRequest": {
        "meta": {"profile": [f"{NICTIZ}nl-core-Procedure-request"]},
        "status": "active",
        "intent": "order",
        "code": CODE,
        "subject": PATIENT,
        "occurrenceDateTime": "2012-03-13",
    },
    "ImmunizationRecommendation": {
        "meta": {"profile": [f"{NICTIZ}nl-core-Vaccination-request"]},
        "patient": PATIENT,
        "date": "2012-01-01",
        "recommendation": [
            {
                "vaccineCode": [VACCINE],
                "forecastStatus": due(
                    "http://terminology.hl7.org/CodeSystem/immunization-recommendation-status"
                ),
                "dateCriterion": [
                    {
                        "code": {"coding": [{"system": "http://loinc.org", "code": "30980-7"}]},
                        "value": "2012-03-13",
                    }
                ],
            }
        ],
    },
}


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def translated(translator: Translator, context: Context, source: str, kind: str, target: str) -> list[Tree]:
    version, plans = ("stu3", STU3) if source == "fhir-stu3" else ("r4", R4)
    resource = {"resourceType": kind, "id": "plan", **plans[kind]}
    data = fhir_json.encode(bundle([resource], context.base), version)  # type: ignore[arg-type]
    return translator.write(translator.read(data, context, source), target, context).resources


def wordless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: wordless(each) for name, each in value.items() if name not in ("display", "type")}
    return [wordless(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("form", "kind"), [*(("fhir-stu3", kind) for kind in STU3), *(("fhir-r4", kind) for kind in R4)]
)
def test_a_plan_is_itself_again(translator: Translator, noon: Context, form: str, kind: str) -> None:
    plans = STU3 if form == "fhir-stu3" else R4
    (again,) = translated(translator, noon, form, kind, form)
    assert wordless(again) == {"resourceType": kind, "id": "plan", **wordless(plans[kind])}


@pytest.mark.parametrize(
    ("source", "kind", "target", "becomes"),
    [
        ("fhir-stu3", "ProcedureRequest", "fhir-r4", "ServiceRequest"),
        ("fhir-r4", "ServiceRequest", "fhir-stu3", "ProcedureRequest"),
        ("fhir-stu3", "ImmunizationRecommendation", "fhir-r4", "ImmunizationRecommendation"),
        ("fhir-r4", "ImmunizationRecommendation", "fhir-stu3", "ImmunizationRecommendation"),
    ],
)
def test_a_plan_is_a_plan_elsewhere(
    translator: Translator, noon: Context, source: str, kind: str, target: str, becomes: str
) -> None:
    (written,) = translated(translator, noon, source, kind, target)
    assert written["resourceType"] == becomes
    assert "2012-03-13" in str(written)


def test_a_request_of_the_past_is_not_said_to_be_completed(translator: Translator, noon: Context) -> None:
    (written,) = translated(translator, noon, "fhir-stu3", "ProcedureRequest", "fhir-r4")
    assert written["status"] == "unknown"


def test_a_recommendation_without_a_date_of_its_own_says_so(translator: Translator, noon: Context) -> None:
    (written,) = translated(translator, noon, "fhir-stu3", "ImmunizationRecommendation", "fhir-r4")
    (recommended,) = written["recommendation"]
    (criterion,) = recommended["dateCriterion"]
    assert criterion["_value"]["extension"][0]["valueCode"] == "unknown"
    assert recommended["description"] == "Gewenste datum hervaccinatie: 2012-03-13"


def test_an_appointment_of_the_past_is_no_contact_that_took_place(
    translator: Translator, noon: Context
) -> None:
    (written,) = translated(translator, noon, "fhir-stu3", "Appointment", "fhir-r4")
    assert (written["resourceType"], written["status"]) == ("Encounter", "unknown")


def test_a_device_that_was_asked_for_is_not_in_use(translator: Translator, noon: Context) -> None:
    """Its status is that of the order, which zib 2020 does not have: it does not go along."""
    assert translated(translator, noon, "fhir-stu3", "DeviceRequest", "fhir-r4") == []
