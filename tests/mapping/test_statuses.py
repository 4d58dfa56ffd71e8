"""A status that denies what the rest says: the other format heeds it, or the block does not go there."""

from typing import Any

import pytest

from gateway.blocks.values import Block, Code, Moment, Text
from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Translator
from gateway.mapping.results import Written

PROFILE = "http://nictiz.nl/fhir/StructureDefinition/"
TERMS = "http://terminology.hl7.org/CodeSystem/"
ORIGINAL = PROFILE + "code-specification"
ACT_STATUS = "http://hl7.org/fhir/v3/ActStatus"
PAST, FUTURE = "2026-06-01", "2026-08-01"


@pytest.fixture(scope="module")
def translator() -> Translator:
    """The project's own mappings."""
    return Translator()


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def resource(kind: str, profile: str, **members: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "a", "meta": {"profile": [PROFILE + profile]}, **members}


def write(translator: Translator, noon: Context, source: dict[str, Any], form: str, to: str) -> Written:
    version: Version = "r4" if form == "fhir-r4" else "stu3"
    return translator.write(translator.read(fhir_json.encode(source, version), noon, form), to, noon)


def goes(translator: Translator, noon: Context, source: dict[str, Any], to: str = "fhir-stu3") -> bool:
    """True when a resource of R4 goes to another format; when it does not, a warning says so."""
    written = write(translator, noon, source, "fhir-r4", to)
    kept_back = any("does not go to" in issue.text for issue in written.issues)
    assert kept_back is not bool(written.resources)
    return not kept_back


def allergy(status: str) -> dict[str, Any]:
    verified = concept(TERMS + "allergyintolerance-verification", status)
    return resource("AllergyIntolerance", "nl-core-AllergyIntolerance", verificationStatus=verified)


def problem(status: str) -> dict[str, Any]:
    verified = concept(TERMS + "condition-ver-status", status)
    return resource("Condition", "nl-core-Problem", code={"text": "x"}, verificationStatus=verified)


@pytest.mark.parametrize("status", ["refuted", "unconfirmed"])
def test_an_allergy_that_was_not_confirmed_is_never_written_as_confirmed(
    translator: Translator, noon: Context, status: str
) -> None:
    assert not goes(translator, noon, allergy(status))
    assert goes(translator, noon, allergy("confirmed"))
    (same,) = write(translator, noon, allergy(status), "fhir-r4", "fhir-r4").resources
    assert same["verificationStatus"] == allergy(status)["verificationStatus"]


def test_a_problem_that_was_entered_in_error_does_not_go_where_it_would_look_like_one(
    translator: Translator, noon: Context
) -> None:
    assert not goes(translator, noon, problem("entered-in-error"))
    (refuted,) = write(translator, noon, problem("refuted"), "fhir-r4", "fhir-stu3").resources
    assert refuted["verificationStatus"] == "refuted"


@pytest.mark.parametrize("status", ["rejected", "cancelled", "entered-in-error"])
def test_a_goal_that_nobody_pursues_is_not_accepted(
    translator: Translator, noon: Context, status: str
) -> None:
    goal = resource("Goal", "nl-core-TreatmentObjective", description={"text": "x"})
    assert not goes(translator, noon, goal | {"lifecycleStatus": status})
    assert goes(translator, noon, goal | {"lifecycleStatus": "active"})


DIRECTIVE = resource(
    "Consent",
    "nl-core-TreatmentDirective2",
    provision={"code": [concept("http://snomed.info/sct", "89666000")]},
)
ALERT = resource("Flag", "nl-core-Alert", code={"text": "x"})
DEVICE = resource("DeviceUseStatement", "nl-core-MedicalDevice", bodySite={"text": "x"})
VISIT = resource(
    "Encounter", "nl-core-Encounter", **{"class": {"system": TERMS + "v3-ActCode", "code": "AMB"}}
)


@pytest.mark.parametrize(
    "source",
    [
        DIRECTIVE | {"status": "inactive"},
        DIRECTIVE | {"status": "draft", "dateTime": PAST},
        ALERT | {"status": "inactive"},
        ALERT | {"status": "inactive", "period": {"end": FUTURE}},
        DEVICE | {"status": "completed"},
        DEVICE | {"status": "intended", "timingPeriod": {"start": PAST}},
        VISIT | {"status": "planned", "period": {"start": PAST}},
    ],
)
def test_a_status_that_no_date_of_the_block_bears_out_is_not_replaced_by_another(
    translator: Translator, noon: Context, source: dict[str, Any]
) -> None:
    assert not goes(translator, noon, source)
    (same,) = write(translator, noon, source, "fhir-r4", "fhir-r4").resources
    assert same["status"] == source["status"]


@pytest.mark.parametrize(
    "source",
    [
        DIRECTIVE | {"status": "draft", "dateTime": FUTURE},
        DIRECTIVE | {"status": "active"},
        ALERT | {"status": "active", "period": {"end": FUTURE}},
        DEVICE | {"status": "completed", "timingPeriod": {"end": PAST}},
        VISIT | {"status": "finished"},
        resource("Procedure", "nl-core-Procedure-event", code={"text": "x"}, status="completed"),
    ],
)
def test_a_status_that_the_block_bears_out_or_that_denies_nothing_goes(
    translator: Translator, noon: Context, source: dict[str, Any]
) -> None:
    assert goes(translator, noon, source)


@pytest.mark.parametrize(
    ("end", "status"), [("2026-07-01T09:30:00Z", "inactive"), ("2026-07-01T10:30:00Z", "active")]
)
def test_past_and_future_are_told_apart_by_the_clock_of_the_zone(
    translator: Translator, noon: Context, end: str, status: str
) -> None:
    block = Block("Alert", "2020", "Alert/1", {"EndDateTime": Moment(end)})  # it is 10:00 in Greenwich
    (alert,) = translator.write_blocks([block], "fhir-r4", noon, "seed").resources
    assert alert["status"] == status


@pytest.mark.parametrize(
    ("status", "expected"), [("active", "active"), ("inactive", "inactive"), ("resolved", "resolved")]
)
def test_a_code_that_contradicts_the_original_beside_it_is_what_counts(
    translator: Translator, noon: Context, status: str, expected: str
) -> None:
    original = {"url": ORIGINAL, "valueCodeableConcept": concept(ACT_STATUS, "active")}
    source = resource(
        "AllergyIntolerance",
        "zib-AllergyIntolerance",
        clinicalStatus=status,
        _clinicalStatus={"extension": [original]},
        verificationStatus="confirmed",
    )
    written = write(translator, noon, source, "fhir-stu3", "fhir-r4")
    (found,) = written.resources
    assert found["clinicalStatus"]["coding"][0]["code"] == expected
    states = {line.place: line.state for line in written.account.lines()}
    beside = (
        states["AllergyIntolerance.clinicalStatus"],
        states["AllergyIntolerance._clinicalStatus.extension[0].valueCodeableConcept.coding[0].code"],
    )
    assert beside == ("used", "used" if status == "active" else "not representable")


def test_a_report_that_was_entered_in_error_is_not_preliminary(translator: Translator, noon: Context) -> None:
    code = concept("urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.16.1", "preliminary")
    original = {"url": PROFILE + "ext-CodeSpecification", "valueCodeableConcept": code}
    report = resource(
        "DiagnosticReport", "nl-core-TextResult", code={"text": "x"}, _status={"extension": [original]}
    )
    assert goes(translator, noon, report | {"status": "preliminary"})
    assert not goes(translator, noon, report | {"status": "entered-in-error"})


@pytest.mark.parametrize(
    ("status", "expected"), [("due", True), ("contraindicated", False), ("immune", False)]
)
def test_a_vaccination_is_recommended_only_where_it_is_due(
    translator: Translator, noon: Context, status: str, expected: bool
) -> None:
    recommended = {
        "vaccineCode": [{"text": "x"}],
        "forecastStatus": concept(TERMS + "immunization-recommendation-status", status),
        "dateCriterion": [{"code": concept("http://loinc.org", "30980-7"), "value": FUTURE}],
    }
    source = resource(
        "ImmunizationRecommendation", "nl-core-Vaccination-request", date=PAST, recommendation=[recommended]
    )
    assert goes(translator, noon, source) is expected


@pytest.mark.parametrize(("value", "expected"), [(True, False), (False, True)])
def test_what_is_not_to_be_done_is_no_intervention(
    translator: Translator, noon: Context, value: bool, expected: bool
) -> None:
    detail = {"code": {"text": "x"}, "status": "in-progress", "doNotPerform": value}
    plan = resource(
        "CarePlan",
        "nl-core-NursingIntervention",
        status="active",
        intent="plan",
        activity=[{"detail": detail}],
    )
    assert goes(translator, noon, plan) is expected


@pytest.mark.parametrize(
    ("focus", "expected"), [({"display": "foetus"}, False), ({"reference": "Condition/c"}, True)]
)
def test_what_was_measured_of_another_is_not_written_of_the_patient(
    translator: Translator, noon: Context, focus: dict[str, Any], expected: bool
) -> None:
    source = resource(
        "Observation", "nl-core-BodyWeight", status="final", focus=[focus], effectiveDateTime=PAST
    )
    assert goes(translator, noon, source) is expected


def test_use_of_a_medicine_that_only_a_code_names_does_not_go_without_its_name(
    translator: Translator, noon: Context
) -> None:
    use = {
        "resourceType": "MedicationStatement",
        "id": "x",
        "status": "active",
        "taken": "y",
        "category": concept("urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3", "6"),
        "medicationCodeableConcept": {"text": "paracetamol"},
        "subject": {"display": "Anna"},
    }
    there = write(translator, noon, use, "fhir-stu3", "fhir-r4")
    assert there.resources == []
    assert [issue.text for issue in there.issues if "does not go to fhir-r4" in issue.text]
    (same,) = write(translator, noon, use, "fhir-stu3", "fhir-stu3").resources
    assert same["medicationCodeableConcept"] == {"text": "paracetamol"}


@pytest.mark.parametrize(("status", "taken"), [("active", "y"), ("not-taken", "n"), ("unknown", "unk")])
def test_use_of_medicine_is_said_of_what_is_used(
    translator: Translator, noon: Context, status: str, taken: str
) -> None:
    source = resource("MedicationStatement", "mp-MedicationUse2", status=status)
    (found,) = write(translator, noon, source, "fhir-r4", "fhir-stu3").resources
    assert found["taken"] == taken


@pytest.mark.parametrize("status", ["completed", "intended"])
def test_use_that_is_over_or_to_come_is_not_said_to_be_active(
    translator: Translator, noon: Context, status: str
) -> None:
    assert not goes(translator, noon, resource("MedicationStatement", "mp-MedicationUse2", status=status))


@pytest.mark.parametrize(("end", "status"), [(PAST, "inactive"), (FUTURE, "active")])
def test_a_directive_that_has_ended_is_active_nowhere(
    translator: Translator, noon: Context, end: str, status: str
) -> None:
    provision = DIRECTIVE["provision"] | {"period": {"end": end}}
    source = DIRECTIVE | {"status": status, "dateTime": "2026-05-01", "provision": provision}
    (found,) = write(translator, noon, source, "fhir-r4", "fhir-stu3").resources
    assert (found["status"], found["period"]["end"]) == (status, end)
    (again,) = write(translator, noon, found, "fhir-stu3", "fhir-r4").resources
    assert again["status"] == status


OTHER = PROFILE + "ext-TreatmentDirective2.SpecificationOther"
PERMITTED = "2.16.840.1.113883.2.4.3.11.60.40.4"


@pytest.mark.parametrize(
    ("decision", "restrictions", "kind", "words"),
    [
        ("JA", None, "permit", None),
        ("NEE", None, "deny", None),
        ("JA_MAAR", None, None, "Ja, maar met beperkingen"),
        ("JA_MAAR", "geen IC", None, "Ja, maar met beperkingen: geen IC"),
        ("JA", "geen IC", "permit", "Ja, maar met beperkingen: geen IC"),
        ("NEE", "geen IC", "deny", None),
    ],
)
def test_what_was_decided_of_a_treatment_is_said_in_r4_and_not_contradicted(
    translator: Translator,
    noon: Context,
    decision: str,
    restrictions: str | None,
    kind: str | None,
    words: str | None,
) -> None:
    display = {"JA": "Ja", "NEE": "Nee", "JA_MAAR": "Ja, maar met beperkingen"}[decision]
    values: dict[str, Any] = {"TreatmentPermitted": Code(decision, PERMITTED, display)}
    if restrictions:
        values["Restrictions"] = Text(restrictions)
    block = Block("TreatmentDirective", "2017", "TreatmentDirective/1", values)
    (found,) = translator.write_blocks([block], "fhir-r4", noon, "seed").resources
    assert found.get("provision", {}).get("type") == kind
    assert found.get("modifierExtension") == ([{"url": OTHER, "valueString": words}] if words else None)
    (again,) = write(translator, noon, found, "fhir-r4", "fhir-stu3").resources
    assert again["modifierExtension"][0]["valueCodeableConcept"]["coding"][0]["code"] == decision


def test_a_specification_beside_a_denial_stays_in_its_own_format(
    translator: Translator, noon: Context
) -> None:
    more = {"url": OTHER, "valueString": "behalve op de IC"}
    provision = DIRECTIVE["provision"] | {"type": "deny"}
    source = DIRECTIVE | {"status": "active", "provision": provision, "modifierExtension": [more]}
    (same,) = write(translator, noon, source, "fhir-r4", "fhir-r4").resources
    assert (same["modifierExtension"], same["provision"]["type"]) == ([more], "deny")


def test_a_directive_with_an_exception_does_not_go_where_it_would_have_none(
    translator: Translator, noon: Context
) -> None:
    provision = DIRECTIVE["provision"] | {"type": "permit", "provision": [{"type": "deny"}]}
    assert not goes(translator, noon, DIRECTIVE | {"status": "active", "provision": provision})
    stu3 = resource("Consent", "zib-TreatmentDirective", status="active")
    excepted = stu3 | {"except": [{"type": "deny", "code": [{"system": "urn:x", "code": "1"}]}]}
    assert write(translator, noon, stu3, "fhir-stu3", "fhir-r4").resources
    assert not write(translator, noon, excepted, "fhir-stu3", "fhir-r4").resources


@pytest.mark.parametrize(("end", "there"), [(PAST, False), (FUTURE, True)])
def test_an_alert_that_has_ended_is_none_where_nothing_says_that_it_has(
    translator: Translator, noon: Context, end: str, there: bool
) -> None:
    source = ALERT | {"status": "active" if there else "inactive", "period": {"end": end}}
    written = write(translator, noon, source, "fhir-r4", "fhir-stu3")
    assert [each["status"] for each in written.resources] == ["active"] * there
    (line,) = (line for line in written.account.lines() if line.place == "Flag.period.end")
    assert (line.state, "ZIB-526" in line.reason) == ("not representable", True)
    (ada,) = (write(translator, noon, source, "fhir-r4", "ada").root,)
    assert [each.get("value") for each in ada.iter("eind_datum_tijd")] == [end]
