"""Compiles the reading of a block: the same rows as `writing`, from FHIR back to the block."""

from __future__ import annotations

from collections.abc import Callable

from gateway.mapping import conversion
from gateway.mapping.language import Computed, Derived, Join, Link, Part
from gateway.mapping.schematic import Entry, Layout, Leaf, Node
from gateway.mapping.source import Source
from gateway.mapping.writing import WriteCompiler


def function_name(block: str, part: str) -> str:
    """The name of the generated function that reads a part of a block."""
    return f"read_{block}_{part}".replace(".", "_").replace("-", "_")


class ReadCompiler:
    """Emits the reading functions of one mapping into `source`."""

    def __init__(self, layout: Layout, source: Source, uri: Callable[[str], str]) -> None:
        self.layout, self.source = layout, source
        self.mapping = layout.mapping
        self._constants = WriteCompiler(layout, source, uri)

    def compile(self) -> None:
        """Every part that can be read."""
        for part in self.mapping.parts:
            self._part(part)

    def _part(self, part: Part) -> None:
        tree, out = self.layout.part(part, "read"), self.source
        out.forget_names()
        with out.block(f"def {function_name(self.mapping.block, part.name)}(r, v, item, c)"):
            if part.profiles:
                out.line("c.mark_profiles(r)")
            self._fill(tree, "r", "v")
            out.line("return v")
        out.line()

    def _fill(self, node: Node, source: str, scope: str) -> None:
        for entry in node.entries:
            if isinstance(entry, Node):
                self._node(entry, source, scope)
            elif isinstance(entry, Leaf):
                self._leaf(entry, node, source, scope)

    def _node(self, node: Node, source: str, scope: str) -> None:
        own = [entry for entry in node.entries if not isinstance(entry, Node)]
        join = next((entry for entry in own if isinstance(entry, Join)), None)
        if join is not None:
            self._join(join, node, source)
        elif node.loop is not None:
            self._loop(node, node.loop, source, scope)
        else:
            self._element(node, source, scope)

    def _join(self, join: Join, node: Node, source: str) -> None:
        """Rows of another block: what they read becomes a block about this person."""
        out = self.source
        values = out.name("j")
        rest = Node(
            node.name, node.type, node.many, node.primitive, node.url, node.selectors, None, node.entries[1:]
        )
        if not node.name:
            out.line(f"{values} = {{}}")
            self._fill(rest, source, values)
            out.line(f"c.join({join.block!r}, r, {values})")
            return
        element = out.name("o")
        with out.block(f"for {element} in {self._elements(node, source)}"):
            out.line(f"{values} = {{}}")
            self._fill(rest, element, values)
            out.line(f"c.join({join.block!r}, r, {values})")

    def _loop(self, node: Node, leaf: Leaf, source: str, scope: str) -> None:
        """Each element is one more occurrence of a concept."""
        out = self.source
        base = "item" if leaf.item else scope
        itself = [entry for entry in node.entries if isinstance(entry, Leaf) and not entry.key]
        if itself and not node.nodes() and not node.selectors and not node.url:
            self._itself(node, itself[0], leaf, source, base)
            return
        element, group = out.name("o"), out.name("g")
        with out.block(f"for {element} in {self._elements(node, source)}"):
            out.line(f"{group} = {{}}")
            self._fill(Node("", node.type, False, node.primitive, entries=node.entries), element, group)
            if any(isinstance(e, Leaf) and not e.key for e in _deep(node)):
                with out.block(f"if {group}"):
                    out.line(f"store({base}, {leaf.key!r}, {group}['.'], many=True)")
            else:
                with out.block(f"if {group}"):
                    out.line(f"store({base}, {leaf.key!r}, {group}, many={leaf.concept.many})")

    def _itself(self, node: Node, leaf: Leaf, loop: Leaf, source: str, base: str) -> None:
        """A repeating element that is the value: one call for each."""
        i = self.source.name("i")
        read = self._reader(leaf, node)
        with self.source.block(f'for {i} in range(len(items({source}, "{node.name}")))'):
            self.source.line(
                f'take_item({base}, {loop.key!r}, {source}, "{node.name}", {i}, {read}, c, {self._rule(leaf)})'
            )

    def _elements(self, node: Node, source: str) -> str:
        """The expression for the elements that a node means."""
        key = f"_{node.name}" if node.primitive else node.name
        if node.url:
            return f'extensions({source}, "{key}", "{node.url}", c)'
        if node.selectors:
            return f'chosen({source}, "{key}", c, {{{self._constants.selected(node)}}})'
        return f'items({source}, "{key}")'

    def _element(self, node: Node, source: str, scope: str) -> None:
        own = [entry for entry in node.entries if not isinstance(entry, Node)]
        leaves = [entry for entry in own if isinstance(entry, Leaf)]
        if not node.url and not (node.selectors and leaves):
            for entry in own:
                self._own(entry, node, source, scope)
        inside = node.nodes()
        if not inside and not ((node.url or node.selectors) and leaves):
            return
        element = self.source.name("o")
        with self.source.block(f"for {element} in {self._elements(node, source)}"):
            if node.selectors and leaves:
                for leaf in leaves:
                    self._whole(leaf, node, element, scope)
            for child in inside:
                self._node(child, element, scope)
            if not (node.many and any(leaf.concept.many for leaf in _deep(node) if isinstance(leaf, Leaf))):
                self.source.line("break")

    def _whole(self, leaf: Leaf, node: Node, element: str, scope: str) -> None:
        """An element chosen by a selector that is itself the value."""
        base = "item" if leaf.item else scope
        if leaf.place.via:
            name = conversion.named(leaf.place.via)
            self.source.line(
                f"whole({base}, {leaf.key!r}, {name}.read({element}, '', c, {self._rule(leaf)}))"
            )
            return
        self.source.line(
            f"whole({base}, {leaf.key!r}, {self._reader(leaf, node)}({element}, c, {self._rule(leaf)}))"
        )

    def _own(self, entry: object, node: Node, source: str, scope: str) -> None:
        match entry:
            case Leaf():
                self._leaf(entry, node, source, scope)
            case Derived():
                cases = [self._constants.literal(values, node, entry) for values, _ in entry.cases]
                rule = self.source.rule(entry.mark)
                self.source.line(f'fixed({source}, "{node.name}", [{", ".join(cases)}], c, {rule})')
            case Computed():
                self.source.line(f'c.mark({source}, ("{node.name}",), {self.source.rule(entry.mark)})')
            case Link():
                self.source.line(
                    f'c.follow({source}, "{node.name}", {entry.part!r}, v, {self.source.rule(entry.mark)})'
                )

    def _leaf(self, leaf: Leaf, node: Node, source: str, scope: str) -> None:
        if leaf.place.back:
            return  # read from the other side
        base = "item" if leaf.item else scope
        key = leaf.key or (".",)
        rule = self._rule(leaf)
        if leaf.place.via:
            name = conversion.named(leaf.place.via)
            self.source.line(f'whole({base}, {key!r}, {name}.read({source}, "{node.name}", c, {rule}))')
        elif not node.name:
            self.source.line(f"whole({base}, {key!r}, {self._reader(leaf, node)}({source}, c, {rule}))")
        elif node.name.endswith("[x]"):
            self.source.line(f'take_any({base}, {key!r}, {source}, "{node.name[:-3]}", c, {rule})')
        elif leaf.place.keep == "extension":
            url = self.layout.form.original_code
            read = self._reader(leaf, node)
            self.source.line(
                f'take_kept({base}, {key!r}, {source}, "{node.name}", {read}, "{url}", c, {rule})'
            )
        elif self._is_datatype(leaf, node):
            self.source.line(
                f'take_datatype({base}, {key!r}, {source}, "{node.name}", {self._reader(leaf, node)}, '
                f"{leaf.concept.many}, c, {rule})"
            )
        else:
            read = self._reader(leaf, node)
            self.source.line(f'take({base}, {key!r}, {source}, "{node.name}", {read}, c, {rule})')

    def _is_datatype(self, leaf: Leaf, node: Node) -> bool:
        return conversion.reader(leaf.concept.type, node.type) is None

    def _reader(self, leaf: Leaf, node: Node) -> str:
        """The expression for the function that reads this FHIR type as this concept."""
        place, concept = leaf.place, leaf.concept
        name = conversion.reader(concept.type, node.type)
        if name is None:
            partial = self.layout.profiles.get(self.layout.release, concept.type)
            if partial is None or concept.concepts:
                raise self.layout.fault(place.mark, f"a {concept.type} cannot be read from {node.type}")
            return f"c.datatype({concept.type!r}, {node.type!r})"
        if place.map:
            return f"c.unmapped({place.map!r}, {name}, {place.keep == 'coding'})"
        return name

    def _rule(self, leaf: Leaf) -> str:
        return self.source.rule(leaf.place.mark)


def _deep(node: Node) -> list[Entry]:
    found: list[Entry] = []
    for entry in node.entries:
        if isinstance(entry, Node):
            found += _deep(entry) if entry.loop is None else []
        else:
            found.append(entry)
    return found
