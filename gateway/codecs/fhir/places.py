"""Line and column of what is wrong with a FHIR document, JSON or XML, from its place in the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from gateway.codecs.charset import UTF8_BOM, to_utf8
from gateway.codecs.json_places import members
from gateway.codecs.limits import place_of
from gateway.codecs.xml_places import elements
from gateway.errors import Issue

UNNUMBERED: Final = re.compile(r"(?<=\.)(\w+)(?!\w|\[)")


def placed(issues: Sequence[Issue], document: bytes) -> list[Issue]:
    """The same issues with line and column, those of the nearest element above where its own has none.

    The document is well-formed; without one the issues stay as they are.
    """
    if not document or all(issue.line for issue in issues):
        return list(issues)
    is_json = document.removeprefix(UTF8_BOM).lstrip()[:1] == b"{"
    body = document.removeprefix(UTF8_BOM) if is_json else to_utf8(document)
    spelled = _json_step if is_json else _numbered
    wanted = {above for issue in issues for above in _upwards(spelled(issue.place))}
    root = issues[0].place.partition(".")[0]
    found: dict[str, int] = {}
    for path, at in members(body, root) if is_json else elements(body):
        name = _json_step(path) if is_json else path
        if name in wanted:
            found.setdefault(name, at)
    return [_at(issue, spelled(issue.place), found, body) for issue in issues]


def _at(issue: Issue, place: str, found: dict[str, int], body: bytes) -> Issue:
    at = next((found[above] for above in _upwards(place) if above in found), None)
    if issue.line or at is None:
        return issue
    line, column = place_of(body, at)
    return replace(issue, line=line, column=column)


def _upwards(place: str) -> Iterator[str]:
    """The place, and each that it is in."""
    while place:
        yield place
        place = place.rpartition(".")[0]


def _json_step(path: str) -> str:
    """A path in JSON by the names of elements: `_given` is `given`."""
    return path.replace("._", ".")


def _numbered(path: str) -> str:
    """A path of which every step but the first has its number, as it may repeat in XML."""
    return UNNUMBERED.sub(r"\1[0]", _json_step(path))
