"""What a search brings along: what a match refers to, and what refers to it, within the record.

    _include=Type:parameter[:Target]      _include=Type:*    _include=*
    _include:iterate, _include:recurse    also of what was brought along (R4; STU3)
    _revinclude=Type:parameter[:Target]   `_revinclude:iterate` likewise

Each resource is brought along once, so circles end and an answer is never larger than the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.exchange.search.definitions import Definition
from gateway.exchange.search.record import Record, Resource, name_of
from gateway.exchange.search.references import references
from gateway.exchange.search.scope import Scope

AGAIN = ("iterate", "recurse")


@dataclass(frozen=True, slots=True)
class Include:
    """References of `source` ("": of any type) by `names` (none: by any parameter), to `target` ("": any)."""

    source: str
    names: tuple[str, ...]
    target: str
    again: bool
    reverse: bool

    def definitions(self, kind: str, scope: Scope) -> Iterator[Definition]:
        """The parameters of a type that it follows."""
        if self.source in ("", kind):
            for definition in scope.definitions.of(kind).values():
                if definition.type == "reference" and (not self.names or definition.name in self.names):
                    yield definition


def include_of(kind: str, name: str, value: str, scope: Scope) -> Include | None:
    """What an `_include` or `_revinclude` on a search of this type asks; None when there is no such thing."""
    stem, _, modifier = name.partition(":")
    reverse, again = stem == "_revinclude", modifier in AGAIN
    if modifier and not again:
        return None
    source, _, rest = value.partition(":")
    parameter, _, target = rest.partition(":")
    if value == "*" and not reverse:
        return Include("" if again else kind, (), "", again, reverse)
    if not (again or reverse or source == kind) or (target and not scope.types.is_resource(target)):
        return None
    if reverse and not again and target not in ("", kind):
        return None
    if not scope.types.is_resource(source) or not parameter:
        return None
    found = Include(source, () if parameter == "*" else (parameter,), target, again, reverse)
    return found if any(found.definitions(source, scope)) else None


def included(
    matches: Sequence[Resource], record: Record, includes: Sequence[Include], scope: Scope
) -> list[Resource]:
    """What the matches bring along, each once and none that is a match itself."""
    seen = {name_of(each) for each in matches}
    found: list[Resource] = []
    frontier, active = list(matches), list(includes)
    while frontier and active:
        fresh: list[Resource] = []
        for include in active:
            for each in _follow(include, frontier, record, scope):
                if (name := name_of(each)) not in seen:
                    seen.add(name)
                    fresh.append(each)
        found += fresh
        frontier, active = fresh, [include for include in active if include.again]
    return found


def _follow(
    include: Include, resources: Sequence[Resource], record: Record, scope: Scope
) -> Iterator[Resource]:
    if include.reverse:
        targets = {name for each in resources if (name := name_of(each)).startswith(_prefix(include))}
        for each in record.of(include.source):
            if not targets.isdisjoint(_referred(include, each, scope)):
                yield each
    else:
        for resource in resources:
            for name in _referred(include, resource, scope):
                if name.startswith(_prefix(include)) and (other := record.find(name)):
                    yield other


def _referred(include: Include, resource: Resource, scope: Scope) -> Iterator[str]:
    for definition in include.definitions(resource["resourceType"], scope):
        yield from references(definition, resource, scope.base)


def _prefix(include: Include) -> str:
    return f"{include.target}/" if include.target else ""
