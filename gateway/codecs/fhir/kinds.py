"""Whether every member of a FHIR JSON tree is of the kind that its element has: object, array, text, number.

What reads a tree may then rely on it.  Refused are also names that FHIR does not have, whatever is empty,
arrays that are too long, numbers that nobody can hold, base64 that is none and narrative that does
something.  The XML reader refuses the same.  Source: FHIR R4 and STU3, "JSON Representation of Resources".
"""

from __future__ import annotations

import binascii
import datetime
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from gateway.codecs.fhir.elements import Element, FhirTypes, Tree
from gateway.codecs.fhir.places import placed
from gateway.codecs.limits import DEFAULT
from gateway.codecs.narrative import is_active
from gateway.errors import Issue, SyntaxFault

MOST_ISSUES: Final = 20
MOST_ITEMS: Final = DEFAULT.max_items
MOST_BITS: Final = 1024
"""In an integer: those of the largest double."""
MOMENT: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
WHOLE: Final = frozenset(("integer", "positiveInt", "unsignedInt"))
ANY_RESOURCE: Final = "Resource"


def check_kinds(tree: Tree, table: FhirTypes, document: bytes = b"") -> None:
    """Raise `SyntaxFault` with the places, at most 20, where a member is of another kind than its element.

    With the `document` that the tree was read from, each place has its line and column as well.
    """
    root = tree["resourceType"]
    issues = list(islice(_object(tree, root, table, root), MOST_ISSUES))
    if issues:
        raise SyntaxFault(*placed(issues, document))


def _object(found: Tree, kind: str, table: FhirTypes, place: str) -> Iterator[Issue]:
    if not found:
        yield _issue(place, "a value")
    for name, value in found.items():
        if name == "resourceType" and table.is_resource(kind):
            continue
        element = table.child(kind, name)
        beside = element is None and name[:1] == "_"
        if beside:
            element = _primitive(table.child(kind, name[1:]), table)
        if element is None:
            text = f"a member that FHIR {table.release} does not have here"
            yield Issue("error", "structure", text, place=place)
            continue
        yield from _each(value, element, table, f"{place}.{name}", beside=beside)
        if element.many and isinstance(value, list) and table.is_primitive(element.type):
            other = found.get(element.name if beside else f"_{name}")
            yield from _pairs(value, other, f"{place}.{name}", beside=beside)


def _primitive(element: Element | None, table: FhirTypes) -> Element | None:
    return element if element is not None and table.is_primitive(element.type) else None


def _each(value: Any, element: Element, table: FhirTypes, place: str, *, beside: bool) -> Iterator[Issue]:
    if not element.many:
        yield from _one(value, element, table, place, beside=beside)
    elif not isinstance(value, list):
        yield _issue(place, "an array")
    elif not value:
        yield _issue(place, "a value")
    elif len(value) > MOST_ITEMS:
        yield Issue("error", "too-costly", f"at most {MOST_ITEMS} items are taken here", place=place)
    else:
        for i, each in enumerate(value):
            if each is None and table.is_primitive(element.type):
                continue  # the value stands beside it, or has nothing beside it
            yield from _one(each, element, table, f"{place}[{i}]", beside=beside)


def _pairs(items: list[Any], other: Any, place: str, *, beside: bool) -> Iterator[Issue]:
    """Values and what stands beside them are of one length; a null stands for one that has only the other."""
    others = other if isinstance(other, list) else []
    if beside and others and len(items) > len(others):
        yield _issue(place, "an array as long as that of the values")
    if not beside:
        for i, each in enumerate(items):
            if each is None and (i >= len(others) or others[i] is None):
                yield _issue(f"{place}[{i}]", "a value")


def _one(value: Any, element: Element, table: FhirTypes, place: str, *, beside: bool) -> Iterator[Issue]:
    if beside:
        kind = "Element"
    elif table.is_primitive(element.type):
        if not _is_primitive(value, element.type):
            article = "an" if element.type[0] in "aeio" else "a"  # a uri, a url
            yield _issue(place, f"{article} {element.type}")
        return
    else:
        kind = element.type
    if not isinstance(value, dict):
        yield _issue(place, "an object")
    elif kind == ANY_RESOURCE:
        name = value.get("resourceType")
        if isinstance(name, str) and table.is_resource(name):
            yield from _object(value, name, table, place)
        else:
            yield _issue(place, f"a resource of FHIR {table.release}")
    else:
        yield from _object(value, kind, table, place)


def _is_primitive(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in WHOLE or kind == "decimal":
        if isinstance(value, int):
            return not isinstance(value, bool) and value.bit_length() <= MOST_BITS
        return kind == "decimal" and isinstance(value, Decimal)
    if not isinstance(value, str) or not value:
        return False
    check = CHECKS.get(kind)
    return check is None or check(value)


def is_base64(text: str) -> bool:
    """True for base64, with white space or without.

    The pattern that FHIR gives for it takes time that doubles every few characters on a text that nearly
    fits; this takes one pass.
    """
    try:
        binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        return False
    return True


def is_moment(text: str) -> bool:
    """True for a year, month, day or time that there is, in ISO 8601; 2026-02-31 is none."""
    match = MOMENT.fullmatch(text)
    if match is None:
        return False
    day, time = match["day"] or "01", match["time"] or "00:00"
    try:
        datetime.datetime.fromisoformat(f"{match['year']}-{match['month'] or '01'}-{day}T{time}")
    except ValueError:
        return False
    return True


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    **dict.fromkeys(("date", "dateTime", "instant"), is_moment),
    "base64Binary": is_base64,
    "xhtml": lambda text: not is_active(text),
}
"""Texts that have a form of their own, as far as it is held to."""


def _issue(place: str, wanted: str) -> Issue:
    return Issue("error", "structure", f"{wanted} is expected here", place=place)
