"""What of a FHIR resource no zib concept covers, carried along until the resource is written again.

`residue` takes it out of a resource that was read: the elements that no row marked, and a mask that says
which those are.  `restore` puts it back in the resource that the block is written as, in the same format.
What stands in a list is found again by what it has in common with the elements there, since rows write in an
order of their own.  Where a row writes a constant and the resource said otherwise, the resource is right.

A mask mirrors its element: True (all of it was not read), a dict of members, or a list of items.  `elements`
has of a list only items with a mask, whole, so that there is something to find them by.

ADA has room for what its forms do not know, in `adaextension`; `to_ada` and `from_ada` spell an origin there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from gateway.blocks.values import Block, Origin
from gateway.codecs import fhir_json
from gateway.codecs.fhir_kinds import check_kinds
from gateway.codecs.fhir_types import Version, types
from gateway.codecs.limits import Limits
from gateway.mapping.account import CARRIED
from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]
Mask = Any

OWN: Final = frozenset(("resourceType", "id"))
MODIFIERS: Final = frozenset(
    (
        *("status", "clinicalStatus", "verificationStatus", "intent", "implicitRules"),
        *("doNotPerform", "notDone", "notGiven", "isSubpotent"),
    )
)
"""Elements of resources that FHIR R4 or STU3 labels Is Modifier: they may deny what all others say."""
OF_THE_SERVER: Final = frozenset(("versionId", "lastUpdated", "profile", "source"))
"""In `meta`: what the next server gives anew."""

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(tuple[Any, Any], float_hook=Decimal).decode


class Rest(NamedTuple):
    """The last fields of an `Origin`."""

    rest: str = ""
    modifies: bool = False
    at: int = -1


def residue(resource: Tree, c: FhirReading) -> Rest:
    """What no row read of a resource, under a number of its own in the account."""
    masks = {name: mask for name in resource if name not in OWN and (mask := _top(resource, name, c))}
    if not masks:
        return Rest()
    at = c.take(resource, None, CARRIED)
    _mark(resource, masks, c, at)
    elements, kept = _pruned(resource, masks)
    rest = pack({"resourceType": resource["resourceType"], **elements}, kept)
    return Rest(rest, _modifies(resource, masks, c), at)


def carry_whole(resource: Tree, c: FhirReading) -> int:
    """Note that all of a resource is carried; its number in the account."""
    at = c.take(resource, None, CARRIED)
    _mark(resource, {name: True for name in resource if name not in OWN}, c, at)
    return at


def restore(resource: Tree, rest: str) -> None:
    """Put what `residue` took out back where it stood."""
    elements, mask = unpack(rest)
    _restore(resource, elements, mask)


def is_changed_by_its_rest(block: Block, form: str) -> bool:
    """True for a block that would say something else in a format that does not carry its rest."""
    return any(origin.modifies and origin.format != form for origin in block.origins)


def unite(resource: Tree, other: Tree) -> None:
    """Add what another writing of the same resource has besides."""
    for name, value in other.items():
        there = resource.setdefault(name, value)
        if isinstance(there, dict) and isinstance(value, dict):
            unite(there, value)
        elif isinstance(there, list) and there is not value:
            there += [each for each in value if each not in there]


def pack(elements: Any, mask: Mask) -> str:
    """The text that `unpack` reads; decimals keep their digits."""
    return _encode([elements, mask]).decode()


def unpack(rest: str) -> tuple[Any, Mask]:
    """Elements and mask.  Raises `msgspec.DecodeError` for what is no pair in JSON."""
    return _decode(rest)


def without(rest: str, systems: Collection[str]) -> str:
    """The rest without any identifier of these systems: what may not go out, carried or not."""
    if not any(system in rest for system in systems):
        return rest
    elements, mask = unpack(rest)
    left = _without(elements, mask, systems)
    return pack(*left) if left is not None and left[1] else ""


def to_ada(origin: Origin) -> str:
    """The text of an origin inside `adaextension`."""
    return _encode(msgspec.structs.replace(origin, at=-1)).decode()


def from_ada(text: str, at: int, limits: Limits) -> Origin:
    """The origin that `to_ada` wrote.  Raises `ValueError` or `SyntaxFault` for what cannot be one."""
    origin = msgspec.structs.replace(_origin(text), at=at)
    version = _VERSIONS.get(origin.format)
    if version is None:
        raise ValueError("no format that carries anything")
    if origin.rest:
        elements, mask = unpack(origin.rest)
        tree = fhir_json.decode(_encode(elements), version, limits)
        check_kinds(tree, types(version))
        _check_mask(tree, mask)
    return origin


_VERSIONS: Final[dict[str, Version]] = {"fhir-r4": "r4", "fhir-stu3": "stu3"}
_origin = msgspec.json.Decoder(Origin).decode


def _check_mask(element: Any, mask: Mask) -> None:
    """Raise `ValueError` for a mask that is not of the element."""
    if mask is True or mask is None:
        return
    if isinstance(mask, dict) and isinstance(element, dict) and mask.keys() <= element.keys():
        for name, inner in mask.items():
            _check_mask(element[name], inner)
    elif isinstance(mask, list) and isinstance(element, list) and len(mask) == len(element):
        for each, inner in zip(element, mask, strict=True):
            _check_mask(each, inner)
    else:
        raise ValueError("a mask that is not of its elements")


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
    return True if (id(element), name) in c.derived else _item(value, name, 0, known, c)


def _item(value: Any, name: str, i: int, known: dict[Any, Any], c: FhirReading) -> Mask:
    """The mask of one value of a member."""
    if not isinstance(value, dict):
        unread = value is not None and (name, i) not in known and name not in known
        return unread or None
    masks = {inner: mask for inner in value if (mask := _mask(value, inner, c))}
    whole = len(masks) == len(value) and all(mask is True for mask in masks.values())
    return True if whole and masks else masks or None


def _modifies(resource: Tree, masks: dict[str, Mask], c: FhirReading) -> bool:
    """True when what no row read changes what the resource means (FHIR, conformance rules §isModifier)."""
    unread = {name for name in masks if (id(resource), name) not in c.derived}
    return bool(unread & MODIFIERS) or "modifierExtension" in _names(masks, resource)


def _names(mask: Mask, element: Any) -> Iterator[str]:
    """The names of all members that a mask reaches."""
    if isinstance(element, dict) and mask:
        for name, each in element.items():
            inner = mask if mask is True else mask.get(name)
            if inner:
                yield name
                yield from _names(inner, each)
    elif isinstance(element, list) and mask:
        masks = mask if isinstance(mask, list) else [True] * len(element)
        for each, inner in zip(element, masks, strict=True):
            yield from _names(inner, each)


def _mark(element: Any, mask: Mask, c: FhirReading, at: int) -> None:
    """Give the leaves that are carried the number of what carries them."""
    for name, value in element.items():
        here = mask if mask is True else mask.get(name)
        if not here:
            continue
        for i, each in enumerate(value if isinstance(value, list) else [value]):
            inner = here[i] if isinstance(here, list) else here
            if isinstance(each, dict) and inner:
                _mark(each, inner, c, at)
            elif inner and (id(element), name) not in c.derived:
                c.mark_item(element, name, i, CARRIED, at)


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


def _restore(target: Tree, source: Tree, mask: Mask) -> None:
    for name, inner in mask.items():
        value = source[name]
        if isinstance(value, list):
            masks = inner if isinstance(inner, list) else [True] * len(value)
            _restore_items(target.setdefault(name, []), value, masks)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            _restore(target[name], value, dict.fromkeys(value, True) if inner is True else inner)
        elif inner is True or name not in target:
            target[name] = value


def _restore_items(target: list[Any], source: list[Any], masks: list[Mask]) -> None:
    """Put items back: in the one that has most in common with it, else as an item of its own."""
    free = list(range(len(target)))
    for value, mask in zip(source, masks, strict=True):
        if not mask:
            continue
        if mask is True or not isinstance(value, dict):
            if value not in target:
                target.append(value)
            continue
        leaves = Counter(_leaves(value))
        shared = [(sum((leaves & Counter(_leaves(target[i]))).values()), -i) for i in free]
        most, at = max(shared, default=(0, 0))
        if most:
            free.remove(-at)
            _restore(target[-at], value, mask)
        else:
            target.append(value)


def _leaves(element: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(element, dict):
        for name, each in element.items():
            yield from _leaves(each, f"{path}.{name}")
    elif isinstance(element, list):
        for each in element:
            yield from _leaves(each, path)
    elif element is not None:
        yield path, str(element)


def _without(element: Any, mask: Mask, systems: Collection[str]) -> tuple[Any, Mask] | None:
    """An element without what names a system, and its mask; None when nothing is left."""
    if isinstance(element, list):
        masks = mask if isinstance(mask, list) else [mask] * len(element)
        pairs = (_without(each, inner, systems) for each, inner in zip(element, masks, strict=True))
        left = [pair for pair in pairs if pair is not None]
        items = [each for each, _ in left]
        return (items, [each for _, each in left] if isinstance(mask, list) else mask) if left else None
    if not isinstance(element, dict):
        return element, mask
    if any(isinstance(each, str) and any(system in each for system in systems) for each in element.values()):
        return None
    whole = not isinstance(mask, dict)
    found = {
        name: pair
        for name, each in element.items()
        if (pair := _without(each, mask if whole else mask.get(name), systems)) is not None
    }
    members = {name: each for name, (each, _) in found.items()}
    kept = mask if whole else {name: each for name, (_, each) in found.items() if each}
    return (members, kept) if members and (kept or mask is None) else None
