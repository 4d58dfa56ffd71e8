"""Put what was carried back in the resource that a block is written as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.blocks.values import Block
from gateway.codecs.message_types import ElementTypes
from gateway.mapping.carrying.packing import Mask, unpack
from gateway.mapping.runtime.writers import unknown

Tree = dict[str, Any]
Leaf = tuple[str, str]
"""A path inside an item, and the text there."""

FEW = 50
"""How many items are each looked at."""


def restore(resource: Tree, rest: str, moved: Mapping[str, str], types: ElementTypes) -> None:
    """Put what `residue` took out back where it stood; one variant of a choice in the place of another.

    `moved` leads from a reference in the source to the one that means the same resource now.
    """
    elements, mask = unpack(rest)
    relinked = _relinked(elements, moved) if moved else elements
    _Restoring(types).element(resource, relinked, mask, resource["resourceType"])


def _relinked(value: Any, moved: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_relinked(each, moved) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _relinked(each, moved) for name, each in value.items()}
    reference = found.get("reference")
    if isinstance(reference, str) and reference in moved:
        found["reference"] = moved[reference]
    return found


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


class Targets:
    """The items of a list into which something may be put back, found by their leaves.

    Of few items each is looked at.  Of many only those that have the rarest leaf of what is looked for: lists
    of thousands take no longer for each of their items than short ones.
    """

    def __init__(self, items: list[Any]) -> None:
        self.items = items
        self.free = dict.fromkeys(range(len(items)))
        """Numbers of the items that nothing was put back into yet, in order."""
        self._leaves: list[Counter[Leaf]] = []
        self._having: dict[Leaf, list[int]] = {}
        self._index()

    def add(self, value: Tree) -> None:
        """One more item, which nothing else is put back into."""
        self.items.append(value)
        self._index()

    def has(self, value: Tree) -> bool:
        """True when an item is the same as a value."""
        rarest = min((self._having.get(leaf, []) for leaf in _leaves(value)), key=len, default=[])
        return any(self.items[i] == value for i in rarest)

    def nearest(self, value: Tree, mask: Mask) -> int | None:
        """The free item that has most in common with a value, above all where something goes back.

        None when they have nothing in common.
        """
        leaves, near = Counter(_leaves(value)), tuple(_holders(mask))
        written = Counter(_written(value, mask))
        best, at, bound = (0, 0, 0), None, _alike(written, near)
        for i in self._candidates(written or leaves):
            alike = *_alike(written & self._leaves[i], near), (leaves & self._leaves[i]).total()
            if alike > best:
                best, at = alike, i
            if written and best[:2] == bound:
                break  # no item has more of what was written of the value
        return at

    def _index(self) -> None:
        for i in range(len(self._leaves), len(self.items)):
            self._leaves.append(Counter(_leaves(self.items[i])))
            for leaf in self._leaves[i]:
                self._having.setdefault(leaf, []).append(i)

    def _candidates(self, leaves: Iterable[Leaf]) -> Iterable[int]:
        if len(self.free) <= FEW:
            return self.free
        having = sorted((self._having.get(leaf, []) for leaf in leaves), key=len)
        return next(filter(None, ([i for i in each if i in self.free] for each in having)), [])


def _alike(shared: Counter[Leaf], near: tuple[str, ...]) -> tuple[int, int]:
    """How much two items have in common: in the elements that get something back, and in all."""
    return sum(times for (path, _), times in shared.items() if path.startswith(near)), shared.total()


def _written(value: Any, mask: Mask, path: str = "") -> Iterator[Leaf]:
    """The leaves of an item that a row wrote: those that do not go back."""
    if mask is True:
        return
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _written(each, mask.get(name, {}) if isinstance(mask, dict) else {}, f"{path}.{name}")
    elif isinstance(value, list):
        masks = mask if isinstance(mask, list) else [{}] * len(value)
        for each, inner in zip(value, masks, strict=True):
            yield from _written(each, inner, path)
    elif value is not None:
        yield path, str(value)


class _Restoring:
    """Puts elements back in those of the types of one format."""

    def __init__(self, types: ElementTypes) -> None:
        self._types = types

    def element(self, target: Tree, source: Tree, mask: Mask, kind: str) -> None:
        """Put the members that a mask names back in an element of a type."""
        for name, inner in mask.items():
            value = source[name]
            child = self._types.child(kind, name)
            below = child.type if child else "Element"
            for other in self._other_variants(target, name, kind):
                del target[other]
            for each in (name, f"_{name}"):
                if target.get(each) in (unknown(), [unknown()]):  # it is known after all
                    del target[each]
            words = inner is True and isinstance(value, list) and not any(isinstance(e, dict) for e in value)
            if isinstance(value, list) and not words:
                masks = inner if isinstance(inner, list) else [True] * len(value)
                self._items(target.setdefault(name, []), value, masks, below)
            elif isinstance(value, dict) and isinstance(target.get(name), dict) and inner is not True:
                self.element(target[name], value, inner, below)
            elif inner is True or name not in target:
                target[name] = value  # what no row wrote, or wrote in another spelling, is that of the source

    def _other_variants(self, target: Tree, name: str, kind: str) -> list[str]:
        """The variants of the same choice (`effective[x]`) that an element has by now."""
        choice = self._choice(kind, name)
        own = name.removeprefix("_")
        return [
            each
            for each in target
            if choice and each.removeprefix("_") != own and self._choice(kind, each) == choice
        ]

    def _choice(self, kind: str, name: str) -> str:
        child = self._types.child(kind, name.removeprefix("_"))
        return child.choice if child else ""

    def _items(self, target: list[Any], source: list[Any], masks: list[Mask], kind: str) -> None:
        """Put items back: in the one that has most in common with it, else as an item of its own."""
        found = Targets(target)
        for value, mask in zip(source, masks, strict=True):
            if not mask:
                continue
            if not isinstance(value, dict):
                target += [] if value in target else [value]
                continue
            at = self._varying(found, value, kind) if mask is True else found.nearest(value, mask)
            if at is not None:
                del found.free[at]
                self.element(target[at], value, dict.fromkeys(value, True) if mask is True else mask, kind)
            elif mask is not True or not found.has(value):
                found.add(value)

    def _varying(self, found: Targets, value: Tree, kind: str) -> int | None:
        """The item in which a row wrote another variant of the choice that is all of a value; mostly none."""
        if len(value) != 1:
            return None
        return next((i for i in found.free if self._varies(found.items[i], value, kind)), None)

    def _varies(self, item: Any, value: Tree, kind: str) -> bool:
        (name,) = value
        return isinstance(item, dict) and bool(self._other_variants(item, name, kind))


def _holders(mask: Mask, path: str = "") -> Iterator[str]:
    """The paths of the elements of an item that get something back."""
    for inner in mask if isinstance(mask, list) else [mask]:
        if isinstance(inner, dict):
            if any(each is True for each in inner.values()):
                yield f"{path}."
            for name, each in inner.items():
                yield from _holders(each, f"{path}.{name}")


def _leaves(element: Any, path: str = "") -> Iterator[Leaf]:
    if isinstance(element, dict):
        for name, each in element.items():
            yield from _leaves(each, f"{path}.{name}")
    elif isinstance(element, list):
        for each in element:
            yield from _leaves(each, path)
    elif element is not None:
        yield path, str(element)
