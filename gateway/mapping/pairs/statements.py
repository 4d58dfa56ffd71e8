"""What we say of the pairs that are not mapped both ways: `conformance/pairs-zib2020.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from gateway import documents
from gateway.resources import CONFORMANCE

STATEMENTS = CONFORMANCE / "pairs-zib2020.yaml"
SCHEMA = CONFORMANCE / "pairs.schema.json"


@dataclass(frozen=True, slots=True)
class Same:
    """The id by which our profiles know a concept that a package names by another."""

    concept: str
    because: str


@dataclass(frozen=True, slots=True)
class Statements:
    """Per pair (profile, element, concept) why it is not both; per concept of the package the one it is."""

    reasons: dict[tuple[str, str, str], str]
    same: dict[str, Same]


def read_statements(file: Path = STATEMENTS) -> Statements:
    """The statements in a file.  Raises `AuthoringError` when it is not as its schema says."""
    document = documents.load(file)
    document.check(jsonschema.Draft202012Validator(msgspec.json.decode(SCHEMA.read_bytes())))
    data: dict[str, Any] = document.data
    reasons = {
        (profile, element, concept): reason
        for profile, elements in data["reasons"].items()
        for element, concepts in elements.items()
        for concept, reason in concepts.items()
    }
    return Statements(reasons, {concept: Same(**said) for concept, said in data["same"].items()})
