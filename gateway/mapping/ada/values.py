"""What generated ADA reading code calls: elements to zib values, and putting them in a block.

A converter takes an element, the state of the reading and the row, and gives a value whose `at` tells
the account where it came from, or None when the element holds nothing.  lxml makes a Python object of
an element, and of each attribute, only when it is asked for, so every converter asks once and little.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import (
    Absent,
    Blob,
    Boolean,
    Code,
    Group,
    Identifier,
    Integer,
    Moment,
    Quantity,
    Text,
)
from gateway.codecs.ada import PLACEHOLDER
from gateway.mapping.ada import tdates
from gateway.mapping.runtime.dosage import per_time

if TYPE_CHECKING:
    from lxml.etree import _Element

    from gateway.mapping.ada.document import AdaReading

Convert = Callable[["_Element", "AdaReading", str], Any]
Read = Callable[["_Element", Group, "AdaReading"], None]

NULL_FLAVOR = "2.16.840.1.113883.5.1008"
DESCRIBING = frozenset(("conceptId", "id", "datatype", "comment", "hidden"))
"""Attributes that say something of the element, and nothing of the patient."""

_MOMENT = re.compile(
    r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])"
    r"(?:T(?P<time>(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?)?)?"
)
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?")
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"(?P<comparator>[<>]=?)?\s*(?P<number>[+-]?\d+(?:\.\d+)?)")
_NUMBERS = ("aantal", "waarde")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


#
# A concept holds a value of its type or the reason why it has none, never a value of another type.


def code(el: _Element, c: AdaReading, rule: str) -> Code | Absent | None:
    """A code; one without a code where only text was sent.

    `value` beside a code is its place in a list; beside a system alone it is the code.
    """
    get = el.get
    system, text = get("codeSystem", ""), get("originalText", "")
    found = get("code") or (get("value") if system else "")
    if not found:
        return _uncoded(el, c, rule)
    if system == NULL_FLAVOR and not (text and found == "OTH"):
        return Absent(found, text or get("displayName", ""), c.take(el, None, rule))
    version = get("codeSystemVersion", "")
    return Code(found.strip(), system, get("displayName", ""), version, text, c.take(el, None, rule))


def text(el: _Element, c: AdaReading, rule: str) -> Text | Absent | None:
    """Text without white space around it; of a code what it says to people."""
    found = el.get("value")
    if found is None or el.get("code"):
        if el.get("nullFlavor") or (el.get("codeSystem") == NULL_FLAVOR and not el.get("originalText")):
            return absent(el, c, rule)
        found = el.get("originalText") or el.get("displayName") or el.get("code") or ""
    found = found.strip()
    return Text(found, c.take(el, None, rule)) if found else absent(el, c, rule)


def quantity(el: _Element, c: AdaReading, rule: str) -> Quantity | Absent | None:
    """A number with its unit, digits as sent; `<5` keeps its comparator."""
    found = (el.get("value") or "").strip()
    if not found and len(el):
        return _composed(el, c, rule)
    if not found or el.get("code"):
        return absent(el, c, rule)
    number = _NUMBER.fullmatch(found)
    if number is None:
        return c.misfit(el, "this is not a number", rule)
    comparator, digits = number.group("comparator", "number")
    unit = el.get("unit", "").strip()
    code = c.ucum(unit) if unit else ""
    return Quantity(digits.removeprefix("+"), unit, code, "", comparator or "", c.take(el, None, rule))


def _composed(el: _Element, c: AdaReading, rule: str) -> Quantity | Absent | None:
    """A number, its unit and the time that it is per, each in an element.  Medication process 9."""
    group: Group = {}
    for kid in el:
        if kid.tag in _NUMBERS:
            group["number"] = quantity(kid, c, rule)
    for name, via in (("eenheid", via_unit), ("tijdseenheid", via_per)):
        for kid in el.iterchildren(name):
            via(kid, group, c, rule)
    found = group.get("number")
    return found if isinstance(found, Quantity | Absent) else None


def moment(el: _Element, c: AdaReading, rule: str) -> Moment | Absent | None:
    """A date, a date and time, or a time; one that is relative to today or to a birth is worked out."""
    found = (el.get("value") or "").strip()
    if not found:
        return absent(el, c, rule)
    if _MOMENT.fullmatch(found):
        if len(found) < 10 or _is_day(found[:10]):
            return Moment(found, c.take(el, None, rule))
    elif _TIME.fullmatch(found):
        return Moment(found, c.take(el, None, rule))
    elif tdates.is_relative(found):
        if tdates.needs_birth(found):
            c.unborn = True
            return Moment(found, c.take(el, None, rule))
        try:
            return Moment(tdates.resolve(found, c.today), c.take(el, None, rule))
        except ValueError:
            return c.misfit(el, "this date lies beyond the calendar", rule)
    return c.misfit(el, "this is not a date or time", rule)


def boolean(el: _Element, c: AdaReading, rule: str) -> Boolean | Absent | None:
    """True or false."""
    found = (el.get("value") or "").strip()
    if not found or el.get("code"):
        return absent(el, c, rule)
    value = _BOOLEANS.get(found.lower())
    if value is None:
        return c.misfit(el, "this is not true or false", rule)
    return Boolean(value, c.take(el, None, rule))


def integer(el: _Element, c: AdaReading, rule: str) -> Integer | Absent | None:
    """A whole number."""
    found = (el.get("value") or "").strip()
    if not found or el.get("code"):
        return absent(el, c, rule)
    if _INTEGER.fullmatch(found) is None:
        return c.misfit(el, "this is not a whole number", rule)
    return Integer(int(found), c.take(el, None, rule))


def identifier(el: _Element, c: AdaReading, rule: str) -> Identifier | Absent | None:
    """An identifier and the system it is of."""
    found = (el.get("value") or "").strip()
    if not found:
        return absent(el, c, rule)
    return Identifier(found, el.get("root", ""), c.take(el, None, rule))


def blob(el: _Element, c: AdaReading, rule: str) -> Blob | Absent | None:
    """A document in base64."""
    found = (el.get("value") or "").strip()
    return Blob(found, "", c.take(el, None, rule)) if found else absent(el, c, rule)


def any_value(el: _Element, c: AdaReading, rule: str) -> Any:
    """A value whose type the zib leaves open: by its datatype, else by the attributes that it has."""
    convert = _DATATYPES.get(el.get("datatype", ""))
    if convert is not None:
        return convert(el, c, rule)
    if el.get("code"):
        return code(el, c, rule)
    found = (el.get("value") or "").strip()
    return quantity(el, c, rule) if el.get("unit") or _NUMBER.fullmatch(found) else text(el, c, rule)


_DATATYPES: dict[str, Convert] = {
    "quantity": quantity,
    "duration": quantity,
    "decimal": quantity,
    "code": code,
    "ordinal": code,
    "datetime": moment,
    "date": moment,
    "time": moment,
    "boolean": boolean,
    "count": integer,
    "integer": integer,
    "identifier": identifier,
    "blob": blob,
    "string": text,
    "text": text,
}


def absent(el: _Element, c: AdaReading, rule: str) -> Absent | None:
    """Why there is no value, when the element says so, as a null flavor or with a code for one."""
    reason = el.get("nullFlavor")
    if not reason and el.get("codeSystem") == NULL_FLAVOR:
        reason = el.get("code")
    if reason:
        return Absent(reason, el.get("originalText", ""), c.take(el, None, rule))
    if el.get("code"):
        return c.misfit(el, "the zib has no code here", rule)
    if not DESCRIBING.issuperset(el.keys()):
        c.leave(el, "structure", "an element without a value")
    return None


def _uncoded(el: _Element, c: AdaReading, rule: str) -> Code | Absent | None:
    """What stands where a code was expected: its text, or why there is none."""
    if el.get("nullFlavor"):
        return absent(el, c, rule)
    words = (el.get("originalText") or el.get("displayName") or el.get("value") or "").strip()
    return Code("", "", "", "", words, c.take(el, None, rule)) if words else absent(el, c, rule)


def _is_day(day: str) -> bool:
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        return False
    return True


def put(v: Group, name: str, convert: Convert, el: _Element, c: AdaReading, rule: str) -> None:
    """The value of a concept that may occur once."""
    if name in v:
        return excess(el, c)
    value = convert(el, c, rule)
    if value is not None:
        v[name] = value
    return None


def add(v: Group, name: str, convert: Convert, el: _Element, c: AdaReading, rule: str) -> None:
    """One more value of a concept."""
    value = convert(el, c, rule)
    if value is not None:
        v.setdefault(name, []).append(value)


def one(v: Group, name: str, read: Read, el: _Element, c: AdaReading) -> None:
    """A group, or a partial zib, that may occur once."""
    if name in v:
        return excess(el, c)
    inside: Group = {}
    read(el, inside, c)
    if inside:
        v[name] = inside
    return None


def each(v: Group, name: str, read: Read, el: _Element, c: AdaReading) -> None:
    """One more group or partial zib."""
    inside: Group = {}
    read(el, inside, c)
    if inside:
        v.setdefault(name, []).append(inside)


def within(v: Group, *path: str) -> Group:
    """The group at a path, made when it is not there."""
    for name in path:
        v = v.setdefault(name, {})
    return v


def excess(el: _Element, c: AdaReading) -> None:
    """A concept that may occur once occurs again: the first stands, this one goes on the account."""
    c.leave(el, "unknown", "the zib has room for one of these; this is one more")


def stray(
    el: _Element, tag: str, v: Group, c: AdaReading, read: Callable[..., None], known: dict[str, str]
) -> None:
    """An element that the profile has no name for: by its concept id, or as a placeholder, or unknown."""
    if tag.endswith(PLACEHOLDER):
        if c.says_something(el):
            c.leave(el, "placeholder", "a field that the form hides")
        return
    concept = el.get("conceptId", "")
    name = known.get(concept.rpartition(".60.40.1.")[2]) or known.get(tag.replace("_", "").lower())
    if name is not None:
        read((el,), v, c, name)
    elif c.says_something(el):
        here = c.concept_of(el) or "no concept id"
        c.leave(el, "unknown", f"<{tag}> ({here}) is no concept of the zib here")


def via_unit(el: _Element, v: Group, c: AdaReading, rule: str) -> None:
    """`<eenheid code=…>` beside numbers: their unit, in its own code system.  Medication process 9."""
    unit, system, label = el.get("code", ""), el.get("codeSystem", ""), el.get("displayName", "")
    _change_quantities(v, c, el, lambda q: Quantity(q.value, label or unit, unit, system, q.comparator, q.at))


def via_per(el: _Element, v: Group, c: AdaReading, rule: str) -> None:
    """`<tijdseenheid value="2" unit="dag"/>` beside a number of times: per two days, `/(2.d)` in UCUM."""
    count, unit = (el.get("value") or "1").strip(), el.get("unit", "").strip()
    per = f"/{c.ucum(unit)}" if count == "1" else f"/({count}.{c.ucum(unit)})"
    _change_quantities(
        v,
        c,
        el,
        lambda q: (
            per_time(q, count, c.ucum(unit))
            if q.code
            else Quantity(q.value, per, per, "", q.comparator, q.at)
        ),
    )


def _change_quantities(v: Group, c: AdaReading, el: _Element, change: Callable[[Quantity], Quantity]) -> None:
    numbers = {name: value for name, value in v.items() if type(value) is Quantity}
    if numbers:
        v.update({name: change(value) for name, value in numbers.items()})
        c.leave(el, "structure", "the unit of the number beside it")


VIA: dict[str, Callable[[_Element, Group, AdaReading, str], None]] = {"unit": via_unit, "per": via_per}
