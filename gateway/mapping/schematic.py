"""A part of a mapping laid out as the tree that its paths describe, with the type of every element.

Both compilers walk this tree: rows that share the beginning of a path share a node, so that they
end up in one element.  A concept that may occur more than once repeats the last repeating element
of its path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.codecs.fhir_types import FhirTypes
from gateway.errors import AuthoringError
from gateway.documents import Mark
from gateway.mapping.language import (
    Computed,
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


@dataclass(slots=True)
class Leaf:
    """A concept spelled at a node; `key` is its path in the scope, () for the item of the loop."""

    concept: Concept
    place: Place
    key: Key
    item: bool = False
    """`key` starts at the item of the part's `each`."""


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

    def nodes(self) -> list[Node]:
        """The elements inside."""
        return [entry for entry in self.entries if isinstance(entry, Node)]


Entry: TypeAlias = Leaf | Derived | Computed | Link | Join | Node


class Layout:
    """Lays out the parts of one mapping."""

    def __init__(self, mapping: Mapping, form: Format, types: FhirTypes, profiles: Profiles) -> None:
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
            raise self.fault(part.mark, f"'{part.type}' is not a resource of {self.form.version}")
        root = Node("", part.type, False, self.types.is_primitive(part.type))
        scope = self._scope(self.mapping.block, self.mapping.mark)
        for derived in part.derived:
            self.at(root, derived.path).entries.append(derived)
        for computed in part.computed:
            self.at(root, computed.path).entries.append(computed)
        self._rows(root, part.rows, scope, (), direction, part.each)
        for link in part.links:
            self.at(root, link.path).entries.append(link)
        for join in part.joins:
            self._join(root, join, direction)
        return root

    def _join(self, root: Node, join: Join, direction: Direction) -> None:
        node = self.at(root, join.place, fresh=bool(join.place.steps))
        if node is root:
            node = Node("", root.type, False, False)
            root.entries.append(node)
        node.entries.insert(0, join)
        self._rows(node, join.rows, self._scope(join.block, join.mark), (), direction, ())

    def _rows(
        self,
        base: Node,
        rows: tuple[Row, ...],
        scope: dict[str, Concept],
        prefix: Key,
        direction: Direction,
        each: Key,
    ) -> None:
        for row in rows:
            found = self._concept(row, scope, prefix, each)
            full = prefix + row.concept
            item = bool(each) and full[: len(each)] == each
            key = full[len(each) :] if item else full
            for place in row.places:
                if place.only and place.only != direction:
                    continue
                leaf = Leaf(found, place, key, item)
                if not row.rows:
                    self._leaf(base, leaf)
                elif found.many:
                    node, rest = self._repeating(base, place.path, leaf)
                    self._rows(self.at(node, rest), row.rows, self.concepts_of(found), (), direction, ())
                elif place.when is not None:
                    node = self.at(base, place.path, fresh=True)
                    node.loop = leaf
                    self._rows(node, row.rows, self.concepts_of(found), (), direction, ())
                else:
                    self._rows(self.at(base, place.path), row.rows, scope, full, direction, each)

    def _leaf(self, base: Node, leaf: Leaf) -> None:
        place = leaf.place
        if place.back:
            base.entries.append(leaf)
        elif leaf.concept.many and leaf.key and not place.via:
            node, rest = self._repeating(base, place.path, leaf)
            self.at(node, rest).entries.append(Leaf(leaf.concept, place, ()))
        else:
            self.at(base, place.path).entries.append(leaf)

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
        node, last = base, -1
        for i, step in enumerate(path.steps):
            node = self._make(node, step, path)
            if node.many:
                last = i
        if last < 0:
            raise self.fault(path.mark, f"{leaf.concept.name} may occur more than once; this path may not")
        above = self.at(base, Path(path.steps[:last], path.mark))
        found = self._make(above, path.steps[last], path)
        found.loop = leaf
        above.entries.append(found)
        return found, Path(path.steps[last + 1 :], path.mark)

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
        return named and one.loop is None and not any(isinstance(e, Join) for e in one.entries)

    def _make(self, node: Node, step: Step, path: Path) -> Node:
        element = self.types.child(node.type, step.name)
        if element is None:
            raise self.fault(path.mark, f"{node.type} has no element '{step.name}' in {self.form.version}")
        kind = element.type
        return Node(
            step.name,
            kind,
            element.many,
            self.types.is_primitive(kind),
            self._url(node, step),
            step.selectors,
        )

    def _url(self, node: Node, step: Step) -> str:
        """The full URL of an extension; inside an extension the names are those of its parts."""
        if not step.url or node.type == "Extension" or "://" in step.url:
            return step.url
        return self.form.extensions.get(step.url, self.form.extension_base + step.url)
