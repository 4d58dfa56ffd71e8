"""Values and conditions of a block, as Python source."""

from __future__ import annotations

from gateway.documents import Mark
from gateway.mapping.compiler.concepts import Concepts
from gateway.mapping.compiler.language import Coding, Condition, Constant, Join, Mapping
from gateway.mapping.compiler.notation import placeholders
from gateway.mapping.compiler.schematic import BEYOND, Key, Leaf


class Expressions:
    """Source text that reaches into a block: `v` is the block, `item` the part's `each`."""

    def __init__(self, mapping: Mapping, concepts: Concepts) -> None:
        self._mapping, self._concepts = mapping, concepts

    def test(self, condition: Condition, scope: str) -> str:
        """Source text of a condition; `scope` is the group that it may be about."""
        if condition.op == "not":
            return f"not ({self.test(condition.parts[0], scope)})"
        if condition.op == "same":
            bases = {"block": "v", "item": "item", "group": scope}
            values = [self.value(bases[part.base], part.concept) for part in condition.parts]
            return f"equal({', '.join(values)})"
        if condition.parts:
            return f" {condition.op} ".join(f"({self.test(part, scope)})" for part in condition.parts)
        if condition.op == "referred":
            return f"c.is_referred(me, {condition.values[0]!r})"
        if condition.op == "read-as":
            return f"me.was_read_only_as({', '.join(map(repr, condition.values))})"
        base = {"block": "v", "item": "item", "group": scope}[condition.base]
        value = self.value(base, condition.concept)
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
                raise self._mapping.fault(self._mapping.mark, f"unknown condition {condition.op}")

    def tested(self, condition: Condition, mark: Mark, each: Key = ()) -> str:
        """Source text of a condition about the block, or about the `each` of a part."""
        return self.test(self._concepts.tested(condition, mark, each), "v")

    def joined(self, join: Join, condition: Condition, block: str) -> str:
        """Source text of a condition about a joined block, which `block` holds."""
        return self.test(self._concepts.joined(join, condition), block)

    def value(self, base: str, key: Key) -> str:
        """Source text of the value at a path of concepts; the base itself without one."""
        if not key:
            return base
        if BEYOND in key:
            at = key.index(BEYOND)
            return f"dig(c.referred({self.value(base, key[:at])}), {', '.join(map(repr, key[at + 1 :]))})"
        if len(key) == 1:
            return f'{base}.get("{key[0]}")'
        return f"dig({base}, {', '.join(map(repr, key))})"

    def many(self, leaf: Leaf, scope: str) -> str:
        """Source text of all values of a leaf, or of those that its row takes."""
        base = "item" if leaf.item else scope
        rest = {"first": "[:1]", "rest": "[1:]"}.get(leaf.place.take, "")
        if BEYOND in leaf.key:
            return f"every({self.value(base, leaf.key)}, ()){rest}"
        return f"every({base}, {leaf.key!r}){rest}"

    def filled(self, text: str, mark: Mark, each: Key) -> str:
        """Source text of a text with the words of concepts in it."""
        template, concepts = placeholders(text)
        values = []
        for concept in concepts:
            item, key = self._concepts.worded(concept, mark, each)
            values.append(self.value("item" if item else "v", key))
        return f"filled({', '.join([repr(template), *values])})"


def is_template(value: Constant) -> bool:
    """True for a text that has the words of concepts in it."""
    return isinstance(value, str) and bool(placeholders(value)[1])
