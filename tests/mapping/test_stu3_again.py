"""In its own format an STU3 resource is itself again; what acts say of one block stays with each."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gateway.blocks.values import Block
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Read, Translator, bundle

NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
NL_CORE = "http://fhir.nl/fhir/StructureDefinition/"
ROLE = f"{NICTIZ}practitionerrole-reference"
PARTICIPATION = "http://hl7.org/fhir/v3/ParticipationType"
CRITERION = "http://hl7.org/fhir/immunization-recommendation-date-criterion"
SCT = "http://snomed.info/sct"
Tree = dict[str, Any]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def resource(kind: str, name: str, profile: str, /, **members: Any) -> Tree:
    url = profile if "://" in profile else f"{NICTIZ}{profile}"
    return {"resourceType": kind, "id": name, "meta": {"profile": [url]}, **members}


def concept(code: str, system: str = SCT, **more: Any) -> Tree:
    return {"coding": [{"system": system, "code": code, **more}]}


def number(value: str, system: str = "urn:oid:2.999.1") -> Tree:
    return {"system": system, "value": value}


def read(translator: Translator, noon: Context, *resources: Tree) -> Read:
    tree = bundle(copy.deepcopy(list(resources)), "https://epd.example/fhir")
    return translator.read(fhir_json.encode(tree, "stu3"), noon, "fhir-stu3")


def blocks(found: Read, kind: str) -> list[Block]:
    return [block for block in found.blocks if block.type == kind]


def again(translator: Translator, noon: Context, *resources: Tree) -> list[Tree]:
    """The resources after a trip through blocks; nothing of them may be unaccounted for."""
    found = read(translator, noon, *resources)
    written = translator.write(found, "fhir-stu3", noon)
    lost = [line.place for line in written.account.lines() if line.state == "not representable"]
    assert lost == []
    order = [f"{each['resourceType']}/{each['id']}" for each in resources]
    return sorted(written.resources, key=lambda each: order.index(f"{each['resourceType']}/{each['id']}"))


PRACTITIONER = resource(
    "Practitioner", "p", f"{NL_CORE}nl-core-practitioner", name=[{"family": "Bos"}], identifier=[number("1")]
)
PRACTITIONER_ROLE = resource(
    "PractitionerRole",
    "r",
    f"{NL_CORE}nl-core-practitionerrole",
    identifier=[number("2")],
    practitioner={"reference": "Practitioner/p"},
    specialty=[concept("01.015", "http://fhir.nl/fhir/NamingSystem/uzi-rolcode")],
)
ORGANIZATION = resource(
    "Organization", "o", f"{NL_CORE}nl-core-organization", identifier=[number("3")], name="Orthopedie - UMC"
)


def beside(literal: str = "Practitioner/p", role: str = "PractitionerRole/r", **more: Any) -> Tree:
    return {
        "extension": [{"url": ROLE, "valueReference": {"reference": role, "display": "huisarts"}}],
        "reference": literal,
        **more,
    }


def act(name: str, *performers: Tree) -> Tree:
    code, performed = concept("60159002"), {"start": "2012-06-05"}
    return resource(
        "Procedure",
        name,
        "zib-Procedure",
        status="completed",
        category=concept("387713003"),
        code=code,
        performedPeriod=performed,
        performer=list(performers),
    )


def in_role(code: str) -> Tree:
    return {"actor": beside(), "role": concept(code, PARTICIPATION)}


def test_a_professional_has_the_role_of_each_act(translator: Translator, noon: Context) -> None:
    acts = [act("a", in_role("RESP")), act("b", in_role("REF")), act("c", {"actor": beside()})]
    sent = [PRACTITIONER, PRACTITIONER_ROLE, *acts]
    found = read(translator, noon, *sent)
    by_key = {block.key: block for block in found.blocks}
    roles = []
    for procedure in blocks(found, "Procedure"):
        (ref,) = procedure.values["Performer"]
        assert by_key[ref.key].values["NameInformation"]["LastName"]["LastName"].value == "Bos"
        role = by_key[ref.key].values.get("HealthProfessionalRole")
        roles.append(role.code if role else "")
    assert roles == ["RESP", "REF", ""]
    assert again(translator, noon, *sent) == sent


def test_one_person_in_two_roles_of_an_act_is_two_performers(translator: Translator, noon: Context) -> None:
    sent = [PRACTITIONER, PRACTITIONER_ROLE, act("a", in_role("RESP"), in_role("REF"))]
    assert len(blocks(read(translator, noon, *sent), "Procedure")[0].values["Performer"]) == 2
    assert again(translator, noon, *sent) == sent


def test_one_role_of_all_acts_is_that_of_the_professional(translator: Translator, noon: Context) -> None:
    sent = [PRACTITIONER, PRACTITIONER_ROLE, act("a", in_role("RESP")), act("b", in_role("RESP"))]
    (professional,) = blocks(read(translator, noon, *sent), "HealthProfessional")
    assert professional.values["HealthProfessionalRole"].code == "RESP"
    assert again(translator, noon, *sent) == sent


def test_a_reference_to_an_organization_with_a_role_beside_it_says_both(
    translator: Translator, noon: Context
) -> None:
    sent = [ORGANIZATION, PRACTITIONER, PRACTITIONER_ROLE, act("a", {"actor": beside("Organization/o")})]
    (procedure,) = blocks(read(translator, noon, *sent), "Procedure")
    assert procedure.values["Location"].key == "HealthcareProvider/o"
    assert [ref.key for ref in procedure.values["Performer"]] == ["HealthProfessional/r"]
    *_, came = again(translator, noon, *sent)
    place, performer = (each["actor"] for each in came["performer"])
    assert place == {"reference": "Organization/o"}
    (extension,) = performer["extension"]
    assert extension == beside()["extension"][0]


def test_a_role_that_is_nobodys_is_that_of_whom_it_stands_beside(
    translator: Translator, noon: Context
) -> None:
    nobodys = {**PRACTITIONER_ROLE, "id": "n"}
    del nobodys["practitioner"]
    sent = [PRACTITIONER, PRACTITIONER_ROLE, nobodys, act("a", {"actor": beside(role="PractitionerRole/n")})]
    found = read(translator, noon, *sent)
    (ref,) = blocks(found, "Procedure")[0].values["Performer"]
    (professional,) = (block for block in found.blocks if block.key == ref.key)
    assert ref.key == "HealthProfessional/n"
    assert professional.values["NameInformation"]["LastName"]["LastName"].value == "Bos"
    assert again(translator, noon, *sent) == sent


def test_a_role_of_another_person_stays_beside_the_one_that_is_referred_to(
    translator: Translator, noon: Context
) -> None:
    other = {
        **copy.deepcopy(PRACTITIONER),
        "id": "q",
        "name": [{"family": "Vos"}],
        "identifier": [number("9")],
    }
    sent = [PRACTITIONER, PRACTITIONER_ROLE, other, act("a", {"actor": beside("Practitioner/q")})]
    (ref,) = blocks(read(translator, noon, *sent), "Procedure")[0].values["Performer"]
    assert ref.key == "HealthProfessional/q"
    assert again(translator, noon, *sent) == sent


def tube(name: str, start: str) -> Tree:
    used: Tree = {"whenUsed": {"start": start}, "device": {"reference": "Device/d"}}
    return resource("DeviceUseStatement", name, "zib-FeedingTubeSystem", status="active", **used)


@pytest.mark.parametrize("second", ["2018-12-22", "2019-01-05"])
def test_two_feeding_tube_systems_with_one_device_have_their_own_start(
    translator: Translator, noon: Context, second: str
) -> None:
    device = resource("Device", "d", "zib-FeedingTubeSystem-Product", type=concept("281414004"))
    sent = [tube("a", "2018-12-22"), tube("b", second), device]
    found = read(translator, noon, *sent)
    by_key = {block.key: block for block in found.blocks}
    starts = [
        by_key[block.values["FeedingTube"].key].values["StartDate"].value
        for block in blocks(found, "FeedingTubeSystem")
    ]
    assert starts == ["2018-12-22", second]
    assert again(translator, noon, *sent) == sent


def test_an_organization_and_its_place_come_back_as_they_were(translator: Translator, noon: Context) -> None:
    place = resource(
        "Location",
        "l",
        f"{NL_CORE}nl-core-location",
        identifier=[number("4")],
        name="ACME",
        managingOrganization={"reference": "Organization/o"},
    )
    (provider,) = blocks(read(translator, noon, ORGANIZATION, place), "HealthcareProvider")
    assert provider.values["OrganizationLocation"].value == "ACME"
    assert again(translator, noon, ORGANIZATION, place) == [ORGANIZATION, place]


def test_a_report_and_its_test_keep_their_numbers_and_kind(translator: Translator, noon: Context) -> None:
    category = [concept("49581000146104"), concept("275711006")]
    test = resource(
        "Observation",
        "t",
        "zib-LaboratoryTestResult-Observation",
        identifier=[number("5")],
        status="final",
        category=category,
        code=concept("2069-3", "http://loinc.org"),
        valueQuantity={
            "value": 109,
            "unit": "mmol/l",
            "system": "http://unitsofmeasure.org",
            "code": "mmol/L",
        },
    )
    report = resource(
        "DiagnosticReport",
        "r",
        "zib-LaboratoryTestResult-DiagnosticReport",
        identifier=[number("6")],
        status="final",
        code=concept("624-7", "http://loinc.org"),
        result=[{"reference": "Observation/t"}],
    )
    assert len(blocks(read(translator, noon, report, test), "LaboratoryTestResult")) == 1
    came = again(translator, noon, report, test)
    assert [each["identifier"] for each in came] == [[number("6")], [number("5")]]
    assert came[1]["category"] == category
    assert came == [report, test]


def test_a_person_who_pays_and_is_a_resource_comes_back(translator: Translator, noon: Context) -> None:
    patient = resource("Patient", "x", f"{NL_CORE}nl-core-patient", gender="male")
    whose = {"reference": "Patient/x"}
    parts = {"BankName": "ING", "AccountNumber": "NL85INGB0001234567", "Bankcode": "INGBNL2A"}
    bank = {
        "url": f"{NICTIZ}zib-Payer-BankInformation",
        "extension": [{"url": url, "valueString": words} for url, words in parts.items()],
    }
    coverage = resource(
        "Coverage",
        "c",
        "zib-Payer",
        identifier=[number("7")],
        subscriber=whose,
        beneficiary=whose,
        payor=[{"extension": [bank], **whose, "display": "J. Bos"}],
    )
    (payer,) = blocks(read(translator, noon, patient, coverage), "Payer")
    assert payer.values["PayerPerson"]["PayerName"].value == "J. Bos"
    (known,) = payer.values["PayerPerson"]["BankInformation"]
    assert [known[each].value for each in ("BankName", "AccountNumber", "BankCode")] == list(parts.values())
    assert again(translator, noon, patient, coverage) == [patient, coverage]


def test_a_payer_of_whom_only_the_name_is_there_comes_back(translator: Translator, noon: Context) -> None:
    coverage = resource("Coverage", "c", "zib-Payer", identifier=[number("7")], payor=[{"display": "J. Bos"}])
    (payer,) = read(translator, noon, coverage).blocks
    assert payer.values["PayerPerson"] == {"PayerName": payer.values["PayerPerson"]["PayerName"]}
    assert again(translator, noon, coverage) == [coverage]


def test_what_an_unread_resource_contains_is_nobody_of_its_own(translator: Translator, noon: Context) -> None:
    inside = {"resourceType": "Practitioner", "id": "p1", "name": [{"family": "De Hoed"}]}
    letter = {
        "resourceType": "DocumentReference",
        "id": "d",
        "contained": [inside],
        "status": "current",
        "author": [{"reference": "#p1"}],
    }
    assert read(translator, noon, letter).blocks == []
    assert again(translator, noon, letter) == [letter]


def test_a_resolved_problem_is_resolved_again_and_inactive_elsewhere(
    translator: Translator, noon: Context
) -> None:
    original = {"url": f"{NICTIZ}code-specification", "valueCodeableConcept": concept("73425007")}
    for more in ({}, {"_clinicalStatus": {"extension": [original]}}):
        problem = resource(
            "Condition", "c", "zib-Problem", clinicalStatus="resolved", code=concept("21119008"), **more
        )
        assert again(translator, noon, problem) == [problem]
        (crossed,) = translator.write(read(translator, noon, problem), "fhir-r4", noon).resources
        assert crossed["clinicalStatus"]["coding"][0]["code"] == "inactive"


def test_a_frequency_with_a_most_goes_along(translator: Translator, noon: Context) -> None:
    repeat = {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}
    schedule = "http://hl7.org/fhir/StructureDefinition/procedure-schedule"
    nursing = resource(
        "Procedure",
        "n",
        "zib-NursingIntervention",
        extension=[{"url": schedule, "valueTiming": {"repeat": repeat}}],
        status="in-progress",
        category=concept("9632001"),
        code=concept("182531007"),
    )
    (block,) = read(translator, noon, nursing).blocks
    assert "NursingProcedure" not in block.values
    assert again(translator, noon, nursing) == [nursing]


def test_a_recommended_date_is_not_the_earliest(translator: Translator, noon: Context) -> None:
    status = {
        "url": f"{NICTIZ}zib-VaccinationRecommendation-OrderStatus",
        "valueCodeableConcept": concept("new", "http://hl7.org/fhir/v3/ActStatus"),
    }
    recommendation = {
        "date": "2019",
        "vaccineCode": concept("J06BB11", "http://www.whocc.no/atc"),
        "forecastStatus": concept(
            "due", "http://hl7.org/fhir/immunization-recommendation-status", display="Due"
        ),
        "dateCriterion": [{"code": concept("recommended", CRITERION), "value": "2018"}],
    }
    wish = resource(
        "ImmunizationRecommendation",
        "w",
        "zib-VaccinationRecommendation",
        extension=[status],
        recommendation=[recommendation],
    )
    (planned,) = blocks(read(translator, noon, wish), "PlannedCareActivity")
    assert planned.values["StartDate"].value == "2018"
    assert again(translator, noon, wish) == [wish]


RATE = {"value": 10, "unit": "ml/h", "system": "http://unitsofmeasure.org", "code": "mL/h"}


def test_a_rate_in_one_quantity_is_read_and_is_the_only_one_again(
    translator: Translator, noon: Context
) -> None:
    medicine = {"reference": "https://epd.example/fhir/Medication/1"}
    given = resource(
        "MedicationAdministration",
        "a",
        "zib-MedicationAdministration",
        status="completed",
        category=concept("18629005"),
        medicationReference=medicine,
        dosage={"rateQuantity": RATE},
    )
    agreed = resource(
        "MedicationRequest",
        "b",
        "zib-MedicationAgreement",
        intent="order",
        category=concept("16076005"),
        medicationReference=medicine,
        dosageInstruction=[{"rateQuantity": RATE}],
    )
    found = read(translator, noon, given, agreed)
    assert blocks(found, "MedicationAdministration")[0].values["AdministeringSpeed"].value == "10"
    assert again(translator, noon, given, agreed) == [given, agreed]


def test_words_and_flags_of_a_product_are_its_own(translator: Translator, noon: Context) -> None:
    code = {
        **concept("67903", "urn:oid:2.16.840.1.113883.2.4.4.7", display="PRIMPERAN", userSelected=True),
        "text": "PRIMPERAN",
    }
    product = resource("Medication", "m", "zib-Product", code=code)
    assert again(translator, noon, product) == [product]


def test_a_device_of_which_only_words_are_there_gets_no_code(translator: Translator, noon: Context) -> None:
    device = resource("Device", "d", "zib-MedicalDeviceProduct", type={"text": "stomazakje"})
    assert again(translator, noon, device) == [device]


def test_no_element_comes_that_the_source_did_not_have(translator: Translator, noon: Context) -> None:
    address: Tree = {"line": ["Straatweg 12bII"], "city": "Weesp", "country": "NLD"}
    address["_line"] = [
        {
            "extension": [
                {
                    "url": f"http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-{name}",
                    "valueString": words,
                }
                for name, words in (
                    ("streetName", "Straatweg"),
                    ("houseNumber", "12"),
                    ("buildingNumberSuffix", "bII"),
                )
            ]
        }
    ]
    country = {
        "url": f"{NICTIZ}code-specification",
        "valueCodeableConcept": concept("6030", "urn:oid:2.16.840.1.113883.2.4.4.16.34", display="Nederland"),
    }
    address["_country"] = {"extension": [country]}
    patient = resource(
        "Patient",
        "x",
        f"{NL_CORE}nl-core-patient",
        name=[{"family": "Bos"}],
        telecom=[{"system": "phone", "value": "010", "use": "home"}],
        gender="female",
        address=[address],
    )
    assert again(translator, noon, patient) == [patient]
