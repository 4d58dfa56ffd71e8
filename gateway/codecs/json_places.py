"""Where things stand in a JSON document: the place of a fault that was found in its tree.

Nothing here runs for a document without a fault.  What is read is well-formed, unless said otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from gateway.codecs.numbers import is_bounded

TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s"{}\[\]:,]+', re.DOTALL)


def members(body: bytes, root: str) -> Iterator[tuple[str, int]]:
    """Path and offset of the document, of each member by its name, and of each item, in order."""
    containers: list[tuple[str, bool]] = []  # the path, and whether it is an array
    counts: list[int] = []
    name = root
    yield root, 0
    for token in TOKEN.finditer(body):
        mark = token[0]
        if mark in b"}]":
            containers.pop()
            counts.pop()
            continue
        inside, is_array = containers[-1] if containers else ("", False)
        if is_array:
            name = f"{inside}[{counts[-1]}]"
            counts[-1] += 1
            yield name, token.start()
        elif not name:
            name = f"{inside}.{json.loads(mark)}"  # which may be written with escapes
            yield name, token.start()
            continue
        if mark in b"{[":
            containers.append((name, mark == b"["))
            counts.append(0)
        name = ""


def unbounded_number_at(body: bytes) -> int:
    """Where the first number begins that is too long or too large; the document may have other faults."""
    for token in TOKEN.finditer(body):
        mark = token[0]
        if mark[:1] in b"-0123456789" and not is_bounded(mark.decode("utf-8", "replace")):
            return token.start()
    return 0
