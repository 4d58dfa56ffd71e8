"""Requests and registers for the policy tests; every value is made up."""

from __future__ import annotations

from typing import Any

import yaml

from gateway.policy import Caller, Register, Request, parse_register

ANNA = "a" * 64
BERT = "b" * 64


def activity(**changes: Any) -> dict[str, Any]:
    """A valid row as it stands in YAML: a PGO reads all blocks of its own person."""
    row = {
        "id": "row",
        "title": {"nl": "rij", "en": "row"},
        "action": "read",
        "purposes": ["PATRQT"],
        "basis": [{"law": "AVG", "article": "art. 15", "what": "access", "confirmed": False}],
        "sender": "gateway",
        "receiver": "pgo",
        "subject": "own",
        "consent": "own-request",
        "blocks": {"allow": "*"},
        "retention": {"log": 5},
        "responsible": "the provider",
    }
    return row | changes


def register(*rows: dict[str, Any]) -> Register:
    """A register of these rows."""
    return parse_register(yaml.safe_dump({"version": 1, "activities": list(rows)}).encode(), "test.yaml")


def caller(role: str = "pgo", **changes: Any) -> Caller:
    """A caller who may read for PATRQT."""
    given: dict[str, Any] = {
        "id": "client",
        "role": role,
        "organisation": "Organisation",
        "token_purposes": frozenset({"PATRQT"}),
        "registered_purposes": frozenset({"PATRQT"}),
    }
    return Caller(**given | changes)


def request(**changes: Any) -> Request:
    """A request that `activity()` permits."""
    given: dict[str, Any] = {
        "caller": caller(),
        "action": "read",
        "purpose": "PATRQT",
        "person": ANNA,
        "token_person": ANNA,
        "blocks": frozenset({"Problem"}),
    }
    return Request(**given | changes)
