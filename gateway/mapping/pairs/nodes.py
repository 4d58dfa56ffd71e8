"""The nodes of a laid out mapping as the steps of a path."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.mapping.compiler.language import Coding, Condition, Constant, Derived
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.schematic import Key, Leaf, Node
from gateway.mapping.pairs.steps import Marks, Step, below_coding


def step_of(layout: Layout, parent: Node, node: Node) -> Step:
    """The step from one node to another below it."""
    element = layout.elements.types.child(parent.type, node.name)
    if element is not None and element.choice:
        return Step(f"{element.choice}[x]", node.name)
    return Step(node.name, url=node.url, marks=_marks(node))


def leaves(node: Node) -> Iterator[Leaf]:
    """Every row at a node and below it, and those that it repeats for."""
    if node.loop is not None:
        yield node.loop
    for entry in node.entries:
        if isinstance(entry, Leaf):
            yield entry
        elif isinstance(entry, Node):
            yield from leaves(entry)


def tested(condition: Condition | None) -> Iterator[Key]:
    """The concepts that a condition is about."""
    if condition is not None:
        if condition.concept:
            yield condition.concept
        for part in condition.parts:
            yield from tested(part)


def _marks(node: Node) -> Marks:
    """What an element is selected by, and what is always in it."""
    selected = {
        (below_coding(each.path), code)
        for each in node.selectors
        if each.op == "is"
        for code in _codes((each.value,))
    }
    return frozenset(selected | set(_always(node, ())))


def _always(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is fixed in an element, whatever the record says."""
    for entry in node.entries:
        if isinstance(entry, Node):
            yield from _always(entry, (*path, entry.name))
        elif isinstance(entry, Derived) and len(entry.cases) == 1 and entry.cases[0][1] is None:
            yield from ((below_coding(path), code) for code in _codes(entry.cases[0][0]))


def _codes(values: tuple[Constant, ...]) -> Iterator[str]:
    for value in values:
        if isinstance(value, tuple):
            yield from (each.code for each in value)
        else:
            yield value.code if isinstance(value, Coding) else str(value)
