"""The tables of parameters, and what is said of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatementRestResource as ResourceR4
from fhir.resources.STU3.capabilitystatement import CapabilityStatementRestResource as ResourceSTU3

from gateway.codecs.fhir.elements import Version, types
from gateway.errors import InputError
from gateway.exchange.search import Resource, operations_of, searchable
from gateway.exchange.search.capabilities import OPERATIONS
from gateway.exchange.search.definitions import ELEMENT_TYPES, Definition, definitions
from tests.exchange.search.records import search, to

VERSIONS: tuple[Version, ...] = ("r4", "stu3")
MODELS: dict[Version, Any] = {"r4": ResourceR4, "stu3": ResourceSTU3}


def every(version: Version) -> list[tuple[str, Definition]]:
    known = definitions(version)
    return [(kind, each) for kind in sorted(types(version).resources) for each in known.of(kind).values()]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_reads_and_every_element_is_one_that_its_type_can_test(version: Version) -> None:
    rows = every(version)
    assert len(rows) > 1_500
    for kind, each in rows:
        for part in each.parts or (each,):
            assert part.elements, f"{kind}:{each.name}"
            kinds = {element.type for element in part.elements}
            assert kinds <= ELEMENT_TYPES[part.type], f"{kind}:{each.name}"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_has_a_summary_of_its_own_elements(version: Version) -> None:
    for kind in types(version).resources:
        for name in definitions(version).summary(kind):
            assert types(version).child(kind, name) or types(version).choices(kind, name), f"{kind}.{name}"


VALUES: dict[str, Any] = {
    "CodeableConcept": {"coding": [{"system": "urn:s", "code": "c"}]},
    "Coding": {"system": "urn:s", "code": "c"},
    "Identifier": {"system": "urn:s", "value": "c"},
    "ContactPoint": {"value": "c"},
    "boolean": True,
    "Reference": to("Device/c"),
    "Period": {"start": "2024-03-01", "end": "2024-03-02"},
    "Timing": {"event": ["2024-03-01"]},
    "dateTime": "2024-03-01",
    "date": "2024-03-01",
    "instant": "2024-03-01T00:00:00Z",
    "HumanName": {"family": "c"},
    "Address": {"city": "c"},
    "integer": 5,
    "positiveInt": 5,
    "unsignedInt": 5,
    "decimal": Decimal(5),
}
OTHERS = {"quantity": {"value": 5}, "reference": "urn:c"}
"""Values of what `VALUES` has no type for, by the type of the parameter."""

ASKED = {"date": "2024-03", "quantity": "5", "number": "5"}


def holding(kind: str, definition: Definition) -> Resource:
    """A resource with a value at the first element of a definition."""
    element = definition.elements[0]
    value = VALUES.get(element.type, OTHERS.get(definition.type, "c"))
    if element.type == "Reference" and definition.targets:
        value = to(f"{min(definition.targets)}/c")
    for step in reversed(element.path.split(".")) if "[" not in element.path else ():
        value = {step: value}
    return {"resourceType": kind, "id": "c"} | value if isinstance(value, dict) else {}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_parameter_finds_what_it_is_about(version: Version) -> None:
    tested = 0
    for kind, each in every(version):
        if each.parts or "[" in each.elements[0].path or each.name in ("patient", "subject", "_id"):
            continue
        value = "true" if each.elements[0].type == "boolean" else ASKED.get(each.type, "c")
        if each.type == "reference":
            literal = each.elements[0].type != "Reference"
            value = "urn:c" if literal else f"{min(each.targets, default='Device')}/c"
        try:
            asked = search(kind, (each.name, value), version=version, strict=True)
        except InputError as error:
            pytest.fail(f"{kind}:{each.name}: {error}")
        assert asked.run([holding(kind, each)]).total == 1, f"{kind}:{each.name}"
        assert asked.run([{"resourceType": kind, "id": "other"}]).total == 0
        tested += 1
    assert tested > 1_000


@pytest.mark.parametrize(
    ("version", "kind", "names"),
    [
        (
            "r4",
            "Observation",
            "_id _lastUpdated _profile _tag category code date has-member status value-quantity",
        ),
        ("r4", "Flag", "category date patient"),
        ("stu3", "Observation", "category code context date related-target related-type specimen status"),
        ("stu3", "MedicationRequest", "category periodofuse medicationtreatment medication"),
        ("stu3", "ProcedureRequest", "status code occurrence"),
        ("stu3", "Encounter", "class date type"),
        ("stu3", "DocumentReference", "status indexed created type"),
    ],
)
def test_the_parameters_of_a_type(version: Version, kind: str, names: str) -> None:
    assert set(names.split()) <= definitions(version).of(kind).keys()


def test_a_parameter_of_one_version_is_not_one_of_the_other() -> None:
    assert "has-member" not in definitions("stu3").of("Observation")
    assert "related-target" not in definitions("r4").of("Observation")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_said_of_a_type_is_valid_and_works(version: Version) -> None:
    served = sorted(types(version).resources & {"Observation", "Patient", "Provenance", "Organization"})
    for kind in served:
        row = {"type": kind, "interaction": [{"code": "read"}], **searchable(kind, version, served)}
        MODELS[version].model_validate(row)
        for text in row["searchInclude"]:
            assert search(kind, ("_include", text), version=version, strict=True).includes
        for text in row["searchRevInclude"]:
            assert search(kind, ("_revinclude", text), version=version, strict=True).includes
        assert "Provenance:target" in row["searchRevInclude"]
        assert all(param["documentation"] for param in row["searchParam"])
        if kind == "Patient":
            texts = {param["name"]: param["documentation"] for param in row["searchParam"]}
            assert texts["email"] == "telecom[system=email]"


def test_operations_are_said_as_the_version_has_them() -> None:
    base = "http://hl7.org/fhir/OperationDefinition"
    validate = {"name": "validate", "definition": f"{base}/Resource-validate"}
    lastn = {"name": "lastn", "definition": f"{base}/Observation-lastn"}
    assert operations_of("Observation", "r4") == [lastn, validate]
    assert operations_of("Flag", "r4") == [validate]
    assert operations_of("Flag", "stu3") == [
        {"name": "validate", "definition": {"reference": f"{base}/Resource-validate"}}
    ]
    assert set(OPERATIONS) <= types("r4").resources
