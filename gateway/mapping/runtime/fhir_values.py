"""FHIR values to zib values: a reader for each datatype.

A reader takes an element, or a primitive with the place where it stands, the state of the reading and
the row; it gives a value whose `at` tells the account where it came from, or None.  What a reader does
not understand it does not mark, so that the account lists it.
"""

from __future__ import annotations

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
from gateway.mapping.runtime.spelling import ANY_MEDIA, DATA_ABSENT_REASON, NULL_FLAVOR, NULL_FLAVOR_EXTENSION

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]
Read = Callable[[Any, "FhirReading", str], Any]

# What a reader of a datatype understands; other members stay unmarked.
CODING = ("system", "version", "code", "display")
QUANTITY = ("value", "comparator", "unit", "system", "code")
IDENTIFIER = ("system", "value")
DERIVED = -2
"""The number of what follows from the block, and may follow otherwise tomorrow, or in another spelling."""
REFERENCE = ("reference", "type", "display", "identifier")
LINK = ("reference", "type")

# http://hl7.org/fhir/data-absent-reason to HL7 NullFlavor
_REASONS = {
    "unknown": "UNK",
    "asked-unknown": "ASKU",
    "temp-unknown": "NAV",
    "not-asked": "NASK",
    "masked": "MSK",
    "not-applicable": "NA",
    "unsupported": "UNK",
    "as-text": "OTH",
    "error": "NI",
    "not-a-number": "NI",
    "negative-infinity": "NINF",
    "positive-infinity": "PINF",
    "not-performed": "NASK",
    "not-permitted": "MSK",
}


def absent_reason(element: Tree, c: FhirReading, rule: str) -> Absent | None:
    """The reason that an element gives for having no value."""
    for extension in element.get("extension", ()):
        if extension.get("url") in (NULL_FLAVOR_EXTENSION, DATA_ABSENT_REASON) and "valueCode" in extension:
            code = extension["valueCode"]
            reason = code if extension["url"] == NULL_FLAVOR_EXTENSION else _REASONS.get(code, "NI")
            return Absent(reason, at=c.take_members(extension, ("url", "valueCode"), rule))
    return None


def code_of_coding(found: Tree, c: FhirReading, rule: str) -> Code | Absent | None:
    """A Coding as a code; one of NullFlavor as an absence."""
    if "code" not in found:
        return absent_reason(found, c, rule)
    system = c.oid(found.get("system", ""))
    at = c.take_members(found, CODING, rule)
    if system == NULL_FLAVOR and found["code"] != "OTH":
        c.mark(found, ("display",), rule, DERIVED)
        return Absent(found["code"], at=at)
    return Code(found["code"], system, found.get("display", ""), found.get("version", ""), at=at)


def code_of_codeable(found: Tree, c: FhirReading, rule: str) -> Code | Absent | None:
    """The first coding of a CodeableConcept that has a code, with the text; text alone is a code OTH.

    A null flavor is one only where no other coding tells the code.
    """
    codings = [each for each in found.get("coding", ()) if "code" in each]
    text = found.get("text", "")
    if not codings:
        return _uncoded(found, c, rule) or _absent(found, c, rule)
    known = (each for each in codings if c.oid(each.get("system", "")) != NULL_FLAVOR)
    chosen = next(known, codings[0])
    value = code_of_coding(chosen, c, rule)
    if not text or value is None:
        return value
    if text == chosen.get("display"):
        c.mark(found, ("text",), rule, DERIVED)
        return value
    c.mark(found, ("text",), rule, value.at)
    if isinstance(value, Absent):
        return Absent(value.reason, text, value.at)
    return Code(value.code, value.system, value.display, value.version, text, value.at)


def _absent(found: Tree, c: FhirReading, rule: str) -> Absent | None:
    """Why a concept has no code, as it says itself or in its first coding."""
    holders = (found, *found.get("coding", ())[:1])
    return next((reason for each in holders if (reason := absent_reason(each, c, rule))), None)


def _uncoded(found: Tree, c: FhirReading, rule: str) -> Code | None:
    """A concept in words: its text, or what its first coding is called; the latter stays the source's own."""
    shown = next((each["display"] for each in found.get("coding", ()) if "display" in each), "")
    words = found.get("text", shown)
    if not words:
        return None
    at = c.take_members(found, ("text",), rule)
    for each in found.get("coding", ()):
        if each.get("display") == words:
            c.mark(each, ("display",), rule, DERIVED)
    for extension in found.get("extension", ()):
        if extension.get("url") == NULL_FLAVOR_EXTENSION and extension.get("valueCode") == "OTH":
            c.mark(extension, ("url", "valueCode"), rule, DERIVED)
    return Code("OTH", NULL_FLAVOR, text=words, at=at)


def primitive(found: Any, c: FhirReading, rule: str) -> tuple[Any, int]:
    """The value of a primitive, and its number in the account."""
    source, key, i, value = found
    return value, c.take_member(source, key, i, rule)


def code_of_text(found: Any, c: FhirReading, rule: str) -> Code:
    """A code without a system."""
    value, at = primitive(found, c, rule)
    return Code(str(value), at=at)


def truth_of_text(found: Any, c: FhirReading, rule: str) -> Code:
    """A code that a concept map turns into a truth value."""
    return code_of_text(found, c, rule)


def truth_of_codeable(found: Tree, c: FhirReading, rule: str) -> Code | Absent | None:
    """A concept that a concept map turns into a truth value."""
    return code_of_codeable(found, c, rule)


def code_of_identifier(found: Tree, c: FhirReading, rule: str) -> Code | None:
    """An Identifier as a code of its system."""
    if "value" not in found:
        return None
    return Code(found["value"], c.oid(found.get("system", "")), at=c.take_members(found, IDENTIFIER, rule))


def quantity_of(found: Tree, c: FhirReading, rule: str) -> Quantity | Absent | None:
    """A Quantity."""
    if "value" not in found:
        return absent_reason(found, c, rule)
    system = c.oid(found.get("system", ""))
    at = c.take_members(found, QUANTITY, rule)
    if "code" not in found:
        c.mark(found, ("system",), rule, DERIVED)  # it is the system of nothing
    return Quantity(
        digits(found["value"]),
        found.get("unit", ""),
        found.get("code", ""),
        "" if system in ("2.16.840.1.113883.6.8", "http://unitsofmeasure.org") else system,
        found.get("comparator", ""),
        at,
    )


def digits(number: Any) -> str:
    """A number with its digits as sent."""
    return format(number, "f") if isinstance(number, Decimal) else str(number)


def quantity_of_number(found: Any, c: FhirReading, rule: str) -> Quantity:
    """A number without a unit."""
    value, at = primitive(found, c, rule)
    return Quantity(digits(value), at=at)


def moment_of(found: Any, c: FhirReading, rule: str) -> Moment:
    """A date or time with its own precision."""
    value, at = primitive(found, c, rule)
    return Moment(str(value), at)


def text_of(found: Any, c: FhirReading, rule: str) -> Text:
    """Text."""
    value, at = primitive(found, c, rule)
    return Text(str(value), at)


def text_of_codeable(found: Tree, c: FhirReading, rule: str) -> Text | Code | Absent | None:
    """The text of a CodeableConcept; a code stays a code."""
    if found.get("coding"):
        return code_of_codeable(found, c, rule)
    if "text" not in found:
        return absent_reason(found, c, rule)
    return Text(found["text"], c.take_members(found, ("text",), rule))


def text_of_annotation(found: Tree, c: FhirReading, rule: str) -> Text | None:
    """The text of an Annotation."""
    return Text(found["text"], c.take_members(found, ("text",), rule)) if "text" in found else None


def text_of_identifier(found: Tree, c: FhirReading, rule: str) -> Text | None:
    """The value of an Identifier."""
    return Text(found["value"], c.take_members(found, ("value",), rule)) if "value" in found else None


def boolean_of(found: Any, c: FhirReading, rule: str) -> Boolean:
    """True or false."""
    value, at = primitive(found, c, rule)
    return Boolean(bool(value), at)


def integer_of(found: Any, c: FhirReading, rule: str) -> Integer:
    """A whole number."""
    value, at = primitive(found, c, rule)
    return Integer(int(value), at)


def integer_of_quantity(found: Tree, c: FhirReading, rule: str) -> Integer | None:
    """The number of a Quantity that counts; None for one that is not whole, or that is only a limit (`<`)."""
    if "value" not in found or "comparator" in found or found["value"] != int(found["value"]):
        return None
    at = c.take_members(found, QUANTITY, rule)
    c.mark(found, ("unit",), rule, DERIVED)  # a number has no words for its unit
    return Integer(int(found["value"]), at)


def integer_of_text(found: Any, c: FhirReading, rule: str) -> Integer | None:
    """A whole number in text; None when it is not one."""
    text = found[3]
    if not str(text).lstrip("-").isdecimal():
        return None
    value, at = primitive(found, c, rule)
    return Integer(int(value), at)


def identifier_of(found: Tree, c: FhirReading, rule: str) -> Identifier | Absent | None:
    """An Identifier."""
    if "value" not in found:
        return absent_reason(found.get("_value") or found, c, rule)
    return Identifier(found["value"], c.oid(found.get("system", "")), c.take_members(found, IDENTIFIER, rule))


def identifier_of_text(found: Any, c: FhirReading, rule: str) -> Identifier:
    """The value of an identifier without its system."""
    value, at = primitive(found, c, rule)
    return Identifier(str(value), at=at)


def reference_of(found: Tree, c: FhirReading, rule: str) -> Ref | Absent | None:
    """A Reference to a block of this set, or what was sent."""
    if not any(name in found for name in ("reference", "identifier", "display")) and c.second(found) is None:
        return absent_reason(found, c, rule)
    return c.reference(found, rule)


def blob_of(found: Any, c: FhirReading, rule: str) -> Blob:
    """Base64 as sent."""
    value, at = primitive(found, c, rule)
    return Blob(str(value), at=at)


def blob_of_attachment(found: Tree, c: FhirReading, rule: str) -> Blob | None:
    """The data of an Attachment; of what type they are, no zib has."""
    if "data" not in found:
        return None
    if found.get("contentType") == ANY_MEDIA:
        c.mark(found, ("contentType",), rule)
    return Blob(found["data"], at=c.take_members(found, ("data",), rule))


def any_of(found: Any, c: FhirReading, rule: str) -> Any:
    """A value whose type the zib leaves open."""
    if not isinstance(found, dict):
        return text_of(found, c, rule)
    return quantity_of(found, c, rule) if "value" in found else code_of_codeable(found, c, rule)
