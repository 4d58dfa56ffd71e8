"""The order of an answer: `_sort`, several parameters, `-` for descending; at last by type and id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from gateway.exchange.search import dates, quantities, strings, tokens
from gateway.exchange.search.definitions import Definition
from gateway.exchange.search.record import Resource, name_of
from gateway.exchange.search.references import reference_of
from gateway.exchange.search.scope import Scope


@dataclass(frozen=True, slots=True)
class SortKey:
    """A parameter to sort by.  A resource without a value for it comes last, in both directions."""

    definition: Definition
    descending: bool


def sort_keys(kind: str, value: str, scope: Scope) -> tuple[SortKey, ...]:
    """The keys of a `_sort`; () when one of them is no parameter that can be sorted by."""
    keys: list[SortKey] = []
    for name in value.split(","):
        definition = scope.definitions.of(kind).get(name.removeprefix("-"))
        if definition is None or definition.type == "composite":
            return ()
        keys.append(SortKey(definition, name.startswith("-")))
    return tuple(keys)


def ordered(resources: Sequence[Resource], keys: Sequence[SortKey], zone: tzinfo) -> list[Resource]:
    """The resources in order: by the first key, where that is equal by the next, at last by type and id."""
    found = sorted(resources, key=name_of)
    for key in reversed(keys):
        values = [(list(_comparable(key, each, zone)), each) for each in found]
        pick = max if key.descending else min
        with_value = [(pick(several), each) for several, each in values if several]
        with_value.sort(key=lambda pair: pair[0], reverse=key.descending)
        found = [each for _, each in with_value] + [each for several, each in values if not several]
    return found


def _comparable(key: SortKey, resource: Resource, zone: tzinfo) -> Iterator[Any]:
    """What can be compared, all of one Python type: of a period its start, descending its end."""
    for kind, value in key.definition.values(resource):
        match key.definition.type:
            case "date":
                found = dates.ranges(kind, value, zone)
                yield from (each.high if key.descending else each.low for each in found)
            case "token":
                yield from ((code, system) for system, code in tokens.tokens(kind, value))
            case "reference":
                yield reference_of(value)
            case "number" | "quantity":
                yield from quantities.spans(value)
            case _:
                yield from map(strings.normalise, strings.texts(kind, value))
