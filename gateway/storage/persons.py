"""Who is who: a person is found by a keyed HMAC of the BSN.

The BSN itself is stored nowhere outside encrypted blocks, and no bare hash of it: with under a billion
values that would be as good as the number.
"""

from __future__ import annotations

import hmac
import uuid
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select
from stdnum.exceptions import ValidationError
from stdnum.nl import bsn as bsn_check
from stdnum.util import clean

from gateway.errors import ContentError, Issue
from gateway.storage.tables import insert_missing, persons

_PERSON = select(persons.c.id, persons.c.revision).where(persons.c.pseudonym == bindparam("person"))
_PERSON_LOCKED = _PERSON.with_for_update()
_SHORTEST, _LENGTH = 8, 9  # a BSN below 100 000 000 is often written without its leading zero
_NOT_A_BSN = Issue(
    "error", "value", "not a BSN: eight or nine digits that satisfy the eleven test", concept="NL-CM:0.1.7"
)


def normalise_bsn(text: str) -> str:
    """The nine digits of a BSN, however written: spaces, dots, dashes, full-width digits, eight digits.

    Raises `ContentError`, which does not repeat the number, when it fails the eleven test.  Passing is not an
    identification: that takes the SBV-Z register.  Source: Logisch Ontwerp BSN.
    """
    digits = clean(text, " -.").strip()
    try:
        if not _SHORTEST <= len(digits) <= _LENGTH:
            raise ValidationError
        nine: str = bsn_check.validate(digits)
    except ValidationError:
        raise ContentError(_NOT_A_BSN) from None
    return nine


def pseudonym(bsn: str, key: bytes) -> str:
    """HMAC-SHA256 of the normalised BSN in hex, 64 digits.  Raises `ContentError`."""
    return hmac.digest(key, b"zibpoort person\x00" + normalise_bsn(bsn).encode(), "sha256").hex()


class Person(NamedTuple):
    """The row of a person."""

    id: str
    revision: int


def find(connection: Connection, person: str) -> Person | None:
    """The row of a pseudonym; None when nothing is stored of this person."""
    row = connection.execute(_PERSON, {"person": person}).one_or_none()
    return None if row is None else Person(row.id, row.revision)


def lock(connection: Connection, person: str) -> Person:
    """The row of a pseudonym, added when new.  Other writers of this person wait until the end."""
    row = connection.execute(_PERSON_LOCKED, {"person": person}).one_or_none()
    if row is None:
        insert_missing(connection, persons, id=uuid.uuid4().hex, pseudonym=person, revision=0)
        row = connection.execute(_PERSON_LOCKED, {"person": person}).one()
    return Person(row.id, row.revision)
