"""Pages: so many matches, and a cursor to the rest.

A cursor says which match was the last of a page, by a hash of its type and id, and how many came before; it
holds nothing of the person and no key.  The next page begins after that match wherever it is by then, so
matches that were written or deleted meanwhile neither repeat nor hide others; when the match itself is gone,
the count decides.  Who makes up a cursor gets another place in the same answer: every page is decided anew.
It belongs to one query and is refused with another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from gateway.exchange.search.record import Resource, name_of
from gateway.exchange.search.values import refused

PAGE = "_page"
"""The parameter that holds a cursor."""

_HASH = 16


class Cursor(NamedTuple):
    """The last match of a page, and how many matches the pages up to it held."""

    last: str
    before: int


def read(text: str, query: str) -> Cursor:
    """The cursor of a page parameter.  Raises `InputError` when it is none, or that of another query."""
    last, belongs, count = text[:_HASH], text[_HASH : 2 * _HASH], text[2 * _HASH :]
    if belongs != _digest(query) or not (count.isascii() and count.isdigit() and len(count) < _HASH):
        raise refused(PAGE, "not a page of this search")
    return Cursor(last, int(count))


def cut(
    matches: Sequence[Resource], size: int, cursor: Cursor | None, query: str
) -> tuple[list[Resource], str]:
    """The matches of a page, and the cursor of the next one; "" when there is no more."""
    start = _start(matches, cursor) if cursor else 0
    page = list(matches[start : start + size])
    end = start + len(page)
    if not page or end >= len(matches):
        return page, ""
    return page, f"{_digest(name_of(page[-1]))}{_digest(query)}{end}"


def _start(matches: Sequence[Resource], cursor: Cursor) -> int:
    for number, match in enumerate(matches):
        if _digest(name_of(match)) == cursor.last:
            return number + 1
    return cursor.before


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH]
