"""What generated reading code calls to take a value from its place in a resource into a concept.

Each function takes the element that holds a member, the member's name, the state of the reading and the
row; the readers of `fhir_values` make the values.
"""

from __future__ import annotations

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
from gateway.mapping.runtime.finding import first, items
from gateway.mapping.runtime.groups import same, within
from gateway.mapping.runtime.storing import dig_last, store, there, whole

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]


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
    alike = c.alike(dig_last(values, path), value) if there(values, path) else ()
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
    """A code that was translated: the original beside it when it is there, else translated back.

    Where the two say different things somebody changed one of them: the code is what FHIR goes by.
    """
    found = items(source, key)
    beside = items(source, f"_{key}")
    for i in range(max(len(found), len(beside))):
        value = found[i] if i < len(found) else None
        if id(value) in c.known:
            continue
        holder = value if isinstance(value, dict) else beside[i] if i < len(beside) else None
        original = _original_beside(holder, value, url, read, c)
        if original is not None:
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


def _original_beside(holder: Tree | None, value: Any, url: str, read: Read, c: FhirReading) -> Tree | None:
    """The extension that holds the original of a code; None for one that the code says otherwise of."""
    found = next((each for each in (holder or {}).get("extension", ()) if each.get("url") == url), None)
    if found is None or "valueCodeableConcept" not in found:
        return None
    with c.aside():
        known = code_of_codeable(found["valueCodeableConcept"], c, "")
    return None if known is not None and value is not None and c.contradicts(read, known, value) else found


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
