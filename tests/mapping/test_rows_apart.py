"""Rows that need a document of their own: whether they apply depends on what else is there, or is not."""

from typing import Any

import orjson
import pytest

from gateway.blocks.values import Block, Code, Identifier, Moment, Quantity, Ref, Text
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.runtime.groups import same

SNOMED = "2.16.840.1.113883.6.96"
LOINC = "2.16.840.1.113883.6.1"
FINAL = Code("final", "2.16.840.1.113883.2.4.3.11.60.40.4.16.1")
PLAIN = Code("123037004", SNOMED, "a display")
SUBJECT = Ref("Patient/1")


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def back(translator: Translator, form: str, context: Context, *blocks: Block) -> list[Block]:
    """Blocks about a patient, written and read again."""
    person = Block("Patient", blocks[0].release, SUBJECT.key, {})
    written = translator.write_blocks([person, *blocks], form, context, "apart")
    version = translator.loaded(form).compiled.version
    return translator.read(
        fhir_json.encode(bundle(written.resources, context.base), version), context, form
    ).blocks


def only(blocks: list[Block], kind: str) -> dict[str, Any]:
    """The values of the one block of a type."""
    (found,) = [block.values for block in blocks if block.type == kind]
    return found


def read(translator: Translator, form: str, context: Context, *resources: dict[str, Any]) -> list[Block]:
    """The blocks of resources that others sent."""
    return translator.read(orjson.dumps(bundle(list(resources), context.base)), context, form).blocks


def result(release: str, number: int = 1, **values: Any) -> Block:
    """A laboratory result about the patient."""
    return Block(
        "LaboratoryTestResult", release, f"LaboratoryTestResult/{number}", {"Subject": SUBJECT, **values}
    )


BOTH = pytest.mark.parametrize(("form", "release"), [("fhir-r4", "2020"), ("fhir-stu3", "2017")])


@BOTH
def test_a_test_alone_says_what_the_whole_says(
    translator: Translator, noon: Context, form: str, release: str
) -> None:
    """Its Observation is all that there is of the result, so number, comment and status stand there."""
    test = {"TestCode": Code("2160-0", LOINC), "TestResult": Quantity("80", "umol/L", "umol/L")}
    number = [Identifier("specimen-1", "2.999.1")]
    whole = result(
        release,
        IdentificationNumber=number,
        DateTime=Moment("2026-05-06"),
        Comment=Text("nuchter"),
        ResultStatus=FINAL,
        LaboratoryTest=[test],
    )
    found = only(back(translator, form, noon, whole), "LaboratoryTestResult")
    assert same(found["IdentificationNumber"], number)
    assert same(found["Comment"], Text("nuchter"))
    assert same(found["ResultStatus"], FINAL)
    assert [each["TestCode"].code for each in found["LaboratoryTest"]] == ["2160-0"]


@BOTH
def test_a_panel_refers_to_another_result(
    translator: Translator, noon: Context, form: str, release: str
) -> None:
    earlier = result(release, 2, PanelOrBattery=PLAIN, LaboratoryTest=[{"TestCode": PLAIN}] * 2)
    later = result(
        release, PanelOrBattery=PLAIN, LaboratoryTest=[{"TestCode": PLAIN}], RelatedResult=[Ref(earlier.key)]
    )
    blocks = {block.key: block.values for block in back(translator, form, noon, later, earlier)}
    related = {key: [each.key for each in found.get("RelatedResult", ())] for key, found in blocks.items()}
    ((of, (to,)),) = [(key, found) for key, found in related.items() if found]
    assert (len(blocks[of]["LaboratoryTest"]), len(blocks[to]["LaboratoryTest"])) == (1, 2)


def test_a_procedure_is_asked_of_a_place_when_nobody_performs_it(
    translator: Translator, noon: Context
) -> None:
    place = Block(
        "HealthcareProvider", "2017", "HealthcareProvider/1", {"OrganizationName": Text("De Linde")}
    )
    planned = {
        "Subject": SUBJECT,
        "ProcedureType": PLAIN,
        "ProcedureStartDate": Moment("2031-03-01"),
        "Location": Ref(place.key),
    }
    blocks = back(translator, "fhir-stu3", noon, Block("Procedure", "2017", "Procedure/1", planned), place)
    there = next(block.key for block in blocks if block.type == "HealthcareProvider")
    assert only(blocks, "Procedure")["Location"].key == there


def test_a_first_vaccination_that_is_planned(translator: Translator, noon: Context) -> None:
    """A recommendation alone does not tell a first vaccination from the next: it comes back as the next."""
    planned = {"Subject": SUBJECT, "ProductCode": PLAIN, "VaccinationDate": Moment("2031-03-01")}
    blocks = back(translator, "fhir-stu3", noon, Block("Vaccination", "2017", "Vaccination/1", planned))
    assert same(only(blocks, "Vaccination")["PreferedDateForRevaccination"], Moment("2031-03-01"))


def test_a_procedure_on_one_day(translator: Translator, noon: Context) -> None:
    sent = {
        "resourceType": "Procedure",
        "id": "1",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-Procedure"]},
        "status": "completed",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "123037004"}]},
        "performedDateTime": "2026-05-06",
    }
    found = only(read(translator, "fhir-stu3", noon, sent), "Procedure")
    assert same(found["ProcedureStartDate"], Moment("2026-05-06"))
    assert "ProcedureEndDate" not in found


@pytest.mark.parametrize("system", ["1.3.160", "2.16.840.1.113883.6.40"], ids=["GS1", "HIBC"])
def test_the_number_of_a_product_is_known_by_its_system(
    translator: Translator, noon: Context, system: str
) -> None:
    statement = {
        "resourceType": "DeviceUseStatement",
        "id": "1",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-MedicalDevice"]},
        "device": {"reference": "Device/1"},
    }
    device = {
        "resourceType": "Device",
        "id": "1",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-MedicalDeviceProduct"]},
        "identifier": [
            {"system": "urn:oid:2.999.1", "value": "record"},
            {"system": f"urn:oid:{system}", "value": "08712345678906"},
        ],
    }
    found = only(read(translator, "fhir-stu3", noon, statement, device), "MedicalDevice")
    assert same(found["Product"]["ProductID"], Code("08712345678906", system))


def test_the_bank_of_a_payer_who_is_a_resource(translator: Translator, noon: Context) -> None:
    """The coverage refers to a person, and what it says of the bank stands beside the reference."""
    bank = [
        {"url": name, "valueString": text}
        for name, text in (("BankName", "Spaarbank"), ("AccountNumber", "NL00TEST"), ("Bankcode", "TESTNL2A"))
    ]
    sent = {
        "resourceType": "Coverage",
        "id": "1",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-Payer"]},
        "subscriberId": "1234567",
        "payor": [
            {
                "extension": [
                    {
                        "url": "http://nictiz.nl/fhir/StructureDefinition/zib-Payer-BankInformation",
                        "extension": bank,
                    }
                ],
                "reference": "Patient/1",
            }
        ],
    }
    person = {"resourceType": "Patient", "id": "1"}
    found = only(read(translator, "fhir-stu3", noon, sent, person), "Payer")
    said = found["PayerPerson"]["BankInformation"]
    said = said[0] if isinstance(said, list) else said
    assert {name: value.value for name, value in said.items()} == {
        "BankName": "Spaarbank",
        "AccountNumber": "NL00TEST",
        "BankCode": "TESTNL2A",
    }


def test_the_device_of_a_status(translator: Translator, noon: Context) -> None:
    """The status refers to the device, where the gateway writes the reference the other way round."""
    status = {
        "resourceType": "Observation",
        "id": "1",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-FunctionalOrMentalStatus"]},
        "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "123037004"}]},
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/workflow-supportingInfo",
                "valueReference": {"reference": "DeviceUseStatement/1"},
            }
        ],
    }
    use = {
        "resourceType": "DeviceUseStatement",
        "id": "1",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-MedicalDevice"]},
        "status": "active",
        "note": [{"text": "gehoorapparaat links"}],
    }
    blocks = read(translator, "fhir-r4", noon, status, use)
    (to,) = only(blocks, "FunctionalOrMentalStatus")["MedicalDevice"]
    assert to.key == next(block.key for block in blocks if block.type == "MedicalDevice")
