"""What a Bundle asks to change."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.hostile.specimen import uuid
from gateway.codecs.limits import DEFAULT
from gateway.errors import InputError
from gateway.exchange.changes.asked import Asked, Posted
from gateway.exchange.changes.bundles import MAX_ENTRIES, together
from gateway.exchange.changes.conditions import parse_condition
from gateway.exchange.changes.preconditions import Expected
from tests.exchange.house import FENNA
from tests.exchange.resources import NUMBERS, as_json, bundle, entry, ordinary, patient, pressure

BASE = "https://gateway.example/fhir/r4"


def asked(tree: Any, version: Any = "r4") -> Any:
    return together(Posted("POST", as_json(tree)), version, BASE, DEFAULT)


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
    assert (update.method, update.id, update.expected) == ("PUT", "a", Expected(frozenset("3")))
    assert (delete.method, delete.type, delete.id, delete.resource) == ("DELETE", "Condition", "b", None)
    assert [one.place for one in found.interactions] == [f"Bundle.entry[{i}].resource" for i in range(3)]
    assert FENNA not in found.summary


def test_an_entry_of_a_batch_that_is_wrong_spoils_no_other() -> None:
    found = asked(
        bundle({"request": {"method": "PATCH", "url": "Patient"}}, entry(patient(), 1), kind="batch")
    )
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


def test_what_is_ordinary_has_no_fault() -> None:
    assert asked(ordinary()).faults == ()
