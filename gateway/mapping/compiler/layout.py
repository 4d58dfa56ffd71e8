"""Lays out the parts of a mapping as trees.

A concept that may occur more than once repeats the last repeating element of its path.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.blocks.profiles import Concept, Profiles
from gateway.codecs.message_types import ElementTypes
from gateway.mapping.compiler.concepts import Concepts
from gateway.mapping.compiler.elements import Elements
from gateway.mapping.compiler.language import Join, Link, Mapping, Part, Path, Place, Row, Step
from gateway.mapping.compiler.schematic import BEYOND, Direction, Format, Key, Leaf, Node, is_plain
from gateway.mapping.compiler.sharing import mark_rivals, put_first_places_first


class Layout:
    """Lays out the parts of one mapping."""

    def __init__(self, mapping: Mapping, form: Format, types: ElementTypes, profiles: Profiles) -> None:
        self.mapping, self.form = mapping, form
        self.concepts = Concepts(mapping, mapping.release or form.release, profiles)
        self.elements = Elements(mapping, form, types)

    def part(self, part: Part, direction: Direction) -> Node:
        """The tree of one part."""
        if not (self.elements.types.is_resource(part.type) or self.mapping.datatype):
            known = self.form.types or self.form.version
            raise self.mapping.fault(part.mark, f"'{part.type}' is not a resource of {known}")
        root = Node("", part.type, False, self.elements.types.is_primitive(part.type))
        scope = self.concepts.scope(self.mapping.block, self.mapping.mark)
        for derived in part.derived:
            self.elements.at(root, derived.path).entries.append(derived)
        for computed in part.computed:
            self.elements.at(root, computed.path).entries.append(computed)
        self._rows(root, part.rows, scope, (), direction, part.each)
        for link in part.links:
            self._link(root, link)
        for join in part.joins:
            self._join(root, join, direction)
        mark_rivals(root)
        if direction == "read":
            put_first_places_first(root)
        return root

    def _link(self, root: Node, link: Link) -> None:
        """A reference to another part; below an element that repeats, each has an element of its own."""
        last = self.elements.last_repeating(root, link.path)
        if 0 <= last < len(link.path.steps) - 1:
            found, rest = self.elements.own_element(root, link.path, last)
            found.linked = link.part
            self.elements.at(found, rest).entries.append(replace(link, each=True))
        else:
            self.elements.at(root, link.path).entries.append(link)

    def _join(self, root: Node, join: Join, direction: Direction) -> None:
        node = self.elements.at(root, join.place, fresh=bool(join.place.steps))
        if node is root:
            node = Node("", root.type, False, False)
            root.entries.append(node)
        node.entries.insert(0, join)
        scope = self.concepts.scope(join.block, join.mark)
        self._rows(node, join.rows, scope, (), direction, (), scope)
        if join.by and not node.name:
            own = {each.name for each in root.nodes() if is_plain(each)}
            for each in node.nodes():
                each.shared = is_plain(each) and each.name in own

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
        block = self.concepts.scope(self.mapping.block, self.mapping.mark) if inside is not None else scope
        outer = self.concepts.outer(each)
        for row in rows:
            found = self.concepts.concept(row, scope, prefix, each)
            full = prefix + row.concept
            item = bool(outer) and full[: len(outer)] == outer
            key = full[len(outer) :] if item else full
            for place in row.places:
                if place.only and place.only != direction:
                    continue
                group = self.concepts.inside(found)
                around = group if place.rows and (found.many or place.when) else inside
                if place.when is not None:
                    when = self.concepts.about(place.when, block, prefix, each, place.mark, around)
                    place = replace(place, when=when)
                leaf = Leaf(found, place, key, item)
                if not place.rows:
                    self._leaf(base, leaf)
                elif full == each[: len(full)]:
                    self._rows(
                        self.elements.at(base, place.path), place.rows, scope, full, direction, each, inside
                    )
                elif found.type == "reference":
                    self._reference(base, leaf, direction)
                elif found.many and not place.path.steps:
                    node = Node("", base.type, False, False, loop=leaf)
                    base.entries.append(node)
                    self._rows(node, place.rows, group, (), direction, (), group)
                elif found.many:
                    node, rest = self._repeating(base, place.path, leaf)
                    self._rows(self.elements.at(node, rest), place.rows, group, (), direction, (), group)
                    for link in place.links:
                        self.elements.at(self.elements.at(node, rest), link.path).entries.append(link)
                elif place.when is not None:
                    node = self.elements.at(base, place.path, fresh=True)
                    node.loop = leaf
                    self._rows(node, place.rows, group, (), direction, (), group)
                else:
                    self._rows(
                        self.elements.at(base, place.path), place.rows, scope, full, direction, each, inside
                    )

    def _reference(self, base: Node, leaf: Leaf, direction: Direction) -> None:
        """Rows under a reference: `.` is the reference, other names are concepts of the block referred to."""
        place, found = leaf.place, leaf.concept
        if not place.path.steps:
            node = Node("", base.type, False, False, loop=leaf)
            base.entries.append(node)
        elif self.elements.last_repeating(base, place.path) >= 0:
            node, rest = self._repeating(base, place.path, leaf)
            node = self.elements.at(node, rest)
        else:
            node = self.elements.at(base, place.path, fresh=True)
            node.loop = leaf
        scope = {
            name: each
            for target in found.targets
            for name, each in self.concepts.scope(target, place.mark).items()
        }
        for row in place.rows:
            inner = self.concepts.concept(row, scope, (), ()) if row.concept else found
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
            self.elements.at(node, rest).entries.append(Leaf(leaf.concept, place, ()))
        else:
            self._beside(base, leaf).entries.append(leaf)

    def _check_beside(self, base: Node, place: Place) -> None:
        """An element that a row names beside its own (`precision`, `time`) must be there."""
        name = place.precision.at if place.precision else place.time
        if name:
            self.elements.at(
                Node("", self.elements.at(base, Path(place.path.steps[:-1], place.mark)).type, False, False),
                Path((Step(name),), place.mark),
            )

    def _beside(self, base: Node, leaf: Leaf) -> Node:
        """The node for a leaf; where another reference stands that does not repeat, an element of its own."""
        node, path = self.elements.at(base, leaf.place.path), leaf.place.path
        taken = any(isinstance(each, Leaf) and each.concept is not leaf.concept for each in node.entries)
        if not taken or node.many or leaf.concept.type != "reference" or leaf.place.when is not None:
            return node
        last = self.elements.last_repeating(base, path)
        if last < 0:
            return node
        found, rest = self.elements.own_element(base, path, last)
        return self.elements.at(found, rest)

    def _repeating(self, base: Node, path: Path, leaf: Leaf) -> tuple[Node, Path]:
        """The element of `path` that repeats for each occurrence of a concept, and the path inside it."""
        last = self.elements.last_repeating(base, path)
        if last < 0:
            raise self.mapping.fault(
                path.mark, f"{leaf.concept.name} may occur more than once; this path may not"
            )
        found, rest = self.elements.own_element(base, path, last)
        found.loop = leaf
        return found, rest
