"""Which rules of base FHIR a document may break and still come in: those that published documents break
without that anything is mistaken.  `data/tolerated.json` has the reason of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import files

import orjson

from gateway.errors import Issue


def is_tolerated(key: str) -> bool:
    """True for a rule, by its key, that does not keep a document out."""
    return key in tolerated()


def as_received(faults: Iterable[Issue]) -> list[Issue]:
    """Faults of `base`, as they are for a document that is taken in: a tolerated one is a warning."""
    return [
        replace(issue, severity="warning") if is_tolerated(issue.rule.split(" ", 2)[2]) else issue
        for issue in faults
    ]


@cache
def tolerated() -> dict[str, str]:
    """The rules, each with its reason."""
    data = files("gateway.codecs.fhir").joinpath("data", "tolerated.json").read_bytes()
    found: dict[str, str] = orjson.loads(data)
    return found
