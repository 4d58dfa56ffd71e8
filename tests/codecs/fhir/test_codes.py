"""The tables of codes say what the specification says, and fit the element tables."""

import inspect
from collections.abc import Iterator

import pytest

from conformance.tools.fhir_stu3_elements import find_paths, own_elements, read_models, read_modules
from gateway.codecs.fhir.codes import bound, code_set, table
from gateway.codecs.fhir.elements import Version, types
from gateway.codecs.fhir.rules import CODED

VERSIONS: tuple[Version, ...] = ("r4", "stu3")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_binding_is_of_an_element_that_has_a_code(version: Version) -> None:
    known = types(version)
    for path in [*table(version)["bindings"], *table(version)["open"]]:
        owner, _, label = path.rpartition(".")
        assert owner in known, path
        found = [each for each in known.own(owner) if (each.choice or each.name) == label.removesuffix("[x]")]
        assert CODED & {each.type for each in found}, path


@pytest.mark.parametrize("version", VERSIONS)
def test_every_set_has_codes_and_is_bound_to(version: Version) -> None:
    names = set(table(version)["bindings"].values())
    assert names == set(table(version)["sets"])
    assert all(code_set(version, name).codes for name in names)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_head_names_source_and_licence(version: Version) -> None:
    assert table(version)["fhir"] == types(version).release
    assert table(version)["licence"] == "CC0-1.0"
    assert table(version)["source"]


# http://hl7.org/fhir/R4/terminologies-valuesets.html, http://hl7.org/fhir/STU3/terminologies-valuesets.html
@pytest.mark.parametrize(
    ("version", "path", "codes"),
    [
        ("r4", "Patient.gender", "female male other unknown"),
        ("r4", "Timing.repeat.periodUnit", "a d h min mo s wk"),
        ("r4", "Condition.clinicalStatus", "active inactive recurrence relapse remission resolved"),
        ("stu3", "Condition.clinicalStatus", "active inactive recurrence remission resolved"),
        ("stu3", "DocumentReference.status", "current entered-in-error superseded"),
        ("stu3", "Composition.confidentiality", "L M N R U V"),
    ],
)
def test_an_element_has_its_codes(version: Version, path: str, codes: str) -> None:
    found = bound(version, path)
    assert found is not None
    assert sorted(found.codes) == codes.split()


@pytest.mark.parametrize(
    "path", ["Observation.code", "Attachment.contentType", "Money.currency", "Nothing.x"]
)
def test_what_is_bound_to_no_closed_set_may_have_any_code(path: str) -> None:
    assert bound("r4", path) is None


def test_a_text_names_few_codes_and_the_set_of_many() -> None:
    assert code_set("r4", "administrative-gender").words == "one of female, male, other, unknown"
    assert code_set("r4", "resource-types").words == "a code of resource-types"


def enumerated() -> Iterator[tuple[str, list[str]]]:
    """The codes that `fhir.resources.STU3`, which is made of the same definitions, has of an element."""
    for module in read_modules():
        if models := read_models(module):
            for name, path in find_paths(models).items():
                for element in own_elements(models[name]):
                    field = next(f for k, f in models[name].model_fields.items() if (f.alias or k) == element)
                    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
                    values = extra.get("enum_values")
                    if isinstance(values, list) and "fhirtypes.CodeType" in str(
                        inspect.get_annotations(models[name]).get(element, "")
                    ):
                        yield f"{path}.{element}", [str(each) for each in values]


OTHERWISE = {
    "AppointmentResponse.participantStatus": {"completed", "entered-in-error", "in-process"},
    "DocumentReference.docStatus": {"appended"},
    "Task.priority": {"normal"},
}
"""Codes that the short description of an element names, and the value set that it is bound to has not."""


def test_another_reading_of_the_definitions_has_the_same_codes() -> None:
    """It reads the short descriptions, of which a long one ends with a plus."""
    whole = {
        path: set(values) for path, values in enumerated() if not any(set("+| ") & {*each} for each in values)
    }
    sets = {path: found.codes for path in whole if (found := bound("stu3", path))}
    assert len(sets) > 200
    assert {path: whole[path] - codes for path, codes in sets.items() if whole[path] - codes} == OTHERWISE
