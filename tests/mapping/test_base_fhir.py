"""What is written is what base FHIR asks, whatever the blocks hold."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conformance import roundtrip, specimens
from conformance.profiles import inputs
from gateway.blocks.values import Blob, Block, Code, Moment, Quantity, Ref
from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.base import faults_of
from gateway.codecs.fhir.elements import Version
from gateway.codecs.fhir.tolerated import tolerated
from gateway.errors import InputError
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.recognition import FOLDERS

NOON = Context(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
SNOMED = "2.16.840.1.113883.6.96"
POOR = {
    "org-1": "an organization of which neither name nor number is known",
    "pat-1": "a contact person of whom only the role is known",
    "mad-1": "an administration of which only the route is known",
    "rat-1": "a concentration without the amount that it is in",
    "MedicationRequest.requester.agent 1..1": "a prescriber of whom nothing is known",
}
"""What a block breaks that lacks what its zib requires."""

CONTRADICTIONS = {("MedicatieContraIndicatie", "per-1"): "its source ends before it begins"}
"""What a published document says itself."""


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def broken(resources: list[Any], form: str) -> Iterator[tuple[str, str]]:
    """Place and rule of each fault, in a Bundle and in each resource by itself; not what may come in."""
    version: Version = "r4" if form == "fhir-r4" else "stu3"
    for tree in [bundle(resources, NOON.base), *resources]:
        for issue in faults_of(tree, version):
            key = issue.rule.split(" ", 2)[2]
            if key not in tolerated():
                yield issue.place, key


@pytest.mark.parametrize("form", FOLDERS)
@pytest.mark.parametrize("day", roundtrip.DAYS)
def test_blocks_with_every_concept(translator: Translator, form: str, day: str) -> None:
    written = translator.write_blocks(roundtrip.whole(translator, form, day), form, NOON, "whole")
    assert list(broken(written.resources, form)) == []


def test_blocks_of_every_kind_of_target_and_code(translator: Translator) -> None:
    for name, tree in inputs.made_up(translator, NOON):
        found = [issue.diagnostics() for issue in faults_of(tree, "r4")]
        assert [each for each in found if not any(f" {key}" in each for key in tolerated())] == [], name


@pytest.mark.parametrize("form", FOLDERS)
def test_blocks_with_one_concept(translator: Translator, form: str) -> None:
    """A required element that the block has no value for says that it is unknown."""
    loaded, met = translator.loaded(form), set()
    for profile in (each for each in roundtrip.mapped_blocks(translator, form) if loaded.writes(each.block)):
        for key, concept in specimens.leaves(translator.profiles, profile):
            made = specimens.fitting(key, concept)
            blocks = specimens.block(profile, key, concept, translator.profiles, made)
            written = translator.write_blocks(blocks, form, NOON, "one")
            met |= {rule for _, rule in broken(written.resources, form)}
    assert met <= POOR.keys()


def test_of_whom_a_resource_is_is_never_said_to_be_unknown(translator: Translator) -> None:
    profile = translator.profiles.get("2020", "Problem")
    assert profile is not None
    (key, concept), *_ = specimens.leaves(translator.profiles, profile)
    blocks = specimens.block(profile, key, concept, translator.profiles, None)[1:]
    del blocks[0].values["Subject"]
    (resource, *_) = translator.write_blocks(blocks, "fhir-r4", NOON, "nobody").resources
    assert ("Condition", "Condition.subject 1..1") in broken([resource], "fhir-r4")


@pytest.mark.parametrize("form", FOLDERS)
def test_published_documents(testdata: Path, translator: Translator, form: str) -> None:
    met = set()
    for path in sorted(testdata.glob("*/ada/*.xml")):
        try:
            written = translator.write(translator.read(path.read_bytes(), NOON), form, NOON)
        except InputError:
            continue  # of an application that no mapping knows
        met |= {(path.stem, rule) for _, rule in broken(written.resources, form)}
    assert met <= CONTRADICTIONS.keys()


def resources(translator: Translator, form: str, kind: str, **values: Any) -> list[Any]:
    """What a block of a person becomes, without the Patient."""
    release = translator.loaded(form).compiled.release
    person = Block("Patient", release, "Patient/1", {})
    block = Block(kind, release, f"{kind}/1", {"Subject": Ref("Patient/1"), **values})
    written = translator.write_blocks([person, block], form, NOON, "one")
    return [each for each in written.resources if each["resourceType"] != "Patient"]


def again(translator: Translator, form: str, found: list[Any], kind: str) -> Any:
    """The values of the block that resources say."""
    data = fhir_json.encode(bundle(found, NOON.base), "r4" if form == "fhir-r4" else "stu3")
    return next(each.values for each in translator.read(data, NOON, form).blocks if each.type == kind)


@pytest.mark.parametrize("form", FOLDERS)
def test_an_allergy_that_was_entered_in_error_has_no_clinical_status(
    translator: Translator, form: str
) -> None:
    """ait-2; and the status comes back."""
    status = Code("nullified", "2.16.840.1.113883.5.14")
    (allergy,) = found = resources(translator, form, "AllergyIntolerance", AllergyStatus=status)
    assert "clinicalStatus" not in allergy
    assert "_clinicalStatus" not in allergy
    assert "entered-in-error" in str(allergy["verificationStatus"])
    assert again(translator, form, found, "AllergyIntolerance")["AllergyStatus"].code == "nullified"


@pytest.mark.parametrize("form", FOLDERS)
def test_an_allergy_of_which_the_status_is_not_known_says_so(translator: Translator, form: str) -> None:
    """ait-1."""
    (allergy,) = resources(translator, form, "AllergyIntolerance")
    name = "clinicalStatus" if form == "fhir-r4" else "_clinicalStatus"
    assert allergy[name]["extension"][0]["valueCode"] == "unknown"


@pytest.mark.parametrize(("status", "ends"), [("73425007", True), ("55561003", False)])
def test_what_is_active_has_no_end(translator: Translator, status: str, ends: bool) -> None:
    """con-4; the account names what was not written."""
    values = {"ProblemStatus": Code(status, SNOMED), "ProblemEndDate": Moment("2020-01-01")}
    (problem,) = resources(translator, "fhir-r4", "Problem", **values)
    assert ("abatementDateTime" in problem) is ends
    assert ("ProblemEndDate" in again(translator, "fhir-r4", [problem], "Problem")) is ends


@pytest.mark.parametrize("form", FOLDERS)
def test_of_a_dose_and_a_range_the_dose_is_written(translator: Translator, form: str) -> None:
    """dose[x], rate[x] and tim-10 hold one of two."""
    unit = Quantity("2", "stuk", "245", "2.16.840.1.113883.2.4.4.1.900.2")
    dosage = {
        "Dose": {"NominalValue": unit, "MinimumValue": unit, "MaximumValue": unit},
        "AdministeringSchedule": {
            "AdministrationTime": [Moment("08:30:00")],
            "TimeOfDay": [Code("73775008", SNOMED, "ochtend")],
        },
    }
    instructions = {"DosingInstructions": [{"Dosage": [dosage]}]}
    (agreement, *_) = resources(translator, form, "MedicationAgreement", InstructionsForUse=instructions)
    (found,) = agreement["dosageInstruction"]
    assert "doseRange" not in str(found)
    assert "doseQuantity" in str(found)
    assert found["timing"]["repeat"].keys() >= {"timeOfDay"}
    assert "when" not in found["timing"]["repeat"]


@pytest.mark.parametrize("form", FOLDERS)
def test_a_required_value_that_nobody_gave_is_unknown(translator: Translator, form: str) -> None:
    (agreement, *_) = resources(translator, form, "MedicationAgreement")
    assert agreement["medicationCodeableConcept"]["extension"][0]["valueCode"] == "unknown"


def test_an_image_says_of_what_kind_its_bytes_are(translator: Translator) -> None:
    """att-1; the zib does not have it."""
    found = resources(translator, "fhir-r4", "Burnwound", WoundImage=Blob("AAAA"))
    (attachment,) = [
        each["content"][0]["attachment"] for each in found if each["resourceType"] == "DocumentReference"
    ]
    assert attachment == {"contentType": "application/octet-stream", "data": "AAAA"}
