"""Which version must hold for a change: `If-Match`, `If-None-Match` (RFC 9110 §13.1; http.html#concurrency).

FHIR compares weakly, though RFC 9110 has `If-Match` compare strongly: a version is one whatever stands before
its entity tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import Conflict, InputError, Issue

ANY = "*"
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_TAGS = re.compile(rf"{_TAG.pattern}(?:[ \t]*,[ \t]*{_TAG.pattern})*")


@dataclass(frozen=True, slots=True)
class Expected:
    """Versions of which one must hold, none of them: whichever; with `absent` there must be none at all."""

    versions: frozenset[str] = frozenset()
    absent: bool = False

    def check(self, version: int, place: str) -> None:
        """Raises `Conflict` unless the change may go on where this version holds, 0 for none."""
        if self.absent:
            met, text = not version, "there is one already"
        else:
            met = version > 0 and (not self.versions or str(version) in self.versions)
            text = "another version holds now than the one that was expected" if version else "there is none"
        if not met:
            raise Conflict(Issue("error", "conflict", text, place=place))


def parse_expected(if_match: str, if_none_match: str, places: tuple[str, str]) -> Expected | None:
    """What two headers expect, None when neither is there; `places` are where they stand.

    Raises `InputError` for what is no entity tag, for both together, and for an `If-None-Match` that is not
    `*`: on a change it says that there is nothing yet.
    """
    wanted, unwanted = if_match.strip(), if_none_match.strip()
    if wanted and unwanted:
        raise _refused("If-Match and If-None-Match exclude each other", places[1])
    if unwanted:
        if unwanted != ANY:
            raise _refused("of a change, If-None-Match is *", places[1])
        return Expected(absent=True)
    if not wanted:
        return None
    if wanted == ANY:
        return Expected()
    if not _TAGS.fullmatch(wanted):
        raise _refused('a version is given as W/"1", any as *', places[0])
    return Expected(frozenset(_TAG.findall(wanted)))


def _refused(text: str, place: str) -> InputError:
    return InputError(Issue("error", "value", text, place=place))
