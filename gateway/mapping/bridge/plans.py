"""Makes the plans of the bridge: from its files and the profiles of both releases, concept by concept.

What a file does not say is found by name; what cannot be found, or is not of the same make on both
sides, is a fault that `zibpoort mapping check` shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.documents import Document
from gateway.errors import AuthoringError
from gateway.mapping.bridge.steps import Carry, Drop, Group, Imparting, Open, Plan, Step, Words
from gateway.mapping.bridge.values import Conversion, labelled, recoded, to_text
from gateway.terminology.conceptmaps import ConceptMaps

RELEASES = ("2017", "2020")
BLOCKS = "_blocks"
"""The file that says which blocks have another name, and which have no counterpart."""
Path = tuple[str, ...]


def other_release(release: str) -> str:
    """The release at the other end of the bridge."""
    return RELEASES[release == RELEASES[0]]


class Pairs:
    """All files of a bridge: which block of one release is which of the other."""

    def __init__(self, files: Mapping[str, Document]) -> None:
        self.files = {name: file for name, file in files.items() if name != BLOCKS}
        self.blocks = files.get(BLOCKS) or Document(f"{BLOCKS}.yaml", "", {})
        self._partners: dict[tuple[str, str], str] = {}
        self._documents: dict[tuple[str, str], Document] = {}
        for old, new in (self.blocks.data.get("renamed") or {}).items():
            self._partners |= {(RELEASES[0], old): new, (RELEASES[1], new): old}
        for file in self.files.values():
            for release in RELEASES:
                if release in file.data:
                    block = file.data[release]
                    self._documents[release, block] = file
                    self._partners[release, block] = file.data.get(other_release(release), block)

    def partner(self, release: str, block: str) -> str:
        """The name of the block in the other release, if it has one there."""
        return self._partners.get((release, block), block)

    def document(self, release: str, block: str) -> Document | None:
        """The file of a block, if it needs one."""
        return self._documents.get((release, block))

    def alone(self, release: str, block: str) -> tuple[str, str]:
        """(line, reason) of a block without counterpart; both empty when it is not listed."""
        listed = self.blocks.data.get(f"only-{release}") or {}
        if block not in listed:
            return "", ""
        return str(self.blocks.mark(f"only-{release}", block)), listed[block]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, as the direction at hand reads it; `keys` is where it stands in its document."""

    source: Path
    target: Path
    body: Mapping[str, Any]
    keys: Path


@dataclass(slots=True)
class Pair:
    """Two blocks, and what their file says about them in one direction."""

    profile: Profile
    other: Profile
    document: Document
    rows: dict[Path, list[Row]] = field(default_factory=dict)
    only: dict[Path, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        forward = self.profile.release == RELEASES[0]
        for left, body in (self.document.data.get("rows") or {}).items():
            full = {"to": body} if isinstance(body, str) else body
            if full.get("only", "") in ("", f"to-{self.other.release}"):
                paths = (tuple(left.split(".")), tuple(full["to"].split(".")))
                here, there = paths if forward else paths[::-1]
                self.rows.setdefault(here, []).append(Row(here, there, full, ("rows", left)))
        for name, reason in (self.document.data.get(f"only-{self.profile.release}") or {}).items():
            self.only[tuple(name.split("."))] = reason

    def touches(self, path: Path) -> bool:
        """True when something is said about what is inside this concept."""
        return any(len(each) > len(path) and each[: len(path)] == path for each in (*self.rows, *self.only))

    def keys(self, path: Path) -> Path:
        """Where in the document a concept is spoken of."""
        row = self.rows.get(path)
        return row[0].keys if row else (f"only-{self.profile.release}", ".".join(path))


class Planner:
    """Makes the plans of one bridge and keeps the faults that it finds on the way."""

    def __init__(self, pairs: Pairs, profiles: Profiles, maps: ConceptMaps) -> None:
        self.pairs, self.profiles, self.maps = pairs, profiles, maps
        self.faults: list[AuthoringError] = []
        self._plans: dict[tuple[str, str], Plan] = {}

    def plan(self, block: str, release: str) -> Plan:
        """The plan for a block of a release.  Raises `AuthoringError` for a row about nothing."""
        found = self._plans.get((block, release))
        if found is None:
            found = self._plans[block, release] = self._make(block, release)
        return found

    def chain(self, pair: Pair, profile: Profile, path: Path, keys: Path) -> list[Concept]:
        """The concepts along a path of a profile.  Raises `AuthoringError` at the keys when there is none."""
        found: list[Concept] = []
        for name in path:
            here = self.profiles.inside(profile.release, found[-1] if found else profile).get(name)
            if here is None:
                text = f"{profile.block} of {profile.release} has no concept '{'.'.join(path)}'"
                raise pair.document.fault(text, *keys)
            found.append(here)
        return found

    def _make(self, block: str, release: str) -> Plan:
        target = other_release(release)
        name = self.pairs.partner(release, block)
        profile, other = self.profiles.get(release, block), self.profiles.get(target, name)
        document = self.pairs.document(release, block)
        if profile is None or other is None or (document is not None and target not in document.data):
            return self._alone(block, release, document)
        pair = Pair(profile, other, document or Document(f"zib_profiles/{release}/{block}.yaml", "", {}))
        maker = _Maker(self, pair)
        plan = Plan(name, maker.group((), (), profile.concepts, other.concepts))
        maker.check_listed()
        data, mark = pair.document.data, pair.document.mark
        if "when" in data:
            plan.when, plan.because, plan.rule = data["when"], data["because"], str(mark("when"))
            self.chain(pair, profile if release == RELEASES[0] else other, (plan.when,), ("when",))
        if "ends" in data:
            plan.ends, plan.because, plan.rule = data["ends"], data["because"], str(mark("ends"))
            self.chain(pair, profile if release == RELEASES[1] else other, (plan.ends,), ("ends",))
        return plan

    def _alone(self, block: str, release: str, document: Document | None) -> Plan:
        """The plan of a block without counterpart."""
        rule, because = self.pairs.alone(release, block)
        plan = Plan("", Group(), rule, because or f"zib {other_release(release)} has no {block}")
        if document is not None and "into" in document.data:
            unless = next(iter(document.data.get("unless", {}).items()), ("", ()))
            plan.imparting = Imparting(document.data["into"], unless)
            self._check_into(block, release, document)
        return plan

    def _check_into(self, block: str, release: str, document: Document) -> None:
        profile = self.profiles.get(release, block)
        concepts = profile.concepts if profile else {}
        for name, rows in document.data["into"].items():
            concept = concepts.get(name)
            if concept is None or concept.type != "reference":
                raise document.fault(f"'{name}' of {block} refers to no block", "into", name)
            names = [self.pairs.partner(release, target) for target in concept.targets]
            others = [self.profiles.get(other_release(release), target) for target in names]
            for mine, theirs in rows.items():
                if mine not in concepts or not all(each and theirs in each.concepts for each in others):
                    raise document.fault(f"'{mine}: {theirs}' names no concept", "into", name, mine)


class _Maker:
    """Makes the steps of one block in one direction."""

    def __init__(self, planner: Planner, pair: Pair) -> None:
        self.planner, self.pair = planner, pair
        self.source, self.target = pair.profile.release, pair.other.release
        self.forward = self.source == RELEASES[0]
        self.rule = str(pair.document.mark()) if pair.document.text else ""
        self.seen: set[Path] = set()

    def group(
        self, here: Path, there: Path, concepts: Mapping[str, Concept], others: Mapping[str, Concept]
    ) -> Group:
        """The steps for the concepts below `here`, whose counterparts are below `there`."""
        made = Group()
        found = {name: self._step((*here, name), there, each, others) for name, each in concepts.items()}
        reached = {name for step in found.values() for name in _reached(step)}
        for name in self._in_order(here, concepts):
            step = found[name]
            if step is None and name in reached:  # another concept comes to the same place
                step = Carry(((name, others[name].many),), self.rule, "it stands there already")
            if step is None:
                made.same.append(name)
            else:
                made.steps[name] = step
        return made

    def _in_order(self, here: Path, concepts: Mapping[str, Concept]) -> list[str]:
        """Concepts with rows in the order of the rows, then the others."""
        depth = len(here)
        rows = [path[depth] for path in self.pair.rows if len(path) > depth and path[:depth] == here]
        return sorted(concepts, key=lambda name: rows.index(name) if name in rows else len(rows))

    def _step(self, path: Path, there: Path, concept: Concept, others: Mapping[str, Concept]) -> Step | None:
        """What becomes of one concept; None when it goes along as it is."""
        other = others.get(path[-1])
        if path in self.pair.rows:
            return self._by_rows(self.pair.rows[path], there, concept)
        if path in self.pair.only:
            return self._only(path)
        if self.pair.touches(path) and (other is None or not self._inside_of(self.target, other)):
            return Open(self.group(path, there, self._inside_of(self.source, concept), others))
        if other is None:
            self._fault(f"{self._name(path)} is neither carried nor listed under only-{self.source}")
            return Drop(self.rule, f"zib {self.target} has no {path[-1]}")
        if self.forward:
            self._check_same(path, concept, other)
        inside = self._inside(path, (*there, path[-1]), concept, other)
        if inside is None and concept.many == other.many:
            return None
        return Carry(((other.name, other.many),), self.rule, f"zib {self.target} has it once", inside)

    def _inside(self, path: Path, target: Path, concept: Concept, other: Concept) -> Group | None:
        """The steps inside a group or partial zib; None when nothing changes there."""
        concepts, others = self._inside_of(self.source, concept), self._inside_of(self.target, other)
        if not concepts or not others:
            return None
        if concept.type == other.type != "group" and not self.pair.touches(path):
            found = self.planner.plan(concept.type, self.source).group
        else:
            found = self.group(path, target, concepts, others)
        return found if found.steps else None

    def _inside_of(self, release: str, concept: Concept) -> Mapping[str, Concept]:
        return self.planner.profiles.inside(release, concept)

    def _by_rows(self, rows: list[Row], there: Path, concept: Concept) -> Carry:
        """The step of the first row; what it cannot convert is for the next."""
        steps = [self._row(row, there, concept) for row in rows]
        for step, following in pairwise(steps):
            step.otherwise = following
        return steps[0]

    def _row(self, row: Row, there: Path, concept: Concept) -> Carry:
        self.seen.add(row.source)
        document, body = self.pair.document, row.body
        name = ".".join(row.target)
        if row.target[: len(there)] != there:
            raise document.fault(f"'{name}' stands outside the group of its counterpart", *row.keys)
        chain = self.planner.chain(self.pair, self.pair.other, row.target, row.keys)
        route = tuple((each.name, each.many) for each in chain[len(there) :])
        convert, words = self._conversion(row, concept, chain[-1])
        self._check_row(row, concept, chain)
        return Carry(
            route,
            str(document.mark(*row.keys)),
            body.get("because", f"zib {self.target} has one {name}"),
            self._inside(row.source, row.target, concept, chain[-1]),
            convert,
            words,
            when=body.get("when", ""),
            states="when" in body and not self.forward,
            latest=body.get("take") == "latest",
        )

    def _conversion(self, row: Row, concept: Concept, other: Concept) -> tuple[Conversion | None, bool]:
        """What makes the value of the other release, and whether only words remain of it."""
        if "map" in row.body:
            found = self.planner.maps.get(row.body["map"])
            if found is None:
                raise self.pair.document.fault(f"no concept map '{row.body['map']}'", *row.keys, "map")
            return recoded(found, self.forward, concept.type, other.type), False
        if "label" in row.body:
            return labelled(row.body["label"], self.forward), False
        if other.type == "text" != concept.type:
            return to_text, True
        if other.type not in (concept.type, "any") and not self._inside_of(self.target, other):
            text = f"a {concept.type} cannot be a {other.type} without a concept map"
            raise self.pair.document.fault(text, *row.keys)
        return None, False

    def _only(self, path: Path) -> Drop | Words:
        self.seen.add(path)
        said, keys = self.pair.only[path], self.pair.keys(path)
        rule = str(self.pair.document.mark(*keys))
        if isinstance(said, str):
            return Drop(rule, said)
        host = tuple(said["in"].split("."))
        chain = self.planner.chain(self.pair, self.pair.other, host, (*keys, "in"))
        if chain[-1].type != "text" or any(each.many for each in chain):
            raise self.pair.document.fault(f"'{said['in']}' is not one text", *keys, "in")
        return Words(rule, said["because"], said["label"], host)

    def check_listed(self) -> None:
        """Raise the fault of a row or reason about a concept that this release does not have."""
        pair = self.pair
        for path in (*pair.rows, *pair.only):
            if path not in self.seen:
                self.planner.chain(pair, pair.profile, path, pair.keys(path))
                raise pair.document.fault("another row takes this concept along", *pair.keys(path))
        reached = {row.target[:i] for rows in pair.rows.values() for row in rows for i in range(1, 9)}
        for path in pair.only:
            if path not in reached and self._has(path):
                self._fault(f"zib {self.target} has {'.'.join(path)} too", *pair.keys(path))

    def _has(self, path: Path) -> bool:
        """True when the other block has a concept at this path."""
        try:
            return bool(self.planner.chain(self.pair, self.pair.other, path, ()))
        except AuthoringError:
            return False

    def _check_same(self, path: Path, concept: Concept, other: Concept) -> None:
        """What goes by its name is the same concept, of the same make."""
        groups = self._inside_of(self.source, concept) and self._inside_of(self.target, other)
        for what, one, two in (
            ("id", concept.id, other.id),
            ("type", *(("", "") if groups else (concept.type, other.type))),
            ("repetition", concept.many, other.many),
            ("targets", self._targets(concept), sorted(other.targets)),
        ):
            if one != two:
                self._fault(f"the {what} of {self._name(path)} differs ({one}, {two}): it needs a row")

    def _check_row(self, row: Row, concept: Concept, chain: list[Concept]) -> None:
        body, other = row.body, chain[-1]
        if body.get("only") and "because" not in body:
            raise self.pair.document.fault("a row of one direction says because", *row.keys)
        if "when" in body:
            self._check_when(row)
        groups = self._inside_of(self.source, concept) and self._inside_of(self.target, other)
        mine = self.planner.chain(self.pair, self.pair.profile, row.source, row.keys)
        changes = (
            concept.type != other.type and not groups and {"map", "label"}.isdisjoint(body),
            any(each.many for each in mine) and not any(each.many for each in chain),
            self.forward and self._targets(concept) != sorted(other.targets),
        )
        name = self._name(row.source)
        if any(changes) and "because" not in body:
            self._fault(f"the row changes the type, repetition or targets of {name}: say because", *row.keys)
        if row.source == row.target and concept.id == other.id and body.keys() <= {"to"}:
            self._fault(f"{name} goes along without a row", *row.keys)

    def _check_when(self, row: Row) -> None:
        path = (*(row.source if self.forward else row.target)[:-1], row.body["when"])
        profile = self.pair.profile if self.forward else self.pair.other
        if self.planner.chain(self.pair, profile, path, (*row.keys, "when"))[-1].type != "boolean":
            raise self.pair.document.fault(f"'{row.body['when']}' is no truth value", *row.keys, "when")

    def _targets(self, concept: Concept) -> list[str]:
        return sorted({self.planner.pairs.partner(self.source, each) for each in concept.targets})

    def _name(self, path: Path) -> str:
        return ".".join((self.pair.profile.block, *path))

    def _fault(self, text: str, *keys: str) -> None:
        self.planner.faults.append(self.pair.document.fault(text, *(keys or (self.source,))))


def _reached(step: Step | None) -> Iterator[str]:
    """The names at the level of a step that it, or what it opens, writes to."""
    if isinstance(step, Carry):
        yield step.to[0][0]
        yield from _reached(step.otherwise)
    elif isinstance(step, Open):
        for each in step.inside.steps.values():
            yield from _reached(each)
