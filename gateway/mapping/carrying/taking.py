"""Take out of a resource what no row read of it, or what only a row that never writes did."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from gateway.mapping.account import CARRIED
from gateway.mapping.carrying.modifying import modifies
from gateway.mapping.carrying.packing import Mask, pack
from gateway.mapping.runtime.fhir_values import DERIVED
from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]
Mark = tuple[str, int]
Marks = dict[Any, Mark]

OWN: Final = frozenset(("resourceType", "id"))
OF_THE_SERVER: Final = frozenset(("versionId", "lastUpdated", "profile", "source"))
"""In `meta`: what the next server gives anew."""


class Rest(NamedTuple):
    """The last fields of an `Origin`."""

    rest: str = ""
    modifies: bool = False
    at: int = -1
    also: tuple[int, ...] = ()


def residue(resource: Tree, c: FhirReading) -> Rest:
    """What is to be written again as it was, under a number of its own in the account."""
    masks = {name: mask for name in resource if name not in OWN and (mask := _top(resource, name, c))}
    changes = modifies(resource, masks, c)
    if not masks:
        return Rest(modifies=changes)
    at = c.take(resource, None, CARRIED)
    also: set[int] = set()
    _mark(resource, masks, c, at, also)
    elements, kept = _pruned(resource, masks)
    rest = pack({"resourceType": resource["resourceType"], **elements}, kept)
    return Rest(rest, changes, at, tuple(sorted(also)))


def carry_whole(resource: Tree, c: FhirReading) -> int:
    """Note that all of a resource is carried; its number in the account."""
    at = c.take(resource, None, CARRIED)
    _forget(resource, c)
    _mark(resource, {name: True for name in resource if name not in OWN}, c, at, set())
    return at


def _forget(element: Any, c: FhirReading) -> None:
    """Take back what rows noted of an element."""
    if isinstance(element, dict):
        c.marks.pop(id(element), None)
    if isinstance(element, dict | list):
        for each in element.values() if isinstance(element, dict) else element:
            _forget(each, c)


def _top(resource: Tree, name: str, c: FhirReading) -> Mask:
    """The mask of a member of the resource itself."""
    value = resource[name]
    if name == "meta":
        return {each: mask for each in value if each not in OF_THE_SERVER and (mask := _mask(value, each, c))}
    if name == "text" and value.get("status") != "additional":
        return None  # a narrative that says no more than the data is made anew
    if name == "contained":  # a resource that is read is one of its own
        unread = {id(each) for each in c.unread}
        masks = [True if id(each) in unread else None for each in value]
        return masks if any(masks) else None
    return _mask(resource, name, c)


def _mask(element: Tree, name: str, c: FhirReading) -> Mask:
    known = c.marks.get(id(element), {})
    value = element[name]
    if isinstance(value, list):
        items = [_item(each, name, i, known, c) for i, each in enumerate(value)]
        return True if items and all(each is True for each in items) else items if any(items) else None
    return _item(value, name, 0, known, c)


def _item(value: Any, name: str, i: int, known: Marks, c: FhirReading) -> Mask:
    """The mask of one value of a member."""
    if not isinstance(value, dict):
        return (value is not None and _is_carried(known.get((name, i)) or known.get(name), c)) or None
    masks = {inner: mask for inner in value if (mask := _mask(value, inner, c))}
    whole = len(masks) == len(value) and all(mask is True for mask in masks.values())
    return True if whole and masks else masks or None


def _is_carried(mark: Mark | None, c: FhirReading) -> bool:
    """True for a value that no row will write as it is: none read it, or one that only reads; or derived."""
    return mark is None or mark[0] in c.read_only or mark[1] == DERIVED


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _mark(element: Any, mask: Mask, c: FhirReading, at: int, also: set[int]) -> None:
    """Give the values that are carried the number of what carries them.

    A value that a row read keeps its own, which comes to `also`: it is there again with the rest.
    """
    known = c.marks.get(id(element), {})
    for name, value in element.items():
        here = mask if mask is True else mask.get(name)
        if not here:
            continue
        for i, each in enumerate(_items(value)):
            inner = here[i] if isinstance(here, list) else here
            read = known.get((name, i)) or known.get(name)
            if isinstance(each, dict) and inner:
                _mark(each, inner, c, at, also)
            elif inner and read is None:
                c.mark_item(element, name, i, CARRIED, at)
            elif inner and read and read[1] >= 0:
                also.add(read[1])


def _pruned(element: Tree, masks: dict[str, Mask]) -> tuple[Tree, dict[str, Mask]]:
    """The members that have a mask, and of lists the items that have one."""
    elements: Tree = {}
    kept: dict[str, Mask] = {}
    for name, mask in masks.items():
        value = element[name]
        if isinstance(mask, list):
            chosen = [(each, inner) for each, inner in zip(value, mask, strict=True) if inner]
            elements[name], kept[name] = [each for each, _ in chosen], [inner for _, inner in chosen]
        elif isinstance(mask, dict):
            elements[name], kept[name] = _pruned(value, mask)
        else:
            elements[name], kept[name] = value, mask
    return elements, kept
