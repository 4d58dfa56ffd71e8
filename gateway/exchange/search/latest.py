"""The most recent Observations of each code: what `$lastn` is about (R4 observation-operation-lastn.html)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from gateway.exchange.search import dates
from gateway.exchange.search.record import Resource

WHEN = {
    "effectiveDateTime": "dateTime",
    "effectiveInstant": "instant",
    "effectivePeriod": "Period",
    "effectiveTiming": "Timing",
}


def latest(observations: Sequence[Resource], most: int, zone: tzinfo) -> list[Resource]:
    """At most so many Observations of each code, newest first; those without a date come last.

    Two that share a coding have the same code; without any coding it is the text that counts.
    """
    groups: dict[Any, list[Resource]] = {}
    for each in sorted(observations, key=lambda each: _end(each, zone), reverse=True):
        keys = _keys(each.get("code", {}))
        group = next((groups[key] for key in keys if key in groups), [])
        for key in keys:
            groups.setdefault(key, group)
        group.append(each)
    kept = {id(each) for group in groups.values() for each in group[:most]}
    return sorted(
        (each for each in observations if id(each) in kept), key=lambda each: _end(each, zone), reverse=True
    )


def _keys(code: dict[str, Any]) -> list[Any]:
    codings: list[Any] = [(each.get("system"), each.get("code")) for each in code.get("coding", ())]
    return codings or [code.get("text")]


def _end(observation: Resource, zone: tzinfo) -> Any:
    found = [
        each.high
        for name, kind in WHEN.items()
        if name in observation
        for each in dates.ranges(kind, observation[name], zone)
    ]
    return max(found, default=dates.FIRST)
