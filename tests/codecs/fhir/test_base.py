"""What base FHIR asks of a resource, and what it does not."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.fhir.base import faults_of
from gateway.codecs.fhir.elements import Tree, Version, types
from gateway.codecs.fhir.kinds import MOST_ISSUES
from gateway.codecs.fhir.rules import rules_of, stated
from gateway.codecs.fhir.tolerated import as_received, tolerated

VERSIONS: tuple[Version, ...] = ("r4", "stu3")
ABSENT = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    ]
}
OBSERVATION: Tree = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
PATIENT: Tree = {"resourceType": "Patient"}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CODED = {"coding": [{"system": "http://loinc.org", "code": "1"}]}


def broken(tree: Tree, version: Version = "r4") -> list[tuple[str, str]]:
    """Place and key of each fault."""
    return [(issue.place, issue.rule.split(" ", 2)[2]) for issue in faults_of(tree, version)]


def condition(**members: Any) -> Tree:
    return {"resourceType": "Condition", "subject": {"display": "x"}} | members


def clinical(code: str, system: str = CLINICAL) -> Any:
    return {"coding": [{"system": system, "code": code}]}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_resource_lacks_all_that_is_required(version: Version) -> None:
    known = types(version)
    for name in known.resources:
        wanted = {each.choice or each.name for each in known.children(name) if each.min}
        found = {
            key.split(" ")[0].rpartition(".")[2]
            for _, key in broken({"resourceType": name}, version)
            if "." in key
        }
        assert found == {f"{each}[x]" if known.choices(name, each) else each for each in wanted}, name


@pytest.mark.parametrize("version", VERSIONS)
def test_every_type_has_rules_and_every_row_is_of_a_type(version: Version) -> None:
    known = types(version)
    assert all(rules_of(version, name).type == name for name in known)
    assert {name for name in known if [*stated(version, name)]} >= {"Period", "Extension", "Observation"}


@pytest.mark.parametrize(
    "tree",
    [
        OBSERVATION,
        {"resourceType": "Observation", "_status": ABSENT, "code": ABSENT},
        OBSERVATION | {"valueString": "x", "_valueString": {"id": "a"}},
        OBSERVATION | {"dataAbsentReason": {"text": "x"}},
        OBSERVATION | {"code": CODED, "valueString": "x", "component": [{"code": {"text": "x"}}]},
        condition(clinicalStatus=clinical("resolved"), abatementDateTime="2020"),
        condition(clinicalStatus=ABSENT),
        PATIENT | {"gender": "female", "_gender": {"id": "g"}},
        PATIENT
        | {
            "contained": [{"resourceType": "Practitioner", "id": "p"}],
            "generalPractitioner": [{"reference": "#p"}],
        },
        PATIENT
        | {
            "contained": [
                {
                    "resourceType": "Provenance",
                    "id": "p",
                    "target": [{"reference": "#"}],
                    "recorded": "2020-01-01T10:00:00Z",
                    "agent": [{"who": {"display": "x"}}],
                }
            ]
        },
        PATIENT | {"identifier": [{"period": {"start": "2020-02-02", "end": "2020-02"}}]},
        PATIENT | {"name": [{"given": ["A", None], "_given": [{"id": "a"}, {**ABSENT}]}]},
    ],
)
def test_what_base_fhir_allows(tree: Tree) -> None:
    assert broken(tree) == []


@pytest.mark.parametrize(
    ("tree", "place", "key"),
    [
        ({"resourceType": "Observation", "code": {"text": "x"}}, "", "Observation.status 1..1"),
        (OBSERVATION | {"status": "nee"}, ".status", "Observation.status = observation-status"),
        (
            OBSERVATION | {"component": [{"valueString": "x"}]},
            ".component[0]",
            "Observation.component.code 1..1",
        ),
        (OBSERVATION | {"note": [{"time": "2020"}]}, ".note[0]", "Annotation.text 1..1"),
        (OBSERVATION | {"valueString": "x", "valueQuantity": {"value": 1}}, "", "Observation.value[x] 0..1"),
        (OBSERVATION | {"valueString": "x", "_valueBoolean": ABSENT}, "", "Observation.value[x] 0..1"),
        (OBSERVATION | {"valueString": "x", "dataAbsentReason": {"text": "x"}}, "", "obs-6"),
        (
            OBSERVATION
            | {"code": CODED, "valueString": "x", "component": [{"code": CODED, "valueString": "y"}]},
            ".component[0].code",
            "obs-7",
        ),
        (
            OBSERVATION
            | {"code": CODED, "valueString": "x", "component": [{"code": CODED, "valueInteger": 1}]},
            ".component[0].code",
            "obs-7 between kinds",
        ),
        (OBSERVATION | {"referenceRange": [{"appliesTo": [{"text": "x"}]}]}, ".referenceRange[0]", "obs-3"),
        (OBSERVATION | {"valueQuantity": {"value": 1, "code": "mg"}}, ".valueQuantity", "qty-3"),
        (
            OBSERVATION | {"valueQuantity": {"value": 1, "comparator": "~"}},
            ".valueQuantity.comparator",
            "Quantity.comparator = quantity-comparator",
        ),
        (OBSERVATION | {"subject": {"reference": "#p"}}, ".subject.reference", "ref-1"),
        (OBSERVATION | {"extension": [{"url": "a"}]}, ".extension[0]", "ext-1"),
        (OBSERVATION | {"extension": [{"valueString": "a"}]}, ".extension[0]", "Extension.url 1..1"),
        (OBSERVATION | {"_issued": {"extension": [{"url": "a"}]}}, ".issued.extension[0]", "ext-1"),
        (
            OBSERVATION
            | {
                "extension": [
                    {"url": "a", "valueString": "x", "extension": [{"url": "b", "valueString": "x"}]}
                ]
            },
            ".extension[0]",
            "ext-1",
        ),
        (OBSERVATION | {"bodySite": {"id": "a"}}, ".bodySite", "ele-1"),
        (OBSERVATION | {"_issued": {"id": "a"}}, ".issued", "ele-1"),
        (
            PATIENT | {"name": [{"given": [None, "B"], "_given": [{"id": "a"}, None]}]},
            ".name[0].given[0]",
            "ele-1",
        ),
        (PATIENT | {"gender": "f"}, ".gender", "Patient.gender = administrative-gender"),
        (PATIENT | {"name": [{"use": "best"}]}, ".name[0].use", "HumanName.use = name-use"),
        (PATIENT | {"telecom": [{"value": "x"}]}, ".telecom[0]", "cpt-2"),
        (PATIENT | {"contact": [{"gender": "male"}]}, ".contact[0]", "pat-1"),
        (
            PATIENT | {"identifier": [{"period": {"start": "2020-02-02", "end": "2019"}}]},
            ".identifier[0].period",
            "per-1",
        ),
        (PATIENT | {"photo": [{"data": "AAAA"}]}, ".photo[0]", "att-1"),
        (PATIENT | {"contained": [{"resourceType": "Device", "id": "d"}]}, ".contained[0]", "dom-3"),
        (
            PATIENT | {"contained": [{"resourceType": "Device", "meta": {"versionId": "1"}}]},
            ".contained[0]",
            "dom-4",
        ),
        (
            PATIENT | {"contained": [{"resourceType": "Device", "meta": {"security": [{"code": "R"}]}}]},
            ".contained[0]",
            "dom-5",
        ),
        (
            PATIENT | {"contained": [{"resourceType": "Device", "contained": [{"resourceType": "Device"}]}]},
            ".contained[0]",
            "dom-2",
        ),
        (
            PATIENT | {"contained": [{"resourceType": "Device", "status": "on"}]},
            ".contained[0].status",
            "Device.status = device-status",
        ),
        (
            condition(clinicalStatus={"text": "active"}),
            ".clinicalStatus",
            "Condition.clinicalStatus = condition-clinical",
        ),
        (
            condition(clinicalStatus=clinical("active", "urn:x")),
            ".clinicalStatus",
            "Condition.clinicalStatus = condition-clinical",
        ),
        (condition(clinicalStatus=clinical("active"), abatementDateTime="2020"), "", "con-4"),
        (condition(abatementDateTime="2020"), "", "con-4"),
        ({"resourceType": "Organization"}, "", "org-1"),
        ({"resourceType": "Organization", "name": "x", "address": [{"use": "home"}]}, "", "org-2"),
        (
            {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"code": "AMB"},
                "length": {"value": 1, "code": "h"},
            },
            ".length",
            "qty-3",
        ),
    ],
)
def test_what_base_fhir_does_not_allow(tree: Tree, place: str, key: str) -> None:
    assert (tree["resourceType"] + place, key) in broken(tree)


@pytest.mark.parametrize(
    ("tree", "key"),
    [
        ({"resourceType": "Condition", "subject": {"display": "x"}}, "con-3"),
        (
            {
                "resourceType": "Immunization",
                "status": "completed",
                "patient": {"display": "x"},
                "vaccineCode": {"text": "x"},
                "primarySource": True,
            },
            "Immunization.notGiven 1..1",
        ),
        (
            PATIENT
            | {"contained": [{"resourceType": "Device", "text": {"status": "empty", "div": "<div/>"}}]},
            "dom-1",
        ),
        (
            {
                "resourceType": "MedicationStatement",
                "status": "active",
                "subject": {"display": "x"},
                "taken": "y",
                "medicationCodeableConcept": {"text": "x"},
                "reasonNotTaken": [{"text": "x"}],
            },
            "mst-1",
        ),
    ],
)
def test_what_only_stu3_asks(tree: Tree, key: str) -> None:
    assert key in {found for _, found in broken(tree, "stu3")}
    assert key not in {found for _, found in broken(tree, "r4")}


def entries(kind: str, *given: Any, **more: Any) -> Tree:
    return {"resourceType": "Bundle", "type": kind, "entry": list(given)} | more


REQUEST = {"request": {"method": "POST", "url": "Patient"}}


@pytest.mark.parametrize(
    ("tree", "place", "key"),
    [
        (entries("collection", {"resource": PATIENT}, total=1), "", "bdl-1"),
        (entries("collection", {"resource": PATIENT, "search": {"mode": "match"}}), ".entry[0]", "bdl-2"),
        (entries("collection", {"resource": PATIENT, **REQUEST}), ".entry[0]", "bdl-3"),
        (entries("transaction", {"resource": PATIENT}), ".entry[0]", "bdl-3"),
        (entries("batch-response", {"resource": PATIENT}), ".entry[0]", "bdl-4"),
        (entries("collection", {"fullUrl": "urn:x"}), ".entry[0]", "bdl-5"),
        (
            entries("collection", *[{"fullUrl": "urn:x", "resource": PATIENT}] * 2),
            ".entry[1]",
            "bdl-7 unreferred",
        ),
        (
            entries(
                "collection",
                *[{"fullUrl": "urn:x", "resource": PATIENT}] * 2,
                {"resource": OBSERVATION | {"subject": {"reference": "urn:x"}}},
            ),
            ".entry[1]",
            "bdl-7",
        ),
        (
            entries("collection", {"fullUrl": "http://x/Patient/1/_history/1", "resource": PATIENT}),
            ".entry[0]",
            "bdl-8",
        ),
        (entries("document", {"resource": PATIENT}), "", "bdl-9"),
        (entries("document", {"resource": PATIENT}, identifier={"value": "1"}), ".identifier", "bdl-9"),
        (entries("document", {"resource": PATIENT}), "", "bdl-10"),
        (entries("document", {"resource": PATIENT}), ".entry[0].resource", "bdl-11"),
        (entries("message", {"resource": PATIENT}), ".entry[0].resource", "bdl-12"),
        (entries("heap", {"resource": PATIENT}), ".type", "Bundle.type = bundle-type"),
        (
            entries(
                "collection",
                {"resource": OBSERVATION | {"subject": {"reference": "#p"}}},
                {"resource": PATIENT | {"contained": [{"resourceType": "Device", "id": "p"}]}},
            ),
            ".entry[0].resource.subject.reference",
            "ref-1",
        ),
    ],
)
def test_a_bundle_that_is_none(tree: Tree, place: str, key: str) -> None:
    assert ("Bundle" + place, key) in broken(tree)


def test_no_fault_tells_a_value() -> None:
    tree = OBSERVATION | {"status": "geheim", "subject": {"reference": "#geheim"}, "code": {"id": "geheim"}}
    issues = faults_of(tree, "r4")
    assert len(issues) == 3
    assert "geheim" not in "".join(issue.diagnostics() for issue in issues)
    assert {issue.severity for issue in issues} == {"error"}


def test_at_most_twenty_are_told() -> None:
    wrong = entries("collection", *[{"resource": {"resourceType": "Observation"}}] * 10_000)
    assert len(faults_of(wrong, "r4")) == MOST_ISSUES


def test_a_code_of_ten_thousand_is_compared_with_ten_thousand_once() -> None:
    own = [{"code": str(i)} for i in range(10_000)]
    parts = [{"code": {"coding": [{"code": f"x{i}"}] * 100}} for i in range(1_000)]
    tree = OBSERVATION | {"code": {"coding": own}, "valueString": "x", "component": parts}
    assert broken(tree) == []


def test_what_is_tolerated_never_hides_what_is_not() -> None:
    home = {
        "resourceType": "Organization",
        "name": "x",
        "address": [{"use": "home"}],
        "telecom": [{"use": "home", "system": "phone"}],
    }
    tree = entries("collection", *[{"resource": home}] * 50, {"resource": OBSERVATION | {"status": "nee"}})
    found = as_received(faults_of(tree, "r4"))
    assert len(found) == MOST_ISSUES
    assert [issue.place for issue in found if issue.severity == "error"] == [
        "Bundle.entry[50].resource.status"
    ]
    assert {issue.severity for issue in as_received(faults_of(home, "r4"))} == {"warning"}


def test_every_tolerance_says_how_often_it_was_met() -> None:
    assert all(any(letter.isdigit() for letter in because) for because in tolerated().values())


SOUND: Tree = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "subject": {"display": "x"},
    "medicationReference": {"reference": "#m"},
    "contained": [
        {"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": {"text": "x"}}]}
    ],
    "note": [{"text": "x"}],
    "dosageInstruction": [{"timing": {"repeat": {"period": 1, "periodUnit": "d"}}}],
}


def paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every member of an object in a tree."""
    if isinstance(node, list):
        return [found for i, each in enumerate(node) for found in paths(each, (*path, i))]
    if not isinstance(node, dict):
        return []
    return [found for name in node for found in [(*path, name), *paths(node[name], (*path, name))]]


NEEDED = {
    "status",
    "intent",
    "subject",
    "medicationReference",
    "itemCodeableConcept",
    "periodUnit",
    "contained",
    "text",
}


@given(
    st.sampled_from(
        [path for path in paths(SOUND) if path[-1] in NEEDED and path[-2:] != ("itemCodeableConcept", "text")]
    )
)
def test_without_a_member_that_is_needed_there_is_a_fault_where_it_stood(path: tuple[Any, ...]) -> None:
    assert broken(SOUND) == []
    tree = copy.deepcopy(SOUND)
    node: Any = tree
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    if not node:
        node["id"] = "a"  # an object is never empty
    assert broken(tree)
