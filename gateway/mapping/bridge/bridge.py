"""The bridge between two releases of the zibs: a block of one as the block of the other.

`mappings/releases/2017-2020/<Block>.yaml` relates the concepts that were renamed, moved or recoded, and
lists those that one release does not have, with the reason.  A concept that has the same name, id and type
in both is carried as it is.  A plan is made once per block and direction (`bridge_plans.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway import documents
from gateway.blocks.profiles import Profiles
from gateway.blocks.values import Block, Boolean, Origin, Ref
from gateway.documents import Document
from gateway.errors import AuthoringError, ContentError, Issue
from gateway.mapping.bridge.plans import RELEASES, Pairs, Planner, other_release
from gateway.mapping.bridge.steps import Crossing, Plan
from gateway.terminology.conceptmaps import ConceptMaps

NAME = "-".join(RELEASES)
"""The folder of the bridge, and its name where a format is asked for."""


Past = Callable[[Any], bool]


def _never(_moment: Any) -> bool:
    return False


class Bridge:
    """All plans of one folder, made when they are first needed."""

    def __init__(self, files: Mapping[str, Document], profiles: Profiles, maps: ConceptMaps) -> None:
        self.pairs, self.profiles, self.maps = Pairs(files), profiles, maps
        self.planner = Planner(self.pairs, profiles, maps)

    @classmethod
    def load(cls, folder: Path, profiles: Profiles, maps: ConceptMaps) -> Bridge:
        """Read the files.  Raises `AuthoringError`."""
        files = {
            file.stem: documents.load(file, f"{NAME}/{file.name}")
            for file in sorted((folder / NAME).glob("*.yaml"))
        }
        documents.check_all(list(files.values()), folder / "schema.json")
        return cls(files, profiles, maps)

    def carry(self, blocks: Sequence[Block], release: str, is_past: Past = _never) -> Crossing:
        """Blocks as those of a release, and what the account says about what does not go along.

        A block that the release has no counterpart of stays as it is.  `is_past` tells which moments are.
        """
        crossing = Crossing()
        if release not in RELEASES:
            crossing.blocks = list(blocks)
            return crossing
        alone: list[tuple[Block, Plan]] = []
        for block in blocks:
            if block.release == release or block.release not in RELEASES:
                crossing.blocks.append(block)
                continue
            plan = self.planner.plan(block.type, block.release)
            if plan.block:
                self._carry(block, plan, release, crossing, is_past)
            else:
                alone.append((block, plan))
                crossing.blocks.append(block)
        if alone:
            _leave(alone, crossing)
        return crossing

    @staticmethod
    def _carry(block: Block, plan: Plan, release: str, crossing: Crossing, is_past: Past) -> None:
        values = block.values
        if plan.ends and release == RELEASES[0] and is_past(values.get(plan.ends)):
            crossing.drop(values, plan.rule, plan.because)
            return
        if plan.when and release == RELEASES[1]:
            holds = values.get(plan.when)
            if type(holds) is Boolean and not holds.value:
                crossing.drop(values, plan.rule, plan.because)
                return
        made: dict[str, Any] = plan.group.carry(values, {}, crossing)
        if plan.when and release == RELEASES[0]:
            made = {plan.when: Boolean(True), **made}
        if crossing.said:
            made = dict(made) if made is values else made
            crossing.write_words(made)
        read_as = tuple(Origin(each.format, each.part) for each in block.origins)
        crossing.blocks.append(
            Block(plan.block, release, block.key, made, block.line, block.context, read_as)
        )

    def show(self, block: str) -> str:
        """The plans of a block, both ways.  Raises `ContentError` when no release has that block."""
        lines: list[str] = []
        for release in RELEASES:
            if self.profiles.get(release, block) is None:
                continue
            plan, target = self.planner.plan(block, release), other_release(release)
            if not plan.block:
                lines += [f"# {release} {block}: {plan.because}  # {plan.rule}", *_imparted(plan)]
                continue
            lines += [f"# {release} {block} → {target} {plan.block}", *plan.group.show(), ""]
            if plan.block != block:
                lines += [f"# {target} {plan.block} → {release} {block}"]
                lines += [*self.planner.plan(plan.block, target).group.show(), ""]
        if not lines:
            raise ContentError(Issue("error", "not-found", f"no zib release has the block '{block}'"))
        return "\n".join(lines)

    def check(self) -> list[AuthoringError]:
        """Every fault: rows about nothing, concepts and codes that nothing is said about, both ways."""
        from gateway.mapping.bridge.checks import faults

        return faults(self.pairs, self.profiles, self.maps)


def _leave(alone: list[tuple[Block, Plan]], crossing: Crossing) -> None:
    """Blocks without counterpart: tell others what they say of those, and note the rest."""
    by_key = {block.key: block for block in crossing.blocks}
    left = {block.key: plan for block, plan in alone}
    for block, plan in alone:
        told = plan.imparting.told(block, by_key) if plan.imparting else set()
        for value in block.values.values():
            if getattr(value, "at", -1) not in told:
                crossing.drop(value, plan.rule, plan.because)
    for block in crossing.blocks:
        if block.key not in left:
            for ref in _refs(block.values):
                if ref.key in left and ref.at >= 0:
                    crossing.dropped[ref.at] = left[ref.key].rule, left[ref.key].because


def _refs(value: Any) -> list[Ref]:
    if isinstance(value, dict | list):
        return [ref for each in (value.values() if isinstance(value, dict) else value) for ref in _refs(each)]
    return [value] if type(value) is Ref else []


def _imparted(plan: Plan) -> list[str]:
    rows = plan.imparting.rows if plan.imparting else {}
    return [f"{ref}: {mine} → {theirs}" for ref, row in rows.items() for mine, theirs in row.items()]
