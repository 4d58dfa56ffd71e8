"""What resources refer to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.hostile.specimen import uuid
from gateway.exchange.changes.asked import Interaction
from gateway.exchange.changes.references import Names, on_gateway, redirected, references
from gateway.storage import ResourceName
from tests.exchange.resources import BSN, NUMBERS, pressure

BASE = "https://gateway.example/fhir/r4"

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
