"""Tokens: a code, identifier, boolean or contact point, with or without its system (search.html#token).

code          this code, whatever its system        |code     this code, without a system
system|code   this code of this system              system|   anything of this system
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.exchange.search.strings import normalise
from gateway.exchange.search.values import Test, split, unescape

Pair = tuple[str, str]
"""A system, "" for none, and a code."""


def matching(values: list[str]) -> Test:
    """What holds for a value that is any of these tokens."""
    codes, systems, pairs = set[str](), set[str](), set[Pair]()
    for value in values:
        system, *rest = map(unescape, split(value, "|"))
        code = rest[0] if rest else system
        if not rest:
            codes.add(code)
        elif code:
            pairs.add((system, code))
        elif system:
            systems.add(system)
    return lambda kind, value: any(
        pair[1] in codes or pair[0] in systems or pair in pairs for pair in tokens(kind, value)
    )


def matching_text(values: list[str]) -> Test:
    """The modifier `:text`: the words with a code begin with any of these (search.html#modifiers)."""
    wanted = tuple(normalise(unescape(value)) for value in values)
    return lambda kind, value: any(normalise(text).startswith(wanted) for text in _texts(kind, value))


def tokens(kind: str, value: Any) -> Iterator[Pair]:
    """The system and code of every coding in a value of this FHIR type."""
    if isinstance(value, bool):
        yield "", "true" if value else "false"
    elif isinstance(value, str):
        yield "", value
    elif isinstance(value, dict):
        if kind == "CodeableConcept":
            for coding in value.get("coding", ()):
                yield from tokens("Coding", coding)
        elif kind == "ContactPoint":  # its system says phone or email, not who issued it
            yield "", str(value.get("value", ""))
        else:
            yield str(value.get("system", "")), str(value.get("code", value.get("value", "")))


def _texts(kind: str, value: Any) -> Iterator[str]:
    if kind == "Identifier":
        value = value.get("type", {})
    if isinstance(value, dict):
        yield from (str(value[key]) for key in ("text", "display") if key in value)
        yield from (str(each["display"]) for each in value.get("coding", ()) if "display" in each)
