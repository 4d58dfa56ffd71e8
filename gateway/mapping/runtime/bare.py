"""What generated code calls for values that stand in a format as bare primitives.

A code without its system, an amount in hundredths without its unit, a date of which a neighbour says how much
of it is known: what such an element does not say itself, the row says (`system`, `unit` and `times`,
`precision`, `time`).  Like `spelling` and `fhir_values`, and used beside them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.blocks.values import Absent, Code, Integer, Moment, Quantity
from gateway.errors import Issue
from gateway.mapping.runtime.fhir_values import digits, primitive
from gateway.mapping.runtime.spelling import text as words
from gateway.mapping.runtime.storing import store, there

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading
    from gateway.mapping.runtime.state import Writing

Tree = dict[str, Any]

UNKNOWN_DATE = "1900-01-01"
"""The date that stands for an unknown one (iWmo IV009); its parts stand for unknown parts."""
CURRENCIES = "urn:iso:std:iso:4217"


def only_system(uri: str, convert: Callable[..., Any]) -> Callable[..., Any]:
    """A converter that writes no code or identifier of another system: the element could not say so."""

    def write(value: Any, c: Writing) -> Any:
        if type(value) is not Absent and c.uri(value.system) != uri:
            return None
        return convert(value, c)

    return write


def in_system(uri: str, read: Callable[..., Any]) -> Callable[..., Any]:
    """A reader of codes or identifiers that gives each the system that the element does not say."""

    def found(element: Any, c: FhirReading, rule: str) -> Any:
        value = read(element, c, rule)
        return (
            value
            if value is None or type(value) is Absent
            else msgspec.structs.replace(value, system=c.oid(uri))
        )

    return found


def amount(times: int, unit: str, system: str) -> Callable[..., Any]:
    """A converter to the number of a quantity, so many times as large; of another unit nothing is written."""

    def write(value: Quantity | Absent, _: Writing) -> Any:
        if type(value) is Absent or (value.code or unit, value.system or system) != (unit, system):
            return None
        number = Decimal(value.value) * times
        return int(number) if number == number.to_integral_value() else number

    return write


def amount_of(times: int, unit: str, system: str, shown: str) -> Callable[..., Any]:
    """A reader of a number as a quantity in this unit, so many times as small."""

    def found(element: Any, c: FhirReading, rule: str) -> Quantity:
        value, at = primitive(element, c, rule)
        return Quantity(digits(Decimal(value) / times), shown, unit, system, at=at)

    return found


def money(value: Quantity | Absent, _: Writing) -> Any:
    """Money as FHIR R4 has it: an amount and a currency of ISO 4217."""
    if type(value) is Absent or value.system != CURRENCIES:
        return None
    return {"value": Decimal(value.value), "currency": value.code}


def money_of(found: Tree, c: FhirReading, rule: str) -> Quantity | None:
    """Money of FHIR R4 as a quantity."""
    if "value" not in found:
        return None
    at = c.take_members(found, ("value", "currency"), rule)
    return Quantity(digits(found["value"]), "", found.get("currency", ""), CURRENCIES, at=at)


def put_known(
    target: Tree, key: str, beside: str, codes: dict[int, Any], value: Moment | Absent, c: Writing, rule: str
) -> None:
    """A date with its unknown parts filled; `codes`, by the length of what is known, says what is not."""
    known = "" if type(value) is Absent else value.value[:10]
    if len(known) < len(UNKNOWN_DATE):
        if len(known) not in codes:
            return c.unwritten(value, rule)
        target[beside] = codes[len(known)]
    target[key] = known + UNKNOWN_DATE[len(known) :]
    c.use(value, rule)
    return None


def take_known(
    values: Tree,
    path: tuple[str, ...],
    source: Tree,
    key: str,
    beside: str,
    lengths: dict[Any, int],
    c: FhirReading,
    rule: str,
) -> None:
    """As much of a date as the element beside it says is known."""
    if key not in source or there(values, path):
        return
    date = str(source[key])
    known = lengths.get(source.get(beside), len(date))
    if date[known:] != UNKNOWN_DATE[known:] and beside in source:
        text = f"{beside} says that a part of {key} is not known, which it gives nevertheless; it is left out"
        c.issues.append(Issue("warning", "invariant", text, place=key, concept=".".join(path), rule=rule))
    at = c.take_members(source, (key, beside), rule)
    store(values, path, Moment(date[:known], at) if known else Absent("UNK", at=at))


def put_split(target: Tree, key: str, beside: str, value: Moment | Absent, c: Writing, rule: str) -> None:
    """A moment as a date and, beside it, a time of day, both of the zone; a date alone has none."""
    if type(value) is Absent:
        return c.unwritten(value, rule)
    date, _, time = local(value.value, c).partition("T")
    target[key] = date
    if time:
        target[beside] = f"{time}:00" if len(time) == len("12:00") else time
    c.use(value, rule)
    return None


def local(moment: str, c: Writing) -> str:
    """A moment without its offset, as the clocks of the zone show it."""
    if len(moment) <= len("2026-01-01T12:00"):
        return moment
    sent = datetime.datetime.fromisoformat(moment)
    if sent.tzinfo is None:
        return moment
    if sent.utcoffset() != sent.replace(tzinfo=c.zone).utcoffset():
        return sent.astimezone(c.zone).replace(tzinfo=None).isoformat()
    return moment[:-1] if moment[-1] in "zZ" else moment[:-6]


def take_joined(
    values: Tree, path: tuple[str, ...], source: Tree, key: str, beside: str, c: FhirReading, rule: str
) -> None:
    """A date and the time of day beside it as one moment."""
    if key not in source or there(values, path):
        return
    time = f"T{source[beside]}" if beside in source else ""
    store(values, path, Moment(f"{source[key]}{time}", c.take_members(source, (key, beside), rule)))


def equal(one: Any, other: Any) -> bool:
    """True when two concepts have values that say the same."""
    if one is None or type(one) is not type(other):
        return False
    if isinstance(one, Code):
        return (one.code, one.system) == (other.code, other.system)
    return bool(getattr(one, "value", one) == getattr(other, "value", other))


def filled(template: str, *values: Any) -> str:
    """A text with the words of values in it; one without words leaves nothing, nor the blank behind it."""
    first, *pieces = template.split("{}")
    result = first
    for value, piece in zip(values, pieces, strict=True):
        found = "" if value is None else words_of(value)
        result += found + (piece if found else piece.removeprefix(" "))
    return result.strip()


def words_of(value: Any) -> str:
    """A value as words; nothing for one that is absent."""
    if isinstance(value, Absent | Quantity):
        return ""
    return str(value.value) if isinstance(value, Integer | Moment) else str(words(value, None) or "")  # type: ignore[arg-type]
