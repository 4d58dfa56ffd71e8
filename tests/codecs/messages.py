"""Messages of iStandaarden made up from their table: what a message may hold, and no more."""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import strategies as st

from gateway.codecs.message_types import ROOT, Message, Simple, message

# Letters, also outside ASCII, what XML escapes, and a blank that is not at an end.
LETTERS = st.sampled_from("abcXYZéÿĳ&<>'\"-.,/12")
# Before 1940 the clocks of Amsterdam were no whole minutes from UTC.
DATES = st.dates(datetime.date(1950, 1, 1), datetime.date(2099, 12, 31)).map(str)
TIMES = st.times(datetime.time(0), datetime.time(23, 59, 59)).map(lambda time: time.strftime("%H:%M:%S"))


def trees(name: str = "wmo301") -> st.SearchStrategy[dict[str, Any]]:
    """Trees of a message in which any element is that may be."""
    found = message(name)
    return group(found, ROOT).map(lambda tree: {"resourceType": ROOT, **tree})


def group(found: Message, name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any filling of a group: its mandatory elements, and some of the others."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for slot in found.types.groups[name]:
        one = value(slot.simple) if slot.simple else group(found, slot.group)
        many = st.lists(one, min_size=1, max_size=2) if slot.many else one
        (required if slot.required else optional)[slot.name] = many
    filled = st.fixed_dictionaries(required, optional=optional)
    return filled if required else filled.filter(bool)


def value(simple: Simple) -> st.SearchStrategy[Any]:
    """A value in the form of its type."""
    if simple.fixed:
        return st.just(int(simple.fixed) if simple.kind == "integer" else simple.fixed)
    if simple.codes:
        return st.sampled_from(sorted(simple.codes))
    if simple.kind == "integer":
        return st.integers(0, simple.most)
    if simple.kind in ("date", "time"):
        return DATES if simple.kind == "date" else TIMES
    if simple.pattern:
        return st.from_regex(simple.pattern, fullmatch=True).filter(lambda text: fits(text, simple))
    most = min(simple.length or 40, 40)
    return st.lists(LETTERS, min_size=1, max_size=most).map("".join).map(spaced)


def fits(text: str, simple: Simple) -> bool:
    """True for a text that is no longer than allowed."""
    return not simple.length or len(text) <= simple.length


def spaced(text: str) -> str:
    """The text with a blank in the middle, when it is long enough for one."""
    half = len(text) // 2
    return f"{text[:half]} {text[half + 1 :]}" if 0 < half < len(text) - 1 else text
