"""Compiles the reading of a block: the same rows as `writing`, from FHIR back to the block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gateway.mapping.compiler import conversion
from gateway.mapping.compiler.expressions import Expressions, is_template
from gateway.mapping.compiler.language import Coding, Computed, Condition, Derived, Join, Link, Part
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.literals import NOW, Literals
from gateway.mapping.compiler.schematic import BEYOND, Entry, Leaf, Node
from gateway.mapping.compiler.source import Source
from gateway.mapping.compiler.spelling import Spelling
from gateway.mapping.modifiers import MODIFIERS


def function_name(block: str, part: str) -> str:
    """The name of the generated function that reads a part of a block."""
    return f"read_{block}_{part}".replace(".", "_").replace("-", "_")


class ReadCompiler:
    """Emits the reading functions of one mapping into `source`."""

    def __init__(self, layout: Layout, source: Source, uri: Callable[[str], str]) -> None:
        self.layout, self.source = layout, source
        self.mapping, self.concepts, self.types = layout.mapping, layout.concepts, layout.elements.types
        self._literals = Literals(self.mapping, self.types, uri)
        self._expressions = Expressions(self.mapping, self.concepts)
        self._spelling = Spelling(layout, source, uri)

    def compile(self) -> None:
        """Every part that can be read."""
        for part in self.mapping.parts:
            self._part(part)

    def _part(self, part: Part) -> None:
        tree, out = self.layout.part(part, "read"), self.source
        out.forget_names()
        with out.block(f"def {function_name(self.mapping.block, part.name)}(r, v, item, c)"):
            if part.profiles and not self.mapping.datatype:
                out.line("c.mark_profiles(r)")
            self._fill(tree, "r", "v")
            for computed in part.computed:
                self._recomputed(computed)
            for derived in part.derived:
                self._claimed(derived, part, tree)
            for derived, leaf in _worded(tree):
                words = self._expressions.filled(str(derived.cases[0][0][0]), derived.mark, ())
                out.line(f"forget({'item' if leaf.item else 'v'}, {leaf.key!r}, {words})")
            out.line("return v")
        out.line()

    def _claimed(self, derived: Derived, part: Part, tree: Node) -> None:
        """What a status says that follows from the block, to be held against it once all of it is read."""
        step, *deeper = derived.path.steps
        if deeper or step.name not in MODIFIERS or self.mapping.datatype:
            return
        node = next(each for each in tree.nodes() if each.name == step.name)
        rule = self.source.rule(derived.mark)
        cases = ", ".join(
            f"({self._literals.literal(values, node, derived)}, {self._supported(condition, derived, part)})"
            for values, condition in derived.cases
        )
        self.source.line(f'c.claims.append((r, "{step.name}", {rule}, lambda: [{cases}]))')

    def _supported(self, condition: Condition | None, derived: Derived, part: Part) -> str:
        """The condition of a case; what only shows when the block is written may well be."""
        if condition is None or _has(condition, ("referred", "read-as")):
            return "True"
        return self._expressions.tested(condition, derived.mark, part.each)

    def _recomputed(self, computed: Computed) -> None:
        """What a function of the values makes tells nothing new; unless the rows read nothing of it."""
        if len(computed.path.steps) != 1:
            text = "a computed element stands directly in its resource or datatype"
            raise self.mapping.fault(computed.mark, text)
        name, rule = computed.path.steps[0].name, self.source.rule(computed.mark)
        made = f"{conversion.COMPUTED[computed.function]}(v, c)"
        self.source.line(f'recomputed(r, "{name}", v, {made}, {computed.otherwise!r}, c, {rule})')

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
        read = self._join_by if join.by else self._join_of
        if not node.name:
            read(join, rest, source, values)
            return
        element = out.name("o")
        with out.block(f"for {element} in {self._elements(node, source)}"):
            read(join, rest, element, values)

    def _join_of(self, join: Join, node: Node, source: str, values: str) -> None:
        out = self.source
        out.line(f"{values} = {{}}")
        self._fill(node, source, values)
        out.line(f"c.join({join.block!r}, r, {values})")

    def _join_by(self, join: Join, node: Node, source: str, values: str) -> None:
        """Rows of a block that refers to this one: it is there when its condition holds of what they read.

        Until that is known nothing is noted: what is not there has read nothing.
        """
        out = self.source
        out.line(f"{values} = {{}}")
        with out.block("with c.aside()"):
            self._fill(node, source, values)
        held = self._expressions.joined(join, join.when, values) if join.when else values
        with out.block(f"if {held}"):
            out.line(f"{values} = {{}}")
            self._fill(node, source, values)
            out.line(f"c.join_by({join.block!r}, {join.by!r}, r, v, {values})")

    def _loop(self, node: Node, leaf: Leaf, source: str, scope: str) -> None:
        """Each element is one more occurrence of a concept."""
        out = self.source
        base = "item" if leaf.item else scope
        if not node.name:
            group = out.name("g")
            out.line(f"{group} = {{}}")
            self._fill(node, source, group)
            self._occurrence(node, leaf, base, group)
            return
        itself = [entry for entry in node.entries if isinstance(entry, Leaf) and not entry.key]
        if itself and not node.nodes() and not node.selectors and not node.url:
            self._itself(node, itself[0], leaf, source, base)
            return
        element, group = out.name("o"), out.name("g")
        with out.block(f"for {element} in {self._elements(node, source)}"):
            out.line(f"{group} = {{}}")
            self._fill(Node("", node.type, False, node.primitive, entries=node.entries), element, group)
            self._occurrence(node, leaf, base, group)

    def _occurrence(self, node: Node, leaf: Leaf, base: str, group: str) -> None:
        """What one element gave, as one more occurrence; of a reference also what lies beyond it."""
        out, many = self.source, leaf.concept.many
        if any(isinstance(each, Leaf) and not each.key for each in _deep(node)):
            with out.block(f"if '.' in {group}"):
                beyond = any(isinstance(each, Leaf) and each.key[:1] == (BEYOND,) for each in _deep(node))
                said = f", {group}.get({BEYOND!r})" if beyond else ""
                gathered = f"gather({base}, {leaf.key!r}, {group}['.'], c{said})"
                out.line(gathered if many else f"store({base}, {leaf.key!r}, {group}['.'])")
                if beyond:
                    out.line(f"c.impart({group}['.'], {group}.get({BEYOND!r}))")
        elif leaf.concept.type == "reference":
            with out.block(f"if {group}"):
                made = f"c.join({leaf.concept.targets[0]!r}, r, {group}[{BEYOND!r}])"
                out.line(f"store({base}, {leaf.key!r}, {made}, many={many})")
        else:
            with out.block(f"if {group}{self._held(leaf.place.when, group)}"):
                out.line(f"store({base}, {leaf.key!r}, {group}, many={many})")

    def _held(self, when: Condition | None, group: str) -> str:
        """The condition of a group, for reading: of several places the one whose condition holds."""
        if when is None or _has(when, ("past", "future")):
            return ""  # what the clock decides is not a matter of where a value stands
        return f" and ({self._expressions.test(when, group)})"

    def _itself(self, node: Node, leaf: Leaf, loop: Leaf, source: str, base: str) -> None:
        """A repeating element that is the value: one call for each."""
        i = self.source.name("i")
        read = self._reader(leaf, node)
        if self._is_datatype(leaf, node):
            self.source.line(
                f'take_datatypes({base}, {loop.key!r}, {source}, "{node.name}", {read}, c, '
                f"{self._rule(leaf)})"
            )
            return
        with self.source.block(f'for {i} in range(len(items({source}, "{node.name}")))'):
            self.source.line(
                f'take_item({base}, {loop.key!r}, {source}, "{node.name}", {i}, {read}, c, '
                f"{self._rule(leaf)})"
            )

    def _elements(self, node: Node, source: str) -> str:
        """The expression for the elements that a node means."""
        key = f"_{node.name}" if node.primitive else node.name
        if node.url and not node.selectors:
            return f'extensions({source}, "{key}", "{node.url}", c)'
        if node.url or node.selectors:
            again = ", DERIVED" if _only_reads(node) else ""
            return f'chosen({source}, "{key}", c, {{{self._literals.sought(node)}}}{again})'
        return f'items({source}, "{key}")'

    def _element(self, node: Node, source: str, scope: str) -> None:
        later = _second_places(node)
        leaves = self._outside(node, later, source, scope)
        if node.nodes() or ((node.url or node.selectors) and leaves):
            self._each_element(node, leaves, source, scope)
            for entry in later:
                self._own(entry, node, source, scope)

    def _outside(self, node: Node, later: Sequence[Entry], source: str, scope: str) -> list[Leaf]:
        """What is read at the element's name; the leaves that are left for each element itself."""
        own = [entry for entry in node.entries if not isinstance(entry, Node)]
        leaves = [entry for entry in own if isinstance(entry, Leaf)]
        if not node.url and not (node.selectors and leaves):
            for entry in own:
                if entry not in later:
                    self._own(entry, node, source, scope)
        elif node.url:
            for leaf in [each for each in leaves if each.place.via]:
                self._leaf(leaf, node, source, scope)
                leaves.remove(leaf)
        return leaves

    def _each_element(self, node: Node, leaves: list[Leaf], source: str, scope: str) -> None:
        """What is read in each element that the node means, or in the first of them."""
        element = self.source.name("o")
        with self.source.block(f"for {element} in {self._elements(node, source)}"):
            for leaf in leaves:
                if leaf.place.means is not None:
                    self._meant(leaf, element, scope)
                elif node.selectors:
                    self._whole(leaf, node, element, scope)
            for child in node.nodes():
                self._node(child, element, scope)
            if not (node.linked or (node.many and any(_recurs(each) for each in _deep(node)))):
                self.source.line("break")

    def _meant(self, leaf: Leaf, element: str, scope: str) -> None:
        """The element is there, and so the concept has the value that the row names."""
        base = "item" if leaf.item else scope
        value = self._meaning(leaf, f'c.take_members({element}, ("url",), {self._rule(leaf)})')
        with self.source.block(f"if not denied({element}) and not there({base}, {leaf.key!r})"):
            self.source.line(f"whole({base}, {leaf.key!r}, {value})")

    def _meaning(self, leaf: Leaf, at: str) -> str:
        """The value that a row names, read at a place."""
        means = leaf.place.means
        if isinstance(means, Coding):
            uri = self._literals.system(means.system)
            return f"Code({means.code!r}, c.oid({uri!r}), {means.display!r}, at={at})"
        kind = {"boolean": "Boolean", "integer": "Integer"}.get(leaf.concept.type, "Text")
        return f"{kind}({means!r}, {at})"

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
            case Derived() if any(is_template(value) for values, _ in entry.cases for value in values):
                self.source.line(f'c.mark({source}, ("{node.name}",), {self.source.rule(entry.mark)})')
            case Derived():
                cases = [
                    self._literals.literal(values, node, entry)
                    for values, _ in entry.cases
                    if values != (NOW,)
                ]
                rule = self.source.rule(entry.mark)
                self.source.line(f'fixed({source}, "{node.name}", [{", ".join(cases)}], c, {rule})')
            case Computed():
                pass  # compared with what the rows read, when they have
            case Link() if entry.item:
                rule = self.source.rule(entry.mark)
                self.source.line(f'c.follow_item({source}, "{node.name}", {entry.part!r}, {scope}, {rule})')
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
        if leaf.place.take == "system":
            self.source.line(f'c.mark({source}, ("{node.name}",), {rule})')
            return
        many = ", many=True" if leaf.place.take == "first" else ""
        if leaf.place.means is not None:
            at = f'c.take_member({source}, "{node.name}", 0, {rule})'
            with self.source.block(f'if "{node.name}" in {source} and not there({base}, {key!r})'):
                self.source.line(f"whole({base}, {key!r}, {self._meaning(leaf, at)})")
        elif leaf.place.via:
            name = conversion.named(leaf.place.via)
            self.source.line(f'take_via({base}, {key!r}, {name}, {source}, "{node.name}", c, {rule})')
        elif leaf.place.precision is not None:
            precision = leaf.place.precision
            lengths = {str(code): length for length, code in precision.codes}
            self.source.line(
                f'take_known({base}, {key!r}, {source}, "{node.name}", "{precision.at}", '
                f"{lengths!r}, c, {rule})"
            )
        elif leaf.place.time:
            self.source.line(
                f'take_joined({base}, {key!r}, {source}, "{node.name}", "{leaf.place.time}", c, {rule})'
            )
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
            self.source.line(f'take({base}, {key!r}, {source}, "{node.name}", {read}, c, {rule}{many})')

    def _is_datatype(self, leaf: Leaf, node: Node) -> bool:
        return conversion.reader(leaf.concept.type, node.type) is None

    def _reader(self, leaf: Leaf, node: Node) -> str:
        """The expression for the function that reads this FHIR type as this concept."""
        place, concept = leaf.place, leaf.concept
        name = conversion.reader(concept.type, node.type)
        if name is None:
            partial = self.concepts.profiles.get(self.concepts.release, concept.type)
            if partial is None or concept.concepts:
                raise self.mapping.fault(place.mark, f"a {concept.type} cannot be read from {node.type}")
            return f"c.datatype({concept.type!r}, {node.type!r})"
        if place.map:
            return f"c.unmapped({place.map!r}, {name}, {node.name in MODIFIERS})"
        if name == "quantity_of" and node.type == "Money" and self.types.child("Money", "currency"):
            return "money_of"
        if place.unit is not None and name == "quantity_of_number":
            system = self._spelling.named_system(leaf, place.unit.system)
            return f"amount_of({place.times}, {place.unit.code!r}, {system!r}, {place.unit.display!r})"
        if place.system:
            return self._spelling.bare(leaf, name, "in_system")
        if concept.type == "reference" and concept.targets:
            return f"c.referring({concept.targets!r}, {leaf.rival})"
        if leaf.registered is not None:
            return f"c.numbered({leaf.registered})"
        if leaf.among:
            others = ", ".join(self._values(name) for name in leaf.among)
            return f"c.among({name}, {self._values(concept.values)}, ({others},))"
        return name

    def _values(self, name: str) -> str:
        """The constant for a value set: the systems of which it has every code, and its codes by system."""
        found = self.concepts.profiles.value_set(self.concepts.release, name)
        if found is None:
            raise self.mapping.fault(self.mapping.mark, f"no value set '{name}'")
        codes = ", ".join(f"{key!r}: {tuple(sorted(each))!r}" for key, each in sorted(found.codes.items()))
        stem = "".join(letter if letter.isalnum() else "_" for letter in name)
        return self.source.constant(f"VALUES_{stem}", f"({tuple(sorted(found.whole))!r}, {{{codes}}})")

    def _rule(self, leaf: Leaf) -> str:
        return self.source.rule(leaf.place.mark)


def _has(condition: Condition, ops: tuple[str, ...]) -> bool:
    """True when a clause of the condition is one of those."""
    return condition.op in ops or any(_has(part, ops) for part in condition.parts)


def _second_places(node: Node) -> list[Leaf]:
    """Leaves of an element whose concept has a place inside it that the file names first."""
    found: list[Leaf] = []
    for i, entry in enumerate(node.entries):
        if isinstance(entry, Leaf):
            before = [each for other in node.entries[:i] if isinstance(other, Node) for each in _deep(other)]
            if any(isinstance(each, Leaf) and each.concept is entry.concept for each in before):
                found.append(entry)
    return found


def _recurs(entry: Entry) -> bool:
    """True when the value may stand in a later element: it repeats, or the target tells which one it is."""
    return isinstance(entry, Leaf) and (entry.concept.many or entry.rival)


def _worded(node: Node) -> Iterator[tuple[Derived, Leaf]]:
    """Rows at an element that may hold no more than the words of other concepts."""
    for inner in node.nodes():
        templates = [
            each for each in inner.entries if isinstance(each, Derived) and is_template(each.cases[0][0][0])
        ]
        for leaf in (*node.entries, *inner.entries):
            if isinstance(leaf, Leaf) and leaf.concept.type == "text":
                yield from ((derived, leaf) for derived in templates)
        yield from _worded(inner)


def _only_reads(node: Node) -> bool:
    """True when no row writes anything in an element, so that nothing writes what tells it apart either."""
    leaves = [each for each in _deep(node) if isinstance(each, Leaf)]
    return bool(leaves) and all(each.place.only == "read" for each in leaves)


def _deep(node: Node) -> list[Entry]:
    found: list[Entry] = []
    for entry in node.entries:
        if isinstance(entry, Node):
            found += _deep(entry) if entry.loop is None else []
        else:
            found.append(entry)
    return found
