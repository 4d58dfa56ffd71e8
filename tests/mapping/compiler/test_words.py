"""Each word of the mapping language, written and read back by compiled code."""

from typing import Any

import pytest

from gateway.blocks.values import Absent, Block, Boolean, Code, Identifier, Moment, Quantity, Ref, Text
from gateway.codecs.fhir import fhir_json
from gateway.errors import AuthoringError
from gateway.mapping import Context, Translator, bundle
from tests.mapping.conftest import Draft

SNOMED = "2.16.840.1.113883.6.96"


def block(kind: str, key: str = "", **values: Any) -> Block:
    return Block(kind, "2020", key or f"{kind}/1", values)


def write(translator: Translator, context: Context, *blocks: Block) -> list[dict[str, Any]]:
    return translator.write_blocks(blocks, "fhir-r4", context, "seed").resources


def back(translator: Translator, context: Context, *blocks: Block) -> list[Block]:
    """What the blocks are after a trip through FHIR, values without their place in the account."""
    data = fhir_json.encode(bundle(write(translator, context, *blocks), context.base), "r4")
    return [bare(each) for each in translator.read(data, context, "fhir-r4").blocks]


def bare(value: Any) -> Any:
    if isinstance(value, Block):
        return Block(value.type, value.release, "", {name: bare(each) for name, each in value.values.items()})
    if isinstance(value, dict):
        return {name: bare(each) for name, each in value.items()}
    if isinstance(value, list):
        return [bare(each) for each in value]
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    return type(value)(**{**fields, "at": -1})


PRESSURE = """
block: BloodPressure
resource: Observation
profile: nl-core-BloodPressure
fixed:
  status: final
  code: loinc#85354-9 "Blood pressure"
rows:
  BloodPressureDateTime: effectiveDateTime
  Comment: note.text
  Position: extension[observation-bodyPosition].valueCodeableConcept
  SystolicBloodPressure: component[code = loinc#8480-6 "Systolic"].valueQuantity
  DiastolicBloodPressure: component[code = loinc#8462-4 "Diastolic"].valueQuantity
"""


def test_fixed_values_selectors_and_extensions_are_built_and_found_again(draft: Draft, noon: Context) -> None:
    translator = draft(BloodPressure=PRESSURE)
    pressure = block(
        "BloodPressure",
        BloodPressureDateTime=Moment("2026-01-02T03:04"),
        SystolicBloodPressure=Quantity("120.0", "mmHg", "mm[Hg]"),
        Position=Code("33586001", SNOMED, "sitting"),
    )
    (resource,) = write(translator, noon, pressure)
    assert resource["status"] == "final"
    assert resource["meta"] == {
        "profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-BloodPressure"]
    }
    assert resource["effectiveDateTime"] == "2026-01-02T03:04:00+01:00"
    (component,) = resource["component"]
    assert component["code"]["coding"][0]["code"] == "8480-6"
    assert str(component["valueQuantity"]["value"]) == "120.0"
    assert (
        resource["extension"][0]["url"] == "http://hl7.org/fhir/StructureDefinition/observation-bodyPosition"
    )
    (again,) = back(translator, noon, pressure)
    assert again.values == {
        "BloodPressureDateTime": Moment("2026-01-02T03:04:00+01:00"),
        "SystolicBloodPressure": Quantity("120.0", "mmHg", "mm[Hg]"),
        "Position": Code("33586001", SNOMED, "sitting"),
    }


def test_an_absent_value_is_written_as_absent_and_never_as_nothing(draft: Draft, noon: Context) -> None:
    translator = draft(BloodPressure=PRESSURE)
    pressure = block(
        "BloodPressure",
        BloodPressureDateTime=Absent("UNK"),
        SystolicBloodPressure=Absent("ASKU"),
        Position=Absent("NI"),
        Comment=Absent("MSK"),
    )
    (again,) = back(translator, noon, pressure)
    assert again.values == pressure.values


def test_another_fixed_value_than_expected_stays_what_it_was(draft: Draft, noon: Context) -> None:
    translator = draft(BloodPressure=PRESSURE)
    (resource,) = write(translator, noon, block("BloodPressure", Comment=Text("x")))
    resource["status"] = "entered-in-error"
    read = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4")
    written = translator.write(read, "fhir-r4", noon)
    assert written.resources[0]["status"] == "entered-in-error"
    states = {line.place: line.state for line in written.account.lines()}
    assert states["Observation.status"] == "carried along"
    assert states["Observation.note[0].text"] == "used"


DERIVED = """
block: MedicalDevice
resource: DeviceUseStatement
derived:
  status:
    - completed: EndDate is past
    - intended: StartDate is future
    - active
rows:
  StartDate: timingPeriod.start
  EndDate: timingPeriod.end
"""


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        ("2026-06-30", "2026-06-30", "completed"),
        ("2026-07-02", None, "intended"),
        ("2026-07-01", None, "active"),  # today, compared at the precision of a day
        ("2026", "2026", "active"),
        ("2027", None, "intended"),
    ],
)
def test_derived_values_follow_the_clock(
    draft: Draft, noon: Context, start: str, end: str | None, status: str
) -> None:
    values: dict[str, Any] = {"StartDate": Moment(start), **({"EndDate": Moment(end)} if end else {})}
    (resource,) = write(draft(MedicalDevice=DERIVED), noon, block("MedicalDevice", **values))
    assert resource["status"] == status


PARTS = """
block: MedicalDevice
parts:
  DeviceUseStatement:
    profile: nl-core-MedicalDevice
    rows: {Subject: subject, Comment: note.text, Indication: reasonReference}
    links: {device: Device}
  Device:
    profile: nl-core-MedicalDevice.Product
    when: Product
    rows: {Product.ProductType: type}
"""
PROBLEM = """
block: Problem
resource: Condition
profile: nl-core-Problem
display: [ProblemName]
rows: {ProblemName: code}
"""


def test_a_block_becomes_several_resources_and_one_block_again(draft: Draft, noon: Context) -> None:
    translator = draft(MedicalDevice=PARTS, Problem=PROBLEM)
    device = block(
        "MedicalDevice",
        Product={"ProductType": Code("14106009", SNOMED, "pacemaker")},
        Comment=Text("checked"),
        Indication=[Ref("Problem/1")],
    )
    problem = block("Problem", ProblemName=Code("49436004", SNOMED, "fibrillation"))
    statement, product, condition = write(translator, noon, device, problem)
    assert statement["device"] == {"reference": f"Device/{product['id']}", "type": "Device"}
    assert statement["reasonReference"] == [
        {"reference": f"Condition/{condition['id']}", "type": "Condition", "display": "fibrillation"}
    ]
    again = {each.type: each.values for each in back(translator, noon, device, problem)}
    assert set(again) == {"MedicalDevice", "Problem"}
    assert again["MedicalDevice"]["Product"] == device.values["Product"]
    assert again["MedicalDevice"]["Indication"][0].key.startswith("Problem/")


def test_a_part_whose_condition_fails_is_left_out_with_its_link(draft: Draft, noon: Context) -> None:
    (statement,) = write(draft(MedicalDevice=PARTS), noon, block("MedicalDevice", Comment=Text("x")))
    assert "reference" not in statement["device"], "required, so it is said to be unknown"


BACK = """
block: FunctionalOrMentalStatus
resource: Observation
profile: nl-core-FunctionalOrMentalStatus
rows:
  StatusName: code
  MedicalDevice: {back: reasonReference}
"""


@pytest.mark.parametrize("path", ["reasonReference", "'extension[why].valueReference'"])
def test_a_reference_can_stand_in_the_other_resource(draft: Draft, noon: Context, path: str) -> None:
    mapping = BACK.replace("reasonReference", path)
    translator = draft(FunctionalOrMentalStatus=mapping, MedicalDevice=PARTS)
    status = block(
        "FunctionalOrMentalStatus", StatusName=Code("1", SNOMED), MedicalDevice=[Ref("MedicalDevice/1")]
    )
    device = block("MedicalDevice", Comment=Text("x"))
    observation, statement = write(translator, noon, status, device)
    reference = {"reference": f"Observation/{observation['id']}", "type": "Observation"}
    if "extension" in path:
        url = "http://nictiz.nl/fhir/StructureDefinition/why"
        assert statement["extension"] == [{"url": url, "valueReference": reference}]
    else:
        assert statement["reasonReference"] == [reference]
    again = next(
        each for each in back(translator, noon, status, device) if each.type == "FunctionalOrMentalStatus"
    )
    assert again.values["MedicalDevice"][0].key.startswith("MedicalDevice/")


PATIENT = """
block: Patient
resource: Patient
profile: nl-core-Patient
rows:
  PatientIdentificationNumber: identifier
  MultipleBirthIndicator: multipleBirthBoolean
joins:
  MaritalStatus:
    rows: {MaritalStatus: maritalStatus}
"""


def test_a_resource_carries_other_blocks_of_the_same_person(draft: Draft, noon: Context) -> None:
    translator = draft(Patient=PATIENT)
    patient = block(
        "Patient",
        PatientIdentificationNumber=[Identifier("x1", "2.16.840.1.113883.2.4.99")],
        MultipleBirthIndicator=Boolean(False),
    )
    married = block(
        "MaritalStatus", MaritalStatus=Code("M", "2.16.840.1.113883.5.2", "Married"), Subject=Ref("Patient/1")
    )
    stranger = block(
        "MaritalStatus",
        "MaritalStatus/2",
        MaritalStatus=Code("S", "2.16.840.1.113883.5.2"),
        Subject=Ref("Patient/9"),
    )
    (resource,) = write(translator, noon, patient, married, stranger)
    assert resource["multipleBirthBoolean"] is False
    assert [each["code"] for each in resource["maritalStatus"]["coding"]] == ["M"]
    kinds = {each.type: each.values for each in back(translator, noon, patient, married)}
    assert kinds["MaritalStatus"]["MaritalStatus"].code == "M"
    assert kinds["MaritalStatus"]["Subject"].key.startswith("Patient/")


EACH = """
block: LaboratoryTestResult
parts:
  Observation:
    each: LaboratoryTest
    profile: nl-core-LaboratoryTestResult
    rows:
      Subject: subject
      LaboratoryTest.TestCode: code
      LaboratoryTest.TestResult: value[x]
"""


def test_each_occurrence_of_a_group_is_a_resource(draft: Draft, noon: Context) -> None:
    tests = [
        {
            "TestCode": Code("1-1", "2.16.840.1.113883.6.1"),
            "TestResult": Quantity("1.10", "mmol/l", "mmol/l"),
        },
        {"TestCode": Code("2-2", "2.16.840.1.113883.6.1"), "TestResult": Text("positive")},
    ]
    first, second = write(
        draft(LaboratoryTestResult=EACH), noon, block("LaboratoryTestResult", LaboratoryTest=tests)
    )
    assert str(first["valueQuantity"]["value"]) == "1.10"
    assert second["valueString"] == "positive"
    assert first["id"] != second["id"]


CODES = """
block: AllergyIntolerance
resource: AllergyIntolerance
profile: nl-core-AllergyIntolerance
rows:
  AllergyCategory: {to: category, map: AllergyCategory, keep: extension}
  CriticalExtent: {to: criticality, map: AllergyCriticality}
"""


def test_a_translated_code_comes_back_as_itself(draft: Draft, noon: Context) -> None:
    names = CODES.replace("CriticalExtent", critical_name())
    translator = draft(AllergyIntolerance=names)
    allergy = block("AllergyIntolerance", AllergyCategory=Code("419199007", SNOMED, "to a substance"))
    allergy.values[critical_name()] = Code("24484000", SNOMED, "severe")
    (resource,) = write(translator, noon, allergy)
    assert resource["category"] == ["biologic"]
    assert (
        resource["_category"][0]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "419199007"
    )
    assert resource["criticality"] == "high"
    (again,) = back(translator, noon, allergy)
    assert again.values["AllergyCategory"] == allergy.values["AllergyCategory"]
    assert again.values[critical_name()].code == "24484000"


def critical_name() -> str:
    from gateway.blocks.profiles import load_profiles

    profile = load_profiles().get("2020", "AllergyIntolerance")
    assert profile is not None
    return next(name for name, concept in profile.concepts.items() if concept.id == "NL-CM:8.2.7")


def test_a_code_that_no_map_knows_is_accounted_for(draft: Draft, noon: Context) -> None:
    translator = draft(AllergyIntolerance=CODES.replace("CriticalExtent", critical_name()))
    data = (
        '<allergie_intolerantie_registratie app="zib2020-nl"><allergie_intolerantie>'
        '<mate_van_kritiek_zijn code="1" codeSystem="2.16.840.1.113883.6.96"/>'
        "</allergie_intolerantie></allergie_intolerantie_registratie>"
    )
    read = translator.read(data.encode(), noon)
    (line,) = [
        each for each in translator.write(read, "fhir-r4", noon).account.lines() if "kritiek" in each.place
    ]
    assert line.state == "not representable"
    assert line.rule.startswith("fhir-r4-nl-core/AllergyIntolerance.yaml:")
    assert line.reason == "no translation for this value"


@pytest.mark.parametrize(
    ("text", "complaint", "line"),
    [
        ("block: Problem\nresource: Condition\nrows:\n  Nonsense: code\n", "no concept 'Nonsense'", 4),
        ("block: Problem\nresource: Condition\nrows:\n  Comment: nothing\n", "has no element 'nothing'", 4),
        (
            "block: Problem\nresource: Condition\nrows:\n  ProblemStartDate: code\n",
            "moment cannot be written as",
            4,
        ),
        ("block: Nothing\nresource: Condition\nrows:\n  Comment: code\n", "no profile 'Nothing'", 1),
        ("block: Problem\nresource: Banana\nrows:\n  Comment: code\n", "not a resource", 1),
        (
            "block: Problem\nresource: Condition\nfixed:\n  code: nix#1\nrows: {Comment: note.text}\n",
            "no code system",
            4,
        ),
        (
            "block: Problem\nresource: Condition\nrows:\n  Comment: {to: note.text, only: write}\n",
            "because",
            4,
        ),
        (
            "block: Problem\nresource: Condition\nrows:\n  Comment: {to: code, via: magic}\n",
            "no converter 'magic'",
            4,
        ),
        ("block: Problem\nresource: Condition\nrows:\n  Comment: note..text\n", "not a path", 4),
    ],
)
def test_a_fault_names_file_line_and_rule(draft: Draft, text: str, complaint: str, line: int) -> None:
    with pytest.raises(AuthoringError, match=complaint) as caught:
        draft(X=text).loaded("fhir-r4")
    assert caught.value.file == "fhir-r4-nl-core/X.yaml"
    assert caught.value.line == line
    assert "^" in caught.value.diagnostics()


def test_compiled_mappings_come_from_the_cache_until_something_changes(
    draft: Draft, cache: Any, noon: Context
) -> None:
    translator = draft(BloodPressure=PRESSURE)
    first = translator.loaded("fhir-r4")
    files = list(cache.iterdir())
    assert len(files) == 1
    again = Translator(translator._mappings).loaded("fhir-r4")
    assert again.compiled == first.compiled
    assert list(cache.iterdir()) == files
    (translator._mappings / "fhir-r4-nl-core" / "BloodPressure.yaml").write_text(
        PRESSURE.replace("final", "amended")
    )
    (resource,) = write(Translator(translator._mappings), noon, block("BloodPressure"))
    assert resource["status"] == "amended"


def test_ids_are_the_same_for_the_same_input_and_hold_no_number_of_the_person(
    draft: Draft, noon: Context
) -> None:
    translator = draft(Patient=PATIENT)
    person = block(
        "Patient", PatientIdentificationNumber=[Identifier("999900006", "2.16.840.1.113883.2.4.6.3")]
    )
    (one,), (two,) = write(translator, noon, person), write(translator, noon, person)
    assert one["id"] == two["id"]
    assert "999900006" not in one["id"]
