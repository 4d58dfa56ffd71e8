"""The processing register (AVG art. 30): which activities exist.  What is not listed is denied.

The register is data: `register.yaml` beside this module, or a file of the care provider's own that
follows `register.schema.json`.  Its hash goes with every decision.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from gateway import documents
from gateway.errors import AuthoringError
from gateway.policy.purpose import PURPOSES

REGISTER = Path(__file__).with_name("register.yaml")
SCHEMA = Path(__file__).with_name("register.schema.json")

Concepts = frozenset[str]
"""Concept paths within a block, dotted: `NameInformation.LastName`."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article of law that carries an activity.  `confirmed`: a jurist of the controller agrees."""

    law: str
    article: str
    what: str
    confirmed: bool

    def __str__(self) -> str:
        return f"{self.law} {self.article}"


@dataclass(frozen=True, slots=True)
class Activity:
    """One row of the register.

    `blocks` maps each block type allowed to its concepts (None: all of them); None: every block type.
    `without` names concepts that are never exchanged.  `subject` says whose record it may be: `own` (the
    person of the token), `stated` (one person; the token's person, if it has one), `optional`.
    `retention` is in years.
    """

    id: str
    title: Mapping[str, str]
    action: str
    purposes: frozenset[str]
    basis: tuple[Article, ...]
    sender: str
    receiver: str
    subject: str
    consent: str
    blocks: Mapping[str, Concepts | None] | None
    without: Mapping[str, Concepts]
    retention: Mapping[str, int]
    responsible: str

    @property
    def role(self) -> str:
        """The role of the caller: who delivers is the sender, who reads is the receiver."""
        return self.sender if self.action == "deliver" else self.receiver


@dataclass(frozen=True, slots=True)
class Register:
    """All activities, in the order of the file, and `policy`: the SHA-256 of the file in hex."""

    activities: tuple[Activity, ...]
    policy: str

    def unconfirmed(self) -> Iterator[tuple[str, Article]]:
        """Activity id and article, for each that a jurist has not confirmed."""
        for activity in self.activities:
            for article in activity.basis:
                if not article.confirmed:
                    yield activity.id, article


def load_register(path: Path | None = None) -> Register:
    """Read a register, that of the gateway by default.

    Raises `AuthoringError` with line and column when it breaks the schema or contradicts itself.
    """
    file = path or REGISTER
    return parse_register(file.read_bytes(), file.name)


def parse_register(data: bytes, name: str) -> Register:
    """The register in these bytes; `name` is shown in errors.  Raises `AuthoringError`."""
    try:
        document = documents.parse(data.decode("utf-8"), name)
    except UnicodeDecodeError:
        raise AuthoringError("not UTF-8", name) from None
    document.check(_validator())
    _check(document)
    activities = tuple(_activity(row) for row in document.data["activities"])
    return Register(activities, hashlib.sha256(data).hexdigest())


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))


def _check(document: documents.Document) -> None:
    """What a schema cannot say: ids are unique, purposes exist, an own request has an own subject."""
    seen: set[str] = set()
    for number, row in enumerate(document.data["activities"]):
        at: tuple[str | int, ...] = ("activities", number)
        if row["id"] in seen:
            raise document.fault(f"activity '{row['id']}' stands here twice", *at, "id")
        seen.add(row["id"])
        for place, purpose in enumerate(row["purposes"]):
            if purpose not in PURPOSES:
                raise document.fault(f"'{purpose}' is not a purpose of v3-ActReason", *at, "purposes", place)
        if row["consent"] == "own-request" and row["subject"] != "own":
            raise document.fault("consent own-request needs subject own", *at, "subject")


def _activity(row: dict[str, Any]) -> Activity:
    allow = row["blocks"]["allow"]
    return Activity(
        id=row["id"],
        title=row["title"],
        action=row["action"],
        purposes=frozenset(row["purposes"]),
        basis=tuple(Article(a["law"], a["article"], a["what"], a["confirmed"]) for a in row["basis"]),
        sender=row["sender"],
        receiver=row["receiver"],
        subject=row["subject"],
        consent=row["consent"],
        blocks=None if allow == "*" else {block: _concepts(which) for block, which in allow.items()},
        without={block: frozenset(paths) for block, paths in row["blocks"].get("except", {}).items()},
        retention=row["retention"],
        responsible=row["responsible"],
    )


def _concepts(which: str | list[str]) -> Concepts | None:
    return None if isinstance(which, str) else frozenset(which)
