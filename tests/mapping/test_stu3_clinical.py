"""FHIR STU3, zib 2017: what is special in the clinical mappings."""

from typing import Any

import pytest

from gateway.blocks.values import Absent, Block, Boolean, Code, Identifier, Moment, Quantity, Ref, Text
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle

SNOMED = "2.16.840.1.113883.6.96"
LOINC = "2.16.840.1.113883.6.1"
NULL_FLAVOR = "2.16.840.1.113883.5.1008"
ACT_STATUS = "2.16.840.1.113883.5.14"
RESULT_STATUS = "2.16.840.1.113883.2.4.3.11.60.40.4.16.1"
NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

Resources = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def block(kind: str, **values: Any) -> Block:
    return Block(kind, "2017", f"{kind}/1", {"Subject": Ref("Patient/1"), **values})


PATIENT = Block("Patient", "2017", "Patient/1", {"DateOfBirth": Moment("1970-01-01")})


def write(translator: Translator, context: Context, *blocks: Block) -> Resources:
    """The resources by type."""
    found: Resources = {}
    for resource in translator.write_blocks([PATIENT, *blocks], "fhir-stu3", context, "seed").resources:
        found.setdefault(resource["resourceType"], []).append(resource)
    return found


def back(translator: Translator, context: Context, *blocks: Block) -> dict[str, list[Block]]:
    """The blocks by type after a trip through FHIR."""
    resources = translator.write_blocks([PATIENT, *blocks], "fhir-stu3", context, "seed").resources
    data = fhir_json.encode(bundle(resources, context.base), "stu3")
    found: dict[str, list[Block]] = {}
    for each in translator.read(data, context, "fhir-stu3").blocks:
        found.setdefault(each.type, []).append(each)
    return found


def a_test(code: str, value: str) -> dict[str, Any]:
    return {
        "TestCode": Code(code, LOINC, "a test"),
        "TestResult": Quantity(value, "mmol/L", "mmol/L"),
        "TestResultStatus": Code("final", RESULT_STATUS, "Definitief"),
    }


def lab(**values: Any) -> Block:
    tests = [a_test("2947-0", "138"), a_test("2823-3", "4.10")]
    kind = Code("275711006", SNOMED, "Klinische chemie")
    return block(
        "LaboratoryTestResult",
        IdentificationNumber=[Identifier("lab-1", "1.2.3")],
        LaboratoryTest=tests,
        ResultType=kind,
        **values,
    )


def test_a_panel_has_its_tests_as_members_and_is_one_block_again(
    translator: Translator, noon: Context
) -> None:
    panel = lab(
        PanelOrBattery=Code("55231-5", LOINC, "Elektrolyten"), ResultStatus=Code("final", RESULT_STATUS)
    )
    observations = write(translator, noon, panel)["Observation"]
    (whole,) = [each for each in observations if "related" in each]
    members = {each["target"]["reference"] for each in whole["related"]}
    assert {each["type"] for each in whole["related"]} == {"has-member"}
    assert members == {f"Observation/{each['id']}" for each in observations if each is not whole}
    assert [len(each["category"]) for each in observations if each is not whole] == [1, 1]
    (again,) = back(translator, noon, panel)["LaboratoryTestResult"]
    assert [test["TestResult"].value for test in again.values["LaboratoryTest"]] == ["138", "4.10"]
    assert again.values["PanelOrBattery"].code == "55231-5"
    assert "RelatedResult" not in again.values


def test_tests_without_a_panel_say_themselves_what_the_whole_says(
    translator: Translator, noon: Context
) -> None:
    requester = Block(
        "HealthProfessional",
        "2017",
        "HealthProfessional/1",
        {"Specialty": Code("0100", "2.16.840.1.113883.2.4.15.111")},
    )
    found = write(translator, noon, lab(Requester=Ref("HealthProfessional/1")), requester)
    for observation in found["Observation"]:
        assert observation["identifier"][0]["value"] == "lab-1"
        assert observation["category"][1]["coding"][0]["code"] == "275711006"
        assert (
            observation["basedOn"][0]["reference"] == f"ProcedureRequest/{found['ProcedureRequest'][0]['id']}"
        )


def test_the_organism_and_its_material_are_two_specimens(translator: Translator, noon: Context) -> None:
    specimen = {
        "SpecimenMaterial": Code("87612001", SNOMED, "Bloed"),
        "Microorganism": Code("3092008", SNOMED, "Staphylococcus aureus"),
        "CollectionDateTime": Moment("2026-05-12T08:15"),
    }
    found = write(translator, noon, lab(Specimen=specimen))
    isolate = next(each for each in found["Specimen"] if "parent" in each)
    material = next(each for each in found["Specimen"] if "parent" not in each)
    assert isolate["type"]["coding"][0]["code"] == "3092008"
    assert isolate["parent"][0]["reference"] == f"Specimen/{material['id']}"
    assert {each["specimen"]["reference"] for each in found["Observation"]} == {f"Specimen/{isolate['id']}"}


def professional(role: str) -> Block:
    values = {
        "HealthProfessionalIdentificationNumber": [Identifier("12345678", "2.16.840.1.113883.2.4.6.1")],
        "HealthProfessionalRole": Code(role, "2.16.840.1.113883.5.90", "a role"),
    }
    return Block("HealthProfessional", "2017", "HealthProfessional/1", values)


def encounter(**values: Any) -> Block:
    start = Moment("2026-06-01T10:00")
    return block("Encounter", ContactType=Code("IMP", "2.16.840.1.113883.5.4"), StartDateTime=start, **values)


def test_the_role_of_a_professional_stands_at_the_contact_and_comes_back(
    translator: Translator, noon: Context
) -> None:
    contact = encounter(ContactWith=[Ref("HealthProfessional/1")])
    ((resource,)) = write(translator, noon, contact, professional("RESP"))["Encounter"]
    (participant,) = resource["participant"]
    assert participant["type"][0]["coding"][0]["code"] == "RESP"
    assert participant["individual"]["reference"].startswith("Practitioner/")
    ((again,)) = back(translator, noon, contact, professional("RESP"))["HealthProfessional"]
    assert again.values["HealthProfessionalRole"].code == "RESP"


def test_problem_and_procedure_of_one_contact_are_told_apart(translator: Translator, noon: Context) -> None:
    problem = block("Problem", ProblemName=Code("267036007", SNOMED, "dyspneu"))
    procedure = block("Procedure", ProcedureType=Code("73761001", SNOMED, "coloscopie"))
    contact = encounter(ContactReason={"Problem": Ref("Problem/1"), "Procedure": Ref("Procedure/1")})
    ((resource,)) = write(translator, noon, contact, problem, procedure)["Encounter"]
    assert len(resource["diagnosis"]) == 2
    ((again,)) = back(translator, noon, contact, problem, procedure)["Encounter"]
    assert again.values["ContactReason"]["Problem"].key.startswith("Problem/")
    assert again.values["ContactReason"]["Procedure"].key.startswith("Procedure/")


def test_a_contact_type_in_words_keeps_its_words(translator: Translator, noon: Context) -> None:
    contact = encounter()
    contact.values["ContactType"] = Code("OTH", NULL_FLAVOR, "Anders", text="Huisarts")
    ((resource,)) = write(translator, noon, contact)["Encounter"]
    assert resource["class"]["code"] == "OTH"
    ((again,)) = back(translator, noon, contact)["Encounter"]
    assert again.values["ContactType"].text == "Huisarts"


def test_a_planned_contact_is_an_appointment_with_the_status_of_its_order(
    translator: Translator, noon: Context
) -> None:
    order = block(
        "PlannedCareActivity",
        OrderStatus=Code("new", ACT_STATUS, "Ordered"),
        OrderType=Code("308335008", SNOMED),
        StartDate=Moment("2026-07-08"),
        Appointment=Ref("Encounter/1"),
    )
    found = write(translator, noon, encounter(), order)
    assert "Encounter" not in found
    ((appointment,)) = found["Appointment"]
    assert (appointment["status"], appointment["start"]) == ("proposed", "2026-07-08T00:00:00+02:00")
    assert {each["status"] for each in appointment["participant"]} == {"accepted"}
    again = back(translator, noon, encounter(), order)
    ((plan,)) = again["PlannedCareActivity"]
    assert plan.values["OrderStatus"].code == "new"
    assert plan.values["Appointment"].key == again["Encounter"][0].key


def test_a_planned_procedure_is_only_a_request(translator: Translator, noon: Context) -> None:
    kind = Code("73761001", SNOMED, "coloscopie")
    planned = block("Procedure", ProcedureType=kind, ProcedureStartDate=Moment("2026-07-02"))
    found = write(translator, noon, planned)
    assert "Procedure" not in found
    assert [(each["status"], each["intent"]) for each in found["ProcedureRequest"]] == [("active", "plan")]
    ((again,)) = back(translator, noon, planned)["Procedure"]
    assert again.values["ProcedureStartDate"].value == "2026-07-02"
    assert "PlannedCareActivity" not in back(translator, noon, planned)


def test_location_and_performers_stand_side_by_side_and_come_back_as_such(
    translator: Translator, noon: Context
) -> None:
    clinic = Block(
        "HealthcareProvider", "2017", "HealthcareProvider/1", {"OrganizationName": Text("Kliniek")}
    )
    done = block(
        "Procedure",
        ProcedureType=Code("73761001", SNOMED, "coloscopie"),
        ProcedureLaterality=Code("7771000", SNOMED, "Links"),
        Location=Ref("HealthcareProvider/1"),
        Performer=[Ref("HealthProfessional/1")],
    )
    ((resource,)) = write(translator, noon, done, clinic, professional("PRF"))["Procedure"]
    kinds = sorted(each["actor"]["reference"].partition("/")[0] for each in resource["performer"])
    assert kinds == ["Organization", "Practitioner"]
    assert resource["category"]["extension"] == [{"url": ABSENT, "valueCode": "unknown"}]
    assert "coding" not in resource["bodySite"][0]
    ((again,)) = back(translator, noon, done, clinic, professional("PRF"))["Procedure"]
    assert again.values["Location"].key.startswith("HealthcareProvider/")
    assert [each.key.partition("/")[0] for each in again.values["Performer"]] == ["HealthProfessional"]
    assert again.values["ProcedureLaterality"].code == "7771000"


def test_an_alert_that_is_a_problem_has_no_name_of_its_own(translator: Translator, noon: Context) -> None:
    problem = block("Problem", ProblemName=Code("48867003", SNOMED, "bradycardie"))
    alert = block("Alert", Condition=Ref("Problem/1"))
    ((resource,)) = write(translator, noon, alert, problem)["Flag"]
    assert resource["code"]["text"] == "Zie probleem"
    ((again,)) = back(translator, noon, alert, problem)["Alert"]
    assert "AlertName" not in again.values


def test_another_alert_in_words_is_not_taken_for_that(translator: Translator, noon: Context) -> None:
    alert = block("Alert", AlertName=Code("OTH", NULL_FLAVOR, "Anders", text="Bijt"))
    ((again,)) = back(translator, noon, alert)["Alert"]
    assert again.values["AlertName"].text == "Bijt"


def test_a_directive_says_why_it_was_not_verified_and_refers_to_all_its_sources(
    translator: Translator, noon: Context
) -> None:
    wills = [
        Block("AdvanceDirective", "2017", f"AdvanceDirective/{i}", {"LivingWillDate": Absent("ASKU")})
        for i in "123"
    ]
    directive = block(
        "TreatmentDirective",
        Verification=[{"Verified": Absent("NI")}, {"Verified": Boolean(False)}],
        AdvanceDirective=[Ref(each.key) for each in wills],
    )
    consents = write(translator, noon, directive, *wills)["Consent"]
    (resource,) = [each for each in consents if "sourceReference" in each]
    extensions = [each["url"].removeprefix(NICTIZ) for each in resource["extension"]]
    assert extensions.count("zib-TreatmentDirective-Verification") == 2
    assert extensions.count("consent-additionalSources") == 2
    verified = resource["extension"][0]["extension"][0]
    assert verified == {
        "url": "Verified",
        "_valueBoolean": {"extension": [{"url": ABSENT, "valueCode": "unknown"}]},
    }
    assert consents[1]["_dateTime"] == {"extension": [{"url": ABSENT, "valueCode": "asked-unknown"}]}
    again = back(translator, noon, directive, *wills)
    assert len(again["TreatmentDirective"][0].values["AdvanceDirective"]) == 3
    assert again["AdvanceDirective"][0].values["LivingWillDate"].reason == "ASKU"


def test_the_number_of_a_device_is_not_that_of_its_record(translator: Translator, noon: Context) -> None:
    device = block(
        "MedicalDevice",
        IdentificationNumber=[Identifier("use-1", "1.2.3")],
        Product={"ProductID": Code("9321502032612", "1.3.160"), "ProductType": Code("360283003", SNOMED)},
    )
    found = write(translator, noon, device)
    assert found["Device"][0]["udi"] == {"carrierHRF": "9321502032612"}
    assert found["DeviceUseStatement"][0]["device"]["reference"] == f"Device/{found['Device'][0]['id']}"
    ((again,)) = back(translator, noon, device)["MedicalDevice"]
    assert (again.values["Product"]["ProductID"].code, again.values["Product"]["ProductID"].system) == (
        "9321502032612",
        "1.3.160",
    )
    assert [each.value for each in again.values["IdentificationNumber"]] == ["use-1"]


def test_a_wish_to_vaccinate_again_is_a_recommendation(translator: Translator, noon: Context) -> None:
    given = block(
        "Vaccination",
        ProductCode=Code("J07BC01", "2.16.840.1.113883.6.73", "Hepatitis B"),
        VaccinationDate=Moment("2026-01-02"),
        PreferedDateForRevaccination=Moment("2026-09-02"),
    )
    found = write(translator, noon, given)
    (advice,) = found["ImmunizationRecommendation"][0]["recommendation"]
    assert (
        advice["supportingImmunization"][0]["reference"] == f"Immunization/{found['Immunization'][0]['id']}"
    )
    ((again,)) = back(translator, noon, given)["Vaccination"]
    assert again.values["PreferedDateForRevaccination"].value == "2026-09-02"
    assert again.values["VaccinationDate"].value == "2026-01-02"


def test_what_was_given_stays_when_it_is_planned_again(translator: Translator, noon: Context) -> None:
    given = block(
        "Vaccination",
        ProductCode=Code("J07BC01", "2.16.840.1.113883.6.73", "Hepatitis B"),
        VaccinationDate=Moment("2026-01-02"),
    )
    plan = block(
        "PlannedCareActivity",
        Vaccination=Ref("Vaccination/1"),
        OrderStatus=Code("385644000", SNOMED, "Aangevraagd"),
        StartDate=Moment("2026-09-01"),
    )
    found = write(translator, noon, given, plan)
    assert found["Immunization"][0]["date"] == "2026-01-02"
    (advice,) = found["ImmunizationRecommendation"][0]["recommendation"]
    assert advice["dateCriterion"][0]["value"] == "2026-09-01"
    assert "date" not in advice, "the date on which it was given is not the one that is preferred"
    assert advice["_date"]["extension"][0]["valueCode"] == "unknown"
    again = back(translator, noon, given, plan)
    assert again["Vaccination"][0].values["VaccinationDate"].value == "2026-01-02"
    ((planned,)) = again["PlannedCareActivity"]
    assert planned.values["Vaccination"].key == again["Vaccination"][0].key
    assert planned.values["OrderStatus"].code == "385644000"


@pytest.mark.parametrize(("position", "code"), [("10904000", "8308-9"), ("102538003", "8306-3")])
def test_the_position_of_a_body_height_is_a_second_coding(
    translator: Translator, noon: Context, position: str, code: str
) -> None:
    height = block(
        "BodyHeight", HeightValue=Quantity("183", "cm", "cm"), Position=Code(position, SNOMED, "a position")
    )
    ((resource,)) = write(translator, noon, height)["Observation"]
    assert [each["code"] for each in resource["code"]["coding"]] == ["8302-2", code]
    ((again,)) = back(translator, noon, height)["BodyHeight"]
    assert (again.values["Position"].code, again.values["Position"].system) == (position, SNOMED)
