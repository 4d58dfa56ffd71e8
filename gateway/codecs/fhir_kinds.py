"""Whether every member of a FHIR JSON tree is of the kind that its element has: object, array, text, number.

What reads a tree may then rely on it.  Names that FHIR does not know are left alone: nothing reads them,
and the account reports them.  Source: FHIR R4 and STU3, "JSON Representation of Resources".
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from gateway.codecs.fhir_types import Element, FhirTypes, Tree
from gateway.errors import Issue, SyntaxFault

MOST_ISSUES: Final = 20
MOMENTS: Final = frozenset(("date", "dateTime", "instant"))
MOMENT: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
WHOLE: Final = frozenset(("integer", "positiveInt", "unsignedInt"))
ANY_RESOURCE: Final = "Resource"


def check_kinds(tree: Tree, table: FhirTypes) -> None:
    """Raise `SyntaxFault` with the places, at most 20, where a member is of another kind than its element."""
    issues = list(islice(_object(tree, tree["resourceType"], table, tree["resourceType"]), MOST_ISSUES))
    if issues:
        raise SyntaxFault(*issues)


def _object(found: Tree, kind: str, table: FhirTypes, place: str) -> Iterator[Issue]:
    for name, value in found.items():
        if name[:1] == "_":
            element = table.child(kind, name[1:])
            if element is not None and table.is_primitive(element.type):
                yield from _each(value, element, table, f"{place}.{name}", beside=True)
        elif name != "resourceType":
            element = table.child(kind, name)
            if element is not None:
                yield from _each(value, element, table, f"{place}.{name}", beside=False)
                if element.many and isinstance(value, list) and table.is_primitive(element.type):
                    yield from _nothing(value, found.get(f"_{name}"), f"{place}.{name}")


def _each(value: Any, element: Element, table: FhirTypes, place: str, *, beside: bool) -> Iterator[Issue]:
    if not element.many:
        yield from _one(value, element, table, place, beside=beside)
    elif not isinstance(value, list):
        yield _issue(place, "an array")
    else:
        for i, each in enumerate(value):
            if each is None and table.is_primitive(element.type):
                continue  # the value stands beside it, or has nothing beside it
            yield from _one(each, element, table, f"{place}[{i}]", beside=beside)


def _nothing(values: list[Any], beside: Any, place: str) -> Iterator[Issue]:
    """A null among values stands for one that has only what stands beside it."""
    others = beside if isinstance(beside, list) else []
    for i, each in enumerate(values):
        if each is None and (i >= len(others) or others[i] is None):
            yield _issue(f"{place}[{i}]", "a value")


def _one(value: Any, element: Element, table: FhirTypes, place: str, *, beside: bool) -> Iterator[Issue]:
    if beside:
        kind = "Element"
    elif table.is_primitive(element.type):
        if not _is_primitive(value, element.type):
            yield _issue(place, f"a {element.type}")
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
    if kind in WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "decimal":
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    return isinstance(value, str) and (kind not in MOMENTS or is_moment(value))


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


def _issue(place: str, wanted: str) -> Issue:
    return Issue("error", "structure", f"{wanted} is expected here", place=place)
