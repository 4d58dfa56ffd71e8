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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway.blocks.profiles import load_profiles
from gateway.mapping.compiler.schematic import Direction
from gateway.mapping.pairs.package import Package, Pair, read_package
from gateway.mapping.pairs.places import DIRECTIONS, Place, Places
from gateway.mapping.pairs.statements import STATEMENTS, Statements, read_statements
from gateway.mapping.pairs.steps import begins
from gateway.mapping.recognition import FOLDERS
from gateway.resources import MAPPINGS, ZIB_PROFILES

Outcome = Literal["both", "one-way", "none"]
OUTCOMES: tuple[Outcome, ...] = ("both", "one-way", "none")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pair, the directions in which it is mapped, and the rows (`file:line`) that do it."""

    pair: Pair
    directions: frozenset[Direction]
    marks: tuple[str, ...]
    reason: str = ""
    """Why it is not both, or why the concept is known by another id"""

    @property
    def outcome(self) -> Outcome:
        """Both, one-way or none."""
        return ("none", "one-way", "both")[len(self.directions)]


def examine(
    package: Path,
    mappings: Path = MAPPINGS / FOLDERS["fhir-r4"],
    profiles: Path = ZIB_PROFILES,
    statements: Path = STATEMENTS,
) -> tuple[list[Verdict], list[str]]:
    """A verdict on each pair that a package states, and what is not accounted for.

    Raises `AuthoringError` when a mapping or a statement is wrong, `ContentError` and `SyntaxFault` when the
    package is.
    """
    stated = read_statements(statements)
    verdicts = judge(read_package(package), Places(mappings, load_profiles(profiles)).all(), stated)
    return verdicts, list(unaccounted(verdicts, stated))


def judge(package: Package, places: Iterable[Place], stated: Statements) -> list[Verdict]:
    """A verdict on each pair, in the order of the package."""
    by_profile: dict[str, list[Place]] = {}
    for place in places:
        for url in package.lineage(place.profile):
            by_profile.setdefault(url, []).append(place)
    return [_verdict(pair, by_profile.get(pair.url, []), stated) for pair in package.pairs]


def unaccounted(verdicts: Iterable[Verdict], stated: Statements) -> Iterator[str]:
    """Each pair that is not both without a reason, and each statement that the package has no use for."""
    verdicts = list(verdicts)
    needed = {each.pair.key for each in verdicts if each.outcome != "both"}
    for key in sorted(needed - stated.reasons.keys()):
        yield f"no reason is given for {' '.join(key)}"
    for key in sorted(stated.reasons.keys() - needed):
        yield f"a reason is given for {' '.join(key)}, which is mapped both ways or is no pair of the package"
    for concept in sorted(stated.same.keys() - {each.pair.concept for each in verdicts}):
        yield f"{concept} is said to be another concept, and is in no pair of the package"


def _verdict(pair: Pair, places: list[Place], stated: Statements) -> Verdict:
    same = stated.same.get(pair.concept)
    concept = same.concept if same else pair.concept
    named = [place for place in places if concept in place.own or concept in place.around]
    explicit = [place for place in named if not place.implied]
    found = [place for place in explicit if _stands_at(place, pair, concept)]
    if pair.implicit and any(place.implied and begins(place.steps, pair.steps) for place in named):
        found = explicit
    directions = frozenset(way for way in DIRECTIONS if any(place.direction == way for place in found))
    reason = stated.reasons.get(pair.key) or (f"as {same.concept}: {same.because}" if same else "")
    return Verdict(pair, directions, tuple(dict.fromkeys(place.mark for place in found)), reason)


def _stands_at(place: Place, pair: Pair, concept: str) -> bool:
    if begins(place.steps, pair.steps):
        return True
    inner = pair.steps[len(place.steps) :]
    holds = bool(place.steps) and place.type[:1].isupper() and "." not in place.type
    whole = concept in place.own and not any(step.url for step in inner)
    return holds and whole and begins(pair.steps, place.steps)
