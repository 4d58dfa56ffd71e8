"""Which elements a resource has, so that in its own format nothing is added that its source did not have.

A block is written in all the elements that its zib's profile has for it.  Of a resource that was read, the
source chose among them: what it left out says nothing new, or another resource of the block says it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, NamedTuple

from gateway.codecs.message_types import ElementTypes
from gateway.mapping.runtime.state import BSN

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
    """An element's name; of several that stand side by side, with what tells them apart."""
    if not isinstance(element, dict):
        return name
    if name == "identifier":
        system, value = oid(element.get("system", "")), element.get("value", "")
        # Eight bits tell the few numbers of one resource apart, and nobody by them.
        return f"{name}[{system}{'' if system == BSN else f' {zlib.crc32(value.encode()) & 255}'}]"
    sign = APART.get(name)
    if sign is not None:
        told = element.get(sign, "")
        return f"{name}[{oid(told) if sign == 'system' else told}]"
    codings = element["code"].get("coding", ()) if isinstance(element.get("code"), dict) else ()
    return f"{name}[{'+'.join(sorted(each.get('code', '') for each in codings))}]" if codings else name


class Trimmer:
    """Takes out of resources of one format what their sources did not have."""

    def __init__(self, types: ElementTypes, oid: Oid, beside: Collection[str] = ()) -> None:
        """`beside` are the extensions of a reference that only tell more of what it refers to."""
        self._types, self._oid, self._beside = types, oid, beside

    def trim(
        self, resource: Tree, inside: Collection[str], others: Collection[str], joined: Collection[str]
    ) -> None:
        """Trim the members of a resource that had the paths `inside`.

        `others` are the paths of all resources that its block was read from; `joined` are the members that
        other blocks share.
        """
        around = _Around(
            frozenset(inside),
            frozenset(others),
            list(_references(resource)),
            {text for path, text in _leaves(resource) if not path.startswith("identifier.")},
        )
        for name in resource.keys() - _ASIDE:
            shared = around._replace(shared=name in joined)
            self._member(resource, name, resource["resourceType"], "", shared)

    def _member(self, element: Tree, name: str, kind: str, path: str, around: _Around) -> None:
        child = self._types.child(kind, name.removeprefix("_"))
        if child is None or child.type == "Resource":
            return
        inner = "Element" if name.startswith("_") else child.type
        items = _items(element[name])
        paths = [path + _path(name, each, self._oid) for each in items]
        beside = list(zip(items, paths, strict=True))
        left = []
        numbers: dict[tuple[Any, Any], list[Any]] = {}
        for each, here in beside:
            if name == "identifier":
                alike = numbers.setdefault((each.get("system"), each.get("value")), [])
                if each in alike:
                    continue  # two concepts have that number
                alike.append(each)
            if each is None or here in around.known:
                if isinstance(each, dict):
                    self._inside(each, inner, f"{here}.", around)
                left.append(each)
            elif _stays(each, name, here, beside, around):
                left.append(each)
        _put(element, name, [each for each in left if each != {}])

    def _inside(self, element: Tree, kind: str, path: str, around: _Around) -> None:
        if "reference" in element and "extension" in element:
            left = [each for each in element["extension"] if not self._is_added(each, path, around)]
            _put(element, "extension", left)
        here = {name: self._types.child(kind, name.removeprefix("_")) for name in element}
        known = {name for name in element if path + name in around.known}
        sent = {child.choice for name, child in here.items() if child and name in known} - {""}
        for name, child in here.items():
            if child is None or (child.min and name not in known and name not in APART):
                continue
            if child.choice and name not in known:
                if child.choice in sent and not around.shared:
                    del element[name]
            else:
                self._member(element, name, kind, path, around)

    def _is_added(self, extension: Tree, path: str, around: _Around) -> bool:
        url = extension.get("url")
        return url in self._beside and f"{path}extension[{url}]" not in around.known


class _Around(NamedTuple):
    """The paths that a source had, those of all sources of its block, and what the resource refers to."""

    known: frozenset[str]
    others: frozenset[str]
    references: list[str]
    words: set[str]
    """All that the resource says, but its numbers."""
    shared: bool = False
    """Other blocks may say what stands there, and the source did not."""


def _stays(value: Any, name: str, path: str, beside: list[tuple[Any, str]], around: _Around) -> bool:
    """True for an element that the source did not have there, and without which something would go."""
    if name == "identifier":
        return path not in around.others and value.get("value") not in around.words
    if name == "coding" and not around.shared:
        stem = path.rpartition("coding[")[0] + "coding["
        if any(each.startswith(stem) for each in around.known):
            return not any(each in around.known for _, each in beside)
        return not value.get("system", "").endswith(("/NullFlavor", "/v3-NullFlavor"))
    own = list(_references(value))
    if name == "reference" or any(own.count(each) == around.references.count(each) for each in own):
        return True
    if path.endswith("]") and name not in APART:  # told apart by its code
        said = {leaf for leaf in _leaves(value) if not leaf[0].startswith("code.")}
        return not any(each in around.known and said <= set(_leaves(one)) for one, each in beside)
    return around.shared


def _put(element: Tree, name: str, left: list[Any]) -> None:
    if not any(each is not None for each in left):
        del element[name]
    else:
        element[name] = left if isinstance(element[name], list) else left[0]


def _leaves(element: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(element, dict):
        for name, each in element.items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(element, list):
        for each in element:
            yield from _leaves(each, path)
    elif element is not None:
        yield path, str(element)


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
