"""What a search is read with, and what it may not hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from gateway.codecs.fhir.elements import FhirTypes
from gateway.errors import ContentError
from gateway.exchange.person import BSN_SYSTEMS
from gateway.exchange.search.definitions import Definitions, definitions
from gateway.exchange.search.values import alternatives, refused
from gateway.storage import normalise_bsn

Parameters = Sequence[tuple[str, str]]

MAX_VALUES = 200
"""Most values of all parameters together."""

MAX_CHAIN = 3
"""Most links in a chain, `encounter.location.organization.name`."""

MAX_INCLUDES = 20
"""Most `_include` and `_revinclude` parameters."""

MAX_COUNT = 5_000
"""Most matches on a page, and its size when nothing is asked: clients of MedMij follow no links."""

PERSON = ("patient", "subject")
"""Parameters that say whose: the person of the token, or the search is refused."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`base` is the address of this server, `bsn` the caller's person, `now` and `zone` the clock.

    `strict` refuses what is not known (`Prefer: handling=strict`); otherwise it is ignored.
    """

    types: FhirTypes
    base: str
    bsn: str = field(repr=False)
    now: datetime
    zone: tzinfo
    strict: bool = False

    @property
    def definitions(self) -> Definitions:
        """The search parameters of the version."""
        return definitions(self.types.version)


def check(parameters: Parameters, bsn: str) -> None:
    """Refuse what is too much, and what names a person by number: queries end up in logs along the way.

    Raises `InputError`, which does not repeat the value.
    """
    if len(parameters) + sum(value.count(",") for _, value in parameters) > MAX_VALUES:
        raise refused("", f"a search has at most {MAX_VALUES} values", "too-costly")
    for name, value in parameters:
        if name.count(".") > MAX_CHAIN:
            raise refused(_stem(name), f"a chain has at most {MAX_CHAIN} links", "too-costly")
        if _names_a_person(name, value, bsn):
            raise refused(_stem(name), "a BSN may not stand in a query", "security")


def _names_a_person(name: str, value: str, bsn: str) -> bool:
    plain = re.sub(r"[ .-]", "", f"{name}={value}")
    if any(system in value for system in BSN_SYSTEMS) or (bsn and bsn.lstrip("0") in plain):
        return True
    numbers = "identifier" in re.split("[:.]", name) or _stem(name) in ("_id", *PERSON) or "Patient/" in value
    return numbers and any(map(_is_bsn, alternatives(value)))  # a code may look like one


def _is_bsn(text: str) -> bool:
    """True for a BSN by itself, as an id or without a system: with another system it is another number."""
    try:
        return bool(normalise_bsn(text.lstrip("|").rpartition("/")[2]))
    except ContentError:
        return False


def _stem(name: str) -> str:
    return re.split(r"[:.]", name, maxsplit=1)[0]
