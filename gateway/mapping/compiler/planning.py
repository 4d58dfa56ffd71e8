"""Compiles the plan of a block: which parts it becomes, and of which of its occurrences."""

from __future__ import annotations

from gateway.mapping.compiler.expressions import Expressions
from gateway.mapping.compiler.language import Part
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.source import Source


class PlanCompiler:
    """Emits the plan of one mapping into `source`: `plan_X(v, c, me)` gives (part, item) in order."""

    def __init__(self, layout: Layout, source: Source) -> None:
        self.source, self.mapping, self.concepts = source, layout.mapping, layout.concepts
        self._tested = Expressions(layout.mapping, layout.concepts).tested

    def compile(self) -> None:
        """The function."""
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
            test = self._tested(part.when, part.mark, part.each)
            with self.source.block(f"if {test}"):
                self.source.line(line)
