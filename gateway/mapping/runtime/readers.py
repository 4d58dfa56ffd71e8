"""What generated reading code calls: finding values in their place in a resource, and storing them.

Each function takes the element that holds a member, the member's name, the state of the reading and the
row; the readers of `fhir_values` make the values.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import Absent, Code, Text
from gateway.mapping.runtime.fhir_values import (
    CODING,
    DERIVED,
    Read,
    absent_reason,
    boolean_of,
    code_of_codeable,
    integer_of,
    moment_of,
    quantity_of,
    text_of,
)
from gateway.mapping.runtime.groups import same, within

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]


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


def mark_fixed(element: Any, fixed: Any, c: FhirReading, rule: str = "", at: int = -1) -> None:
    """Tell the account that the fixed members were recognised; a display of its own stays the element's."""
    if isinstance(fixed, dict):
        plain = tuple(name for name, value in fixed.items() if not isinstance(value, dict | list | There))
        c.mark(element, plain, rule, at)
        if "display" in fixed and element.get("display", fixed["display"]) != fixed["display"]:
            c.mark(element, ("display",), rule, DERIVED)
        for name, value in fixed.items():
            if isinstance(value, dict | list):
                mark_fixed(element[name], value, c, rule, at)
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


def recomputed(
    source: Tree,
    key: str,
    values: Tree,
    made: str,
    otherwise: tuple[str, ...],
    c: FhirReading,
    rule: str,
) -> None:
    """An element that a function makes of the values: it tells nothing new when it says what was read.

    Many a sender gives only the text.  When nothing was read of what it is made of, the text is the value of
    `otherwise`; a text that says something else stays unmarked, and so is accounted for.
    """
    texts = [(i, each) for i, each in enumerate(items(source, key)) if isinstance(each, str)]
    said = " ".join(each for _, each in texts)
    if not said:
        return
    at = -1
    if not made and otherwise and not there(values, otherwise):
        at = c.take(source, key, rule)
        store(values, otherwise, Text(said, at))
    elif _letters(said) != _letters(made):
        return
    if at < 0 and said != made:
        at = DERIVED  # another spelling of the same is the source's own
    for i, _ in texts:
        c.mark_item(source, key, i, rule, at)


def _letters(text: str) -> str:
    """What two spellings of the same have in common: all but case, blanks and punctuation."""
    return "".join(each for each in text.casefold() if each.isalnum())


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


def gather(
    values: Tree, path: tuple[str, ...], value: Any, c: FhirReading, beyond: Tree | None = None
) -> None:
    """One more value of a concept; one that another resource of the block said already is not one more.

    `beyond` is what the element says of the block that a reference points at: one block in two roles is two.
    """
    there_are = dig_last(values, path) if there(values, path) else ()
    alike = (each for each in there_are if not isinstance(each, dict) and same(each, value))
    known = next((each for each in alike if not (beyond and c.differs(each, beyond))), None)
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
        said = getattr(converter, "said", lambda _value, _existing: True)(value, existing)
        c.adopt(marks, existing.at if said else DERIVED)


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
                at = result.at if value is None or c.spells(read, result, value) else DERIVED
                if isinstance(value, dict):
                    c.mark(value, CODING, rule, at)
                elif value is not None:
                    c.mark_item(source, key, i, rule, at)
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
