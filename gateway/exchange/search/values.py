"""The text of a parameter's value, taken apart; and how a fault in it is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from gateway.errors import InputError, Issue

Test = Callable[[str, Any], bool]
"""True when a value of an element, of this FHIR type, is what was asked for."""

MAX_DIGITS = 10
MAX_NAME = 100
"""Longest name of a parameter that is repeated to the caller."""

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def split(text: str, mark: str) -> list[str]:
    """The parts between marks that are not escaped, with their escapes (FHIR R4 search.html#escaping)."""
    return re.findall(rf"(?:^|{re.escape(mark)})((?:\\.|[^\\{re.escape(mark)}]|\\$)*)", text)


def unescape(text: str) -> str:
    r"""The text without its escapes: `\,` `\|` `\$` and `\\`."""
    return re.sub(r"\\([,|$\\])", r"\1", text)


def alternatives(text: str) -> list[str]:
    """The values between commas, those that are not empty; escapes stay."""
    return [each for each in split(text, ",") if each]


def prefixed(text: str) -> tuple[str, str]:
    """The prefix and the rest: `ge2024` gives `ge` and `2024`; no prefix means `eq`."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def refused(place: str, text: str, code: str = "value") -> InputError:
    """The error of a parameter.  It repeats no value, nor a name that may hold a number of a person."""
    telling = len(place) > MAX_NAME or re.search(r"\d{8}", place)
    return InputError(Issue("error", code, text, place="" if telling else place))


def number(name: str, value: str, most: int, least: int = 0) -> int:
    """The whole number of a parameter.  Raises `InputError` when it is none, or out of bounds."""
    if not (value.isascii() and value.isdigit()) or len(value) > MAX_DIGITS:
        raise refused(name, "not a whole number")
    if not least <= int(value) <= most:
        raise refused(name, f"a number from {least} to {most}", "too-costly")
    return int(value)


def one_of(name: str, value: str, values: Sequence[str]) -> str:
    """The value of a parameter that has a fixed list of them.  Raises `InputError` for any other."""
    if value not in values:
        raise refused(name, f"one of {', '.join(values)}")
    return value
