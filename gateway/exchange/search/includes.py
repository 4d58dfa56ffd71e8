"""What a search brings along: what a match refers to, and what refers to it, within the record.

    _include=Type:parameter[:Target]      _include=Type:*    _include=*
    _include:iterate, _include:recurse    also of what was brought along (R4; STU3)
    _revinclude=Type:parameter[:Target]   `_revinclude:iterate` likewise

Each resource is brought along once, so circles end and an answer is never larger than the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.exchange.search.definitions import Definition
from gateway.exchange.search.record import Record, Resource, name_of
from gateway.exchange.search.references import references
from gateway.exchange.search.scope import Scope

Step = Callable[[Resource], Iterable[Resource]]

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
    steps = [(include.again, _step(include, record, scope)) for include in includes]
    frontier = list(matches)
    while frontier and steps:
        fresh: list[Resource] = []
        for _, step in steps:
            for each in (other for resource in frontier for other in step(resource)):
                if (name := name_of(each)) not in seen:
                    seen.add(name)
                    fresh.append(each)
        found += fresh
        frontier, steps = fresh, [(again, step) for again, step in steps if again]
    return found


def _step(include: Include, record: Record, scope: Scope) -> Step:
    """What one resource brings along.  Who refers to what is looked up once, not again for each round."""
    prefix = f"{include.target}/" if include.target else ""
    if not include.reverse:
        return lambda resource: (
            other
            for name in _referred(include, resource, scope)
            if name.startswith(prefix) and (other := record.find(name))
        )
    referring: dict[str, list[Resource]] = {}
    for each in record.of(include.source):
        for name in _referred(include, each, scope):
            if name.startswith(prefix):
                referring.setdefault(name, []).append(each)
    return lambda resource: referring.get(name_of(resource), ())


def _referred(include: Include, resource: Resource, scope: Scope) -> Iterator[str]:
    for definition in include.definitions(resource["resourceType"], scope):
        yield from references(definition, resource, scope.base)
