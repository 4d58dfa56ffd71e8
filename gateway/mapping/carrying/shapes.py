"""Which elements a resource has, so that in its own format nothing is added that its source did not have.

A block is written in all the elements that its zib's profile has for it.  Of a resource that was read, the
source chose among them: what it left out says nothing new, or another resource of the block says it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Set
from typing import Any, Final

from gateway.codecs.message_types import ElementTypes

Tree = dict[str, Any]
Oid = Callable[[str], str]
APART: Final = {"extension": "url", "modifierExtension": "url", "coding": "system"}
"""Elements of which several stand side by side, and the member that tells them apart."""
_ASIDE: Final = frozenset(("resourceType", "id", "meta", "text", "contained"))


def shape(resource: Tree, oid: Oid) -> tuple[str, ...]:
    """The paths of all elements inside the members of a resource, without its values."""
    found: dict[str, None] = {}
    for name, value in resource.items():
        if name not in _ASIDE:
            for each in _items(value):
                _shape(each, _path(name, each, oid), found, oid)
    return tuple(found)


def _shape(element: Any, path: str, found: dict[str, None], oid: Oid) -> None:
    found[path] = None
    if isinstance(element, dict):
        for name, value in element.items():
            for each in _items(value):
                _shape(each, f"{path}.{_path(name, each, oid)}", found, oid)


def _path(name: str, element: Any, oid: Oid) -> str:
    """An element's name; of several told apart by a member, with that."""
    sign = APART.get(name)
    if sign is None or not isinstance(element, dict):
        return name
    told = element.get(sign, "")
    return f"{name}[{oid(told) if sign == 'system' else told}]"


class Trimmer:
    """Takes out of resources of one format what their sources did not have."""

    def __init__(self, types: ElementTypes, oid: Oid) -> None:
        self._types, self._oid = types, oid

    def trim(self, resource: Tree, inside: Collection[str], joined: Collection[str]) -> None:
        """Trim the members of a resource; `joined` are those that other blocks share."""
        known, references = frozenset(inside), list(_references(resource))
        for name in resource.keys() - {*_ASIDE, *joined}:
            self._member(resource, name, resource["resourceType"], "", known, references)

    def _member(
        self, element: Tree, name: str, kind: str, path: str, known: Set[str], references: list[str]
    ) -> None:
        child = self._types.child(kind, name.removeprefix("_"))
        if child is None or child.type == "Resource":
            return
        inner = "Element" if name.startswith("_") else child.type
        items = element[name] if isinstance(element[name], list) else [element[name]]
        left = [each for each in items if self._stays(each, name, path, known, references)]
        if name == "coding" and not left:
            return  # one that has another name now, and no one beside it
        for each in left:
            if isinstance(each, dict):
                self._inside(each, inner, f"{path}{_path(name, each, self._oid)}.", known, references)
        self._put(element, name, [each for each in left if each != {}])

    def _stays(self, value: Any, name: str, path: str, known: Set[str], references: list[str]) -> bool:
        """True for an element that the source had too; or for one that alone says what it refers to."""
        if path + _path(name, value, self._oid) in known or value is None:
            return True
        own = list(_references(value))
        return any(own.count(each) == references.count(each) for each in own)

    def _inside(self, element: Tree, kind: str, path: str, known: Set[str], references: list[str]) -> None:
        here = {name: self._types.child(kind, name.removeprefix("_")) for name in element}
        sent = {child.choice for name, child in here.items() if child and child.choice and path + name in known}
        for name, child in here.items():
            if child is None or path + name in known or name in APART:
                self._member(element, name, kind, path, known, references)
            elif child.choice:
                if child.choice in sent:
                    del element[name]
            elif not child.min or name.startswith("_"):
                self._member(element, name, kind, path, known, references)

    @staticmethod
    def _put(element: Tree, name: str, left: list[Any]) -> None:
        if not any(each is not None for each in left):
            del element[name]
        else:
            element[name] = left if isinstance(element[name], list) else left[0]


def _references(value: Any) -> Iterator[str]:
    """All references in an element."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "reference" and isinstance(each, str):
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
