"""Values at paths of concepts: what generated code calls to put them there, and to see what is there."""

from __future__ import annotations

from typing import Any

from gateway.blocks.values import Text

Tree = dict[str, Any]


def store(values: Tree, path: tuple[str, ...], value: Any, many: bool = False) -> None:
    """Put a value at a path of concepts, unless one is there; with `many`, one more."""
    for name in path[:-1]:
        values = values.setdefault(name, {})
    if many:
        there = values.setdefault(path[-1], [])
        there.extend(value) if type(value) is list else there.append(value)
    elif path[-1] not in values:
        values[path[-1]] = value


def whole(values: Tree, path: tuple[str, ...], value: Any) -> None:
    """Store what a reader of a whole element gave, if anything."""
    if value is not None and value != {} and not there(values, path):
        store(values, path, value)


def there(values: Any, path: tuple[str, ...]) -> bool:
    """True when a concept has a value already."""
    for name in path:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def dig_last(values: Tree, path: tuple[str, ...]) -> Any:
    """What stands at a path that is there."""
    found: Any = values
    for name in path:
        found = found[name]
    return found


def forget(values: Tree, path: tuple[str, ...], words: str) -> None:
    """Take back a text that only has the words of other concepts."""
    group: Any = values
    for name in path[:-1]:
        group = group.get(name, {})
    found = group.get(path[-1])
    if type(found) is Text and found.value == words:
        del group[path[-1]]
