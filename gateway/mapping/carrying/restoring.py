"""Put what was carried back in the resource that a block is written as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.blocks.values import Block
from gateway.codecs.message_types import ElementTypes
from gateway.mapping.carrying.packing import Mask, unpack
from gateway.mapping.runtime.writers import unknown

Tree = dict[str, Any]


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
        free = list(range(len(target)))
        for value, mask in zip(source, masks, strict=True):
            if not mask:
                continue
            if not isinstance(value, dict):
                target += [] if value in target else [value]
                continue
            at = self._twin(target, value, mask, free, kind)
            if at is not None:
                free.remove(at)
                self.element(target[at], value, dict.fromkeys(value, True) if mask is True else mask, kind)
            elif mask is not True or value not in target:
                target.append(value)

    def _twin(self, target: list[Any], value: Tree, mask: Mask, free: list[int], kind: str) -> int | None:
        """Which of the items is the one that a value was; of a value that no row wrote, none.

        Unless it is nothing but a choice, of which a row wrote another variant.
        """
        if mask is True:
            alone = [i for i in free if len(value) == 1 and self._varies(target[i], value, kind)]
            return next(iter(alone), None)
        leaves, near = Counter(_leaves(value)), tuple(_holders(mask))
        shared = [(*_alike(leaves & Counter(_leaves(target[i])), near), -i) for i in free]
        _, most, at = max(shared, default=(0, 0, 0))
        return -at if most else None

    def _varies(self, item: Any, value: Tree, kind: str) -> bool:
        (name,) = value
        return isinstance(item, dict) and bool(self._other_variants(item, name, kind))


def _alike(shared: Counter[tuple[str, str]], near: tuple[str, ...]) -> tuple[int, int]:
    """How much two items have in common: in the elements that get something back, and in all."""
    return sum(times for (path, _), times in shared.items() if path.startswith(near)), shared.total()


def _holders(mask: Mask, path: str = "") -> Iterator[str]:
    """The paths of the elements of an item that get something back."""
    for inner in mask if isinstance(mask, list) else [mask]:
        if isinstance(inner, dict):
            if any(each is True for each in inner.values()):
                yield f"{path}."
            for name, each in inner.items():
                yield from _holders(each, f"{path}.{name}")


def _leaves(element: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(element, dict):
        for name, each in element.items():
            yield from _leaves(each, f"{path}.{name}")
    elif isinstance(element, list):
        for each in element:
            yield from _leaves(each, path)
    elif element is not None:
        yield path, str(element)
