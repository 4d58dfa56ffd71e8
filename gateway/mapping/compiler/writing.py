"""Compiles the writing of a block: from its rows to Python source that builds the resource.

The source is meant to be read (`zibpoort mapping show-code`): one statement a row, constants as
literals, and at each statement the row of the mapping that it came from.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable

from gateway.documents import Mark
from gateway.mapping.compiler import conversion
from gateway.mapping.compiler.language import (
    Coding,
    Computed,
    Condition,
    Constant,
    Derived,
    Join,
    Link,
    Part,
    Selector,
)
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.notation import placeholders
from gateway.mapping.compiler.schematic import BEYOND, Entry, Leaf, Node
from gateway.mapping.compiler.source import Source
from gateway.mapping.runtime import bare, groups, spelling, writers

NOW = "now"
"""The moment of the writing, as a fixed or derived value of an element that holds one."""


def function_name(block: str, part: str) -> str:
    """The name of the generated function that writes a part of a block."""
    return f"write_{block}_{part}".replace(".", "_").replace("-", "_")


class WriteCompiler:
    """Emits the writing functions of one mapping into `source`."""

    def __init__(self, layout: Layout, source: Source, uri: Callable[[str], str]) -> None:
        self.layout, self.source, self.uri = layout, source, uri
        self.mapping, self.concepts, self.types = layout.mapping, layout.concepts, layout.elements.types
        self._each: tuple[str, ...] = ()
        self.needs: list[tuple[str, str, str]] = []
        """(row, 'map' or 'datatype', name): what the generated code looks up by name"""

    def compile(self) -> None:
        """Every part, then the plan that says which parts a block becomes."""
        for part in self.mapping.parts:
            self._part(part)
        self._plan()

    # -- functions ---------------------------------------------------------------------------------

    def _part(self, part: Part) -> None:
        tree, out = self.layout.part(part, "write"), self.source
        self._each = part.each
        out.forget_names()
        with out.block(f"def {function_name(self.mapping.block, part.name)}(v, item, c, me)"):
            if self.mapping.datatype:
                out.line(f"r = {{{self.chosen(part.select, part.type)}}}")
            else:
                meta = f', "meta": {{"profile": {self._claimed(part)}}}' if part.profiles else ""
                out.line(f'r = {{"resourceType": "{part.type}", "id": me.id{meta}}}')
            self._fill(tree, "r", "v")
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
            chosen += f" if {self.test(self.concepts.tested(condition, part.mark, part.each), 'v')} else "
        return chosen.removesuffix(" else ") + (" else []" if chosen.endswith(" else ") else "")

    def _plan(self) -> None:
        out = self.source
        out.forget_names()
        with out.block(f"def plan_{self.mapping.block}(v, c, me=None)"):
            out.line("parts = []")
            for part in self.mapping.parts:
                if part.only == "read":
                    continue
                if part.each:
                    with out.block(f"for item in {self._items(part)}"):
                        self._planned(part)
                else:
                    self._planned(part)
            out.line("return parts")
        out.line()

    def _items(self, part: Part) -> str:
        """Source text of what a part is made for each of."""
        outer = self.concepts.outer(part.each)
        inner = part.each[len(outer) :]
        found = f"narrowed(v, {outer!r}, {inner!r})" if inner else f"every(v, {outer!r})"
        return f"{found} or [{{}}]" if part.once else found

    def _planned(self, part: Part) -> None:
        item = "item" if part.each else "None"
        line = f'parts.append(("{part.name}", {item}))'
        if part.when is None:
            self.source.line(line)
        else:
            test = self.test(self.concepts.tested(part.when, part.mark, part.each), "v")
            with self.source.block(f"if {test}"):
                self.source.line(line)

    # -- elements ----------------------------------------------------------------------------------

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
            with self.source.block(f"for {item} in {self._many(node.loop, scope)}"):
                self._element(node, target, item)
        else:
            self._element(node, target, scope)

    def _loop(self, node: Node, loop: Leaf, target: str, scope: str) -> None:
        """One element for each occurrence of a group."""
        group = self.source.name("g")
        with self.source.block(f"for {group} in {self._many(loop, scope)}"):
            if loop.place.when is not None:
                with self.source.block(f"if {self.test(loop.place.when, group)}"):
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
                with self.source.block(f"if {self.test(self.concepts.joined(join, join.when), block)}"):
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
        chosen = self.selected(node)
        if chosen:
            whole = f"{{{chosen}, **{element}}}"
        parts = self.parts(node)
        with out.block(f"if {element}"):
            if parts:
                out.line(f'extend({element}, "extension", [{parts}])')
            verb = "merge_first" if node.shared else "append" if node.many else "merge"
            out.line(f'{verb}({target}, "{key}", {whole})')

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
        convert = self._converter(leaf, node)
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
            with self.source.block(f"if {self.test(self.concepts.tested(link.when, link.mark), 'v')}"):
                self.source.line(line)

    def _leaf(self, leaf: Leaf, node: Node, target: str, scope: str) -> None:
        if leaf.place.back:
            path = ".".join(step.name for step in leaf.place.path.steps)
            value = self.source.name("x")
            with self.source.block(f"for {value} in {self._many(leaf, scope)}"):
                self._back(leaf, path, value)
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

    def _back(self, leaf: Leaf, path: str, value: str) -> None:
        self.source.line(f'c.point_back({value}, "{path}", me, {self._rule(leaf)})')

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
        convert = self._converter(leaf, node)
        if not node.name:
            self.source.line(f"spread({target}, {value}, {convert}, c, {rule})")
        elif node.name.endswith("[x]"):
            self.source.line(f'put_any({target}, "{node.name[:-3]}", {value}, c, {rule})')
        elif leaf.place.keep == "extension":
            url = self.layout.form.original_code
            self.source.line(
                f'put_kept({target}, "{node.name}", {value}, {convert}, {node.many}, "{url}", c, {rule})'
            )
        elif self.selected(node):
            chosen = f"{{{self.selected(node)}}}"
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
            found = self._value("item" if leaf.item else scope, leaf.key)
            if leaf.place.take == "first":
                found = f"first_of({self._many(leaf, scope)})"
            test = "" if always else f"({value} := {found})"
            if always:
                self.source.line(f"{value} = {found}")
        if leaf.place.when is not None:
            condition = f"({self.test(leaf.place.when, scope)})"
            test = f"{condition} and {test}" if test else condition
        if test:
            with self.source.block(f"if {test}"):
                body(value)
        else:
            body(value)

    def _value(self, base: str, key: tuple[str, ...]) -> str:
        if not key:
            return base
        if BEYOND in key:
            at = key.index(BEYOND)
            return f"dig(c.referred({self._value(base, key[:at])}), {', '.join(map(repr, key[at + 1 :]))})"
        if len(key) == 1:
            return f'{base}.get("{key[0]}")'
        return f"dig({base}, {', '.join(map(repr, key))})"

    def _many(self, leaf: Leaf, scope: str) -> str:
        base = "item" if leaf.item else scope
        rest = {"first": "[:1]", "rest": "[1:]"}.get(leaf.place.take, "")
        if BEYOND in leaf.key:
            return f"every({self._value(base, leaf.key)}, ()){rest}"
        return f"every({base}, {leaf.key!r}){rest}"

    # -- values ------------------------------------------------------------------------------------

    def _converter(self, leaf: Leaf, node: Node) -> str:
        """The expression for the function that converts this concept to this FHIR type."""
        place, concept = leaf.place, leaf.concept
        if place.take == "system":
            return "system_uri"
        name = conversion.writer(concept.type, node.type)
        if name is None:
            partial = self.concepts.profiles.get(self.concepts.release, concept.type)
            if partial is None or concept.concepts:
                raise self.mapping.fault(place.mark, f"a {concept.type} cannot be written as {node.type}")
            self.needs.append((str(place.mark), "datatype", f"{concept.type}/{node.type}"))
            part = f", {place.part!r}" if place.part else ""
            return f"c.datatype({concept.type!r}, {node.type!r}{part})"
        if place.map:
            self.needs.append((str(place.mark), "map", place.map))
            return f"c.mapped({place.map!r}, {name}, {place.keep == 'coding'})"
        if (concept.type, node.type) == ("boolean", "code"):
            raise self.mapping.fault(place.mark, "a truth value needs a concept map (map) to be a code")
        if concept.type == "reference":
            return f"c.referring({place.part!r})"
        if name == "quantity" and node.type == "Money" and self.types.child("Money", "currency"):
            return "money"  # R4; in STU3 Money is a Quantity
        if place.unit is not None and name == "integer_quantity":
            return f"counted({place.unit.code!r}, {place.unit.display!r})"
        if place.unit is not None and name == "quantity":
            return f"c.in_unit({place.unit.code!r}, {place.unit.display!r})"
        if place.unit is not None and name == "quantity_number":
            return (
                f"amount({place.times}, {place.unit.code!r}, {self.named_system(leaf, place.unit.system)!r})"
            )
        if place.system:
            return self.bare(leaf, name, "only_system")
        return name

    def bare(self, leaf: Leaf, name: str, function: str) -> str:
        """The constant for a converter of bare codes or numbers of the system that a row names."""
        if name not in ("code_text", "identifier_text", "code_of_text", "identifier_of_text"):
            text = "a system is for a place that holds only a code, or only the number of an identifier"
            raise self.mapping.fault(leaf.place.mark, text)
        uri = self.named_system(leaf, leaf.place.system)
        stem = "".join(letter if letter.isalnum() else "_" for letter in leaf.place.system)
        return self.source.constant(f"{name.upper()}_{stem}", f"{function}({uri!r}, {name})")

    def named_system(self, leaf: Leaf, name: str) -> str:
        """The URI of a system that a row names."""
        try:
            return self.uri(name)
        except LookupError:
            text = f"'{name}' is no code system that aliases.yaml knows"
            raise self.mapping.fault(leaf.place.mark, text) from None

    def _rule(self, leaf: Leaf) -> str:
        return self.source.rule(leaf.place.mark)

    def _derived(self, derived: Derived, node: Node, target: str, scope: str, spread: bool = False) -> None:
        word = "if"
        for values, condition in derived.cases:
            literal = self.literal(values, node, derived)
            put = f"{target}.update({literal})" if spread else self._set(target, node, literal)
            if is_template(values[0]):
                put = (
                    f'computed({target}, "{node.name}", {self.filled(str(values[0]), derived)}, {node.many})'
                )
            if condition is None and word == "if":
                self.source.line(put)
                return
            head = "else"
            if condition is not None:
                head = f"{word} {self.test(self.concepts.tested(condition, derived.mark, self._each), 'v')}"
            with self.source.block(head):
                self.source.line(put)
            word = "elif"

    def filled(self, text: str, derived: Derived) -> str:
        """Source text of a text with the words of concepts in it."""
        template, concepts = placeholders(text)
        values = []
        for concept in concepts:
            item, key = self.concepts.worded(concept, derived.mark, self._each)
            values.append(self._value("item" if item else "v", key))
        return f"filled({', '.join([repr(template), *values])})"

    @staticmethod
    def _set(target: str, node: Node, literal: str) -> str:
        return (
            f'extend({target}, "{node.name}", {literal})'
            if node.many
            else f'{target}["{node.name}"] = {literal}'
        )

    def literal(self, values: tuple[Constant, ...], node: Node, derived: Derived) -> str:
        """Source text of a fixed value of the node's type; a list when it repeats."""
        found = [self.constant(value, node.type) for value in values]
        if any(each is None for each in found):
            raise self.mapping.fault(derived.mark, f"this cannot be a fixed {node.type}")
        if node.type == "CodeableConcept" and not node.many and len(values) > 1:
            codings = ", ".join(str(self.constant(value, "Coding")) for value in values)
            return f'{{"coding": [{codings}]}}'
        return f"[{', '.join(map(str, found))}]" if node.many else str(found[0])

    def constant(self, value: Constant, fhir_type: str) -> str | None:
        """Source text of a constant as a FHIR value of that type; None when it cannot be."""
        if isinstance(value, tuple):
            codings = ", ".join(str(self.constant(each, "Coding")) for each in value)
            return f'{{"coding": [{codings}]}}' if fhir_type == "CodeableConcept" else None
        if isinstance(value, Coding):
            parts = {"system": self.system(value.system), "code": value.code}
            if value.display:
                parts["display"] = value.display
            words = f', "text": {value.text!r}' if value.text else ""
            return {"CodeableConcept": f'{{"coding": [{parts!r}]{words}}}', "Coding": repr(parts)}.get(
                fhir_type
            )
        if fhir_type == "CodeableConcept":
            return f'{{"text": {value!r}}}'
        if fhir_type == "Coding":
            return None
        if value == NOW and fhir_type in ("dateTime", "date", "instant"):
            return f'c.moment_now("{fhir_type}")'
        return repr(value)

    def system(self, name: str) -> str:
        """The URI of a code system; an error at the line that names one that nothing knows."""
        try:
            return self.uri(name)
        except LookupError:
            document = self.mapping.document
            lines = document.text.splitlines()
            line = next((i for i, text in enumerate(lines, 1) if f"{name}#" in text), 1)
            column = max(lines[line - 1].find(f"{name}#"), 0) + 1
            mark = Mark(document.name, line, column)
            raise document.fault_at(mark, f"'{name}' is no code system that aliases.yaml knows") from None

    def selected(self, node: Node) -> str:
        """The members that a node's selectors (and its extension URL) fix, as source of a dict's inside."""
        if node.url:
            return f'"url": "{node.url}"'
        return self.chosen(node.selectors, node.type)

    def parts(self, node: Node) -> str:
        """The parts of an extension that its selectors fix, as source of a list's inside."""
        return ", ".join(
            f'{{"url": "{each.path[0]}", {self._part_value(each)}}}' for each in node.selectors if node.url
        )

    def _part_value(self, selector: Selector) -> str:
        """The value of a part: of the type that the path names, else that of the constant."""
        kinds = {Coding: "valueCoding", bool: "valueBoolean", int: "valueInteger"}
        name = selector.path[1] if len(selector.path) > 1 else kinds.get(type(selector.value), "valueString")
        return self._members([((name,), selector.value)], "Extension")

    def chosen(self, selectors: tuple[Selector, ...], fhir_type: str) -> str:
        """The members that selectors fix, as source of a dict's inside."""
        fixed = [(each.path, each.value) for each in selectors if each.op == "is"]
        return self._members(fixed, fhir_type)

    def sought(self, node: Node) -> str:
        """What tells the elements of a node from others, as source of a dict's inside: for reading."""
        if node.url:
            parts = self.parts(node)
            return f'"url": "{node.url}"' + (f', "extension": [{parts}]' if parts else "")
        return self.seeking(node.selectors, node.type)

    def seeking(self, selectors: tuple[Selector, ...], fhir_type: str) -> str:
        """What selectors look for: the members that they fix, and those that are to be there or not."""
        there = [self._there(each.path, each.op, fhir_type) for each in selectors if each.op != "is"]
        return ", ".join([*filter(None, [self.chosen(selectors, fhir_type)]), *there])

    def _there(self, path: tuple[str, ...], op: str, kind: str) -> str:
        """`"code": {"coding": MISSING}`: a member that is to be there or not."""
        if len(path) == 1:
            return f'"{path[0]}": {"PRESENT" if op == "with" else "MISSING"}'
        element = self.types.child(kind, path[0])
        if element is None:
            raise self.mapping.fault(self.mapping.mark, f"{kind} has no element '{path[0]}' to select by")
        inner = f"{{{self._there(path[1:], op, element.type)}}}"
        return f'"{path[0]}": [{inner}]' if element.many else f'"{path[0]}": {inner}'

    def _members(self, fixed: list[tuple[tuple[str, ...], Constant]], kind: str) -> str:
        """`"code": {"coding": [...]}`: the members that selectors fix; those of one element together."""
        found = []
        for name in dict.fromkeys(path[0] for path, _ in fixed):
            element = self.types.child(kind, name)
            if element is None:
                raise self.mapping.fault(self.mapping.mark, f"{kind} has no element '{name}' to select by")
            deeper = [(path[1:], value) for path, value in fixed if path[0] == name and len(path) > 1]
            if deeper:
                inner = f"{{{self._members(deeper, element.type)}}}"
            else:
                inner = str(
                    next(self.constant(value, element.type) for path, value in fixed if path[0] == name)
                )
            found.append(f'"{name}": [{inner}]' if element.many else f'"{name}": {inner}')
        return ", ".join(found)

    # -- conditions --------------------------------------------------------------------------------

    def test(self, condition: Condition, scope: str) -> str:
        """Source text of a condition; `scope` is the group that it may be about."""
        if condition.op == "not":
            return f"not ({self.test(condition.parts[0], scope)})"
        if condition.op == "same":
            bases = {"block": "v", "item": "item", "group": scope}
            values = [self._value(bases[part.base], part.concept) for part in condition.parts]
            return f"equal({', '.join(values)})"
        if condition.parts:
            return f" {condition.op} ".join(f"({self.test(part, scope)})" for part in condition.parts)
        if condition.op == "referred":
            return f"c.is_referred(me, {condition.values[0]!r})"
        base = {"block": "v", "item": "item", "group": scope}[condition.base]
        value = self._value(base, condition.concept)
        match condition.op:
            case "has":
                return f"present({value})"
            case "lacks":
                return f"not present({value})"
            case "past" | "future":
                return f"c.is_{condition.op}({value})"
            case "more-than":
                return f"len(every({base}, {condition.concept!r})) > {condition.values[0]}"
            case "is" | "is-not":
                wanted = [value.code if isinstance(value, Coding) else value for value in condition.values]
                test = f"says({value}, {', '.join(map(repr, wanted))})"
                return f"not {test}" if condition.op == "is-not" else test
            case _:
                raise self.mapping.fault(self.mapping.mark, f"unknown condition {condition.op}")


def is_template(value: Constant) -> bool:
    """True for a text that has the words of concepts in it."""
    return isinstance(value, str) and bool(placeholders(value)[1])


def _stem(name: str) -> str:
    """A short variable name for an element: `valueQuantity` gives `value_quantity`."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    called = any(hasattr(module, snake) for module in (bare, groups, spelling, writers))
    taken = keyword.iskeyword(snake) or called or snake in ("type", "r", "v", "c", "me")
    return f"{snake}_" if taken else snake
