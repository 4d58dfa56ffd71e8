"""What the mappings make of each pair of a package: both directions, one, or none; and why.

A pair is mapped in a direction when a row puts its concept at its element, in a profile that is the one of
the pair or is made from it.  At its element means:

- there, or in an element inside it (`note` and `note.text`);
- of a coding, reference or other datatype, in the element that holds it (`code` for `code.coding`);
- a group, a partial zib or a whole zib: anything of it there or inside;
- an element that, says the package, only follows from a concept that stands elsewhere (implicit): what is
  written there depends on the concept, and the profile has the concept itself in the same direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.mapping.compiler.schematic import Direction
from gateway.mapping.pairs.package import Package, Pair
from gateway.mapping.pairs.places import DIRECTIONS, Place
from gateway.mapping.pairs.steps import begins

Outcome = Literal["both", "one-way", "none"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pair, the directions in which it is mapped, and the rows (`file:line`) that do it."""

    pair: Pair
    directions: frozenset[Direction]
    marks: tuple[str, ...]
    reason: str = ""
    """Why it is not both"""

    @property
    def outcome(self) -> Outcome:
        """Both, one-way or none."""
        return ("none", "one-way", "both")[len(self.directions)]


def judge(package: Package, places: Iterable[Place], reasons: Mapping[tuple[str, str, str], str]) -> list[Verdict]:
    """A verdict on each pair, in the order of the package."""
    by_profile: dict[str, list[Place]] = {}
    for place in places:
        for url in package.lineage(place.profile):
            by_profile.setdefault(url, []).append(place)
    return [_verdict(pair, by_profile.get(pair.url, []), reasons.get(pair.key, "")) for pair in package.pairs]


def unaccounted(verdicts: Iterable[Verdict], reasons: Mapping[tuple[str, str, str], str]) -> Iterator[str]:
    """Each pair that is not both without a reason, and each reason that no such pair has."""
    needed = {verdict.pair.key for verdict in verdicts if verdict.outcome != "both"}
    for key in sorted(needed - reasons.keys()):
        yield f"no reason is given for {' '.join(key)}"
    for key in sorted(reasons.keys() - needed):
        yield f"a reason is given for {' '.join(key)}, which is mapped both ways or is no pair of the package"


def _verdict(pair: Pair, places: list[Place], reason: str) -> Verdict:
    named = [place for place in places if pair.concept in place.own or pair.concept in place.around]
    explicit = [place for place in named if not place.implied]
    found = [place for place in explicit if _stands_at(place, pair)]
    if pair.implicit and any(place.implied and begins(place.steps, pair.steps) for place in named):
        found = explicit
    directions = frozenset(way for way in DIRECTIONS if any(place.direction == way for place in found))
    return Verdict(pair, directions, tuple(dict.fromkeys(place.mark for place in found)), reason)


def _stands_at(place: Place, pair: Pair) -> bool:
    if begins(place.steps, pair.steps):
        return True
    inner = pair.steps[len(place.steps) :]
    whole = pair.concept in place.own and not any(step.url for step in inner)
    return whole and place.type[:1].isupper() and "." not in place.type and begins(pair.steps, place.steps)
