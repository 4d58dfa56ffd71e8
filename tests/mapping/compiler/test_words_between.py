"""Words of the mapping language for what lies between resources, and for codes of several codings."""

from pathlib import Path
from typing import Any

import pytest

from gateway.blocks.values import Absent, Code, Identifier, Integer, Moment, Origin, Ref, Text
from gateway.codecs.fhir import fhir_json
from gateway.errors import AuthoringError
from gateway.mapping import Context, Translator
from tests.mapping.compiler.test_words import SNOMED, back, block, write
from tests.mapping.conftest import Draft

PROFESSIONAL = """
block: HealthProfessional
display: [Specialty]
parts:
  Practitioner:
    profile: nl-core-HealthProfessional-Practitioner
    rows: {HealthProfessionalIdentificationNumber: identifier}
    when: HealthProfessionalIdentificationNumber
  PractitionerRole:
    profile: nl-core-HealthProfessional-PractitionerRole
    rows: {Specialty: specialty}
    links: {practitioner: Practitioner}
"""
ENCOUNTER = """
block: Encounter
resource: Encounter
profile: nl-core-Encounter
rows:
  StartDateTime: period.start
  ContactWith:
    to: participant
    rows:
      .: individual
      HealthProfessionalRole: type
"""
ROLE = Code("RESP", "2.16.840.1.113883.5.90", "Responsible Party")


ASKED = """
block: Procedure
resource: Procedure
profile: nl-core-Procedure-event
fixed: {status: completed}
rows:
  ProcedureType: code
  Requester: {back: "extension[for].valueReference", profile: asking}
  Performer: {back: "extension[for].valueReference"}
"""
ASKING = """
block: HealthProfessional
resource: PractitionerRole
profile:
  - asking: referred by Procedure.Requester
  - nl-core-HealthProfessional-PractitionerRole
rows: {Specialty: specialty}
"""


def test_who_points_back_is_told_apart_by_profile(draft: Draft, noon: Context) -> None:
    translator = draft(HealthProfessional=ASKING, Procedure=ASKED)
    professionals = [
        block("HealthProfessional", f"HealthProfessional/{i}", Specialty=Code(i, SNOMED)) for i in "12"
    ]
    done = block(
        "Procedure",
        ProcedureType=Code("9", SNOMED),
        Requester=[Ref("HealthProfessional/1")],
        Performer=[Ref("HealthProfessional/2")],
    )
    _, *roles = write(translator, noon, done, *professionals)
    assert [each["meta"]["profile"][0].rpartition("/")[2] for each in roles] == [
        "asking",
        "nl-core-HealthProfessional-PractitionerRole",
    ]
    procedure = back(translator, noon, done, *professionals)[0]
    for concept, role in zip(("Requester", "Performer"), roles, strict=True):
        assert [each.key for each in procedure.values[concept]] == [f"HealthProfessional/{role['id']}"]


NEVER = """
block: Problem
resource: Condition
profile: nl-core-Problem
rows: {ProblemName: code, Comment: note.text}
"""


def test_a_block_may_be_known_by_its_profile_only(draft: Draft, noon: Context, tmp_path: Path) -> None:
    translator = draft(Problem=NEVER)
    listed = tmp_path / "mappings" / "fhir-r4-nl-core" / "_format.yaml"
    condition = {"resourceType": "Condition", "id": "c", "note": [{"text": "x"}]}
    assert [each.type for each in translator.read_tree(condition, noon, "fhir-r4", "seed").blocks] == [
        "Problem"
    ]
    text = listed.read_text(encoding="utf-8")
    listed.write_text(text.replace("never-guessed: [", "never-guessed: [Problem, "), encoding="utf-8")
    translator = Translator(tmp_path / "mappings")
    assert translator.read_tree(condition, noon, "fhir-r4", "seed").blocks == []
    claimed = condition | {"meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-Problem"]}}
    assert len(translator.read_tree(claimed, noon, "fhir-r4", "seed").blocks) == 1


def test_what_an_element_repeats_of_the_block_that_it_refers_to(draft: Draft, noon: Context) -> None:
    translator = draft(HealthProfessional=PROFESSIONAL, Encounter=ENCOUNTER)
    contact = block("Encounter", ContactWith=[Ref("HealthProfessional/1"), Ref("HealthProfessional/2")])
    professionals = [
        block("HealthProfessional", f"HealthProfessional/{i}", Specialty=Code(i, SNOMED), **role)
        for i, role in (("1", {"HealthProfessionalRole": ROLE}), ("2", {}))
    ]
    resource = next(
        each for each in write(translator, noon, contact, *professionals) if "participant" in each
    )
    first, second = resource["participant"]
    assert first["type"][0]["coding"][0]["code"] == "RESP"
    assert "type" not in second
    again = {
        each.values["Specialty"].code: each.values
        for each in back(translator, noon, contact, *professionals)
        if each.type == "HealthProfessional"
    }
    assert again["1"]["HealthProfessionalRole"] == ROLE
    assert "HealthProfessionalRole" not in again["2"]


GOAL = """
block: TreatmentObjective
resource: Goal
profile: nl-core-TreatmentObjective
rows:
  DesiredHealthcareResult: description.text
  DesiredHealthCondition:
    to: target
    rows:
      StatusName: measure
      StatusValue: detailCodeableConcept
"""


def test_an_element_that_holds_another_block(draft: Draft, noon: Context) -> None:
    translator = draft(TreatmentObjective=GOAL, FunctionalOrMentalStatus=UNMARKED)
    goal = block("TreatmentObjective", DesiredHealthCondition=Ref("FunctionalOrMentalStatus/1"))
    wished = block(
        "FunctionalOrMentalStatus", StatusName=Code("1", SNOMED, "a"), StatusValue=Code("2", SNOMED, "b")
    )
    resource = write(translator, noon, goal, wished)[0]
    (target,) = resource["target"]
    assert target["measure"]["coding"][0]["code"] == "1"
    assert target["detailCodeableConcept"]["coding"][0]["code"] == "2"
    again = {each.type: each.values for each in back(translator, noon, goal, wished)}
    assert again["FunctionalOrMentalStatus"]["StatusName"] == Code("1", SNOMED, "a")


WORDED = GOAL.replace(
    "rows:",
    """derived:
  description.text:
    - "{DesiredHealthCondition.StatusName} {DesiredHealthCondition.StatusValue}": not DesiredHealthcareResult
rows:""",
    1,
)


@pytest.mark.parametrize(
    ("said", "text"),
    [({}, "a b"), ({"DesiredHealthcareResult": Text("to walk again")}, "to walk again")],
)
def test_words_of_the_block_that_is_referred_to_are_no_text_when_they_come_back(
    draft: Draft, noon: Context, said: dict[str, Any], text: str
) -> None:
    translator = draft(TreatmentObjective=WORDED, FunctionalOrMentalStatus=UNMARKED)
    goal = block("TreatmentObjective", DesiredHealthCondition=Ref("FunctionalOrMentalStatus/1"), **said)
    wished = block(
        "FunctionalOrMentalStatus", StatusName=Code("1", SNOMED, "a"), StatusValue=Code("2", SNOMED, "b")
    )
    assert write(translator, noon, goal, wished)[0]["description"]["text"] == text
    again = {each.type: each.values for each in back(translator, noon, goal, wished)}
    assert again["TreatmentObjective"].get("DesiredHealthcareResult") == said.get("DesiredHealthcareResult")


def test_a_text_has_no_words_of_what_is_not_there(draft: Draft) -> None:
    wrong = WORDED.replace("DesiredHealthCondition.StatusValue}", "DesiredHealthCondition.StatusWord}")
    with pytest.raises(AuthoringError) as caught:
        draft(TreatmentObjective=wrong).loaded("fhir-r4")
    assert "'DesiredHealthCondition.StatusWord'" in caught.value.diagnostics()


BELOW = """
block: LaboratoryTestResult
parts:
  Report:
    resource: Procedure
    profile: nl-core-LaboratoryTestResult
    rows: {Comment: note.text}
    links:
      focalDevice.manipulated: Test
      basedOn: {part: Request, when: PanelOrBattery}
  Test:
    resource: Device
    each: LaboratoryTest
    profile: nl-core-LaboratoryTestResult.Test
    rows: {LaboratoryTest.TestCode: type}
  Request:
    resource: ServiceRequest
    profile: nl-core-LaboratoryTestResult.Request
    rows: {Requester: requester, PanelOrBattery: code}
"""


@pytest.mark.parametrize("panel", [{}, {"PanelOrBattery": Code("3", SNOMED)}])
def test_each_linked_resource_gets_an_element_of_its_own(
    draft: Draft, noon: Context, panel: dict[str, Any]
) -> None:
    translator = draft(LaboratoryTestResult=BELOW)
    tests = [{"TestCode": Code("1", SNOMED)}, {"TestCode": Code("2", SNOMED)}]
    result = block("LaboratoryTestResult", LaboratoryTest=tests, Comment=Text("x"), **panel)
    report, *others = write(translator, noon, result)
    devices = [each for each in others if each["resourceType"] == "Device"]
    assert [each["manipulated"]["reference"] for each in report["focalDevice"]] == [
        f"Device/{each['id']}" for each in devices
    ]
    assert ("basedOn" in report) is bool(panel), "a link hangs on its condition"
    again = back(translator, noon, result)[0]
    assert {**again.values, **panel} == result.values


CODINGS = """
block: Problem
resource: Condition
profile: nl-core-Problem
fixed:
  category: [[sct#1 "one", loinc#2 "two"]]
  code: sct#74964007 "Other" text "in words"
rows:
  Comment: note.text
"""


def test_a_fixed_concept_of_several_codings_and_one_with_words(draft: Draft, noon: Context) -> None:
    translator = draft(Problem=CODINGS)
    (resource,) = write(translator, noon, block("Problem", Comment=Text("x")))
    (category,) = resource["category"]
    assert [each["code"] for each in category["coding"]] == ["1", "2"]
    assert resource["code"]["text"] == "in words"
    category["coding"].pop()  # with one of the two it is still known
    read = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4")
    unread = {leaf.place for leaf in read.leaves() if leaf.at < 0 and not leaf.state}
    assert not any("category" in place or "code" in place for place in unread)


def test_a_row_says_which_part_is_referred_to(draft: Draft, noon: Context) -> None:
    rows = ENCOUNTER.partition("  ContactWith")[0]
    either = rows + "  ContactWith: {to: participant.individual, as: [Practitioner, PractitionerRole]}\n"
    translator = draft(HealthProfessional=PROFESSIONAL, Encounter=either)
    contact = block("Encounter", ContactWith=[Ref("HealthProfessional/1")])
    number = Identifier("1", "2.16.528.1.1007.3.1")
    numbered: dict[str, Any] = {"HealthProfessionalIdentificationNumber": [number]}
    for values, kind in ((numbered, "Practitioner"), ({}, "PractitionerRole")):
        professional = block("HealthProfessional", "", Specialty=Code("1", SNOMED), **values)
        found = write(translator, noon, contact, professional)
        (participant,) = next(each for each in found if "participant" in each)["participant"]
        assert participant["individual"]["reference"].startswith(f"{kind}/")


READ_ONLY = """
block: Problem
parts:
  Condition:
    profile: nl-core-Problem
    rows: {ProblemName: code}
    links: {evidence.detail: Observation}
  Observation:
    profile: http://example.org/finding
    only: read
    because: others have the remark there
    rows: {Comment: valueString}
"""


def test_a_part_that_is_only_read(draft: Draft, noon: Context) -> None:
    translator = draft(Problem=READ_ONLY)
    problem = block("Problem", ProblemName=Code("1", SNOMED), Comment=Text("x"))
    (resource,) = write(translator, noon, problem)
    assert "evidence" not in resource
    finding = {
        "resourceType": "Observation",
        "id": "f",
        "meta": {"profile": ["http://example.org/finding"]},
        "status": "final",
        "code": {"text": "remark"},
        "valueString": "x",
    }
    resource["evidence"] = [{"detail": [{"reference": "Observation/f"}]}]
    entries = [{"resource": resource}, {"resource": finding}]
    data = fhir_json.encode({"resourceType": "Bundle", "type": "collection", "entry": entries}, "r4")
    (again,) = translator.read(data, noon, "fhir-r4").blocks
    assert again.values["Comment"].value == "x"


COUNT = """
block: TobaccoUse
resource: Observation
profile: nl-core-TobaccoUse
fixed: {code: 'sct#365980008 "tobacco"'}
rows:
  TobaccoUseStatus: {to: valueCodeableConcept, absent: unknown}
  ObservationOfUse.PackYears:
    to: component[code = sct#401201003].valueQuantity
    unit: ucum#a "jaar"
"""


def test_a_count_has_the_unit_of_its_row(draft: Draft, noon: Context) -> None:
    translator = draft(TobaccoUse=COUNT)
    use = block("TobaccoUse", ObservationOfUse={"PackYears": Integer(12)})
    (resource,) = write(translator, noon, use)
    quantity = resource["component"][0]["valueQuantity"]
    assert (int(quantity["value"]), quantity["code"], quantity["unit"]) == (12, "a", "jaar")
    (again,) = back(translator, noon, use)
    assert again.values["ObservationOfUse"] == use.values["ObservationOfUse"]


@pytest.mark.parametrize(
    ("value", "reason"), [({}, "unknown"), ({"TobaccoUseStatus": Absent("ASKU")}, "asked-unknown")]
)
def test_what_must_be_there_says_why_it_is_not(
    draft: Draft, noon: Context, value: dict[str, Any], reason: str
) -> None:
    (resource,) = write(draft(TobaccoUse=COUNT), noon, block("TobaccoUse", **value))
    (extension,) = resource["valueCodeableConcept"]["extension"]
    assert extension["valueCode"] == reason


NAME_ONLY = """
block: Problem
resource: Condition
profile: nl-core-Problem
rows: {ProblemName: code}
"""
UNMARKED = """
block: FunctionalOrMentalStatus
resource: Observation
profile: nl-core-FunctionalOrMentalStatus
fixed: {status: final}
rows: {StatusName: code, StatusDate: effectiveDateTime}
"""


def read(translator: Translator, noon: Context, kind: str, **members: Any) -> list[str]:
    data = fhir_json.encode({"resourceType": kind, "id": "1", **members}, "r4")
    return [each.type for each in translator.read(data, noon, "fhir-r4").blocks]


def test_an_observation_of_an_unknown_profile_is_not_taken_for_another(draft: Draft, noon: Context) -> None:
    """A family situation is no mental status, though both are Observations."""
    translator = draft(FunctionalOrMentalStatus=UNMARKED, TobaccoUse=COUNT, Problem=NAME_ONLY)
    other = {"meta": {"profile": ["http://example.org/FamilySituation"]}, "status": "final"}
    tobacco = {"coding": [{"system": "http://snomed.info/sct", "code": "365980008"}]}
    assert read(translator, noon, "Observation", **other, code={"text": "family"}) == []
    assert read(translator, noon, "Observation", **other, code=tobacco) == ["TobaccoUse"]
    assert read(translator, noon, "Condition", code={"text": "a problem"}) == ["Problem"]


def test_a_date_is_read_from_the_first_place_that_has_it(draft: Draft, noon: Context) -> None:
    places = "[effectivePeriod.start, {to: effectiveDateTime, only: read, because: others have it there}]"
    translator = draft(FunctionalOrMentalStatus=UNMARKED.replace("effectiveDateTime", places))
    status = block("FunctionalOrMentalStatus", StatusName=Code("1", SNOMED), StatusDate=Moment("2026-01-02"))
    (resource,) = write(translator, noon, status)
    assert resource["effectivePeriod"] == {"start": "2026-01-02"}
    del resource["effectivePeriod"]
    resource["effectiveDateTime"] = "2025-01-02"
    (again,) = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4").blocks
    assert again.values["StatusDate"].value == "2025-01-02"


READ_AS = """
block: Problem
parts:
  Stated:
    resource: Condition
    profile: nl-core-Problem
    when: not read only as Observed, Noted
    fixed: {verificationStatus: 'condition-ver-status#confirmed'}
    rows: {ProblemName: code}
  Observed:
    resource: Observation
    profile: nl-core-Observed
    when: read only as Observed, Noted
    fixed: {status: final}
    rows: {ProblemName: code}
"""


@pytest.mark.parametrize(
    ("parts", "becomes"),
    [
        ((), "Condition"),
        (("Observed",), "Observation"),
        (("Observed", "Noted"), "Observation"),
        (("Observed", "Stated"), "Condition"),
    ],
)
def test_what_a_block_was_read_as_decides_what_it_becomes(
    draft: Draft, noon: Context, parts: tuple[str, ...], becomes: str
) -> None:
    """In another format, too: only the name of the part counts."""
    problem = block("Problem", ProblemName=Code("1", SNOMED))
    problem.origins = tuple(Origin("fhir-stu3", part) for part in parts)
    (resource,) = write(draft(Problem=READ_AS), noon, problem)
    assert resource["resourceType"] == becomes
