"""Partial zibs as elements of a FHIR datatype: names, addresses, telephone numbers, anatomical locations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.mapping.compiler.formats import Loaded, PartFacts
from gateway.mapping.runtime.finding import holds
from gateway.mapping.runtime.groups import every, within
from gateway.mapping.runtime.reading import FhirReading
from gateway.mapping.runtime.state import Writing
from gateway.mapping.runtime.storing import store

Tree = dict[str, Any]
PartReader = Callable[[Tree, Tree, Any, FhirReading], None]


def part_reader(loaded: Loaded, part: PartFacts) -> PartReader:
    """The function that reads a part; what it finds for its `each` becomes one more occurrence of it."""
    function: PartReader = loaded.functions[f"read_{part.block}_{part.name}"]
    if not part.each:
        return function

    def read(resource: Tree, values: Tree, _item: Any, c: FhirReading) -> None:
        item: Tree = {}
        function(resource, values, item, c)
        if item and part.outer == len(part.each):
            store(values, part.each, item.get(".", item), many=True)
        elif item:
            store(values, part.each[: part.outer], [], many=True)
            _gather(every(values, part.each[: part.outer]), item, part.each[part.outer :], c)

    return read


def _gather(groups: list[Tree], item: Tree, inner: tuple[str, ...], c: FhirReading) -> None:
    """Add an item with its one inner group: to the last of the groups, when that says the same beside it."""
    inside = item.pop(inner[0], None)
    last = groups[-1] if groups else None
    if last is None or not _alike({name: each for name, each in last.items() if name != inner[0]}, item):
        groups.append(item)
    else:
        for name, each in item.items():
            if last.setdefault(name, each) is not each and hasattr(each, "at"):
                c.said_before(each.at, last[name].at)
    if inside is not None and inner[1:]:
        _gather(groups[-1].setdefault(inner[0], []), inside, inner[1:], c)
    elif inside is not None:
        groups[-1].setdefault(inner[0], []).append(inside)


def _alike(one: Tree, other: Tree) -> bool:
    """True when of two groups one says all that the other says, and that is something or both say nothing."""
    return bool(one) == bool(other) and (within(one, other) or within(other, one))


class DatatypeReader:
    """Reads elements of a FHIR datatype as one group of a partial zib.

    `collects` is True when every element is one occurrence of a group inside the partial zib (telephone
    numbers), so that all elements together are one group.
    """

    def __init__(self, loaded: Loaded, partial: str, parts: list[str]) -> None:
        found = [loaded.parts[partial, name] for name in parts]
        chosen = [(loaded.selected[partial, part.name], part_reader(loaded, part)) for part in found]
        self._first = chosen[0]
        self._chosen = sorted(chosen, key=lambda each: -len(each[0]))
        self.collects = any(part.each for part in found)
        self._is_one_element = len(found) == 1 and not self.collects

    def __call__(self, found: Any, c: FhirReading, _rule: str) -> Tree:
        """The group that an element, or several, stand for.

        Of a partial zib that is one element the first: the side of one place is not that of another.
        """
        values: Tree = {}
        around = c.repeats
        elements = found if isinstance(found, list) else [found]
        for element in elements[:1] if self._is_one_element else elements:
            said = {name: list(each) for name, each in values.items() if isinstance(each, list)}
            c.repeats = (values, said)
            selected, read = self._part(element)
            if read is not None:
                c.mark(element, tuple(name for name in selected if name in element), "")
                read(element, values, None, c)
        c.repeats = around
        return values

    def _part(self, element: Tree) -> tuple[Tree, PartReader | None]:
        """The part that says most of what the element has; the first one for an element that says nothing."""
        for selected, read in self._chosen:
            if holds(element, selected):
                return selected, read
        said = any(name in element for name in self._first[0])
        return {}, None if said else self._first[1]


class DatatypeWriter:
    """Writes a group of a partial zib as elements of a FHIR datatype."""

    def __init__(self, loaded: Loaded, partial: str) -> None:
        self._plan = loaded.functions[f"plan_{partial}"]
        self._parts = {
            part.name: (loaded.functions[f"write_{partial}_{part.name}"], loaded.selected[partial, part.name])
            for part in loaded.parts.values()
            if part.block == partial
        }

    def __call__(self, values: Tree, c: Writing) -> list[Tree]:
        """An element for each part; one that holds nothing but what selects it is none."""
        return self._written(values, c, "")

    def only(self, part: str) -> Callable[[Tree, Writing], list[Tree]]:
        """A converter to the elements of one part."""
        return lambda values, c: self._written(values, c, part)

    def _written(self, values: Tree, c: Writing, wanted: str) -> list[Tree]:
        found = []
        for name, item in self._plan(values, c):
            write, selected = self._parts[name]
            if wanted in ("", name):
                element: Tree = write(values, item, c, None)
                if element and element != selected:
                    found.append(element)
        return found
