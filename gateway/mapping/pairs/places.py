"""Where the mappings of a format put each concept: per direction, the profile and the path in it.

The places come from the trees that the compilers themselves walk (`Layout`), so what is counted
here is what the generated code reads and writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from gateway.blocks.profiles import Concept, Profiles
from gateway.mapping.compiler import formats
from gateway.mapping.compiler.language import Computed, Derived, Join, Link, Part
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.notation import placeholders
from gateway.mapping.compiler.schematic import Direction, Entry, Key, Leaf, Node
from gateway.mapping.pairs.nodes import leaves, step_of, tested
from gateway.mapping.pairs.steps import Step, Steps
from gateway.mapping.runtime import converters

Ids = frozenset[str]
Scope = Mapping[str, Concept]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass(frozen=True, slots=True)
class Place:
    """Something of the record at a path in a profile, as a row has it."""

    direction: Direction
    steps: Steps
    own: Ids
    """The concepts that stand exactly here."""
    around: Ids
    """Those whose value this is part of: groups, partial zibs, the zib itself."""
    type: str
    """The FHIR type of what stands here; empty where it is not known."""
    mark: str
    implied: bool = False
    """The element follows from the concepts, and tells nothing of them by itself."""
    profile: str = ""
    """The URL; empty while it stands in a tree that is not yet that of a profile."""


class Places:
    """All mappings of a format, laid out."""

    def __init__(self, folder: Path, profiles: Profiles) -> None:
        self.form = formats.read_format(folder)
        self.profiles = profiles
        types = formats.element_types(self.form)
        files = (file for file in sorted(folder.glob("*.yaml")) if file.name != formats.FORMAT_FILE)
        mappings = [formats.read_mapping(file) for file in files]
        self._layouts = [
            Layout(mapping, self.form, types, profiles)
            for mapping in mappings
            if mapping.release in ("", self.form.release)
        ]
        self._partials = {
            (each.mapping.block, each.mapping.parts[0].type): each
            for each in self._layouts
            if each.mapping.datatype
        }
        self._above = dict(_ancestors(profiles, self.form.release))

    def all(self) -> Iterator[Place]:
        """Every place, in both directions."""
        for layout in self._layouts:
            for part in layout.mapping.parts:
                for direction in DIRECTIONS:
                    if part.only in ("", direction):
                        yield from self._part(layout, part, direction)

    def around(self, concept: Concept) -> Ids:
        """The groups that a concept stands in, and its zib."""
        return self._above.get(concept.id, frozenset())

    def partial(self, concept: Concept, kind: str, name: str, direction: Direction) -> Iterator[Place]:
        """The places inside an element that holds a partial zib; of one part when that has a name."""
        layout = self._partials.get((concept.type, kind))
        for part in layout.mapping.parts if layout else ():
            if layout and name in ("", part.name) and part.only in ("", direction):
                yield from self._tree(layout, part, direction)

    def linked(self, layout: Layout, name: str, direction: Direction) -> Ids:
        """What the resource of another part of the block says."""
        part = next(each for each in layout.mapping.parts if each.name == name)
        said = [leaf.concept for leaf in leaves(layout.part(part, direction))]
        return frozenset(each.id for each in said).union(*(self.around(each) for each in said))

    def _part(self, layout: Layout, part: Part, direction: Direction) -> Iterator[Place]:
        for place in self._tree(layout, part, direction):
            yield from (replace(place, profile=self._full(url)) for url in part.profiles)
            for i, step in enumerate(place.steps):
                if "://" in step.url:  # an extension has a profile of its own, in which it stands too
                    yield replace(place, profile=step.url, steps=place.steps[i + 1 :])
        for leaf in leaves(layout.part(part, direction)):
            if leaf.concept.type == "reference":
                yield from self._pointed_at(leaf, direction)

    def _pointed_at(self, leaf: Leaf, direction: Direction) -> Iterator[Place]:
        """A reference means the whole resource that it points at; one that points back is at a path there."""
        own, around, mark = frozenset([leaf.concept.id]), self.around(leaf.concept), str(leaf.place.mark)
        for layout in self._layouts:
            parts = layout.mapping.parts if layout.mapping.block in leaf.concept.targets else ()
            for part in parts if leaf.place.back else parts[:1]:
                steps = _steps_back(layout, part, leaf) if leaf.place.back else ()
                if steps is not None:
                    place = Place(direction, steps, own, around, "Reference", mark)
                    yield from (replace(place, profile=self._full(url)) for url in part.profiles)

    def _tree(self, layout: Layout, part: Part, direction: Direction) -> Iterator[Place]:
        profile = layout.concepts.profile(layout.mapping.block, layout.mapping.mark)
        walk = _Walk(self, layout, part, direction)
        return walk.node(layout.part(part, direction), (), frozenset([profile.root]), profile.concepts)

    def _full(self, url: str) -> str:
        return url if "://" in url else self.form.profile_base + url


@dataclass(frozen=True, slots=True)
class _Walk:
    """Walks the tree of one part."""

    places: Places
    layout: Layout
    part: Part
    direction: Direction

    def node(self, node: Node, steps: Steps, around: Ids, scope: Scope) -> Iterator[Place]:
        """What stands at a node and below it; `scope` are the concepts that its rows name."""
        for entry in node.entries:
            if isinstance(entry, Join):
                scope = self.layout.concepts.profile(entry.block, entry.mark).concepts
        if node.loop is not None:
            around |= self._own(node.loop) | self.places.around(node.loop.concept)
            scope = self._inside(node.loop.concept) or scope
        for entry in node.entries:
            if isinstance(entry, Node):
                step = (step_of(self.layout, node, entry),) if entry.name else ()
                yield from self.node(entry, steps + step, around, scope)
            elif isinstance(entry, Leaf):
                if not entry.place.back:
                    passed = frozenset(self._passed(entry.key[:-1], scope))
                    yield from self._leaf(entry, node, steps, around | passed)
            else:
                yield from self._other(entry, node, steps, around)

    def _other(self, entry: Entry, node: Node, steps: Steps, around: Ids) -> Iterator[Place]:
        """What is no row: a reference to another part, or what follows from the block."""
        if isinstance(entry, Link):
            said = self.places.linked(self.layout, entry.part, self.direction)
            yield Place(self.direction, steps, said, around, "Reference", str(entry.mark))
        elif isinstance(entry, Derived | Computed):
            named = self._whole() if isinstance(entry, Computed) else self._named(entry)
            ids = frozenset(named)
            yield Place(self.direction, steps, ids, frozenset(), node.type, str(entry.mark), implied=True)

    def _leaf(self, leaf: Leaf, node: Node, steps: Steps, around: Ids) -> Iterator[Place]:
        own, around = self._own(leaf), around | self.places.around(leaf.concept)
        place = Place(self.direction, steps, own, around, node.type, str(leaf.place.mark))
        yield place
        if leaf.place.keep == "extension":
            kept = (Step("extension", url=self.places.form.original_code), Step("value[x]"))
            yield replace(place, steps=steps + kept, type="CodeableConcept")
        for name in converters.BESIDE.get(leaf.place.via.replace("-", "_"), ()):
            yield replace(place, steps=(*steps[:-1], Step(name)), type="")
        for inner in self.places.partial(leaf.concept, node.type, leaf.place.part, self.direction):
            yield replace(inner, steps=steps + inner.steps, around=inner.around | around | own)

    def _own(self, leaf: Leaf) -> Ids:
        """The concept of a leaf; of one that is a partial zib its root too."""
        partial = self.places.profiles.get(self.places.form.release, leaf.concept.type)
        return frozenset([leaf.concept.id, *([partial.root] if partial else [])])

    def _whole(self) -> Iterator[str]:
        """Every concept that the part has: a computed element may depend on each."""
        return (leaf.concept.id for leaf in leaves(self.layout.part(self.part, self.direction)))

    def _named(self, derived: Derived) -> Iterator[str]:
        """The concepts that a derived value depends on, by itself or with its part, or has words of."""
        names = list(tested(self.part.when))
        for values, condition in derived.cases:
            names += tested(condition)
            names += [name for each in values if isinstance(each, str) for name in placeholders(each)[1]]
        for name in names:
            yield from self._id(name)

    def _id(self, name: Key) -> Iterator[str]:
        """The id of a concept as a condition names it: of the block, or of the group that the part is for."""
        profile = self.layout.concepts.profile(self.layout.mapping.block, self.layout.mapping.mark)
        for path in (name, (*self.part.each, *name)):
            ids = list(self._passed(path, profile.concepts))
            yield from ids[-1:] if len(ids) == len(path) else ()

    def _passed(self, path: Key, scope: Scope) -> Iterator[str]:
        """The ids of the concepts that a path of names leads through, as far as it does."""
        for name in path:
            found = scope.get(name)
            if found is None:
                return
            yield found.id
            scope = self._inside(found)

    def _inside(self, concept: Concept) -> Scope:
        """What a group or a partial zib holds, or the block that a reference points at."""
        targets = [self.layout.concepts.profile(name, self.layout.mapping.mark) for name in concept.targets]
        beyond = {name: each for target in targets for name, each in target.concepts.items()}
        return beyond or self.layout.concepts.inside(concept)


def _steps_back(layout: Layout, part: Part, leaf: Leaf) -> Steps | None:
    """The path of a reference that points back; None when the resource has no such element."""
    if layout.elements.types.child(part.type, leaf.place.path.steps[0].name) is None:
        return None
    node = Node("", part.type, False, False)
    layout.elements.at(node, leaf.place.path)
    steps: list[Step] = []
    while below := node.nodes():
        steps.append(step_of(layout, node, below[0]))
        node = below[0]
    return tuple(steps)


def _ancestors(profiles: Profiles, release: str) -> Iterator[tuple[str, Ids]]:
    """Of each concept the groups that it stands in, and its zib."""
    for block in profiles.blocks(release):
        if profile := profiles.get(release, block):
            for path, concept in profile.walk():
                above = (profile.at(path[:i]).id for i in range(1, len(path)))
                yield concept.id, frozenset([profile.root, *above])
