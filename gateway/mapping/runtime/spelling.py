"""Zib values to FHIR values: a converter for each datatype.

A converter takes a value and the state of the writing, and gives a FHIR value, or None for what cannot be
written there.  A value that is absent for a reason is written as that reason, never as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import (
    Absent,
    Blob,
    Boolean,
    Code,
    Identifier,
    Integer,
    Moment,
    Quantity,
    Ref,
    Text,
)

if TYPE_CHECKING:
    from gateway.mapping.runtime.state import Writing

Tree = dict[str, Any]
Converter = Callable[[Any, "Writing"], Any]

ANY_MEDIA = "application/octet-stream"
"""The media type of bytes of which nothing more is known (RFC 2046 §4.5.1)."""

NULL_FLAVOR = "2.16.840.1.113883.5.1008"
NULL_FLAVOR_EXTENSION = "http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor"
DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
UCUM = "http://unitsofmeasure.org"
_TIME_OF_DAY = re.compile(r"(?:^|T)(\d\d:\d\d)(:\d\d(?:\.\d+)?)?")


def coding(value: Code | Absent, c: Writing) -> Tree:
    """A Coding; a null flavor as a code of NullFlavor."""
    if type(value) is Absent:
        return {"system": c.uri(NULL_FLAVOR), "code": value.reason}
    result = {"system": c.uri(value.system)} if value.system else {}
    if value.version:
        result["version"] = value.version
    result["code"] = value.code
    if value.display:
        result["display"] = value.display
    return result


def codeable(value: Code | Absent, c: Writing) -> Tree:
    """A CodeableConcept; the original text beside the coding."""
    result: Tree = {"coding": [coding(value, c)]} if type(value) is Absent or value.code else {}
    if value.text:
        result["text"] = value.text
    return result


def code_text(value: Code | Absent, _: Writing) -> Any:
    """Only the code."""
    return None if type(value) is Absent else value.code


def code_as_identifier(value: Code | Absent, c: Writing) -> Tree:
    """A code as an Identifier: its system, if it has one, and the code."""
    if type(value) is Absent:
        return absent_element(value)
    return {"system": c.uri(value.system), "value": value.code} if value.system else {"value": value.code}


def quantity(value: Quantity | Absent, c: Writing) -> Tree:
    """A Quantity; the unit in UCUM unless its code is of another system."""
    if type(value) is Absent:
        return absent_element(value)
    result: Tree = {"value": Decimal(value.value)}
    if value.comparator:
        result["comparator"] = value.comparator
    if value.unit:
        result["unit"] = value.unit
    if value.code:
        result["system"] = c.uri(value.system) if value.system else UCUM
        result["code"] = value.code
    return result


def quantity_number(value: Quantity | Absent, _: Writing) -> Any:
    """Only the number; None for one that is a limit (`<`), which is more than a number."""
    if type(value) is Absent or value.comparator:
        return None
    number = Decimal(value.value)
    return int(number) if number == number.to_integral_value() and number.as_tuple().exponent == 0 else number


def instant(value: Moment | Absent, c: Writing) -> Any:
    """An instant, which FHIR wants to the second: of a day its beginning."""
    if type(value) is Absent:
        return None
    day = value.value + "-01-01"[len(value.value) - 4 :] if len(value.value) < 10 else value.value
    return c.zoned(day if len(day) > 10 else f"{day}T00:00:00")


def date_time(value: Moment | Absent, c: Writing) -> Any:
    """A dateTime: seconds are filled, a time without an offset gets that of the zone."""
    return None if type(value) is Absent else c.zoned(value.value)


def date(value: Moment | Absent, _: Writing) -> Any:
    """A date; the time of day, if any, is not part of it."""
    return None if type(value) is Absent else value.value[:10]


def time_of_day(value: Moment | Absent, _: Writing) -> Any:
    """The time of a moment, with seconds; the day, if any, is not part of it.  None for a day alone."""
    if type(value) is Absent:
        return None
    time = _TIME_OF_DAY.search(value.value)
    return f"{time[1]}{time[2] or ':00'}" if time else None


def moment_text(value: Moment | Absent, _: Writing) -> Any:
    """The moment as it was sent."""
    return None if type(value) is Absent else value.value


def text(value: Any, _: Writing) -> Any:
    """Text; of a code its display, original text or code."""
    match value:
        case Absent():
            return None
        case Code():
            return value.text or value.display or value.code
        case Blob():
            return value.data
    return value.value


def text_codeable(value: Text | Code | Absent, c: Writing) -> Tree:
    """Text as a CodeableConcept without a code."""
    if type(value) is Code:
        return codeable(value, c)
    return absent_element(value) if type(value) is Absent else {"text": value.value}


def any_codeable(value: Any, c: Writing) -> Tree | None:
    """A code or text of a concept whose type the zib leaves open; None for anything else."""
    return text_codeable(value, c) if type(value) in (Text, Code, Absent) else None


def text_annotation(value: Text | Absent, _: Writing) -> Tree:
    """Text as an Annotation."""
    return absent_element(value) if type(value) is Absent else {"text": value.value}


def text_identifier(value: Text | Absent, _: Writing) -> Tree:
    """Text as an Identifier without a system."""
    return absent_element(value) if type(value) is Absent else {"value": value.value}


def boolean(value: Boolean | Absent, _: Writing) -> Any:
    """True or false."""
    return None if type(value) is Absent else value.value


def integer(value: Integer | Absent, _: Writing) -> Any:
    """A whole number."""
    return None if type(value) is Absent else value.value


def integer_quantity(value: Integer | Absent, _: Writing) -> Tree:
    """A count as a Quantity without a unit."""
    return absent_element(value) if type(value) is Absent else {"value": value.value}


def counted(code: str, unit: str) -> Converter:
    """A converter of a count to a Quantity in a unit of UCUM."""
    words = {"unit": unit} if unit else {}
    shown = {**words, "system": UCUM, "code": code}
    return lambda value, c: (
        absent_element(value) if type(value) is Absent else {"value": value.value, **shown}
    )


def integer_text(value: Integer | Absent, _: Writing) -> Any:
    """A whole number as text."""
    return None if type(value) is Absent else str(value.value)


def system_uri(value: Any, c: Writing) -> Any:
    """The system of a code or an identifier, as its URI."""
    return None if type(value) is Absent or not value.system else c.uri(value.system)


def identifier(value: Identifier | Absent, c: Writing) -> Tree:
    """An Identifier; a masked one keeps its system."""
    if type(value) is Absent:
        return absent_element(value)
    return {"system": c.uri(value.system), "value": value.value} if value.system else {"value": value.value}


def identifier_text(value: Identifier | Absent, _: Writing) -> Any:
    """Only the value of an identifier."""
    return None if type(value) is Absent else value.value


def reference(value: Ref | Absent, c: Writing) -> Tree | None:
    """A Reference to the part that references to that block point at."""
    return c.reference(value, "")


def blob(value: Blob | Text | Absent, _: Writing) -> Any:
    """Base64 as sent."""
    if type(value) is Absent:
        return None
    return value.data if isinstance(value, Blob) else value.value


def attachment(value: Blob | Text | Absent, c: Writing) -> Tree | None:
    """Base64 as sent.  What it is, FHIR asks (att-1) and no zib says."""
    data = blob(value, c)
    return None if data is None else {"contentType": ANY_MEDIA, "data": data}


def absent_element(value: Absent) -> Tree:
    """An element that says why it has no value (ISO 21090 null flavor)."""
    return {"extension": [{"url": NULL_FLAVOR_EXTENSION, "valueCode": value.reason}]}


ANY: dict[type, tuple[str, Converter]] = {
    Quantity: ("Quantity", quantity),
    Code: ("CodeableConcept", codeable),
    Text: ("String", text),
    Integer: ("Integer", integer),
    Boolean: ("Boolean", boolean),
    Moment: ("DateTime", date_time),
    Absent: ("CodeableConcept", codeable),
}
"""A value of an open type: how the name of its element ends, and which function spells it."""


def any_value(value: Any, c: Writing) -> Any:
    """A value whose type the zib leaves open, by its own type."""
    return ANY[type(value)][1](value, c)
