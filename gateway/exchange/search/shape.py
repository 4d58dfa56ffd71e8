"""How much of a resource an answer holds: `_summary` and `_elements` (search.html#summary, #elements).

    _summary=true     id, meta and the elements that the standard marks as summary
    _summary=text     id, meta, text, what must be there and what may deny it
    _summary=data     all but text
    _elements=a,b     id, meta, what must be there and what may deny it, and these; `Type.a` for one type

What was cut is marked with the tag SUBSETTED.  Elements are those of the resource itself, whole.  Of what is
included only the elements count that name its type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.codecs.fhir.elements import Version
from gateway.exchange.search.record import Resource
from gateway.exchange.search.scope import Scope
from gateway.mapping.modifiers import MODIFIERS

SUMMARIES = ("true", "text", "data", "count", "false")
ALWAYS = frozenset({"resourceType", "id", "meta", "modifierExtension"}) | MODIFIERS
"""What stays in any part of a resource: what it is, and what may turn round the meaning of the rest."""

TAG_SYSTEMS: dict[Version, str] = {
    "r4": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "stu3": "http://hl7.org/fhir/v3/ObservationValue",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What was asked: a value of `_summary`, and the names of `_elements`."""

    summary: str = "false"
    elements: frozenset[str] = frozenset()

    def cut(self, resource: Resource, scope: Scope, *, included: bool = False) -> Resource:
        """The resource with what was asked for; itself when that is all."""
        keeps = self._keeps(resource["resourceType"], scope, included)
        if keeps is None:
            return resource
        kept = {name: value for name, value in resource.items() if keeps(name.removeprefix("_"))}
        tag = {"system": TAG_SYSTEMS[scope.types.version], "code": "SUBSETTED"}
        meta = resource.get("meta", {})
        return kept | {"meta": meta | {"tag": [*meta.get("tag", ()), tag]}}

    def _keeps(self, kind: str, scope: Scope, included: bool) -> Callable[[str], bool] | None:
        named = {each for each in self.elements if not included or each.startswith(f"{kind}.")}
        if own := {each.removeprefix(f"{kind}.") for each in named}:
            return lambda name: _in(kind, name, own, scope) or _must(kind, name, scope)
        match self.summary:
            case "true":
                marked = scope.definitions.summary(kind)
                return lambda name: _in(kind, name, marked, scope) or _must(kind, name, scope)
            case "text":
                return lambda name: name == "text" or _must(kind, name, scope)
            case "data":
                return lambda name: name != "text"
            case _:
                return None


def _in(kind: str, name: str, names: set[str] | frozenset[str], scope: Scope) -> bool:
    """True when an element is one of these, by its own name or that of its choice."""
    element = scope.types.child(kind, name)
    return name in names or bool(element and element.choice and element.choice in names)


def _must(kind: str, name: str, scope: Scope) -> bool:
    element = scope.types.child(kind, name)
    return name in ALWAYS or bool(element and element.min)
