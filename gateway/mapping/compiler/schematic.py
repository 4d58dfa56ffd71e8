"""A part of a mapping laid out as the tree that its paths describe, with the type of every element.

Both compilers walk this tree: rows that share the beginning of a path share a node, so that they
end up in one element.  A concept that may occur more than once repeats the last repeating element
of its path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal, TypeAlias

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.codecs.message_types import ElementTypes
from gateway.documents import Mark
from gateway.errors import AuthoringError
from gateway.mapping.compiler.language import (
    Computed,
    Condition,
    Derived,
    Join,
    Link,
    Mapping,
    Part,
    Path,
    Place,
    Row,
    Selector,
    Step,
)

Direction = Literal["read", "write"]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """What all mappings of one format share (`_format.yaml`)."""

    name: str
    version: Literal["r4", "stu3"]
    release: str
    profile_base: str
    extension_base: str
    extensions: dict[str, str]
    """Extensions of HL7 and others by their short name."""
    original_code: str
    """The URL of the extension that keeps a code that was translated."""
    references: dict[str, str]
    """Block to the part that references point at, where it is not the first."""
    beside: dict[str, tuple[str, str]]
    """Block to the part that an extension of a reference points at too, and the URL of that extension."""
    types: str = ""
    """The message of an iStandaard whose tree this is (wmo301); empty: FHIR of `version`."""
    never_guessed: tuple[str, ...] = ()
    """Types of resource that are read only by their profile or by what their mapping fixes."""


BEYOND = "@"
"""In the key of a leaf: what follows stands in the block that the reference before it points at."""


@dataclass(slots=True)
class Leaf:
    """A concept spelled at a node; `key` is its path in the scope, () for the item of the loop."""

    concept: Concept
    place: Place
    key: Key
    item: bool = False
    """`key` starts at the item of the part's `each`."""
    rival: bool = False
    """Other references stand in the same element: the target's block tells which this is."""
    among: tuple[str, ...] = ()
    """Value sets of the other codes that stand in the same element."""
    registered: bool | None = None
    """Of several identifiers in one element: that of a national register, or any other."""


@dataclass(slots=True)
class Node:
    """An element: its FHIR type, whether it repeats, and what stands there."""

    name: str
    type: str
    many: bool
    primitive: bool
    url: str = ""
    selectors: tuple[Selector, ...] = ()
    loop: Leaf | None = None
    """The concept or group of which each occurrence is one such element."""
    entries: list[Entry] = field(default_factory=list)
    """In the order of the file."""
    linked: str = ""
    """The part of the block of which each resource is referred to in one such element."""
    shared: bool = False
    """What another block says stands in the first such element of this one."""

    def nodes(self) -> list[Node]:
        """The elements inside."""
        return [entry for entry in self.entries if isinstance(entry, Node)]


def _plain(node: Node) -> bool:
    """True for an element that may repeat, of which a block has one."""
    return node.many and node.loop is None and not (node.selectors or node.url or node.linked)


CODED = ("CodeableConcept", "Coding")
IDENTIFICATION = "NL-CM:0.0.6"
"""The identification number that every block has."""

Entry: TypeAlias = Leaf | Derived | Computed | Link | Join | Node


class Layout:
    """Lays out the parts of one mapping."""

    def __init__(self, mapping: Mapping, form: Format, types: ElementTypes, profiles: Profiles) -> None:
        self.mapping, self.form, self.types, self.profiles = mapping, form, types, profiles
        self.release = mapping.release or form.release

    def fault(self, mark: Mark, text: str) -> AuthoringError:
        """An error at a place of this mapping."""
        return self.mapping.document.fault_at(mark, text)

    def profile(self, name: str, mark: Mark) -> Profile:
        """The profile of a block of this mapping's release."""
        found = self.profiles.get(self.release, name)
        if found is None:
            raise self.fault(mark, f"no profile '{name}' in zib_profiles/{self.release}")
        return found

    def _scope(self, block: str, mark: Mark) -> dict[str, Concept]:
        """The concepts of a block, and those that every block has."""
        basics = None if self.mapping.datatype else self.profiles.basics(self.release)
        return {**(basics.concepts if basics else {}), **self.profile(block, mark).concepts}

    def part(self, part: Part, direction: Direction) -> Node:
        """The tree of one part."""
        if not (self.types.is_resource(part.type) or self.mapping.datatype):
            known = self.form.types or self.form.version
            raise self.fault(part.mark, f"'{part.type}' is not a resource of {known}")
        root = Node("", part.type, False, self.types.is_primitive(part.type))
        scope = self._scope(self.mapping.block, self.mapping.mark)
        for derived in part.derived:
            self.at(root, derived.path).entries.append(derived)
        for computed in part.computed:
            self.at(root, computed.path).entries.append(computed)
        self._rows(root, part.rows, scope, (), direction, part.each)
        for link in part.links:
            self._link(root, link)
        for join in part.joins:
            self._join(root, join, direction)
        _mark_rivals(root)
        if direction == "read":
            _put_first_places_first(root)
        return root

    def _link(self, root: Node, link: Link) -> None:
        """A reference to another part; below an element that repeats, each has an element of its own."""
        last = self._last_repeating(root, link.path)
        if 0 <= last < len(link.path.steps) - 1:
            found, rest = self._own_element(root, link.path, last)
            found.linked = link.part
            self.at(found, rest).entries.append(replace(link, each=True))
        else:
            self.at(root, link.path).entries.append(link)

    def outer(self, each: Key) -> Key:
        """The part of an `each` up to the first group that may repeat: what one item is an occurrence of."""
        concepts = self._scope(self.mapping.block, self.mapping.mark)
        for i, name in enumerate(each):
            found = concepts.get(name)
            if found is None or found.many:
                return each[: i + 1]
            concepts = self.concepts_of(found)
        return each

    def tested(self, condition: Condition, mark: Mark, each: Key = ()) -> Condition:
        """The condition of a part, or of a derived value, about the block or its `each`."""
        return self._about(condition, self._scope(self.mapping.block, self.mapping.mark), (), each, mark)

    def worded(self, name: Key, mark: Mark, each: Key = ()) -> tuple[bool, Key]:
        """Where a concept stands of which a text has the words: whether in the part's `each`, and its path.

        The path may go on beyond a reference, in the block that it points at.
        """
        concepts, key = self._scope(self.mapping.block, self.mapping.mark), name
        for i, step in enumerate(name[:-1]):
            found = concepts.get(step)
            concepts = self.concepts_of(found) if found else {}
            if found is not None and found.type == "reference":
                key = (*name[: i + 1], BEYOND, *name[i + 1 :])
                concepts = {
                    k: each for target in found.targets for k, each in self._scope(target, mark).items()
                }
        if key != name and name[-1] in concepts:
            return False, key
        tested = self.tested(Condition("has", name), mark, each)
        return tested.base == "item", tested.concept

    def joined(self, join: Join, condition: Condition) -> Condition:
        """The condition of a join, about the other block."""
        return self._about(condition, {}, (), (), join.mark, self._scope(join.block, join.mark))

    def _about(
        self,
        condition: Condition,
        scope: dict[str, Concept],
        prefix: Key,
        each: Key,
        mark: Mark,
        inside: dict[str, Concept] | None = None,
    ) -> Condition:
        """A condition with its concepts found: in the group around it (`inside`), else in the block."""
        if condition.op == "referred":
            return condition
        if condition.parts:
            parts = (self._about(part, scope, prefix, each, mark, inside) for part in condition.parts)
            return replace(condition, parts=tuple(parts))
        name = condition.concept
        if inside is not None and self._holds(inside, name):
            return replace(condition, base="group")
        outer = self.outer(each)
        for path in (prefix + name, name):
            if self._holds(scope, path):
                if len(path) > len(outer) > 0 and path[: len(outer)] == outer:
                    return replace(condition, concept=path[len(outer) :], base="item")
                return replace(condition, concept=path, base="block")
        raise self.fault(mark, f"{self.mapping.block} has no concept '{'.'.join(name)}' to test")

    def _holds(self, concepts: dict[str, Concept], path: Key) -> bool:
        """True when there is a concept at a path."""
        for name in path:
            if name not in concepts:
                return False
            concepts = self.concepts_of(concepts[name])
        return True

    def _join(self, root: Node, join: Join, direction: Direction) -> None:
        node = self.at(root, join.place, fresh=bool(join.place.steps))
        if node is root:
            node = Node("", root.type, False, False)
            root.entries.append(node)
        node.entries.insert(0, join)
        scope = self._scope(join.block, join.mark)
        self._rows(node, join.rows, scope, (), direction, (), scope)
        if join.by and not node.name:
            own = {each.name for each in root.nodes() if _plain(each)}
            for each in node.nodes():
                each.shared = _plain(each) and each.name in own

    def _rows(
        self,
        base: Node,
        rows: tuple[Row, ...],
        scope: dict[str, Concept],
        prefix: Key,
        direction: Direction,
        each: Key,
        inside: dict[str, Concept] | None = None,
    ) -> None:
        """Rows of a block; `inside` are the concepts of the group that they repeat for, when they do."""
        block = self._scope(self.mapping.block, self.mapping.mark) if inside is not None else scope
        outer = self.outer(each)
        for row in rows:
            found = self._concept(row, scope, prefix, each)
            full = prefix + row.concept
            item = bool(outer) and full[: len(outer)] == outer
            key = full[len(outer) :] if item else full
            for place in row.places:
                if place.only and place.only != direction:
                    continue
                group = self.concepts_of(found)
                around = group if place.rows and (found.many or place.when) else inside
                if place.when is not None:
                    when = self._about(place.when, block, prefix, each, place.mark, around)
                    place = replace(place, when=when)
                leaf = Leaf(found, place, key, item)
                if not place.rows:
                    self._leaf(base, leaf)
                elif full == each[: len(full)]:
                    self._rows(self.at(base, place.path), place.rows, scope, full, direction, each, inside)
                elif found.type == "reference":
                    self._reference(base, leaf, direction)
                elif found.many and not place.path.steps:
                    node = Node("", base.type, False, False, loop=leaf)
                    base.entries.append(node)
                    self._rows(node, place.rows, group, (), direction, (), group)
                elif found.many:
                    node, rest = self._repeating(base, place.path, leaf)
                    self._rows(self.at(node, rest), place.rows, group, (), direction, (), group)
                    for link in place.links:
                        self.at(self.at(node, rest), link.path).entries.append(link)
                elif place.when is not None:
                    node = self.at(base, place.path, fresh=True)
                    node.loop = leaf
                    self._rows(node, place.rows, group, (), direction, (), group)
                else:
                    self._rows(self.at(base, place.path), place.rows, scope, full, direction, each, inside)

    def _reference(self, base: Node, leaf: Leaf, direction: Direction) -> None:
        """Rows under a reference: `.` is the reference, other names are concepts of the block referred to."""
        place, found = leaf.place, leaf.concept
        if not place.path.steps:
            node = Node("", base.type, False, False, loop=leaf)
            base.entries.append(node)
        elif self._last_repeating(base, place.path) >= 0:
            node, rest = self._repeating(base, place.path, leaf)
            node = self.at(node, rest)
        else:
            node = self.at(base, place.path, fresh=True)
            node.loop = leaf
        scope = {
            name: each for target in found.targets for name, each in self._scope(target, place.mark).items()
        }
        for row in place.rows:
            inner = self._concept(row, scope, (), ()) if row.concept else found
            key = (BEYOND, *row.concept) if row.concept else ()
            for each in row.places:
                if not each.only or each.only == direction:
                    self._leaf(node, Leaf(inner, each, key))

    def _leaf(self, base: Node, leaf: Leaf) -> None:
        place = leaf.place
        self._check_beside(base, place)
        if place.back:
            base.entries.append(leaf)
        elif leaf.concept.many and leaf.key and not place.via and place.take != "first":
            node, rest = self._repeating(base, place.path, leaf)
            self.at(node, rest).entries.append(Leaf(leaf.concept, place, ()))
        else:
            self._beside(base, leaf).entries.append(leaf)

    def _check_beside(self, base: Node, place: Place) -> None:
        """An element that a row names beside its own (`precision`, `time`) must be there."""
        name = place.precision.at if place.precision else place.time
        if name:
            self.at(
                Node("", self.at(base, Path(place.path.steps[:-1], place.mark)).type, False, False),
                Path((Step(name),), place.mark),
            )

    def _beside(self, base: Node, leaf: Leaf) -> Node:
        """The node for a leaf; where another reference stands that does not repeat, an element of its own."""
        node, path = self.at(base, leaf.place.path), leaf.place.path
        taken = any(isinstance(each, Leaf) and each.concept is not leaf.concept for each in node.entries)
        if not taken or node.many or leaf.concept.type != "reference" or leaf.place.when is not None:
            return node
        last = self._last_repeating(base, path)
        if last < 0:
            return node
        found, rest = self._own_element(base, path, last)
        return self.at(found, rest)

    def _concept(self, row: Row, scope: dict[str, Concept], prefix: Key, each: Key) -> Concept:
        """The concept of a row; only the last step of its path, or of `each`, may occur more than once."""
        here, full = scope, prefix + row.concept
        result: list[Concept] = []
        for i, name in enumerate(full):
            found = here.get(name)
            if found is None:
                known = ", ".join(sorted(here)) or "none"
                raise self.fault(
                    row.mark, f"{self.mapping.block} has no concept '{name}' here (known: {known})"
                )
            if found.many and i < len(full) - 1 and full[: i + 1] != each[: i + 1]:
                raise self.fault(row.mark, f"'{name}' may occur more than once: give it rows of its own")
            here = self.concepts_of(found)
            result.append(found)
        return result[-1]

    def concepts_of(self, concept: Concept) -> dict[str, Concept]:
        """What a group or a partial zib holds."""
        if concept.concepts:
            return dict(concept.concepts)
        partial = self.profiles.get(self.release, concept.type)
        return dict(partial.concepts) if partial else {}

    def _repeating(self, base: Node, path: Path, leaf: Leaf) -> tuple[Node, Path]:
        """The element of `path` that repeats for each occurrence of a concept, and the path inside it."""
        last = self._last_repeating(base, path)
        if last < 0:
            raise self.fault(path.mark, f"{leaf.concept.name} may occur more than once; this path may not")
        found, rest = self._own_element(base, path, last)
        found.loop = leaf
        return found, rest

    def _last_repeating(self, base: Node, path: Path) -> int:
        """The number of the last step of a path that may repeat; −1 when none does."""
        node, last = base, -1
        for i, step in enumerate(path.steps):
            node = self._make(node, step, path)
            if node.many:
                last = i
        return last

    def _own_element(self, base: Node, path: Path, at: int) -> tuple[Node, Path]:
        """A new element at a step of a path, and the path inside it."""
        above = self.at(base, Path(path.steps[:at], path.mark))
        found = self._make(above, path.steps[at], path)
        above.entries.append(found)
        return found, Path(path.steps[at + 1 :], path.mark)

    def at(self, base: Node, path: Path, fresh: bool = False) -> Node:
        """The node of a path below `base`; a new one for its last step when `fresh`."""
        node = base
        for i, step in enumerate(path.steps):
            wanted = self._make(node, step, path)
            found = None
            if not (fresh and i == len(path.steps) - 1):
                found = next((n for n in node.nodes() if self._same(n, wanted)), None)
            if found is None:
                found = wanted
                node.entries.append(found)
            node = found
        return node

    @staticmethod
    def _same(one: Node, other: Node) -> bool:
        named = (one.name, one.url, one.selectors) == (other.name, other.url, other.selectors)
        return (
            named
            and one.loop is None
            and not one.linked
            and not any(isinstance(e, Join) for e in one.entries)
        )

    def _make(self, node: Node, step: Step, path: Path) -> Node:
        if step.name.endswith("[x]") and self._is_choice(node.type, step.name[:-3]):
            return Node(step.name, "any", False, False)
        element = self.types.child(node.type, step.name)
        if element is None:
            known = self.form.types or self.form.version
            raise self.fault(path.mark, f"{node.type} has no element '{step.name}' in {known}")
        kind = element.type
        return Node(
            step.name,
            kind,
            element.many,
            self.types.is_primitive(kind),
            self._url(node, step),
            step.selectors,
        )

    def _is_choice(self, fhir_type: str, stem: str) -> bool:
        """True when `stem[x]` is a choice of types."""
        return any(each.choice == stem for each in self.types.children(fhir_type))

    def _url(self, node: Node, step: Step) -> str:
        """The full URL of an extension; inside an extension the names are those of its parts."""
        if not step.url or node.type == "Extension" or "://" in step.url:
            return step.url
        return self.form.extensions.get(step.url, self.form.extension_base + step.url)


def _put_first_places_first(root: Node) -> None:
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


def _mark_rivals(root: Node) -> None:
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
