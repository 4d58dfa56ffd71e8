"""Who may call at all: the registrations of the clients, a file of the operator.

A registration narrows what a token says: role, organisation and purposes count only where both agree, and
a token counts only when it was signed by the issuer and key that the client is registered with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from gateway import documents
from gateway.errors import AuthoringError
from gateway.policy.purpose import PURPOSES

SCHEMA = Path(__file__).with_name("parties.schema.json")


@dataclass(frozen=True, slots=True)
class Registration:
    """One client.  `organisation` is an identifier (a URI), `name` is for people; `keys` are key ids."""

    id: str
    role: str
    organisation: str
    name: str
    purposes: frozenset[str]
    issuer: str
    keys: frozenset[str]


def load_registrations(path: Path) -> Mapping[str, Registration]:
    """The registrations of a file, by client id.  Raises `AuthoringError` with line and column."""
    try:
        document = documents.load(path)
    except UnicodeDecodeError:
        raise AuthoringError("not UTF-8", path.name) from None
    except OSError as error:
        raise AuthoringError(f"cannot be read: {error.strerror}", path.name) from None
    document.check(_validator())
    found: dict[str, Registration] = {}
    for number, row in enumerate(document.data["clients"]):
        at: tuple[str | int, ...] = ("clients", number)
        if row["id"] in found:
            raise document.fault(f"client '{row['id']}' stands here twice", *at, "id")
        for place, purpose in enumerate(row["purposes"]):
            if purpose not in PURPOSES:
                raise document.fault(f"'{purpose}' is not a purpose of v3-ActReason", *at, "purposes", place)
        found[row["id"]] = _registration(row)
    return found


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))


def _registration(row: dict[str, Any]) -> Registration:
    return Registration(
        id=row["id"],
        role=row["role"],
        organisation=row["organisation"],
        name=row["name"],
        purposes=frozenset(row["purposes"]),
        issuer=row["issuer"],
        keys=frozenset(row["keys"]),
    )
