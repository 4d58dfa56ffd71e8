"""The bridge between two releases of the zibs: a block of one as the block of the other.

`mappings/releases/2017-2020/<Block>.yaml` relates the concepts that were renamed, moved or recoded,
and lists those that one release does not have, with the reason.  A concept that has the same name and
type in both is carried as it is.  The plan is made once per block and direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.blocks.values import Block, Code, Text
from gateway.errors import AuthoringError
from gateway import documents
from gateway.documents import Document, Mark
from gateway.terminology.conceptmaps import ConceptMaps

RELEASES = ("2017", "2020")
_SPECIAL = ("IdentificationNumber", "DateTime", "Subject", "Author", "InformationSource")


@dataclass(slots=True)
class Move:
    """Where one concept goes; `inside` is the plan for what a group holds."""

    to: tuple[str, ...]
    many: bool
    map: str = ""
    forward: bool = True
    type: str = ""
    inside: dict[str, Move] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a block of one release becomes one of the other."""

    block: str
    moves: dict[str, Move]


class Bridge:
    """All plans of one folder, made when they are first needed."""

    def __init__(self, files: Mapping[str, Document], profiles: Profiles, maps: ConceptMaps) -> None:
        self._files, self._profiles, self._maps = files, profiles, maps
        self._by_block = {
            (release, document.data[release]): document for document in files.values() for release in RELEASES
        }
        self._plan = cache(self._make)

    @classmethod
    def load(cls, folder: Path, profiles: Profiles, maps: ConceptMaps) -> Bridge:
        """Read the rows.  Raises `AuthoringError`."""
        place = folder / "-".join(RELEASES)
        files = {
            file.stem: documents.load(file, f"{place.name}/{file.name}")
            for file in sorted(place.glob("*.yaml"))
        }
        return cls(files, profiles, maps)

    def carry(self, blocks: Sequence[Block], release: str) -> list[Block]:
        """Blocks as those of a release; a block that the release does not know stays as it is."""
        return [block if block.release == release else self._carried(block, release) for block in blocks]

    def _carried(self, block: Block, release: str) -> Block:
        plan = self._plan(block.type, block.release, release)
        if plan is None:
            return block
        values = self._moved(block.values, plan.moves)
        return Block(plan.block, release, block.key, values, block.line, block.context)

    def _moved(self, values: Mapping[str, Any], moves: dict[str, Move]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, value in values.items():
            move = moves.get(name)
            if move is not None:
                self._put(result, move, value)
        return result

    def _put(self, result: dict[str, Any], move: Move, value: Any) -> None:
        items = value if isinstance(value, list) else [value]
        found = [
            each for each in (self._value(item, move) for item in items) if each is not None and each != {}
        ]
        if not found:
            return
        if not move.to:
            for each in found:
                merge(result, each)
            return
        for name in move.to[:-1]:
            step = result.setdefault(name, {})
            result = step[0] if isinstance(step, list) else step
        there = result.get(move.to[-1])
        if move.many:
            result[move.to[-1]] = [*(there or []), *found]
        elif there is None:
            result[move.to[-1]] = found[0]
        elif isinstance(there, dict) and isinstance(found[0], dict):
            merge(there, found[0])

    def _value(self, item: Any, move: Move) -> Any:
        if isinstance(item, dict):
            return self._moved(item, move.inside)
        if move.map and isinstance(item, Code):
            return self._recoded(item, move)
        if move.type == "text" and isinstance(item, Code):
            return Text(item.text or item.display or item.code, item.at)
        if move.type == "code" and isinstance(item, Text):
            return Code("OTH", "2.16.840.1.113883.5.1008", text=item.value, at=item.at)
        return item

    def check(self) -> list[AuthoringError]:
        """The faults of all rows, both ways."""
        faults: list[AuthoringError] = []
        for document in self._files.values():
            for source, target in (RELEASES, RELEASES[::-1]):
                try:
                    if self._plan(document.data[source], source, target) is None:
                        faults.append(
                            document.fault(f"no profile for this block in {source} or {target}", source)
                        )
                except AuthoringError as error:
                    faults.append(error)
        return faults

    def _recoded(self, item: Code, move: Move) -> Code:
        """A code of the other release; one without a counterpart stays as it is."""
        found = self._maps.get(move.map)
        if found is None:
            return item
        if move.forward:
            target = found.forward(item.code, item.system, "r4")
            new = Code(target.code, target.system, target.display) if target else None
        else:
            source = found.back(item.code, "r4", item.system)
            new = Code(source.code, source.system) if source else None
        if new is None:
            return item
        return Code(new.code, new.system, new.display or item.display, "", item.text, item.at)

    # -- plans -------------------------------------------------------------------------------------

    def _make(self, block: str, source: str, target: str) -> Plan | None:
        document = self._by_block.get((source, block))
        name = document.data[target] if document else block
        profile, other = self._profiles.get(source, block), self._profiles.get(target, name)
        if profile is None or other is None:
            return None
        moves = self._same(profile.concepts, other.concepts, source, target)
        for special in _SPECIAL:
            moves.setdefault(special, Move((special,), many=special == "IdentificationNumber"))
        if document is not None:
            self._rows(moves, document, (profile, other), (source, target))
        return Plan(name, moves)

    def _same(
        self, concepts: Mapping[str, Concept], others: Mapping[str, Concept], source: str, target: str
    ) -> dict[str, Move]:
        moves: dict[str, Move] = {}
        for name, concept in concepts.items():
            other = others.get(name)
            if other is not None:
                moves[name] = self._move((name,), concept, other, source, target)
        return moves

    def _move(self, to: tuple[str, ...], concept: Concept, other: Concept, source: str, target: str) -> Move:
        inside: dict[str, Move] = {}
        if concept.concepts or concept.type[:1].isupper():
            if concept.type == other.type and concept.type[:1].isupper():
                plan = self._plan(concept.type, source, target)
                inside = plan.moves if plan else {}
            else:
                inside = self._same(
                    self._profiles.inside(source, concept),
                    self._profiles.inside(target, other),
                    source,
                    target,
                )
        return Move(to, other.many, type=other.type, inside=inside)

    def _rows(
        self,
        moves: dict[str, Move],
        document: Document,
        profiles: tuple[Profile, Profile],
        releases: tuple[str, str],
    ) -> None:
        forward = releases[0] == RELEASES[0]
        for left, body in (document.data.get("rows") or {}).items():
            right = body if isinstance(body, str) else body["to"]
            only = "" if isinstance(body, str) else body.get("only", "")
            if only and only != f"to-{releases[1]}":
                continue
            mark = document.mark("rows", left)
            here, there = (left, right) if forward else (right, left)
            concept = self._find(profiles[0], here, releases[0], document, mark)
            other = self._find(profiles[1], there, releases[1], document, mark)
            move = self._move(tuple(there.split(".")), concept, other, *releases)
            move.map = "" if isinstance(body, str) else body.get("map", "")
            move.forward = forward
            self._place(moves, tuple(here.split(".")), move)

    def _find(self, profile: Profile, name: str, release: str, document: Document, mark: Mark) -> Concept:
        found: list[Concept] = []
        for step in name.split("."):
            here = self._profiles.inside(release, found[-1] if found else profile).get(step)
            if here is None:
                raise document.fault_at(mark, f"{profile.block} of {release} has no concept '{name}'")
            found.append(here)
        return found[-1]

    @staticmethod
    def _place(moves: dict[str, Move], path: tuple[str, ...], move: Move) -> None:
        """Put a move where its concept stands; a group on the way passes its target up to this level."""
        for name in path[:-1]:
            group = moves.setdefault(name, Move((), many=False))
            if group.to and move.to[: len(group.to)] == group.to:
                move.to = move.to[len(group.to) :]
            elif group.to:
                group.inside = {key: _lifted(each, group.to) for key, each in group.inside.items()}
                group.to = ()
            moves = group.inside
        moves[path[-1]] = move


def _lifted(move: Move, above: tuple[str, ...]) -> Move:
    return Move(above + move.to, move.many, move.map, move.forward, move.type, move.inside)


def merge(result: dict[str, Any], more: dict[str, Any]) -> None:
    """Add what is not there yet; groups are merged, repeating concepts joined."""
    for name, value in more.items():
        there = result.get(name)
        if there is None:
            result[name] = value
        elif isinstance(there, dict) and isinstance(value, dict):
            merge(there, value)
        elif isinstance(there, list) and isinstance(value, list):
            there.extend(value)
