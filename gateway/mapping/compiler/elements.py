"""The elements that the paths of a mapping lead to, as nodes of its tree."""

from __future__ import annotations

from gateway.codecs.message_types import ElementTypes
from gateway.mapping.compiler.language import Join, Mapping, Path, Step
from gateway.mapping.compiler.schematic import Format, Node


class Elements:
    """Finds the node of a path, and makes those that are not there yet."""

    def __init__(self, mapping: Mapping, form: Format, types: ElementTypes) -> None:
        self.mapping, self.form, self.types = mapping, form, types

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

    def last_repeating(self, base: Node, path: Path) -> int:
        """The number of the last step of a path that may repeat; −1 when none does."""
        node, last = base, -1
        for i, step in enumerate(path.steps):
            node = self._make(node, step, path)
            if node.many:
                last = i
        return last

    def own_element(self, base: Node, path: Path, at: int) -> tuple[Node, Path]:
        """A new element at a step of a path, and the path inside it."""
        above = self.at(base, Path(path.steps[:at], path.mark))
        found = self._make(above, path.steps[at], path)
        above.entries.append(found)
        return found, Path(path.steps[at + 1 :], path.mark)

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
            raise self.mapping.fault(path.mark, f"{node.type} has no element '{step.name}' in {known}")
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
        return step.url if node.type == "Extension" else self.url(step)

    def url(self, step: Step) -> str:
        """The full URL of an extension that stands in no other one."""
        if not step.url or "://" in step.url:
            return step.url
        return self.form.extensions.get(step.url, self.form.extension_base + step.url)
