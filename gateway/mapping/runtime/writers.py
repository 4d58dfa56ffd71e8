"""What generated writing code calls: zib values to FHIR values, and putting them in their place.

A converter takes a value and the state of the writing, and gives a FHIR value.  `put`, `add` and
their kin call it, put the result in place and tell the account that the value was used, by which
row.  A value that is absent for a reason is written as that reason, never as nothing.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
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
    from gateway.mapping.runtime.state import Me, Writing

Tree = dict[str, Any]
Converter = Callable[[Any, "Writing"], Any]

NULL_FLAVOR = "2.16.840.1.113883.5.1008"
NULL_FLAVOR_EXTENSION = "http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor"
DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
UCUM = "http://unitsofmeasure.org"
_TIME_OF_DAY = re.compile(r"(?:^|T)(\d\d:\d\d)(:\d\d(?:\.\d+)?)?")


# -- reaching into a block ---------------------------------------------------------------------------


def dig(values: Any, *path: str) -> Any:
    """The value at a path of concepts in a group, or None."""
    for name in path:
        if values is None:
            return None
        values = values.get(name)
    return values


def every(values: Any, path: tuple[str, ...]) -> list[Any]:
    """All values at a path, whether one or several; an empty list for none."""
    found = dig(values, *path)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def first_of(values: list[Any]) -> Any:
    """The first of several values, or None."""
    return values[0] if values else None


def narrowed(values: Any, path: tuple[str, ...], inner: tuple[str, ...]) -> list[Tree]:
    """The groups at a path, each as often as it has groups inside, and then with only one of those."""
    return [each for group in every(values, path) for each in _narrow(group, inner)]


def _narrow(group: Tree, inner: tuple[str, ...]) -> list[Tree]:
    inside = every(group, inner[:1]) if inner else []
    return [{**group, inner[0]: each} for one in inside for each in _narrow(one, inner[1:])] or [group]


def present(value: Any) -> bool:
    """True for a value that is there and is not absent for a reason."""
    return value is not None and type(value) is not Absent and value != []


def says(value: Any, *wanted: Any) -> bool:
    """True when a coded, boolean or text value is one of those."""
    match value:
        case Code():
            return value.code in wanted
        case Boolean() | Text() | Integer():
            return value.value in wanted
        case list():
            return any(says(each, *wanted) for each in value)
    return False


def same(one: Any, other: Any) -> bool:
    """True when two values, groups or lists say the same, wherever they were read."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if type(one) is Ref and type(other) is Ref:
        return (one.key, one.literal) == (other.key, other.literal)
    return type(one) is type(other) and all(
        getattr(one, name) == getattr(other, name) for name in one.__struct_fields__ if name != "at"
    )


def within(one: Any, other: Any) -> bool:
    """True when a group or list says nothing that the other does not say too."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(name in other and within(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return all(any(within(each, there) for there in other) for each in one)
    return same(one, other)


# -- converters --------------------------------------------------------------------------------------


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
    """Only the number."""
    if type(value) is Absent:
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


def absent_element(value: Absent) -> Tree:
    """An element that says why it has no value (ISO 21090 null flavor)."""
    return {"extension": [{"url": NULL_FLAVOR_EXTENSION, "valueCode": value.reason}]}


_ANY: dict[type, tuple[str, Converter]] = {
    Quantity: ("Quantity", quantity),
    Code: ("CodeableConcept", codeable),
    Text: ("String", text),
    Integer: ("Integer", integer),
    Boolean: ("Boolean", boolean),
    Moment: ("DateTime", date_time),
    Absent: ("CodeableConcept", codeable),
}


def any_value(value: Any, c: Writing) -> Any:
    """A value whose type the zib leaves open, by its own type."""
    return _ANY[type(value)][1](value, c)


# -- putting -----------------------------------------------------------------------------------------


def put(target: Tree, key: str, value: Any, convert: Converter, c: Writing, rule: str) -> None:
    """One value at an element that does not repeat."""
    found = convert(value, c)
    if type(found) is list:
        if len(found) > 1:
            return c.unwritten(value, rule)  # not marked as used: the account names it
        found = found[0] if found else None
    if found is not None:
        target[key] = found
    elif type(value) is Absent and c.extensible:
        target["_" + key] = absent_element(value)
    else:
        return c.unwritten(value, rule)
    c.use_own(value, rule)
    return None


def add(target: Tree, key: str, value: Any, convert: Converter, c: Writing, rule: str) -> None:
    """One value, or several, at an element that repeats."""
    found = convert(value, c)
    if found is None:
        if type(value) is not Absent or not c.extensible:
            return c.unwritten(value, rule)
        pad(target, key).append(absent_element(value))
        target.setdefault(key, []).append(None)
    elif type(found) is not list:
        target.setdefault(key, []).append(found)
    elif found:
        target.setdefault(key, []).extend(found)
    c.use_own(value, rule)
    return None


def pad(target: Tree, key: str) -> list[Any]:
    """The list of what primitives at `key` carry besides their value, as long as the list of values."""
    beside: list[Any] = target.setdefault("_" + key, [])
    beside.extend([None] * (len(target.get(key, ())) - len(beside)))
    return beside


def spread(target: Tree, value: Any, convert: Converter, c: Writing, rule: str) -> None:
    """A value whose members join those of an element that has more: a code with an extension."""
    found = convert(value, c)
    if type(found) is list:
        found = found[0] if found else None
    if found is None:
        return c.unwritten(value, rule)
    for key, each in found.items():
        if key == "extension" and key in target:
            target[key].extend(each)
        else:
            target[key] = each
    c.use_own(value, rule)
    return None


def put_any(target: Tree, stem: str, value: Any, c: Writing, rule: str) -> None:
    """A value at `stem[x]`: the type of the value decides."""
    suffix, convert = _ANY[type(value)]
    put(target, stem + suffix, value, convert, c, rule)


def put_chosen(
    target: Tree, key: str, value: Any, convert: Converter, chosen: Tree, c: Writing, rule: str
) -> None:
    """A value at one of several siblings, with the members that tell it apart."""
    found = convert(value, c)
    if found is None:
        return c.unwritten(value, rule)
    items = found if type(found) is list else [found]
    target.setdefault(key, []).extend({**chosen, **item} for item in items)
    c.use_own(value, rule)
    return None


def put_kept(
    target: Tree, key: str, value: Any, convert: Converter, many: bool, url: str, c: Writing, rule: str
) -> None:
    """A translated code, with the original in an extension; only the original when it has no translation."""
    original = {"extension": [{"url": url, "valueCodeableConcept": codeable(value, c)}]}
    found = convert(value, c)
    if isinstance(found, dict):
        found = {**original, **found}
    if many:
        if not isinstance(found, dict):
            pad(target, key).append(original)
        target.setdefault(key, []).append(found)
    else:
        if not isinstance(found, dict):
            target["_" + key] = original
        if found is not None:
            target[key] = found
    c.use(value, rule)


def append(target: Tree, key: str, element: Tree) -> None:
    """One more element where it repeats; beside a primitive, aligned with its values."""
    target.setdefault(key, []).append(element)


def merge(target: Tree, key: str, element: Tree) -> None:
    """An element that may be there in part already."""
    there = target.get(key)
    if there is None:
        target[key] = element
    else:
        for name, value in element.items():
            if isinstance(value, list) and name in there:
                there[name].extend(value)
            else:
                there[name] = value


def merge_first(target: Tree, key: str, element: Tree) -> None:
    """What belongs in the first of several elements, when there is one."""
    there = target.setdefault(key, [element])
    if there[0] is not element:
        merge({key: there[0]}, key, element)


def extend(target: Tree, key: str, items: list[Any]) -> None:
    """Fixed items of an element that repeats."""
    target.setdefault(key, []).extend(items)


def computed(target: Tree, key: str, value: Any, many: bool) -> None:
    """The result of a named function, when it gives one."""
    if value:
        target[key] = [value] if many else value


_REASONS = {
    "ASKU": "asked-unknown",
    "NASK": "not-asked",
    "MSK": "masked",
    "NA": "not-applicable",
    "NAV": "temp-unknown",
}


def lacking(target: Tree, key: str, reason: str, many: bool, value: Any, c: Writing, rule: str) -> None:
    """An element that says why there is no value: as its null flavor does, else `reason`."""
    if key in target or key.removeprefix("_") in target:
        return
    if type(value) is Absent:
        reason = _REASONS.get(value.reason, reason)
        c.use(value, rule)
    element = {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": reason}]}
    target[key] = [element] if many else element


def link(target: Tree, key: str, me: Me, part: str, c: Writing) -> None:
    """A reference to another part of the same block, when the block becomes it."""
    ids = me.parts.get(part)
    if ids:
        target[key] = c.reference_to(part, ids[0], me)


def link_item(target: Tree, key: str, me: Me, part: str, item: Any, many: bool, c: Writing) -> None:
    """A reference to the resource that this occurrence of a group became."""
    for i, each in enumerate(me.items.get(part, ())):
        if each is item:
            found = c.reference_to(part, me.parts[part][i], me)
            target[key] = [*target.get(key, ()), found] if many else found


def link_all(target: Tree, key: str, me: Me, part: str, c: Writing) -> None:
    """References to all resources that a part became."""
    found = [c.reference_to(part, each, me) for each in me.parts.get(part, ())]
    if found:
        target.setdefault(key, []).extend(found)


def joined(me: Me, c: Writing, block: str, by: str) -> Sequence[Any]:
    """The values of the blocks of a type that are about this person."""
    return c.joined(me, block, by)


def carried(values: Tree, concept: str, c: Writing, rule: str) -> None:
    """The reference of a joined block to the one that carries it is written by where it stands."""
    found = values.get(concept)
    if type(found) is Ref:
        c.use(found, rule)


def offset_of(moment: str, c: Writing) -> str:
    """The offset that the zone has at a local time, as +02:00."""
    offset = datetime.datetime.fromisoformat(moment).replace(tzinfo=c.zone).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
