"""The words that stand for a block in references to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.blocks.values import Code, Moment, Quantity, Text
from gateway.mapping.runtime.groups import dig
from gateway.mapping.runtime.names import full_name

Tree = dict[str, Any]


def display_of(paths: list[tuple[str, ...]]) -> Callable[[Tree], str]:
    """The function that makes the display of a block from the concepts at these paths."""

    def display(values: Tree) -> str:
        return ", ".join(filter(None, (_words(dig(values, *path)) for path in paths)))

    return display


def _words(value: Any) -> str:
    match value:
        case Text() | Moment():
            return value.value
        case Code():
            return value.display or value.text
        case Quantity():
            return f"{value.value} {value.unit}".strip()
        case dict():
            return full_name(value, None)  # a group stands for a person by its names
        case list():
            return next(filter(None, map(_words, value)), "")
    return ""
