"""What of base FHIR a request breaks, and which of that may come in all the same."""

from __future__ import annotations

import re
from dataclasses import replace

from gateway.codecs.fhir.base import faults_of
from gateway.codecs.fhir.elements import Version
from gateway.codecs.fhir.places import placed
from gateway.codecs.fhir.tolerated import as_received
from gateway.errors import ContentError, Issue
from gateway.exchange.changes.asked import Posted, Tree

_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]")


def broken(tree: Tree, posted: Posted, version: Version) -> tuple[Issue, ...]:
    """What a resource breaks; a warning where it may come in."""
    document = b"" if posted.media else posted.content
    return tuple(as_received(faults_of(tree, version, document)))


def broken_apart(tree: Tree, posted: Posted, version: Version) -> list[tuple[Issue, ...]]:
    """What each entry of a batch breaks.  Raises `ContentError` for what the Bundle does itself."""
    around = {name: member for name, member in tree.items() if name != "entry"}
    if own := [issue for issue in broken(around, posted, version) if issue.severity == "error"]:
        raise ContentError(*own)
    found = [
        replace(issue, place=f"Bundle.entry[{number}]{issue.place.removeprefix('Bundle.entry[0]')}")
        for number, entry in enumerate(tree["entry"])
        for issue in faults_of({**around, "entry": [entry]}, version)
    ]
    shares: list[list[Issue]] = [[] for _ in tree["entry"]]
    for issue in as_received(placed(found, posted.content)):
        entry = _ENTRY.match(issue.place)
        if entry is not None:
            shares[int(entry[1])].append(issue)
    return [tuple(share) for share in shares]
