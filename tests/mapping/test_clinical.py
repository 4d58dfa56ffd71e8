"""What is special in the clinical zibs of R4: parts that the clock or the data choose, turned references."""

from typing import Any

import pytest

from gateway.blocks.values import Block, Code, Identifier, Moment, Quantity, Ref, Text
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle
from tests.mapping.compiler.test_words import bare

SNOMED = "2.16.840.1.113883.6.96"
LOINC = "2.16.840.1.113883.6.1"
PROFILE = "http://nictiz.nl/fhir/StructureDefinition/"
PAST, FUTURE = Moment("2026-06-01"), Moment("2026-08-01")


@pytest.fixture(scope="module")
def translator() -> Translator:
    """The project's own mappings."""
    return Translator()


def block(kind: str, key: str = "", **values: Any) -> Block:
    return Block(kind, "2020", key or f"{kind}/1", values)


def code(value: str) -> Code:
    return Code(value, SNOMED, f"display of {value}")


def write(translator: Translator, noon: Context, *blocks: Block) -> list[dict[str, Any]]:
    return translator.write_blocks(blocks, "fhir-r4", noon, "seed").resources


def kinds(resources: list[dict[str, Any]]) -> list[str]:
    return [each["resourceType"] for each in resources]


def back(translator: Translator, noon: Context, *blocks: Block) -> list[Block]:
    """What the blocks are after a trip through FHIR."""
    data = fhir_json.encode(bundle(write(translator, noon, *blocks), noon.base), "r4")
    return [bare(each) for each in translator.read(data, noon, "fhir-r4").blocks]


def profiles(resources: list[dict[str, Any]]) -> list[str]:
    return [each["meta"]["profile"][0].removeprefix(PROFILE) for each in resources]


@pytest.mark.parametrize(
    ("date", "kind"),
    [(PAST, "Immunization"), (Moment("2026-07-01"), "Immunization"), (FUTURE, "ImmunizationRecommendation")],
)
def test_a_vaccination_is_an_event_until_its_date_lies_ahead(
    translator: Translator, noon: Context, date: Moment, kind: str
) -> None:
    vaccination = block(
        "Vaccination", VaccinationDate=date, ProductCode=Code("J07BC02", "2.16.840.1.113883.6.73")
    )
    (resource,) = write(translator, noon, vaccination)
    assert resource["resourceType"] == kind
    (again,) = back(translator, noon, vaccination)
    assert again.values["VaccinationDate"] == date


def test_a_recommendation_is_dated_now_and_a_note_of_its_own_date_is_kept(
    translator: Translator, noon: Context
) -> None:
    (resource,) = write(translator, noon, block("Vaccination", VaccinationDate=FUTURE))
    assert resource["date"] == "2026-07-01T12:00:00+02:00"
    (resource,) = write(
        translator, noon, block("Vaccination", VaccinationDate=FUTURE, DateTime=Moment("2026-05-05"))
    )
    assert resource["date"] == "2026-05-05"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"ProcedureStartDate": PAST}, "completed"),
        ({"ProcedureStartDate": PAST, "ProcedureEndDate": PAST}, "completed"),
        ({"ProcedureStartDate": PAST, "ProcedureEndDate": FUTURE}, "in-progress"),
        ({}, "unknown"),
    ],
)
def test_the_status_of_a_procedure_follows_its_dates(
    translator: Translator, noon: Context, values: dict[str, Any], status: str
) -> None:
    (resource,) = write(translator, noon, block("Procedure", ProcedureType=code("1"), **values))
    assert (resource["resourceType"], resource["status"]) == ("Procedure", status)


def test_who_asked_for_a_procedure_stands_in_the_request_that_it_is_based_on(
    translator: Translator, noon: Context
) -> None:
    procedure = block(
        "Procedure", ProcedureType=code("1"), ProcedureStartDate=PAST, Requester=[Ref("HealthProfessional/1")]
    )
    doctor = block("HealthProfessional", Specialty=Code("0320", "2.16.840.1.113883.2.4.6.7"))
    resources = write(translator, noon, procedure, doctor)
    event, request = resources[:2]
    assert kinds([event, request]) == ["Procedure", "ServiceRequest"]
    assert event["basedOn"] == [
        {"reference": f"ServiceRequest/{request['id']}", "type": "ServiceRequest", "display": "display of 1"}
    ]
    again = [each for each in back(translator, noon, procedure, doctor) if each.type == "Procedure"]
    assert len(again) == 1
    assert again[0].values["Requester"][0].key.startswith("HealthProfessional/")


def test_a_device_of_a_procedure_that_was_asked_for_is_its_device_once(
    translator: Translator, noon: Context
) -> None:
    """It points back at the procedure; when it points at the request too, both are one block."""
    procedure = block(
        "Procedure",
        ProcedureType=code("1"),
        ProcedureStartDate=PAST,
        Requester=[Ref("HealthProfessional/1")],
        MedicalDevice=[Ref("MedicalDevice/1"), Ref("MedicalDevice/2")],
    )
    doctor = block("HealthProfessional", Specialty=Code("0320", "2.16.840.1.113883.2.4.6.7"))
    devices = [block("MedicalDevice", f"MedicalDevice/{i}", Comment=Text("x")) for i in (1, 2)]
    resources = write(translator, noon, procedure, doctor, *devices)
    (request,) = [each for each in resources if each["resourceType"] == "ServiceRequest"]
    for use in [each for each in resources if each["resourceType"] == "DeviceUseStatement"]:
        assert [ref["type"] for ref in use["derivedFrom"]] == ["Procedure"]
        use["derivedFrom"].append({"reference": f"ServiceRequest/{request['id']}"})
    data = fhir_json.encode(bundle(resources, noon.base), "r4")
    read = translator.read(data, noon, "fhir-r4").blocks
    (again,) = [each for each in read if each.type == "Procedure"]
    assert [ref.key for ref in again.values["MedicalDevice"]] == [
        each.key for each in read if each.type == "MedicalDevice"
    ]


def test_parties_of_a_directive_are_told_apart_by_what_they_are(
    translator: Translator, noon: Context
) -> None:
    directive = block(
        "TreatmentDirective2",
        TreatmentDecision=Code("1", "2.16.840.1.113883.2.4.3.11.60.40.4.25.1", "Anders"),
        SpecificationOther=Text("ask the partner first"),
        MostRecentReviewDate=PAST,
        AdvanceDirective=[Ref("AdvanceDirective/1"), Ref("AdvanceDirective/2")],
        AgreementParty=[{"Patient": Ref("Patient/1")}, {"Representative": Ref("ContactPerson/1")}],
    )
    others = [
        block("Patient", PatientIdentificationNumber=[Identifier("x1", "2.16.840.1.113883.2.4.99")]),
        block(
            "ContactPerson", Subject=Ref("Patient/1"), Role=[Code("01", "2.16.840.1.113883.2.4.3.11.22.472")]
        ),
        block("AdvanceDirective", LivingWillDate=PAST),
        block("AdvanceDirective", "AdvanceDirective/2", LivingWillDate=PAST),
    ]
    consent = write(translator, noon, directive, *others)[0]
    assert "type" not in consent["provision"]
    assert consent["sourceReference"]["reference"].startswith("Consent/")
    again = next(
        each for each in back(translator, noon, directive, *others) if each.type == "TreatmentDirective2"
    )
    assert again.values["TreatmentDecision"] == directive.values["TreatmentDecision"]
    assert len(again.values["AdvanceDirective"]) == 2
    first, second = again.values["AgreementParty"]
    assert set(first) == {"Patient"}
    assert set(second) == {"Representative"}


def test_the_reason_of_an_encounter_is_a_reference_or_a_text(translator: Translator, noon: Context) -> None:
    encounter = block(
        "Encounter",
        ContactType=Code("AMB", "2.16.840.1.113883.5.4"),
        StartDateTime=PAST,
        ContactReason=[
            {"Problem": Ref("Problem/1"), "CommentContactReason": Text("since May")},
            {"Procedure": Ref("Procedure/1")},
            {"DeviatingResult": Text("low sodium")},
        ],
    )
    others = [block("Problem", ProblemName=code("1")), block("Procedure", ProcedureType=code("2"))]
    resource = write(translator, noon, encounter, *others)[0]
    assert resource["status"] == "finished"
    assert [each["type"] for each in resource["reasonReference"]] == ["Condition", "Procedure"]
    assert resource["reasonCode"] == [{"text": "low sodium"}]
    again = next(each for each in back(translator, noon, encounter, *others) if each.type == "Encounter")
    assert [set(each) for each in again.values["ContactReason"]] == [
        {"Problem", "CommentContactReason"},
        {"Procedure"},
        {"DeviatingResult"},
    ]


@pytest.mark.parametrize(
    ("kind", "concept", "profile"),
    [
        ("HearingFunction", "HearingAid", "nl-core-HearingFunction.HearingAid"),
        ("Wound", "Drain", "nl-core-Wound.Drain"),
        ("Mobility", "MedicalDevice", "nl-core-MedicalDevice"),
    ],
)
def test_a_device_claims_the_profile_of_what_refers_to_it_and_points_back(
    translator: Translator, noon: Context, kind: str, concept: str, profile: str
) -> None:
    many = concept != "Drain"
    ref: Any = [Ref("MedicalDevice/1")] if many else Ref("MedicalDevice/1")
    device = block("MedicalDevice", Product={"ProductType": code("1")})
    user = block(kind, **{concept: ref, "Comment": Text("x")})
    resources = write(translator, noon, device, user)
    assert profiles(resources)[:2] == [profile, f"{profile}.Product"]
    assert resources[0]["reasonReference"][0]["reference"].endswith(resources[2]["id"])
    again = {each.type: each.values for each in back(translator, noon, device, user)}
    found = again[kind][concept]
    assert (found[0] if many else found).key.startswith("MedicalDevice/")
    assert "Indication" not in again["MedicalDevice"]


def test_what_is_aimed_at_stands_in_the_goal_and_not_in_an_observation(
    translator: Translator, noon: Context
) -> None:
    goal = block("TreatmentObjective", DesiredHealthCondition=Ref("FunctionalOrMentalStatus/1"))
    status = block("FunctionalOrMentalStatus", StatusName=code("1"), StatusValue=code("2"), StatusDate=FUTURE)
    (resource,) = write(translator, noon, goal, status)
    assert resource["target"][0]["measure"]["coding"][0]["code"] == "1"
    assert resource["description"] == {"text": "display of 1 display of 2"}
    again = {each.type: each.values for each in back(translator, noon, goal, status)}
    assert again["FunctionalOrMentalStatus"]["StatusValue"] == code("2")
    assert again["TreatmentObjective"]["DesiredHealthCondition"].key.startswith("FunctionalOrMentalStatus/")


@pytest.mark.parametrize("series", [{}, {"Interval": Quantity("8", "uur", "h")}])
def test_the_bounds_of_an_intervention_are_said_of_a_series_too(
    translator: Translator, noon: Context, series: dict[str, Any]
) -> None:
    planned = block("NursingIntervention", ProcedureStartDateTime=PAST, ProcedureEndDateTime=FUTURE, **series)
    (plan,) = write(translator, noon, planned)
    (activity,) = plan["activity"]
    bounds = activity["detail"].get("scheduledTiming", {}).get("repeat", {}).get("boundsPeriod")
    assert bounds == ({"start": PAST.value, "end": FUTURE.value} if series else None)
    (again,) = back(translator, noon, planned)
    assert again.values["ProcedureEndDateTime"] == FUTURE


def test_a_period_of_collection_is_a_period_and_a_length(translator: Translator, noon: Context) -> None:
    period = {"StartDateTime": PAST, "Duration": Quantity("24", "uur", "h")}
    specimen_of = {"SpecimenMaterial": code("3"), "CollectionPeriod": period}
    result = block("LaboratoryTestResult", LaboratoryTest=[sodium()], Specimen=specimen_of)
    resources = write(translator, noon, result)
    (specimen,) = (each for each in resources if each["resourceType"] == "Specimen")
    assert specimen["collection"]["collectedPeriod"] == {"start": PAST.value}
    assert specimen["collection"]["duration"]["code"] == "h"
    (again,) = back(translator, noon, result)
    assert again.values["Specimen"]["CollectionPeriod"] == period


def sodium(status: str = "") -> dict[str, Any]:
    test: dict[str, Any] = {
        "TestCode": Code("2947-0", LOINC),
        "TestResult": Quantity("138", "mmol/l", "mmol/l"),
    }
    return test | (
        {"TestResultStatus": Code(status, "2.16.840.1.113883.2.4.3.11.60.40.4.16.1")} if status else {}
    )


def test_one_test_is_one_observation(translator: Translator, noon: Context) -> None:
    result = block(
        "LaboratoryTestResult",
        LaboratoryTest=[
            sodium() | {"ResultInterpretation": Text("as before"), "ResultFlags": [code("281302008")]}
        ],
        ResultStatus=Code("final", "2.16.840.1.113883.2.4.3.11.60.40.4.16.1"),
        ResultType=code("275711006"),
    )
    (resource,) = write(translator, noon, result)
    assert resource["status"] == "final"
    assert [each["coding"][0]["code"] for each in resource["category"]] == ["laboratory", "275711006"]
    (again,) = back(translator, noon, result)
    (test,) = again.values["LaboratoryTest"]
    assert test["ResultInterpretation"] == Text("as before")
    assert test["ResultFlags"] == [code("281302008")]
    assert again.values["ResultType"] == code("275711006")


def test_a_panel_is_an_observation_with_its_tests_as_members(translator: Translator, noon: Context) -> None:
    final = Code("final", "2.16.840.1.113883.2.4.3.11.60.40.4.16.1")
    result = block(
        "LaboratoryTestResult",
        PanelOrBattery=Code("24360-0", LOINC),
        ResultStatus=final,
        LaboratoryTest=[sodium("preliminary"), {"TestCode": Code("718-7", LOINC)}],
        Specimen={"SpecimenMaterial": code("87612001")},
    )
    panel, first, second, specimen = write(translator, noon, result)
    assert [each["reference"] for each in panel["hasMember"]] == [
        f"Observation/{first['id']}",
        f"Observation/{second['id']}",
    ]
    assert (panel["status"], first["status"], second["status"]) == ("final", "preliminary", "final")
    assert {each["specimen"]["reference"] for each in (panel, first, second)} == {
        f"Specimen/{specimen['id']}"
    }
    (again,) = back(translator, noon, result)
    assert again.values["PanelOrBattery"] == Code("24360-0", LOINC)
    assert [each["TestCode"].code for each in again.values["LaboratoryTest"]] == ["2947-0", "718-7"]
    assert again.values["ResultStatus"].code == "final"


def test_an_organism_and_the_material_that_it_comes_from_are_two_specimens(
    translator: Translator, noon: Context
) -> None:
    result = block(
        "LaboratoryTestResult",
        LaboratoryTest=[sodium()],
        Specimen={
            "SpecimenMaterial": code("1"),
            "Microorganism": code("2"),
            "SpecimenSource": Text("catheter tip"),
            "SpecimenId": [Identifier("m1", "2.16.840.1.113883.2.4.99")],
        },
    )
    observation, material, organism, source = write(translator, noon, result)
    assert observation["specimen"]["reference"] == f"Specimen/{organism['id']}"
    assert organism["parent"][0]["reference"] == f"Specimen/{material['id']}"
    assert material["subject"]["reference"] == f"Device/{source['id']}"
    (again,) = back(translator, noon, result)
    assert again.values["Specimen"] == result.values["Specimen"]


def test_wounds_of_two_kinds_share_the_profiles_of_what_is_seen(
    translator: Translator, noon: Context
) -> None:
    wound = block("Wound", WoundType=code("1"), WoundLength=Quantity("5", "cm", "cm"))
    burn = block("Burnwound", Depth=code("2"), DateOfLastDressingChange=PAST)
    again = {each.type: each.values for each in back(translator, noon, wound, burn)}
    assert again == {"Wound": wound.values, "Burnwound": burn.values}


def test_a_soap_line_is_a_section_and_an_observation(translator: Translator, noon: Context) -> None:
    lines = [
        {"SOAPLineHeader": code("255362007"), "SOAPLineText": Text("tired")},
        {"SOAPLineHeader": code("129265001"), "SOAPLineText": Text("anaemia"), "SOAPLineCode": code("3")},
    ]
    report = block("SOAPReport", SOAPReportDateTime=Moment("2026-06-01"), SOAPLine=lines)
    composition, first, second = write(translator, noon, report)
    assert [each["entry"][0]["reference"] for each in composition["section"]] == [
        f"Observation/{first['id']}",
        f"Observation/{second['id']}",
    ]
    (again,) = back(translator, noon, report)
    assert again.values["SOAPLine"] == lines


def test_adaptions_of_a_house_are_members_of_the_living_situation(
    translator: Translator, noon: Context
) -> None:
    living = block(
        "LivingSituation", HomeAdaption=[code("1"), code("2")], HouseType=code("3"), Comment=Text("stairs")
    )
    resources = write(translator, noon, living)
    assert len(resources[0]["hasMember"]) == 3
    (again,) = back(translator, noon, living)
    assert again.values == living.values


def test_a_quantity_gets_its_unit_only_when_it_has_none(translator: Translator, noon: Context) -> None:
    def distance(value: Quantity) -> dict[str, Any]:
        (resource,) = write(translator, noon, block("VisualAcuity", DistanceFromChart=value))
        return {name: str(each) for name, each in resource["component"][0]["valueQuantity"].items()}

    assert distance(Quantity("5")) == {
        "value": "5",
        "unit": "m",
        "system": "http://unitsofmeasure.org",
        "code": "m",
    }
    assert distance(Quantity("500", "cm", "cm"))["code"] == "cm"


def test_a_product_number_is_also_its_udi_with_the_system_as_issuer(
    translator: Translator, noon: Context
) -> None:
    device = block("MedicalDevice", Product={"ProductID": Code("(01)0802", "1.3.160")})
    _, product = write(translator, noon, device)
    assert product["udiCarrier"] == [{"issuer": "https://www.gs1.org/gtin", "carrierHRF": "(01)0802"}]
    (again,) = back(translator, noon, device)
    assert again.values["Product"] == device.values["Product"]


def test_an_alert_without_a_name_says_that_a_name_does_not_apply(
    translator: Translator, noon: Context
) -> None:
    alert = block("Alert", Condition=Ref("Problem/1"), EndDateTime=PAST)
    problem = block("Problem", ProblemName=code("1"))
    flag = write(translator, noon, alert, problem)[0]
    assert flag["status"] == "inactive"
    assert flag["code"]["coding"][0]["code"] == "not-applicable"
    again = next(each for each in back(translator, noon, alert, problem) if each.type == "Alert")
    assert "AlertName" not in again.values


@pytest.mark.parametrize(
    ("status", "element"), [("active", "clinicalStatus"), ("nullified", "verificationStatus")]
)
def test_the_status_of_an_allergy_is_clinical_or_of_its_verification(
    translator: Translator, noon: Context, status: str, element: str
) -> None:
    allergy = block("AllergyIntolerance", AllergyStatus=Code(status, "2.16.840.1.113883.5.14"))
    (resource,) = write(translator, noon, allergy)
    assert {"clinicalStatus", "verificationStatus"} & set(resource) == {element}
    (again,) = back(translator, noon, allergy)
    assert again.values["AllergyStatus"].code == status


def test_a_second_place_that_says_the_same_is_accounted_for(translator: Translator, noon: Context) -> None:
    device = block(
        "MedicalDevice", Product={"ProductID": Code("(01)0802", "1.3.160")}, Subject=Ref("Patient/1")
    )
    patient = block("Patient", PatientIdentificationNumber=[Identifier("x1", "2.16.840.1.113883.2.4.99")])
    data = fhir_json.encode(bundle(write(translator, noon, device, patient), noon.base), "r4")
    read = translator.read(data, noon, "fhir-r4")
    lines = translator.write(read, "fhir-r4", noon).account.lines()
    assert [line.place for line in lines if line.state == "not representable"] == []
