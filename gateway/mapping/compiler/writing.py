"""Compiles the writing of a block: from its rows to Python source that builds the resource.

The source is meant to be read (`zibpoort mapping show-code`): one statement a row, constants as
literals, and at each statement the row of the mapping that it came from.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable

from gateway.codecs.fhir.elements import Element, FhirTypes
from gateway.mapping.compiler import conversion
from gateway.mapping.compiler.expressions import Expressions, is_template
from gateway.mapping.compiler.language import Coding, Computed, Derived, Join, Link, Part
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.literals import Literals
from gateway.mapping.compiler.planning import PlanCompiler
from gateway.mapping.compiler.schematic import Entry, Key, Leaf, Node
from gateway.mapping.compiler.source import Source
from gateway.mapping.compiler.spelling import Need, Spelling
from gateway.mapping.runtime import bare, groups, spelling, writers

PERSON = frozenset(("subject", "patient"))
"""Of whom a resource is: never made up, not even that it is unknown."""

PREFERRED = {"CodeableConcept": 0, "dateTime": 1, "Reference": 2}
"""Of a choice that says only that it is unknown, the type that this is said with."""


def function_name(block: str, part: str) -> str:
    """The name of the generated function that writes a part of a block."""
    return f"write_{block}_{part}".replace(".", "_").replace("-", "_")


class WriteCompiler:
    """Emits the writing functions of one mapping into `source`."""

    def __init__(self, layout: Layout, source: Source, uri: Callable[[str], str]) -> None:
        self.layout, self.source = layout, source
        self.mapping = layout.mapping
        self.literals = Literals(self.mapping, layout.elements.types, uri)
        self._expressions = Expressions(self.mapping, layout.concepts)
        self._spelling = Spelling(layout, source, uri)
        self._each: Key = ()

    @property
    def needs(self) -> list[Need]:
        """What the generated code looks up by name."""
        return self._spelling.needs

    def compile(self) -> None:
        """Every part, then the plan that says which parts a block becomes."""
        for part in self.mapping.parts:
            self._part(part)
        PlanCompiler(self.layout, self.source).compile()

    def _part(self, part: Part) -> None:
        tree, out = self.layout.part(part, "write"), self.source
        self._each = part.each
        out.forget_names()
        with out.block(f"def {function_name(self.mapping.block, part.name)}(v, item, c, me)"):
            if self.mapping.datatype:
                out.line(f"r = {{{self.literals.chosen(part.select, part.type)}}}")
            else:
                meta = f', "meta": {{"profile": {self._claimed(part)}}}' if part.profiles else ""
                out.line(f'r = {{"resourceType": "{part.type}", "id": me.id{meta}}}')
            self._fill(tree, "r", "v")
            self._complete(tree, part.type, "r")
            out.line("return r")
        out.line()

    def _claimed(self, part: Part) -> str:
        """Source text of the profiles that a resource of the part claims."""

        def full(url: str) -> str:
            return url if "://" in url else self.layout.form.profile_base + url

        if not part.claims:
            return repr([full(url) for url in part.profiles])
        chosen = ""
        for url, condition in part.claims:
            chosen += f"[{full(url)!r}]"
            if condition is None:
                break
            chosen += f" if {self._expressions.tested(condition, part.mark, part.each)} else "
        return chosen.removesuffix(" else ") + (" else []" if chosen.endswith(" else ") else "")

    def _fill(self, node: Node, target: str, scope: str) -> None:
        for entry in node.entries:
            match entry:
                case Node():
                    self._node(entry, node, target, scope)
                case Leaf():
                    self._leaf(entry, node, target, scope)
                case Derived():
                    raise AssertionError("derived values stand on the node that they fill")
                case Computed() | Link() | Join():
                    raise AssertionError("these stand on the node that they fill")

    def _node(self, node: Node, parent: Node, target: str, scope: str) -> None:
        joins = [entry for entry in node.entries if isinstance(entry, Join)]
        if joins:
            self._join(joins[0], node, target, scope)
        elif node.linked:
            with self.source.block(f"for part_id in me.parts.get({node.linked!r}, ())"):
                self._element(node, target, scope)
        elif node.loop is not None and not any(isinstance(e, Leaf) and not e.key for e in node.entries):
            self._loop(node, node.loop, target, scope)
        elif node.loop is not None:
            item = self.source.name("x")
            with self.source.block(f"for {item} in {self._expressions.many(node.loop, scope)}"):
                self._element(node, target, item)
        else:
            self._element(node, target, scope)

    def _loop(self, node: Node, loop: Leaf, target: str, scope: str) -> None:
        """One element for each occurrence of a group."""
        group = self.source.name("g")
        with self.source.block(f"for {group} in {self._expressions.many(loop, scope)}"):
            if loop.place.when is not None:
                with self.source.block(f"if {self._expressions.test(loop.place.when, group)}"):
                    self._element(node, target, group)
            else:
                self._element(node, target, group)
            if loop.concept.type == "reference":
                self.source.line(f"if c.referred({group}): c.use({group}, {self._rule(loop)})")

    def _join(self, join: Join, node: Node, target: str, scope: str) -> None:
        block = self.source.name("j")
        rest = Node(
            node.name, node.type, node.many, node.primitive, node.url, node.selectors, None, node.entries[1:]
        )
        said = f"carried({block}, {join.by or 'Subject'!r}, c, {self.source.rule(join.mark)})"
        with self.source.block(f"for {block} in joined(me, c, {join.block!r}, {join.by!r})"):
            if join.when is not None:
                with self.source.block(f"if {self._expressions.joined(join, join.when, block)}"):
                    self.source.line(said)
                    self._element(rest, target, block)
            else:
                self.source.line(said)
                self._element(rest, target, block)

    def _element(self, node: Node, target: str, scope: str) -> None:
        """One element: its own value, then what is inside it, put in place when there is any.

        A node without a name stands for rows that a group or join has where it stands itself.
        """
        if not node.name:
            self._fill(node, target, scope)
            return
        own: list[Entry] = [entry for entry in node.entries if not isinstance(entry, Node)]
        inside = node.nodes()
        if node.primitive or not inside:
            for entry in own:
                self._own(entry, node, target, scope)
        if inside:
            self._inside(node, inside, [] if node.primitive else own, target, scope)

    def _inside(self, node: Node, inside: list[Node], own: list[Entry], target: str, scope: str) -> None:
        out = self.source
        element = out.name(_stem(node.name))
        out.line(f"{element} = {{}}")
        for entry in own:
            self._own_into(entry, node, element, scope)
        for child in inside:
            self._node(child, node, element, scope)
        key = f"_{node.name}" if node.primitive else node.name
        whole = element
        chosen = self.literals.selected(node)
        if chosen:
            whole = f"{{{chosen}, **{element}}}"
        parts = self.literals.parts(node)
        with out.block(f"if {element}"):
            if parts:
                out.line(f'extend({element}, "extension", [{parts}])')
            if not node.primitive and not node.url:
                self._complete(node, node.type, element)
            verb = "merge_first" if node.shared else "append" if node.many else "merge"
            out.line(f'{verb}({target}, "{key}", {whole})')

    def _complete(self, node: Node, fhir_type: str, target: str) -> None:
        """What FHIR requires in an element and no value may make: it says that it is unknown.

        Left out are elements with children of their own, of which each may be required, and references inside
        an element: another row may have the same one elsewhere.
        """
        known = self.layout.elements.types
        if not isinstance(known, FhirTypes) or fhir_type not in known:
            return
        sure = {entry.name for entry in node.nodes() if _is_sure(entry)} | {s.path[0] for s in node.selectors}
        wanted: dict[str, list[Element]] = {}
        for each in known.children(fhir_type):
            if each.min and each.name not in PERSON:
                wanted.setdefault(each.choice or each.name, []).append(each)
        for variants in wanted.values():
            names = [each.name for each in variants]
            inside = node.name and variants[0].type == "Reference"
            if not sure.intersection(names) and "." not in variants[0].type and not inside:
                chosen = min(variants, key=lambda each: PREFERRED.get(each.type, len(PREFERRED)))
                key = f"_{chosen.name}" if known.is_primitive(chosen.type) else chosen.name
                self.source.line(f'complete({target}, {names!r}, "{key}", {chosen.many})')

    def _own_into(self, entry: Entry, node: Node, element: str, scope: str) -> None:
        """A value of an element that also has parts: CodeableConcept with an extension."""
        match entry:
            case Leaf() if entry.place.means is not None:
                self._meant(entry, scope)
            case Leaf():
                self._statement(entry, scope, lambda x: self._spread(entry, node, element, x))
            case Derived() | Computed() | Link():
                self._own(entry, node, element, scope, spread=True)

    def _spread(self, leaf: Leaf, node: Node, element: str, value: str) -> None:
        convert = self._spelling.converter(leaf, node)
        self.source.line(f"spread({element}, {value}, {convert}, c, {self._rule(leaf)})")

    def _own(self, entry: Entry, node: Node, target: str, scope: str, spread: bool = False) -> None:
        match entry:
            case Leaf():
                self._leaf(entry, node, target, scope)
            case Derived():
                self._derived(entry, node, target, scope, spread)
            case Computed():
                name = conversion.COMPUTED.get(entry.function)
                if name is None:
                    raise self.mapping.fault(entry.mark, f"no function '{entry.function}'")
                self.source.line(f'computed({target}, "{node.name}", {name}({scope}, c), {node.many})')
            case Link():
                self._link(entry, node, target, scope)

    def _link(self, link: Link, node: Node, target: str, scope: str) -> None:
        """A reference to another part of the block."""
        verb = "link_all" if node.many else "link"
        line = f'{verb}({target}, "{node.name}", me, {link.part!r}, c)'
        if link.item:
            line = f'link_item({target}, "{node.name}", me, {link.part!r}, {scope}, {node.many}, c)'
        if link.each:
            line = f'{target}["{node.name}"] = c.reference_to({link.part!r}, part_id, me)'
        if link.when is None:
            self.source.line(line)
        else:
            with self.source.block(f"if {self._expressions.tested(link.when, link.mark)}"):
                self.source.line(line)

    def _leaf(self, leaf: Leaf, node: Node, target: str, scope: str) -> None:
        if leaf.place.back:
            value = self.source.name("x")
            with self.source.block(f"for {value} in {self._expressions.many(leaf, scope)}"):
                self._back(leaf, value)
            return
        if leaf.place.means is not None:
            self._meant(leaf, scope)
            return
        if leaf.place.absent:
            self._statement(leaf, scope, lambda x: self._put_or_say(leaf, node, target, x), always=True)
        else:
            self._statement(leaf, scope, lambda x: self._put(leaf, node, target, x))

    def _put_or_say(self, leaf: Leaf, node: Node, target: str, value: str) -> None:
        """A value, or why there is none: as the value itself says, else as the row does."""
        with self.source.block(f"if present({value})"):
            self._put(leaf, node, target, value)
        key = f"_{node.name}" if node.primitive else node.name
        with self.source.block("else"):
            self.source.line(
                f'lacking({target}, "{key}", "{leaf.place.absent}", {node.many}, {value}, c, '
                f"{self._rule(leaf)})"
            )

    def _meant(self, leaf: Leaf, scope: str) -> None:
        """The element says by being there what the value is; another row makes it."""
        means = leaf.place.means
        wanted = means.code if isinstance(means, Coding) else means
        self._statement(
            leaf,
            scope,
            lambda x: self.source.line(f"if says({x}, {wanted!r}): c.use({x}, {self._rule(leaf)})"),
        )

    def _back(self, leaf: Leaf, value: str) -> None:
        steps = leaf.place.path.steps
        path, url = ".".join(step.name for step in steps), self.layout.elements.url(steps[0])
        self.source.line(f'c.point_back({value}, "{path}", {url!r}, me, {self._rule(leaf)})')

    def _put(self, leaf: Leaf, node: Node, target: str, value: str) -> None:
        rule = self._rule(leaf)
        if leaf.place.via:
            name = conversion.named(leaf.place.via)
            if name is None:
                raise self.mapping.fault(leaf.place.mark, f"no converter '{leaf.place.via}'")
            around = ", v" if conversion.sees_around(leaf.place.via) else ""
            self.source.line(f'{name}.write({target}, "{node.name}", {value}, c, {rule}{around})')
            return
        if leaf.place.precision is not None or leaf.place.time:
            self._put_beside(leaf, node, target, value)
            return
        convert = self._spelling.converter(leaf, node)
        if not node.name:
            self.source.line(f"spread({target}, {value}, {convert}, c, {rule})")
        elif node.name.endswith("[x]"):
            self.source.line(f'put_any({target}, "{node.name[:-3]}", {value}, c, {rule})')
        elif leaf.place.keep == "extension":
            url = self.layout.form.original_code
            self.source.line(
                f'put_kept({target}, "{node.name}", {value}, {convert}, {node.many}, "{url}", c, {rule})'
            )
        elif self.literals.selected(node):
            chosen = f"{{{self.literals.selected(node)}}}"
            self.source.line(f'put_chosen({target}, "{node.name}", {value}, {convert}, {chosen}, c, {rule})')
        else:
            verb = "add" if node.many else "put"
            self.source.line(f'{verb}({target}, "{node.name}", {value}, {convert}, c, {rule})')

    def _put_beside(self, leaf: Leaf, node: Node, target: str, value: str) -> None:
        """A moment over two elements: a date and how much of it is known, or a date and a time."""
        if (leaf.concept.type, node.type) != ("moment", "date"):
            raise self.mapping.fault(leaf.place.mark, "precision and time are for a moment at a date")
        precision, rule = leaf.place.precision, self._rule(leaf)
        if precision is None:
            self.source.line(f'put_split({target}, "{node.name}", "{leaf.place.time}", {value}, c, {rule})')
            return
        codes = {length: str(code) for length, code in precision.codes}
        self.source.line(
            f'put_known({target}, "{node.name}", "{precision.at}", {codes!r}, {value}, c, {rule})'
        )

    def _statement(self, leaf: Leaf, scope: str, body: Callable[[str], None], always: bool = False) -> None:
        """`if x := …:` around a row, with the row's own condition; `always` also without a value."""
        if not leaf.key and not leaf.item:
            test, value = "", scope
        else:
            value = self.source.name("x")
            found = self._expressions.value("item" if leaf.item else scope, leaf.key)
            if leaf.place.take == "first":
                found = f"first_of({self._expressions.many(leaf, scope)})"
            test = "" if always else f"({value} := {found})"
            if always:
                self.source.line(f"{value} = {found}")
        if leaf.place.when is not None:
            condition = f"({self._expressions.test(leaf.place.when, scope)})"
            test = f"{condition} and {test}" if test else condition
        if test:
            with self.source.block(f"if {test}"):
                body(value)
        else:
            body(value)

    def _rule(self, leaf: Leaf) -> str:
        return self.source.rule(leaf.place.mark)

    def _derived(self, derived: Derived, node: Node, target: str, scope: str, spread: bool = False) -> None:
        word = "if"
        for values, condition in derived.cases:
            literal = self.literals.literal(values, node, derived)
            put = f"{target}.update({literal})" if spread else self._set(target, node, literal)
            if is_template(values[0]):
                words = self._expressions.filled(str(values[0]), derived.mark, self._each)
                put = f'computed({target}, "{node.name}", {words}, {node.many})'
            if condition is None and word == "if":
                self.source.line(put)
                return
            head = "else"
            if condition is not None:
                head = f"{word} {self._expressions.tested(condition, derived.mark, self._each)}"
            with self.source.block(head):
                self.source.line(put)
            word = "elif"

    @staticmethod
    def _set(target: str, node: Node, literal: str) -> str:
        return (
            f'extend({target}, "{node.name}", {literal})'
            if node.many
            else f'{target}["{node.name}"] = {literal}'
        )


def _is_sure(node: Node) -> bool:
    """True for an element that is always written: a value of the mapping, whatever the block holds."""
    return any(isinstance(entry, Derived) and entry.cases[-1][1] is None for entry in node.entries)


def _stem(name: str) -> str:
    """A short variable name for an element: `valueQuantity` gives `value_quantity`."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    called = any(hasattr(module, snake) for module in (bare, groups, spelling, writers))
    taken = keyword.iskeyword(snake) or called or snake in ("type", "r", "v", "c", "me")
    return f"{snake}_" if taken else snake
