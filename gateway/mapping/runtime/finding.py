"""What generated reading code calls to find values in a resource: by name, or by what a row fixes.

Each function takes the element that holds a member, the member's name and the state of the reading, which is
told what was recognised.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.mapping.runtime.fhir_values import DERIVED

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]


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


def chosen(source: Tree, key: str, c: FhirReading, fixed: Tree, at: int = -1) -> Iterator[Tree]:
    """The elements at `key` that hold what a selector fixes; DERIVED: nothing writes that again."""
    for found in items(source, key):
        if isinstance(found, dict) and holds(found, fixed):
            mark_fixed(found, fixed, c, at=at)
            yield found


class There(enum.Enum):
    """What a selector looks for that it does not fix."""

    PRESENT = "with"
    MISSING = "without"


class MayBe(NamedTuple):
    """What a selector looks for where there is anything at all."""

    value: Any


PRESENT, MISSING = There.PRESENT, There.MISSING


def denied(element: Tree) -> bool:
    """True for an extension that says that something is not so."""
    return element.get("valueBoolean") is False


def holds(element: Any, fixed: Any) -> bool:
    """True when an element has everything that is fixed; displays may differ."""
    if isinstance(fixed, There):
        return (element is None) is (fixed is MISSING)
    if isinstance(fixed, MayBe):
        return element is None or holds(element, fixed.value)
    if isinstance(fixed, dict):
        return isinstance(element, dict) and all(
            name == "display" or holds(element.get(name), value) for name, value in fixed.items()
        )
    if isinstance(fixed, list):
        return isinstance(element, list) and all(
            any(holds(each, value) for each in element) for value in fixed
        )
    return bool(element == fixed)


def mark_fixed(element: Any, fixed: Any, c: FhirReading, rule: str = "", at: int = -1) -> None:
    """Tell the account that the fixed members were recognised; a display of its own stays the element's."""
    if isinstance(fixed, dict):
        plain = tuple(
            name for name, value in fixed.items() if not isinstance(value, dict | list | There | MayBe)
        )
        c.mark(element, plain, rule, at)
        if "display" in fixed and element.get("display", fixed["display"]) != fixed["display"]:
            c.mark(element, ("display",), rule, DERIVED)
        for name, value in fixed.items():
            if isinstance(value, dict | list):
                mark_fixed(element[name], value, c, rule, at)
            elif isinstance(value, MayBe) and name in element:
                mark_fixed(element[name], value.value, c, rule, DERIVED)  # nothing writes it
    elif isinstance(fixed, list):
        for value in fixed:
            mark_fixed(next(each for each in element if holds(each, value)), value, c, rule, at)


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
