"""The element tables say what the specification says."""

import time
from pathlib import Path

import pytest

from conformance.tools import fhir_stu3_elements
from gateway.codecs.fhir import elements
from gateway.codecs.fhir.elements import Element, Version, no_such_resource, types

VERSIONS: tuple[Version, ...] = ("r4", "stu3")
DATA = Path(elements.__file__).parent / "data"


# Counts of the specification: http://hl7.org/fhir/R4/resourcelist.html, http://hl7.org/fhir/STU3/resourcelist.html
@pytest.mark.parametrize(("version", "release", "resources"), [("r4", "4.0.1", 146), ("stu3", "3.0.2", 117)])
def test_a_version_has_all_its_resources(version: Version, release: str, resources: int) -> None:
    assert types(version).release == release
    assert len(types(version).resources) == resources


@pytest.mark.parametrize(
    ("version", "path", "name", "code", "many", "least", "choice"),
    [
        ("r4", "Observation", "valueQuantity", "Quantity", False, 0, "value"),
        ("r4", "Observation.component", "code", "CodeableConcept", False, 1, ""),
        ("r4", "Observation.component", "referenceRange", "Observation.referenceRange", True, 0, ""),
        ("r4", "Observation.component.referenceRange", "low", "Quantity", False, 0, ""),
        ("r4", "Observation.code.coding", "system", "uri", False, 0, ""),
        ("r4", "Patient", "id", "id", False, 0, ""),
        ("r4", "Patient", "deceasedBoolean", "boolean", False, 0, "deceased"),
        ("r4", "Patient.contact", "id", "string", False, 0, ""),
        ("r4", "Bundle.entry", "resource", "Resource", False, 0, ""),
        ("r4", "DomainResource", "contained", "Resource", True, 0, ""),
        ("r4", "Extension", "url", "uri", False, 1, ""),
        ("r4", "Narrative", "div", "xhtml", False, 1, ""),
        ("r4", "Dosage.doseAndRate", "doseRange", "Range", False, 0, "dose"),
        ("r4", "MedicationRequest", "medicationReference", "Reference", False, 1, "medication"),
        ("stu3", "Observation", "comment", "string", False, 0, ""),
        ("stu3", "Observation", "effectivePeriod", "Period", False, 0, "effective"),
        ("stu3", "Encounter", "class", "Coding", False, 0, ""),
        ("stu3", "Encounter.statusHistory", "status", "code", False, 1, ""),
        ("stu3", "Questionnaire.item", "item", "Questionnaire.item", True, 0, ""),
        ("stu3", "Dosage", "doseQuantity", "Quantity", False, 0, "dose"),
        ("stu3", "Age", "value", "decimal", False, 0, ""),
        ("stu3", "MedicationRequest", "medicationCodeableConcept", "CodeableConcept", False, 1, "medication"),
    ],
)
def test_an_element_has_its_type_and_cardinality(
    version: Version, path: str, name: str, code: str, many: bool, least: int, choice: str
) -> None:
    assert types(version).child(path, name) == Element(name, code, many, least, choice)


@pytest.mark.parametrize(
    ("version", "path", "name"),
    [
        ("r4", "Observation", "comment"),  # STU3 only
        ("stu3", "Observation", "note"),  # R4 only
        ("r4", "Observation", "value"),  # a choice has no element of its base name
        ("r4", "Observation", "valueAddress"),
        ("r4", "Observation.nonsense", "code"),
        ("r4", "Nonsense", "id"),
        ("r4", "", "id"),
    ],
)
def test_what_is_not_there_is_none(version: Version, path: str, name: str) -> None:
    assert types(version).child(path, name) is None


def test_the_order_is_that_of_the_standard() -> None:
    names = [element.name for element in types("r4").children("Annotation")]
    assert names == ["id", "extension", "authorReference", "authorString", "time", "text"]
    names = [element.name for element in types("stu3").children("Bundle.entry")]
    assert names == [
        "id",
        "extension",
        "modifierExtension",
        "link",
        "fullUrl",
        "resource",
        "search",
        "request",
        "response",
    ]


def test_a_choice_lists_its_variants() -> None:
    assert [e.name for e in types("r4").choices("Annotation", "author")] == [
        "authorReference",
        "authorString",
    ]
    assert len(types("r4").choices("Extension", "value")) == 50  # http://hl7.org/fhir/R4/datatypes.html#open
    assert types("r4").choices("Annotation", "text") == ()
    assert types("r4").choices("Nonsense", "value") == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_is_itself_described(version: Version) -> None:
    known = types(version)
    for name in known:
        for element in known.children(name):
            assert element.type in known, f"{name}.{element.name}: {element.type}"
            assert element.min in (0, 1)


def test_resources_and_primitives_are_told_apart() -> None:
    r4 = types("r4")
    assert r4.is_resource("Patient")
    assert not r4.is_resource("DomainResource")
    assert not r4.is_resource("HumanName")
    assert r4.is_primitive("canonical")
    assert not types("stu3").is_primitive("canonical")
    assert not r4.is_primitive("Quantity")
    with pytest.raises(KeyError):
        r4.children("Nonsense")


def test_a_resource_of_the_other_version_is_named_and_a_stranger_is_not() -> None:
    assert (
        no_such_resource("ProcedureRequest", "r4")
        == "not a resource of FHIR 4.0.1; ProcedureRequest is one of FHIR 3.0.2"
    )
    assert no_such_resource("Jansen", "stu3") == "not a resource of FHIR 3.0.2"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_table_is_small_and_quick_to_load(version: Version) -> None:
    file = DATA / f"{version}.json"
    assert file.stat().st_size < 600_000
    types(version)  # the interpreter has seen the code by now
    start = time.process_time()
    known = types.__wrapped__(version)
    known.child("Observation.component", "valueQuantity")
    assert time.process_time() - start < 0.1  # measured: 0.006


def test_the_table_of_stu3_is_what_its_tool_writes(tmp_path: Path) -> None:
    fhir_stu3_elements.main(tmp_path / "made.json")
    assert (tmp_path / "made.json").read_bytes() == (DATA / "stu3.json").read_bytes()
