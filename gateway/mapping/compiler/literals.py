"""Fixed values and what selects an element, as Python source."""

from __future__ import annotations

from collections.abc import Callable

from gateway.codecs.message_types import ElementTypes
from gateway.documents import Mark
from gateway.mapping.compiler.language import Coding, Constant, Derived, Mapping, Selector
from gateway.mapping.compiler.schematic import Node

NOW = "now"
"""The moment of the writing, as a fixed or derived value of an element that holds one."""


class Literals:
    """Source text of the constants of one mapping; `uri` gives the URI of a system that it names."""

    def __init__(self, mapping: Mapping, types: ElementTypes, uri: Callable[[str], str]) -> None:
        self.mapping, self.types, self.uri = mapping, types, uri

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
        there = [
            self._there(each.path, each.op, fhir_type) for each in selectors if each.op.startswith("with")
        ]
        there += [self._may_be(each, fhir_type) for each in selectors if each.op == "may-be"]
        return ", ".join([*filter(None, [self.chosen(selectors, fhir_type)]), *there])

    def _may_be(self, selector: Selector, kind: str) -> str:
        """`"type": MayBe({"coding": [...]})`: a member that is not to be anything else."""
        if len(selector.path) > 1:
            raise self.mapping.fault(self.mapping.mark, f"'{selector.path[0]}' itself is something or none")
        name, _, value = self._members([(selector.path, selector.value)], kind).partition(": ")
        return f"{name}: MayBe({value})"

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
