"""What a request asks to change, and what resources refer to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.hostile.specimen import uuid
from gateway.codecs.limits import DEFAULT
from gateway.errors import ContentError, InputError
from gateway.exchange.changes import MAX_ENTRIES, Asked, Interaction, Posted, alone, is_bsn_like, together
from gateway.exchange.changes_conditions import conditional, parse_condition
from gateway.exchange.changes_references import Names, on_gateway, redirected, references
from gateway.storage import ResourceName, normalise_bsn
from tests.exchange.house import BRAM, FENNA
from tests.exchange.resources import BSN, NUMBERS, as_json, bundle, entry, ordinary, patient, pressure

BASE = "https://gateway.example/fhir/r4"


def asked(tree: Any, version: Any = "r4") -> Any:
    return together(Posted("POST", as_json(tree)), version, BASE, DEFAULT)


# -- interactions --------------------------------------------------------------------------------------


def test_the_entries_of_a_transaction_are_interactions() -> None:
    tree = bundle(
        entry(patient(), 1, ifNoneExist=f"identifier={NUMBERS}|1"),
        entry(pressure(id="a"), 2, "PUT", ifMatch='W/"3"'),
        {"request": {"method": "DELETE", "url": f"{BASE}/Condition/b"}},
        identifier={"system": NUMBERS, "value": "7"},
    )
    found = asked(tree)
    assert isinstance(found, Asked)
    assert (found.kind, found.identifier, found.faults) == ("transaction", f"{NUMBERS}|7", ())
    create, update, delete = found.interactions
    assert (create.method, create.type, create.id, create.full_url) == ("POST", "Patient", "", uuid(1))
    assert create.condition == parse_condition("Patient", f"identifier={NUMBERS}|1", "")
    assert (update.method, update.id, update.expected) == ("PUT", "a", 3)
    assert (delete.method, delete.type, delete.id, delete.resource) == ("DELETE", "Condition", "b", None)
    assert [one.place for one in found.interactions] == [f"Bundle.entry[{i}].resource" for i in range(3)]
    assert FENNA not in found.summary


def test_an_entry_of_a_batch_that_is_wrong_spoils_no_other() -> None:
    found = asked(bundle({"request": {"method": "GET", "url": "Patient"}}, entry(patient(), 1), kind="batch"))
    wrong, right = found
    assert [issue.place for issue in wrong.faults] == ["Bundle.entry[0].request.method"]
    assert (right.faults, right.interactions[0].type) == ((), "Patient")
    with pytest.raises(InputError):
        wrong.check()
    right.check()


def test_every_faulty_entry_of_a_transaction_is_told() -> None:
    tree = bundle(*({"request": {"method": "PATCH", "url": "Patient/1"}} for _ in range(3)))
    assert [issue.place for issue in asked(tree).faults] == [
        f"Bundle.entry[{i}].request.method" for i in range(3)
    ]


def test_a_bundle_has_a_bound() -> None:
    tree = bundle(*({"fullUrl": uuid(i)} for i in range(MAX_ENTRIES + 1)))
    with pytest.raises(InputError) as caught:
        asked(tree)
    assert caught.value.issues[0].code == "too-costly"


@pytest.mark.parametrize(
    "kind", ["Bundle", "Parameters", "OperationOutcome", "Nonsense", "", "ServiceRequest"]
)
def test_what_is_no_resource_of_a_record_is_refused(kind: str) -> None:
    with pytest.raises(InputError) as caught:
        alone(Posted("POST", b"{}", type=kind), "stu3", DEFAULT)
    assert caught.value.issues[0].code == "not-supported"


@pytest.mark.parametrize(
    ("posted", "place"),
    [
        (Posted("POST", as_json(patient()), type="Observation"), "resourceType"),
        (Posted("PUT", as_json(patient(id="b")), type="Patient", id="a"), "id"),
        (Posted("PUT", as_json(patient()), type="Patient", id="a"), "id"),
        (Posted("PUT", as_json(patient(id="a b")), type="Patient", id="a b"), "id"),
        (Posted("PUT", as_json(patient(id=BRAM)), type="Patient", id=BRAM), "id"),
        (Posted("DELETE", type="Patient", id=BRAM), ""),
    ],
)
def test_a_resource_that_is_not_where_it_says_is_refused(posted: Posted, place: str) -> None:
    faults = alone(posted, "r4", DEFAULT).faults
    assert [issue.place for issue in faults] == [place]
    assert BRAM not in str(faults)


@given(st.from_regex(r"[0-9]{7,10}", fullmatch=True))
def test_an_id_is_like_a_number_when_it_may_be_one(text: str) -> None:
    try:
        number = normalise_bsn(text)
    except ContentError:
        number = ""
    assert is_bsn_like(text) == bool(number)


# -- conditions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        (f"identifier={NUMBERS}|1", True),
        (f"?identifier={NUMBERS}%7C1", True),
        (f"Patient?identifier={NUMBERS}|1&identifier=2", True),
        ("identifier=1", True),
        ("identifier=|1", True),
        (f"identifier={NUMBERS}|2", False),
        (f"identifier={NUMBERS}|1&identifier=3", False),
        (f"identifier={BSN}|{FENNA}", True),
        (f"identifier={BSN}|99.99.80.014", True),
        (f"identifier=urn:oid:2.16.840.1.113883.2.4.6.3|{FENNA}", True),
        (f"identifier={BSN}|{BRAM}", False),
    ],
)
def test_a_condition_is_met_by_identifiers(condition: str, met: bool) -> None:
    numbers = [{"system": BSN, "value": FENNA}, {"system": NUMBERS, "value": "1"}, {"value": "2"}]
    found = parse_condition("Patient", condition, "If-None-Exist")
    assert found is not None
    assert found.met_by(patient(identifier=numbers)) is met
    assert not found.met_by(pressure(identifier=numbers))
    assert FENNA not in repr(found)


def test_no_condition_is_none() -> None:
    assert parse_condition("Patient", "", "") is None


@pytest.mark.parametrize(
    ("literal", "kind"),
    [
        (f"Patient?identifier={BSN}|1", "Patient"),
        ("Patient/1", ""),
        ("http://epd.example/Patient?identifier=1", ""),
        ("?identifier=1", ""),
    ],
)
def test_a_conditional_reference_has_a_type(literal: str, kind: str) -> None:
    assert conditional(literal) == kind


# -- references ----------------------------------------------------------------------------------------

HERE = Interaction("POST", "Observation", full_url="http://epd.example/fhir/Observation/1", resource={})
THERE = Interaction(
    "POST", "Patient", full_url="http://epd.example/fhir/Patient/2", resource={"id": "2"}, entry=1
)
NAMED = Interaction("PUT", "Device", "d", resource={"id": "d"}, full_url=uuid(3), entry=2)
GONE = Interaction("DELETE", "Device", "e", entry=3)


@pytest.mark.parametrize(
    ("literal", "target"),
    [
        ("http://epd.example/fhir/Patient/2", THERE),
        ("Patient/2", THERE),
        ("Patient/2/_history/1", THERE),
        (uuid(3), NAMED),
        ("Device/d", NAMED),
        ("Device/e", None),
        ("Patient/3", None),
        ("#d", None),
        ("http://other.example/fhir/Patient/2", None),
    ],
)
def test_a_reference_leads_to_an_entry(literal: str, target: Interaction | None) -> None:
    assert Names([HERE, THERE, NAMED, GONE]).find(literal, HERE) is target


@pytest.mark.parametrize(
    ("literal", "name"),
    [
        ("Patient/1", ("Patient", "1")),
        (f"{BASE}/Patient/1/_history/3", ("Patient", "1")),
        ("http://epd.example/fhir/Patient/1", None),
        (uuid(1), None),
        ("Patient?identifier=1", None),
        ("Patient", None),
    ],
)
def test_a_reference_may_be_to_the_gateway(literal: str, name: tuple[str, str] | None) -> None:
    assert on_gateway(literal, "fhir-r4", BASE) == (ResourceName("fhir-r4", *name) if name else None)


def test_references_are_found_wherever_they_stand() -> None:
    tree = pressure(
        "Patient/1",
        identifier=[{"system": NUMBERS, "value": "1"}],
        performer=[{"reference": "a"}, {"identifier": {"system": BSN, "value": "1"}}],
        extension=[{"url": "x", "valueReference": {"reference": "b"}}],
        contained=[{"resourceType": "Device", "identifier": [{"value": "1"}], "owner": {"reference": "c"}}],
        actor=[{"reference": {"reference": "d"}}],  # as in Consent.provision
    )
    assert [place for place, _ in references(tree, "Observation")] == [
        "Observation.subject",
        "Observation.performer[0]",
        "Observation.performer[1]",
        "Observation.extension[0].valueReference",
        "Observation.contained[0].owner",
        "Observation.actor[0].reference",
    ]


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
NAMES = st.sampled_from(["reference", "url", "value", "subject"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


@given(TREES)
def test_redirecting_changes_nothing_but_references(tree: Any) -> None:
    assert redirected(tree, lambda literal: literal) == tree
    twice = redirected(redirected(tree, lambda literal: f"+{literal}"), lambda literal: literal[1:])
    assert twice == tree


def test_what_is_ordinary_has_no_fault() -> None:
    assert asked(ordinary()).faults == ()
