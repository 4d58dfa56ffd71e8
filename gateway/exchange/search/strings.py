"""Strings and uris.  A string is compared without regard to case and accents (search.html#string)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from gateway.exchange.search.values import Test, unescape

PARTS = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}


def matching(values: list[str], modifier: str) -> Test:
    """What holds for a string that begins with a value, has it somewhere (`contains`) or is it (`exact`)."""
    plain = [unescape(value) for value in values]
    if modifier == "exact":
        return lambda kind, value: any(text in plain for text in texts(kind, value))
    wanted = tuple(map(normalise, plain))
    if modifier == "contains":
        return lambda kind, value: any(
            part in normalise(text) for text in texts(kind, value) for part in wanted
        )
    return lambda kind, value: any(normalise(text).startswith(wanted) for text in texts(kind, value))


def matching_uri(values: list[str]) -> Test:
    """What holds for a uri that is any of these, to the letter."""
    wanted = {unescape(value) for value in values}
    return lambda kind, value: value in wanted


def texts(kind: str, value: Any) -> Iterator[str]:
    """The strings in a value: of a name or an address each of its parts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in PARTS.get(kind, ()):
            found = value.get(part, ())
            yield from map(str, [found] if isinstance(found, str) else found)


def normalise(text: str) -> str:
    """The text in one case, without accents and with single spaces."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return " ".join(bare.casefold().split())
