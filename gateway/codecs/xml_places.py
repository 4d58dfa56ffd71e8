"""Where elements stand in an XML document of FHIR: the place of a fault that was found in its tree.

Nothing here runs for a document without a fault.  What is read is well-formed, in UTF-8, without DOCTYPE.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

MARK: Final = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    rb"|<(?P<end>/?)(?P<name>[^\s/>]+)(?:[^>\"'/]|\"[^\"]*\"|'[^']*'|/(?!>))*(?P<empty>/?)>",
    re.DOTALL,
)


def elements(body: bytes) -> Iterator[tuple[str, int]]:
    """Path and offset of each element, in order: `Bundle.entry[0].resource[0].name[1]`, every step numbered.

    The element of a resource is the same step as what contains it.
    """
    open_: list[tuple[str, Counter[str]]] = []
    for mark in MARK.finditer(body):
        if mark["name"] is None:
            continue
        if mark["end"]:
            open_.pop()
            continue
        name = mark["name"].rpartition(b":")[2].decode("utf-8", "replace")
        path = name
        if open_:
            above, counts = open_[-1]
            path = above if name[:1].isupper() else f"{above}.{name}[{counts[name]}]"
            counts[name] += 1
        yield path, mark.start()
        if not mark["empty"]:
            open_.append((path, Counter()))
