"""References: `id`, `Type/id`, an address of this server, or any other address to the letter
(search.html#reference).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.exchange.search import tokens
from gateway.exchange.search.definitions import Definition
from gateway.exchange.search.record import Resource, local
from gateway.exchange.search.values import Test, unescape


def matching(values: list[str], definition: Definition, base: str, target: str) -> Test:
    """What holds for a reference to any of the values; of a bare id `target` may say the type."""
    ids, names = set[str](), set[str]()
    for value in map(unescape, values):
        if "/" in value or ":" in value:
            names.add(local(value, base))
        elif target:
            names.add(f"{target}/{value}")
        else:
            ids.add(value)

    def holds(_: str, value: Any) -> bool:
        name = local(reference_of(value), base)
        kind, _, number = name.partition("/")
        fits = (not target or kind == target) and counts(definition, kind)
        return fits and (name in names or number in ids)

    return holds


def matching_identifier(values: list[str]) -> Test:
    """The modifier `:identifier`: the reference has any of these identifiers, as tokens."""
    test_token = tokens.matching(values)
    return lambda _, value: (
        isinstance(value, dict) and "identifier" in value and test_token("Identifier", value["identifier"])
    )


def reference_of(value: Any) -> str:
    """The text of a Reference, or a canonical or uri; "" when it has none."""
    text = value.get("reference", "") if isinstance(value, dict) else value
    return text if isinstance(text, str) else ""


def references(definition: Definition, resource: Resource, base: str) -> Iterator[str]:
    """What a resource refers to by a parameter, those that count."""
    for _, value in definition.values(resource):
        name = local(reference_of(value), base)
        if name and counts(definition, name.partition("/")[0]):
            yield name


def counts(definition: Definition, kind: str) -> bool:
    """True unless the parameter is about references to other types only (`patient` and a Group)."""
    return not definition.narrow or kind in definition.targets
