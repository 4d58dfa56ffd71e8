"""Put what was carried back in the resource that a block is written as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.blocks.values import Block
from gateway.mapping.carrying.packing import Mask, unpack

Tree = dict[str, Any]


def restore(resource: Tree, rest: str, moved: Mapping[str, str]) -> None:
    """Put what `residue` took out back where it stood.

    `moved` leads from a reference in the source to the one that means the same resource now.
    """
    elements, mask = unpack(rest)
    _restore(resource, _relinked(elements, moved) if moved else elements, mask)


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


def _restore(target: Tree, source: Tree, mask: Mask) -> None:
    for name, inner in mask.items():
        value = source[name]
        if inner is True and isinstance(value, list) and not any(isinstance(each, dict) for each in value):
            target[name] = value  # words that no row wrote, or wrote in another spelling
        elif isinstance(value, list):
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
        leaves, near = Counter(_leaves(value)), tuple(_holders(mask))
        shared = [(*_alike(leaves & Counter(_leaves(target[i])), near), -i) for i in free]
        _, most, at = max(shared, default=(0, 0, 0))
        if most:
            free.remove(-at)
            _restore(target[-at], value, mask)
        else:
            target.append(value)


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
