"""Where the mappings of a format put each concept: per direction, the profile and the path in it.

The places come from the trees that the compilers themselves walk (`schematic.Layout`), so what is counted
here is what the generated code reads and writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as File
from typing import get_args

from gateway.blocks.profiles import Concept, Profiles
from gateway.mapping.compiler import formats
from gateway.mapping.compiler.language import Coding, Condition, Constant, Mapping, Part, Selector, placeholders
from gateway.mapping.compiler.schematic import (
    Computed,
    Derived,
    Direction,
    Format,
    Join,
    Key,
    Layout,
    Leaf,
    Link,
    Node,
)
from gateway.mapping.pairs.steps import Marks, Step, Steps, below_coding

VALUE = "valueCodeableConcept"
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass(frozen=True, slots=True)
class Place:
    """Something of the record at a path in a profile (URL), as a row has it."""

    profile: str
    direction: Direction
    steps: Steps
    own: frozenset[str]
    """The concepts that stand exactly here."""
    around: frozenset[str]
    """Those whose value this is part of: groups, partial zibs, the zib itself."""
    type: str
    """The FHIR type of what stands here; empty where it is not known."""
    mark: str
    implied: bool = False
    """The element follows from the concepts, and tells nothing of them by itself."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A place within one tree, not yet in a profile."""

    steps: Steps
    own: frozenset[str]
    around: frozenset[str]
    type: str
    mark: str
    implied: bool = False

    def below(self, steps: Steps, around: frozenset[str]) -> _Found:
        """The same in an element of something else."""
        return replace(self, steps=steps + self.steps, around=self.around | around)


@dataclass(slots=True)
class Places:
    """All mappings of a format, laid out."""

    folder: File
    profiles: Profiles
    form: Format = field(init=False)
    layouts: list[Layout] = field(init=False)
    _above: dict[str, frozenset[str]] = field(init=False)
    _partials: dict[tuple[str, str], Layout] = field(init=False)

    def __post_init__(self) -> None:
        self.form = formats.read_format(self.folder)
        types = formats.element_types(self.form)
        files = (file for file in sorted(self.folder.glob("*.yaml")) if file.name != formats.FORMAT_FILE)
        mappings = [formats.read_mapping(file) for file in files]
        self.layouts = [
            Layout(mapping, self.form, types, self.profiles)
            for mapping in mappings
            if mapping.release in ("", self.form.release)
        ]
        self._partials = {
            (each.mapping.block, each.mapping.parts[0].type): each
            for each in self.layouts
            if each.mapping.datatype
        }
        self._above = dict(_ancestors(self.profiles, self.form.release))

    def all(self) -> Iterator[Place]:
        """Every place, in both directions."""
        for layout in self.layouts:
            for part in layout.mapping.parts:
                for direction in DIRECTIONS:
                    if direction == "read" or part.only != "read":
                        yield from self._part(layout, part, direction)

    def _part(self, layout: Layout, part: Part, direction: Direction) -> Iterator[Place]:
        urls = [self._full(url) for url in part.profiles]
        for found in self._tree(layout, part, direction):
            for url in urls:
                yield _placed(url, direction, found)
            for i, step in enumerate(found.steps):
                if "://" in step.url:  # what stands in an extension stands in the profile of the extension too
                    yield _placed(step.url, direction, replace(found, steps=found.steps[i + 1 :]))
        for leaf in _leaves(layout.part(part, direction)):
            if leaf.concept.type == "reference":
                yield from self._pointed_at(leaf, direction)

    def _pointed_at(self, leaf: Leaf, direction: Direction) -> Iterator[Place]:
        """A reference is said by the resource that it points at, and when it points back in that alone."""
        own = frozenset([leaf.concept.id])
        for layout in self.layouts:
            if layout.mapping.block not in leaf.concept.targets:
                continue
            for part in layout.mapping.parts:
                path = self._steps(layout, part, leaf) if leaf.place.back else ()
                if path is not None and (leaf.place.back or part is layout.mapping.parts[0]):
                    found = _Found(path, own, self._around(leaf.concept), "Reference", str(leaf.place.mark))
                    yield from (_placed(self._full(url), direction, found) for url in part.profiles)

    def _steps(self, layout: Layout, part: Part, leaf: Leaf) -> Steps | None:
        """The path of a reference that points back; None when the resource has no such element."""
        if layout.types.child(part.type, leaf.place.path.steps[0].name) is None:
            return None
        root = Node("", part.type, False, False)
        layout.at(root, leaf.place.path)
        steps: Steps = ()
        node = root
        while node.nodes():
            inner = node.nodes()[0]
            steps += (self._step(layout, node, inner),)
            node = inner
        return steps

    # -- one tree ----------------------------------------------------------------------------------

    def _tree(self, layout: Layout, part: Part, direction: Direction) -> Iterator[_Found]:
        root = layout.part(part, direction)
        basis = frozenset(self._around_block(layout.mapping.block))
        said = frozenset(leaf.concept.id for leaf in _leaves(root))
        walk = _Walk(self, layout, direction, part, said)
        return walk.node(root, (), basis)

    def partial(self, concept: Concept, kind: str, part: str, direction: Direction) -> Iterator[_Found]:
        """The places inside an element that holds a partial zib."""
        layout = self._partials.get((concept.type, kind))
        for each in layout.mapping.parts if layout else ():
            if layout and part in ("", each.name) and (direction == "read" or each.only != "read"):
                yield from self._tree(layout, each, direction)

    def linked(self, mapping: Mapping, layout: Layout, name: str, direction: Direction) -> frozenset[str]:
        """What the resource of another part of the block says."""
        part = next(each for each in mapping.parts if each.name == name)
        said = {leaf.concept.id for leaf in _leaves(layout.part(part, direction))}
        return frozenset(said | {concept for each in said for concept in self._above.get(each, ())})

    def _step(self, layout: Layout, parent: Node, node: Node) -> Step:
        element = layout.types.child(parent.type, node.name)
        name = f"{element.choice}[x]" if element and element.choice else node.name
        return Step(name, node.name if name != node.name else "", node.url, self._marks(node))

    def _marks(self, node: Node) -> Marks:
        """What an element is selected by, and what is always in it."""
        found = {
            (below_coding(each.path), code) for each in node.selectors for code in _codes(each)
        }
        return frozenset(found | set(_always(node, ())))

    def _full(self, url: str) -> str:
        return url if "://" in url else self.form.profile_base + url

    def _around(self, concept: Concept) -> frozenset[str]:
        return self._above.get(concept.id, frozenset())

    def _around_block(self, block: str) -> Iterator[str]:
        profile = self.profiles.get(self.form.release, block)
        if profile is not None:
            yield profile.root


@dataclass(frozen=True, slots=True)
class _Walk:
    """Walks the tree of one part."""

    places: Places
    layout: Layout
    direction: Direction
    part: Part
    said: frozenset[str]
    """Every concept that the part has."""

    def node(self, node: Node, steps: Steps, around: frozenset[str]) -> Iterator[_Found]:
        """What stands at a node and below it."""
        if node.loop is not None:
            around |= self._own(node.loop) | self.places._around(node.loop.concept)
        for entry in node.entries:
            if isinstance(entry, Node):
                step = (self.places._step(self.layout, node, entry),) if entry.name else ()
                yield from self.node(entry, steps + step, around)
            elif isinstance(entry, Leaf):
                if not entry.place.back:
                    yield from self._leaf(entry, node, steps, around)
            elif isinstance(entry, Link):
                said = self.places.linked(self.layout.mapping, self.layout, entry.part, self.direction)
                yield _Found(steps, said, around, "Reference", str(entry.mark))
            elif isinstance(entry, Derived | Computed):
                named = self.said if isinstance(entry, Computed) else frozenset(self._named(entry))
                yield _Found(steps, named, frozenset(), node.type, str(entry.mark), implied=True)

    def _leaf(self, leaf: Leaf, node: Node, steps: Steps, around: frozenset[str]) -> Iterator[_Found]:
        own, mark = self._own(leaf), str(leaf.place.mark)
        around = around | self.places._around(leaf.concept)
        found = _Found(steps, own, around, node.type, mark)
        yield found
        if leaf.place.keep == "extension":
            kept = (Step("extension", url=self.places.form.original_code), Step("value[x]", VALUE))
            yield replace(found, steps=steps + kept, type="CodeableConcept")
        for inner in self.places.partial(leaf.concept, node.type, leaf.place.part, self.direction):
            yield inner.below(steps, around | own)

    def _own(self, leaf: Leaf) -> frozenset[str]:
        """The concept of a leaf; of one that is a partial zib its root too."""
        partial = self.places.profiles.get(self.places.form.release, leaf.concept.type)
        return frozenset([leaf.concept.id, *([partial.root] if partial else [])])

    def _named(self, derived: Derived) -> Iterator[str]:
        """The concepts that a derived value depends on, or has words of."""
        for values, condition in derived.cases:
            for name in (*_tested(condition), *(n for v in values if isinstance(v, str) for n in placeholders(v)[1])):
                yield from self._id(name)

    def _id(self, name: Key) -> Iterator[str]:
        """The id of a concept as a condition names it: of the block, or of the group that the part is for."""
        profile = self.layout.profile(self.layout.mapping.block, self.layout.mapping.mark)
        for start in (name, (*self.part.each, *name)):
            concepts, found = dict(profile.concepts), None
            for step in start:
                found = concepts.get(step)
                concepts = self.layout.concepts_of(found) if found else {}
            if found:
                yield found.id


def _ancestors(profiles: Profiles, release: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Of each concept the groups that it stands in, and its zib."""
    for block in profiles.blocks(release):
        profile = profiles.get(release, block)
        for path, concept in profile.walk() if profile else ():
            above = (profile.at(path[:i]).id for i in range(1, len(path)))
            yield concept.id, frozenset([profile.root, *above])


def _placed(profile: str, direction: Direction, found: _Found) -> Place:
    return Place(
        profile, direction, found.steps, found.own, found.around, found.type, found.mark, found.implied
    )


def _leaves(node: Node) -> Iterator[Leaf]:
    if node.loop is not None:
        yield node.loop
    for entry in node.entries:
        if isinstance(entry, Leaf):
            yield entry
        elif isinstance(entry, Node):
            yield from _leaves(entry)


def _tested(condition: Condition | None) -> Iterator[Key]:
    if condition is not None:
        if condition.concept:
            yield condition.concept
        for part in condition.parts:
            yield from _tested(part)


def _codes(selector: Selector) -> Iterator[str]:
    return _constants((selector.value,)) if selector.op == "is" else iter(())


def _constants(values: tuple[Constant, ...]) -> Iterator[str]:
    for value in values:
        if isinstance(value, tuple):
            yield from (each.code for each in value)
        else:
            yield value.code if isinstance(value, Coding) else str(value)


def _always(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is fixed in an element, whatever the record says."""
    for entry in node.entries:
        if isinstance(entry, Node):
            yield from _always(entry, (*path, entry.name))
        elif isinstance(entry, Derived) and len(entry.cases) == 1 and entry.cases[0][1] is None:
            yield from ((below_coding(path), code) for code in _constants(entry.cases[0][0]))
