"""What a condition is met by."""

from __future__ import annotations

from functools import partial

import pytest

from gateway.exchange.changes.conditions import ByIdentifier, conditional, parse_condition
from tests.exchange.house import BRAM, FENNA
from tests.exchange.resources import BSN, NUMBERS, patient, pressure
from tests.steps import calls


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
    known = ByIdentifier([("p", patient(identifier=numbers)), ("o", pressure(identifier=numbers))])
    assert known.meeting(found) == (["p"] if met else [])
    assert FENNA not in repr(found)


def test_what_meets_a_condition_is_found_without_a_look_at_all() -> None:
    """A transaction may have thousands of conditions, about thousands of resources."""
    numbers = [{"system": system, "value": "17"} for system in (NUMBERS, f"{NUMBERS}/2")]
    many = [(str(n), pressure(identifier=[{"system": NUMBERS, "value": str(n)}])) for n in range(100, 600)]
    known = ByIdentifier(
        [*many, ("one", pressure(identifier=numbers)), ("two", pressure(identifier=numbers))]
    )
    for text, met in ((f"{NUMBERS}|101", ["101"]), ("17", ["one", "two"]), (f"{NUMBERS}|17", ["one", "two"])):
        condition = parse_condition("Observation", f"identifier={text}", "")
        assert condition is not None
        assert calls(partial(known.meeting, condition)) < 100
        assert known.meeting(condition) == met


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
