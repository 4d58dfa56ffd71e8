"""Groups of values: what stands at a path of concepts, and whether two say the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.blocks.values import Absent, Boolean, Code, Integer, Ref, Text

Tree = dict[str, Any]


def dig(values: Any, *path: str) -> Any:
    """The value at a path of concepts in a group, or None."""
    for name in path:
        if values is None:
            return None
        values = values.get(name)
    return values


def every(values: Any, path: tuple[str, ...]) -> list[Any]:
    """All values at a path, whether one or several; an empty list for none."""
    found = dig(values, *path)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def first_of(values: list[Any]) -> Any:
    """The first of several values, or None."""
    return values[0] if values else None


def narrowed(values: Any, path: tuple[str, ...], inner: tuple[str, ...]) -> list[Tree]:
    """The groups at a path, each as often as it has groups inside, and then with only one of those."""
    return [each for group in every(values, path) for each in _narrow(group, inner)]


def _narrow(group: Tree, inner: tuple[str, ...]) -> list[Tree]:
    inside = every(group, inner[:1]) if inner else []
    return [{**group, inner[0]: each} for one in inside for each in _narrow(one, inner[1:])] or [group]


def present(value: Any) -> bool:
    """True for a value that is there and is not absent for a reason."""
    return value is not None and type(value) is not Absent and value != []


def says(value: Any, *wanted: Any) -> bool:
    """True when a coded, boolean or text value is one of those."""
    match value:
        case Code():
            return value.code in wanted
        case Boolean() | Text() | Integer():
            return value.value in wanted
        case list():
            return any(says(each, *wanted) for each in value)
    return False


def same(one: Any, other: Any) -> bool:
    """True when two values, groups or lists say the same, wherever they were read."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and said(one) == said(other)


def said(value: Any) -> tuple[Any, ...]:
    """What a value says, wherever it was read."""
    if type(value) is Ref:
        return Ref, value.key, value.literal
    return type(value), *(getattr(value, name) for name in value.__struct_fields__ if name != "at")


class Several:
    """The values of a list that grows, found by what they say: there may be thousands.

    Groups are not found.
    """

    def __init__(self, values: list[Any]) -> None:
        self.values = values
        self._seen, self._said = 0, dict[tuple[Any, ...], list[Any]]()

    def alike(self, value: Any) -> list[Any]:
        """Those that say the same as this one, in order."""
        for each in self.values[self._seen :]:
            if not isinstance(each, dict):
                self._said.setdefault(said(each), []).append(each)
        self._seen = len(self.values)
        return self._said.get(said(value), [])


def refs_in(value: Any) -> Iterator[Ref]:
    """All references in a value."""
    if type(value) is Ref:
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from refs_in(each)


def within(one: Any, other: Any) -> bool:
    """True when a group or list says nothing that the other does not say too."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(name in other and within(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return all(any(within(each, there) for there in other) for each in one)
    return same(one, other)
