"""Which slice of an element an item belongs to, by the discriminators of the slicing.

Source: FHIR R4 §5.1.0.10, Discriminator (https://hl7.org/fhir/R4/profiling.html#discriminator).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.profiles.elements import Kind, Node
from conformance.profiles.items import Item, Tree
from conformance.profiles.matching import agrees, codings, listed
from conformance.profiles.package import Package

_EXTENSION = re.compile(r"extension\(url='([^']*)'\)")


@dataclass(frozen=True, slots=True)
class Slicing:
    """Decides for the items of one document."""

    package: Package
    resolve: Callable[[Tree], Tree | None]
    """The resource that a Reference points at, if the document has it."""
    conforms: Callable[[Item, str], bool]
    """Whether an item obeys a profile of its datatype."""

    def matches(self, item: Item, name: str, part: Node, discriminators: tuple[tuple[str, str], ...]) -> bool:
        """True when the item is of the slice of that name."""
        if item.type == "Extension":  # always told apart by its URL; inside another one that is the name
            said = part.children["url"].fixed if "url" in part.children else name
            return item.inside["url"] in (part.kinds.get("Extension", Kind()).profiles or (said,))
        return all(self._says(item, part, kind, path) for kind, path in discriminators)

    def _says(self, item: Item, part: Node, kind: str, path: str) -> bool:
        match kind:
            case "type" if path.endswith("resolve()"):
                return self._points(item, part, "")
            case "type":
                return item.type in part.kinds
            case "exists":
                return self._exists(item, path) is _must_exist(part, path)
            case "profile" if path == "$this":
                return any(self.conforms(item, url) for url in part.kinds.get(item.type, Kind()).profiles)
            case "profile":
                return self._points(item, part, path.removesuffix("resolve()").removesuffix("."))
            case _:
                return self._agrees(item, part, path)

    @staticmethod
    def _exists(item: Item, path: str) -> bool:
        extension = _EXTENSION.fullmatch(path)
        if extension:
            return any(each.get("url") == extension[1] for each in item.inside.get("extension", ()))
        return path in item.inside

    def _points(self, item: Item, part: Node, path: str) -> bool:
        found = item.inside.get(path) if path else item.inside
        node = part.children[path] if path else part
        target = self.resolve(found) if isinstance(found, dict) else None
        return target is not None and self.package.satisfies(target, node.kinds["Reference"].targets)

    def _agrees(self, item: Item, part: Node, path: str) -> bool:
        values = [item.value] if path == "$this" else _along(item.inside, path.split("."))
        wanted = list(self._constraints(item, part, path))
        return bool(wanted) and all(any(self._obeys(value, node) for value in values) for node in wanted)

    def _constraints(self, item: Item, part: Node, path: str) -> Iterator[Node]:
        """What the slice, and the profile of its type, say of the element at the path."""
        if path == "$this":
            yield part
            return
        if isinstance(part.pattern, dict) and path in part.pattern:
            yield Node(pattern=part.pattern[path][0])
        urls = part.kinds.get(item.type, Kind()).profiles
        for root in (part, *(self.package.profile(url).root for url in urls if url in self.package)):
            yield from _below(root, path.split("."))

    def _obeys(self, value: Any, node: Node) -> bool:
        wanted = node.pattern if node.fixed is None else node.fixed
        if wanted is not None and not agrees(wanted, value):
            return False
        sets = self.package.value_sets
        bound = not node.required or any(sets.admits(node.required, *each) for each in codings(value))
        return bound and all(
            any(self._obeys(each, child) for each in _along(value, [name]))
            for name, child in node.children.items()
            if _fixes(child)
        )


def _below(node: Node, path: list[str]) -> Iterator[Node]:
    """The elements at a path, those of slices that must be there too."""
    if not path:
        yield node
        return
    for each in (node, *(part for part in node.slices.values() if part.min)):
        if path[0] in each.children:
            yield from _below(each.children[path[0]], path[1:])


def _fixes(node: Node) -> bool:
    """True when something inside an element is fixed, whatever the element is."""
    return (node.fixed or node.pattern) is not None or any(map(_fixes, node.children.values()))


def _along(value: Any, path: list[str]) -> list[Any]:
    """What stands at a path inside a value."""
    found = [value]
    for name in path:
        found = [each for one in found if isinstance(one, dict) for each in listed(one.get(name))]
    return found


def _must_exist(part: Node, path: str) -> bool:
    child = part.children.get(path if path.isidentifier() else "extension")
    return child is not None and child.max != "0" and bool(child.min)
