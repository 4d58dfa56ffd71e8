"""What several rows have to share: one element for several concepts, one concept at several places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.mapping.compiler.schematic import Entry, Key, Leaf, Node

CODED = ("CodeableConcept", "Coding")
IDENTIFICATION = "NL-CM:0.0.6"
"""The identification number that every block has."""


def put_first_places_first(root: Node) -> None:
    """Of several places of a concept, the element of a later one comes after that of the first."""
    places: dict[tuple[str, Key, bool], list[tuple[int, int, Entry]]] = {}
    for entry in root.entries:
        for leaf in _leaves(entry):
            if leaf.key:
                mark = leaf.place.mark
                place = (leaf.concept.id, leaf.key, leaf.item)
                places.setdefault(place, []).append((mark.line, mark.column, entry))
    for found in places.values():
        ordered = [entry for _, _, entry in sorted(found, key=lambda each: each[:2])]
        for first, later in pairwise(ordered):
            order = [id(each) for each in root.entries]
            if order.index(id(later)) < order.index(id(first)):
                root.entries.insert(order.index(id(first)), root.entries.pop(order.index(id(later))))


def _leaves(entry: Entry) -> Iterator[Leaf]:
    if isinstance(entry, Leaf):
        yield entry
    elif isinstance(entry, Node):
        for each in entry.entries:
            yield from _leaves(each)


def mark_rivals(root: Node) -> None:
    """Mark the references, codes and numbers of several rows that stand in one element."""
    shared = _Shared()
    shared.collect(root, (), ())
    for leaves in shared.references.values():
        if len({leaf.concept.id for leaf in leaves}) > 1:
            for leaf in leaves:
                leaf.rival = True
    for leaves in shared.codes.values():
        sets = dict.fromkeys(leaf.concept.values for leaf in leaves)
        for leaf in leaves if len(sets) > 1 else ():
            leaf.among = tuple(name for name in sets if name != leaf.concept.values)
    for leaves in shared.numbers.values():
        if len({leaf.concept.id for leaf in leaves}) > 1:
            for leaf in leaves:
                leaf.registered = leaf.concept.id != IDENTIFICATION


@dataclass(slots=True)
class _Shared:
    """Leaves by where they stand: references whatever selectors say, codes and numbers exactly."""

    references: dict[tuple[str, ...], list[Leaf]] = field(default_factory=dict)
    codes: dict[tuple[object, ...], list[Leaf]] = field(default_factory=dict)
    numbers: dict[tuple[object, ...], list[Leaf]] = field(default_factory=dict)

    def collect(self, node: Node, path: tuple[str, ...], exact: tuple[object, ...]) -> None:
        """Take in what stands at a node and below."""
        for entry in node.entries:
            if isinstance(entry, Node):
                step = (*exact, entry.name, entry.url, entry.selectors)
                self.collect(entry, (*path, f"{entry.name}{entry.url}"), step)
            elif isinstance(entry, Leaf):
                self._take(entry, node, path, exact)

    def _take(self, leaf: Leaf, node: Node, path: tuple[str, ...], exact: tuple[object, ...]) -> None:
        if leaf.concept.type == "reference" and not leaf.place.back:
            self.references.setdefault(path, []).append(leaf)
        elif _is_told_by_values(leaf, node):
            self.codes.setdefault(exact, []).append(leaf)
        elif leaf.concept.type == "identifier" and node.type == "Identifier":
            self.numbers.setdefault(exact, []).append(leaf)


def _is_told_by_values(leaf: Leaf, node: Node) -> bool:
    """True for a code that stands as itself, so that its value set can tell it from another concept's."""
    place = leaf.place
    plain = not (place.map or place.via or place.back or place.means is not None or place.take == "system")
    return plain and leaf.concept.type == "code" and bool(leaf.concept.values) and node.type in CODED
