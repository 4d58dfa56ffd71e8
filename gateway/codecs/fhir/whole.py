"""Constraints of base FHIR on a whole: a resource with what it contains, a Bundle with its entries.

Each gives what is broken as (step from the node, key, text).  Source: the constraints of FHIR R4 (4.0.1) and
STU3 (3.0.2), under their keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from gateway.codecs.fhir.elements import Tree, Version

Broken = tuple[str, str, str]
Check = Callable[[Tree, Version], Iterator[Broken]]
FIRST: Final = {"document": ("bdl-11", "Composition"), "message": ("bdl-12", "MessageHeader")}
ASKED: Final = ("batch", "transaction", "history")
ANSWERED: Final = ("batch-response", "transaction-response", "history")


def of_resource(node: Tree, version: Version) -> Iterator[Broken]:
    """dom-1 (STU3), dom-2, dom-3, dom-4 and dom-5 (R4): what a resource contains."""
    contained = node.get("contained")
    if not contained:
        return
    named = set(_local(node))
    for number, each in enumerate(contained):
        step = f".contained[{number}]"
        if "contained" in each:
            yield step, "dom-2", "a contained resource contains none"
        if "id" in each and f"#{each['id']}" not in named and (version == "stu3" or "#" not in _local(each)):
            yield step, "dom-3", "nothing refers to this contained resource"
        meta = each.get("meta", {})
        if "versionId" in meta or "lastUpdated" in meta:
            yield step, "dom-4", "a contained resource has no version or time of its own"
        if version == "r4" and "security" in meta:
            yield step, "dom-5", "a contained resource has no security label"
        if version == "stu3" and "text" in each:
            yield step, "dom-1", "a contained resource has no narrative"


def of_observation(node: Tree, version: Version) -> Iterator[Broken]:
    """obs-7 (R4): no component has the code of an Observation that has a value."""
    components, kinds = node.get("component"), _kinds(node)
    if version != "r4" or not components or not kinds:
        return
    codings = _codings(node)
    for number, component in enumerate(components):
        if codings & _codings(component):
            key = "obs-7" if kinds & _kinds(component) else "obs-7 between kinds"
            yield f".component[{number}].code", key, "the Observation has a value for this code itself"


def of_bundle(node: Tree, version: Version) -> Iterator[Broken]:
    """bdl-2, 3, 4, 7, 8, 9, and in R4 bdl-11 and 12: what entries hold in a Bundle of this type."""
    kind, entries = node.get("type"), node.get("entry", [])
    for number, entry in enumerate(entries):
        step = f".entry[{number}]"
        if "search" in entry and kind != "searchset":
            yield step, "bdl-2", "search stands only in a searchset"
        yield from _exchanged(entry, kind, version, step)
        if "/_history/" in entry.get("fullUrl", ""):
            yield step, "bdl-8", "a fullUrl names no version"
    if kind != "history" or version == "stu3":
        yield from _twice(entries)
    identifier = node.get("identifier", {})
    if kind == "document" and identifier and not (_has(identifier, "system") and _has(identifier, "value")):
        yield ".identifier", "bdl-9", "the identifier of a document has a system and a value"
    if version == "r4" and kind in FIRST:
        key, wanted = FIRST[kind]
        if not entries or entries[0].get("resource", {}).get("resourceType") != wanted:
            yield ".entry[0].resource" if entries else "", key, f"a {kind} begins with a {wanted}"


CHECKS: Final[dict[str, Check]] = {
    "Bundle": of_bundle,
    "Observation": of_observation,
}
"""By resource type; `of_resource` is for all that are not contained."""


def _exchanged(entry: Tree, kind: Any, version: Version, step: str) -> Iterator[Broken]:
    """bdl-3 and bdl-4; in STU3 they only forbid, and a history has no response."""
    answered = ANSWERED if version == "r4" else ANSWERED[:2]
    for name, key, kinds in (("request", "bdl-3", ASKED), ("response", "bdl-4", answered)):
        if name in entry and kind not in kinds:
            yield step, key, f"{name} stands only in a Bundle that is a {' or a '.join(kinds)}"
        elif name not in entry and kind in kinds and version == "r4":
            yield step, key, f"{name} is required in an entry of a {kind}"


def _twice(entries: list[Tree]) -> Iterator[Broken]:
    """bdl-7: a fullUrl occurs once, or with different versions."""
    seen: set[tuple[str, Any]] = set()
    targets: frozenset[str] | None = None
    for number, entry in enumerate(entries):
        if "fullUrl" not in entry:
            continue
        url = entry["fullUrl"]
        name = url, entry.get("resource", {}).get("meta", {}).get("versionId", "")
        if name in seen:
            targets = _targets(entries) if targets is None else targets
            referred = url in targets or "/".join(url.split("/")[-2:]) in targets
            key = "bdl-7" if referred else "bdl-7 unreferred"
            yield f".entry[{number}]", key, "an entry before has the same fullUrl"
        seen.add(name)


def _codings(node: Tree) -> set[str]:
    """The codings of a node's code, each as a text that is the same for the same coding."""
    codings = node.get("code", {}).get("coding", ())
    return {json.dumps(each, default=str, sort_keys=True) for each in codings}


def _kinds(node: Tree) -> set[str]:
    """The members that are the value of a node."""
    return {name.removeprefix("_") for name in node if name.startswith(("value", "_value"))}


def _targets(node: Any) -> frozenset[str]:
    """Every reference in a tree."""
    return frozenset(text for name, text in _texts(node) if name == "reference")


def _has(node: Tree, name: str) -> bool:
    return name in node or f"_{name}" in node


def _local(node: Any) -> Iterator[str]:
    """Every text of a tree that may be a reference inside its resource."""
    return (text for _, text in _texts(node) if text[:1] == "#")


def _texts(node: Any) -> Iterator[tuple[str, str]]:
    """Every text of a tree, with the name of the member that it is, or stands in."""
    left: list[tuple[str, Any]] = [("", node)]
    while left:
        name, each = left.pop()
        if isinstance(each, str):
            yield name, each
        elif isinstance(each, dict):
            left += each.items()
        elif isinstance(each, list):
            left += [(name, item) for item in each]
