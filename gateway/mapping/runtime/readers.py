"""What generated reading code calls: FHIR values to zib values, and finding them in their place.

A reader takes the element that holds a member, the member's name, the state of the reading and the
row; it gives a value whose `at` tells the account where it came from, or None.  What a reader does
not understand it does not mark, so that the account lists it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
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
from gateway.mapping.runtime.writers import (
    DATA_ABSENT_REASON,
    NULL_FLAVOR,
    NULL_FLAVOR_EXTENSION,
    same,
    within,
)

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]
Read = Callable[[Any, "FhirReading", str], Any]

# What a reader of a datatype understands; other members stay unmarked.
CODING = ("system", "version", "code", "display")
QUANTITY = ("value", "comparator", "unit", "system", "code")
IDENTIFIER = ("system", "value")
REFERENCE = ("reference", "type", "display", "identifier")
LINK = ("reference", "type")
DERIVED = -2
"""The number of what follows from the block, and may follow otherwise tomorrow."""

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


# -- reaching into a resource ------------------------------------------------------------------------


def first(source: Any, key: str) -> Any:
    """The element at `key`; the first when it repeats."""
    found = source.get(key)
    if isinstance(found, list):
        return found[0] if found else None
    return found


def items(source: Tree, key: str) -> list[Any]:
    """All elements at `key`."""
    found = source.get(key)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def extensions(source: Any, key: str, url: str, c: FhirReading) -> Iterator[Tree]:
    """The extensions with this URL."""
    for found in items(source, key):
        if found.get("url") == url:
            c.mark(found, ("url",), "")
            yield found


def chosen(source: Tree, key: str, c: FhirReading, fixed: Tree) -> Iterator[Tree]:
    """The elements at `key` that hold what a selector fixes."""
    for found in items(source, key):
        if isinstance(found, dict) and holds(found, fixed):
            mark_fixed(found, fixed, c)
            yield found


class There(enum.Enum):
    """What a selector looks for that it does not fix."""

    PRESENT = "with"
    MISSING = "without"


PRESENT, MISSING = There.PRESENT, There.MISSING


def denied(element: Tree) -> bool:
    """True for an extension that says that something is not so."""
    return element.get("valueBoolean") is False


def holds(element: Any, fixed: Any) -> bool:
    """True when an element has everything that is fixed; displays may differ."""
    if isinstance(fixed, There):
        return (element is None) is (fixed is MISSING)
    if isinstance(fixed, dict):
        return isinstance(element, dict) and all(
            name == "display" or holds(element.get(name), value) for name, value in fixed.items()
        )
    if isinstance(fixed, list):
        return isinstance(element, list) and all(
            any(holds(each, value) for each in element) for value in fixed
        )
    return bool(element == fixed)


def mark_fixed(element: Any, fixed: Any, c: FhirReading, rule: str = "") -> None:
    """Tell the account that the fixed members were recognised."""
    if isinstance(fixed, dict):
        plain = tuple(name for name, value in fixed.items() if not isinstance(value, dict | list | There))
        c.mark(element, plain, rule)
        for name, value in fixed.items():
            if isinstance(value, dict | list):
                mark_fixed(element[name], value, c, rule)
    elif isinstance(fixed, list):
        for value in fixed:
            mark_fixed(next(each for each in element if holds(each, value)), value, c, rule)


def fixed(source: Tree, key: str, cases: list[Any], c: FhirReading, rule: str) -> None:
    """Recognise a fixed or derived value; another value stays unmarked and so is accounted for."""
    found = source.get(key)
    if found is None:
        return
    for case in cases:
        if isinstance(case, dict | list):
            if holds(found, case):
                mark_fixed(found, case, c, rule)
                c.known.update(id(each) for each in _fixed_elements(found, case) if isinstance(each, dict))
            else:
                _some_codings(found, case, c, rule)
        elif found == case:
            c.mark(source, (key,), rule, DERIVED if len(cases) > 1 else -1)


def _fixed_elements(found: Any, case: Any) -> list[Any]:
    """The elements that a fixed value is; a row at the same place does not read them again."""
    if not isinstance(found, list):
        return [found]
    return [next(each for each in found if holds(each, value)) for value in case]


def _some_codings(source: Any, case: Any, c: FhirReading, rule: str) -> None:
    """Recognise a concept that has only some of several fixed codings, and no other."""
    for found in source if isinstance(source, list) else [source]:
        for value in case if isinstance(case, list) else [case]:
            fixed_ones = value.get("coding", ()) if isinstance(value, dict) else ()
            there = found.get("coding", ()) if isinstance(found, dict) else ()
            twins = [next((one for one in fixed_ones if holds(each, one)), None) for each in there]
            if len(fixed_ones) > 1 and twins and None not in twins:
                for each, twin in zip(there, twins, strict=True):
                    mark_fixed(each, twin, c, rule)
                c.known.add(id(found))


# -- storing -----------------------------------------------------------------------------------------


def store(values: Tree, path: tuple[str, ...], value: Any, many: bool = False) -> None:
    """Put a value at a path of concepts, unless one is there; with `many`, one more."""
    for name in path[:-1]:
        values = values.setdefault(name, {})
    if many:
        there = values.setdefault(path[-1], [])
        there.extend(value) if type(value) is list else there.append(value)
    elif path[-1] not in values:
        values[path[-1]] = value


def take(
    values: Tree,
    path: tuple[str, ...],
    source: Any,
    key: str,
    read: Read,
    c: FhirReading,
    rule: str,
    many: bool = False,
) -> None:
    """Read one value into a concept: of a repeating element the first that gives one."""
    if there(values, path) and not many:
        said_again(dig_last(values, path), source, key, read, c, rule)
        return
    elements = items(source, key)
    if not any(found is not None for found in elements):
        absent = absent_beside(source, key, c, rule)
        if absent is not None:
            store(values, path, absent, many=many)
        return
    for i, found in enumerate(elements):
        if found is None or id(found) in c.known:
            continue
        value = read_at(source, key, i, found, read, c, rule)
        if value is not None:
            store(values, path, value, many=many)
            return


def said_again(existing: Any, source: Any, key: str, read: Read, c: FhirReading, rule: str) -> None:
    """A second place that says what a first one said is understood too; another value stays unmarked."""
    for i, found in enumerate(items(source, key)):
        if found is None or id(found) in c.known:
            continue
        if c.spells(read, existing, found):
            c.take_over(source, key, i, rule, existing.at)
            return
        with c.aside() as marks:
            value = read_at(source, key, i, found, read, c, rule)
        if agrees(value, existing):
            c.adopt(marks, existing.at)
            return


def agrees(one: Any, other: Any) -> bool:
    """True when two values say the same; a code may lack its system, a group never agrees."""
    if isinstance(one, dict | list | None):
        return False
    if isinstance(one, Code) and isinstance(other, Code):
        alike = one.system == other.system or not (one.system and other.system)
        return bool(one.code == other.code and alike)
    return same(one, other)


def take_item(
    values: Tree, path: tuple[str, ...], source: Any, key: str, i: int, read: Read, c: FhirReading, rule: str
) -> None:
    """Read one of several elements as one more value of a concept."""
    found = source[key][i]
    if found is None or id(found) in c.known or _repeated(values, path, (source, key, i), read, c, rule):
        return
    value = read_at(source, key, i, found, read, c, rule)
    if value is not None:
        gather(values, path, value, c)


def gather(values: Tree, path: tuple[str, ...], value: Any, c: FhirReading) -> None:
    """One more value of a concept; one that another resource of the block said already is not one more."""
    there_are = dig_last(values, path) if there(values, path) else ()
    known = next((each for each in there_are if not isinstance(each, dict) and same(each, value)), None)
    if known is None:
        store(values, path, value, many=True)
    elif value.at >= 0:
        c.said_before(value.at, known.at)


def _repeated(
    values: Tree, path: tuple[str, ...], place: tuple[Any, str, int], read: Read, c: FhirReading, rule: str
) -> bool:
    """True when an element of the same partial zib before this one said this value already."""
    earlier = c.repeats[1].get(path[0], ()) if values is c.repeats[0] and len(path) == 1 else ()
    if not earlier:
        return False
    source, key, i = place
    with c.aside() as marks:
        value = read_at(source, key, i, source[key][i], read, c, rule)
    known = next((each for each in earlier if value is not None and same(each, value)), None)
    if known is not None:
        c.adopt(marks, known.at)
    return known is not None


def forget(values: Tree, path: tuple[str, ...], words: str) -> None:
    """Take back a text that only has the words of other concepts."""
    group: Any = values
    for name in path[:-1]:
        group = group.get(name, {})
    found = group.get(path[-1])
    if type(found) is Text and found.value == words:
        del group[path[-1]]


def there(values: Any, path: tuple[str, ...]) -> bool:
    """True when a concept has a value already."""
    for name in path:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def read_at(source: Any, key: str, i: int, found: Any, read: Read, c: FhirReading, rule: str) -> Any:
    """Call a reader; a primitive is marked here, a datatype marks its own members."""
    if not isinstance(found, dict):
        found = (source, key, i, found)
    return read(found, c, rule)


def absent_beside(source: Any, key: str, c: FhirReading, rule: str) -> Absent | None:
    """Why a primitive has no value, from the extension beside it."""
    beside = first(source, f"_{key}") if isinstance(source, dict) else None
    return absent_reason(beside, c, rule) if isinstance(beside, dict) else None


def absent_reason(element: Tree, c: FhirReading, rule: str) -> Absent | None:
    """The reason that an element gives for having no value."""
    for extension in element.get("extension", ()):
        if extension.get("url") in (NULL_FLAVOR_EXTENSION, DATA_ABSENT_REASON) and "valueCode" in extension:
            code = extension["valueCode"]
            reason = code if extension["url"] == NULL_FLAVOR_EXTENSION else _REASONS.get(code, "NI")
            return Absent(reason, at=c.take_members(extension, ("url", "valueCode"), rule))
    return None


# -- readers of datatypes ----------------------------------------------------------------------------


def code_of_coding(found: Tree, c: FhirReading, rule: str) -> Code | Absent | None:
    """A Coding as a code; one of NullFlavor as an absence."""
    if "code" not in found:
        return absent_reason(found, c, rule)
    system = c.oid(found.get("system", ""))
    at = c.take_members(found, CODING, rule)
    if system == NULL_FLAVOR and found["code"] != "OTH":
        return Absent(found["code"], at=at)
    return Code(found["code"], system, found.get("display", ""), found.get("version", ""), at=at)


def code_of_codeable(found: Tree, c: FhirReading, rule: str) -> Code | Absent | None:
    """The first coding of a CodeableConcept, with the text; text alone is a code OTH."""
    codings = found.get("coding", ())
    text = found.get("text", "")
    if not codings:
        if not text:
            return absent_reason(found, c, rule)
        at = c.take_members(found, ("text",), rule)
        for extension in found.get("extension", ()):
            if extension.get("url") == NULL_FLAVOR_EXTENSION and extension.get("valueCode") == "OTH":
                c.mark(extension, ("url", "valueCode"), rule, at)
        return Code("OTH", NULL_FLAVOR, text=text, at=at)
    value = code_of_coding(codings[0], c, rule)
    if not text or value is None:
        return value
    if text == codings[0].get("display"):
        c.mark(found, ("text",), rule)
        return value
    c.mark(found, ("text",), rule, value.at)
    if isinstance(value, Absent):
        return Absent(value.reason, text, value.at)
    return Code(value.code, value.system, value.display, value.version, text, value.at)


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
    return Quantity(
        digits(found["value"]),
        found.get("unit", ""),
        found.get("code", ""),
        "" if system in ("2.16.840.1.113883.6.8", "http://unitsofmeasure.org") else system,
        found.get("comparator", ""),
        c.take_members(found, QUANTITY, rule),
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
    """The number of a Quantity that counts."""
    if "value" not in found:
        return None
    return Integer(int(found["value"]), c.take_members(found, QUANTITY, rule))


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


_ANY: list[tuple[str, Read]] = [
    ("Quantity", quantity_of),
    ("CodeableConcept", code_of_codeable),
    ("String", text_of),
    ("Integer", integer_of),
    ("Boolean", boolean_of),
    ("DateTime", moment_of),
]


def take_any(values: Tree, path: tuple[str, ...], source: Tree, stem: str, c: FhirReading, rule: str) -> None:
    """Read `stem[x]`, whichever type it has."""
    for suffix, read in _ANY:
        if stem + suffix in source or f"_{stem}{suffix}" in source:
            take(values, path, source, stem + suffix, read, c, rule)


def any_of(found: Any, c: FhirReading, rule: str) -> Any:
    """A value whose type the zib leaves open."""
    if not isinstance(found, dict):
        return text_of(found, c, rule)
    return quantity_of(found, c, rule) if "value" in found else code_of_codeable(found, c, rule)


def whole(values: Tree, path: tuple[str, ...], value: Any) -> None:
    """Store what a reader of a whole element gave, if anything."""
    if value is not None and value != {} and not there(values, path):
        store(values, path, value)


def take_via(
    values: Tree, path: tuple[str, ...], converter: Any, source: Tree, key: str, c: FhirReading, rule: str
) -> None:
    """What a named converter reads; where the concept has a value, only whether it says the same."""
    if not there(values, path):
        whole(values, path, converter.read(source, key, c, rule))
        return
    existing = dig_last(values, path)
    with c.aside() as marks:
        value = converter.read(source, key, c, rule)
    repeats = getattr(converter, "repeats", agrees)
    if value is not None and not isinstance(existing, dict | list) and repeats(value, existing):
        c.adopt(marks, existing.at)


def take_kept(
    values: Tree,
    path: tuple[str, ...],
    source: Tree,
    key: str,
    read: Read,
    url: str,
    c: FhirReading,
    rule: str,
) -> None:
    """A code that was translated: the original beside it when it is there, else translated back."""
    found = items(source, key)
    beside = items(source, f"_{key}")
    for i in range(max(len(found), len(beside))):
        value = found[i] if i < len(found) else None
        if id(value) in c.known:
            continue
        holder = value if isinstance(value, dict) else beside[i] if i < len(beside) else None
        original = next((e for e in (holder or {}).get("extension", ()) if e.get("url") == url), None)
        if original is not None and "valueCodeableConcept" in original:
            c.mark(original, ("url",), rule)
            result = code_of_codeable(original["valueCodeableConcept"], c, rule)
            if result is not None:
                if isinstance(value, dict):
                    c.mark(value, CODING, rule, result.at)
                elif value is not None:
                    c.mark_item(source, key, i, rule, result.at)
        elif value is not None:
            result = read_at(source, key, i, value, read, c, rule)
        else:
            result = absent_reason(holder, c, rule) if holder else None
        if result is not None:
            if isinstance(source.get(key), list) and there(values, path):
                existing = dig_last(values, path)
                if not isinstance(existing, list):
                    continue
            store(values, path, result)


def dig_last(values: Tree, path: tuple[str, ...]) -> Any:
    """What stands at a path that is there."""
    found: Any = values
    for name in path:
        found = found[name]
    return found


def take_datatypes(
    values: Tree, path: tuple[str, ...], source: Tree, key: str, read: Any, c: FhirReading, rule: str
) -> None:
    """A partial zib that may occur more than once: each element is one, or all of them together."""
    found = [each for each in items(source, key) if isinstance(each, dict)]
    before = {"": list(dig_last(values, path))} if there(values, path) else {}  # by another resource
    for elements in [found] if read.collects else [[each] for each in found]:
        group = {} if said_as_group(before, ("",), elements, read, c, rule) else read(elements, c, rule)
        if group:
            store(values, path, group, many=True)


def said_as_group(
    values: Tree, path: tuple[str, ...], elements: list[Tree], read: Read, c: FhirReading, rule: str
) -> bool:
    """True when elements say no more than a group that is there: another resource has them too."""
    existing = dig_last(values, path) if there(values, path) else None
    if not existing:
        return False
    with c.aside() as marks:
        group = read(elements, c, rule)
    said = any(within(group, each) for each in (existing if isinstance(existing, list) else [existing]))
    if said:
        c.adopt(marks, -1)
    return said


def take_datatype(
    values: Tree,
    path: tuple[str, ...],
    source: Tree,
    key: str,
    read: Read,
    many: bool,
    c: FhirReading,
    rule: str,
) -> None:
    """A partial zib that is one or several elements of a FHIR datatype."""
    found = [each for each in items(source, key) if isinstance(each, dict)]
    for elements in [[each] for each in found] if many else [found]:
        said = said_as_group(values, path, elements, read, c, rule)
        if said or (there(values, path) and not many):
            continue
        group = read(elements, c, rule)
        if group:
            store(values, path, group, many=many)
