"""Makes the plans of the bridge: from its files and the profiles of both releases, concept by concept.

What a file does not say is found by name; what cannot be found, or is not of the same make on both
sides, is a fault that `zibpoort mapping check` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.blocks.values import Absent, Boolean, Code
from gateway.documents import Document
from gateway.errors import AuthoringError
from gateway.mapping.bridge_steps import (
    Carry,
    Drop,
    Group,
    Imparting,
    Open,
    Plan,
    Route,
    Step,
    Words,
    labelled,
    to_code,
    to_text,
)
from gateway.terminology.conceptmaps import ConceptMap, ConceptMaps

RELEASES = ("2017", "2020")
BLOCKS = "_blocks"
"""The file that says which blocks have another name, and which have no counterpart."""
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, as the direction at hand reads it."""

    source: Path
    target: Path
    body: Mapping[str, Any]
    keys: Path
    """Where the row stands in its document."""


@dataclass(slots=True)
class Pair:
    """What the files say about one block in one direction."""

    document: Document
    rows: dict[Path, list[Row]] = field(default_factory=dict)
    only: dict[Path, Any] = field(default_factory=dict)

    def touches(self, path: Path) -> bool:
        """True when something is said about what is inside this concept."""
        return any(len(each) > len(path) and each[: len(path)] == path for each in (*self.rows, *self.only))


class Pairs:
    """All files of a bridge: which block of one release is which of the other."""

    def __init__(self, files: Mapping[str, Document]) -> None:
        self.files = {name: file for name, file in files.items() if name != BLOCKS}
        self.blocks = files.get(BLOCKS)
        self._renamed: dict[tuple[str, str], str] = {}
        self._documents: dict[tuple[str, str], Document] = {}
        data = self.blocks.data if self.blocks else {}
        for old, new in (data.get("renamed") or {}).items():
            self._renamed |= {(RELEASES[0], old): new, (RELEASES[1], new): old}
        for file in self.files.values():
            for release, other in (RELEASES, RELEASES[::-1]):
                if release in file.data:
                    self._documents[release, file.data[release]] = file
                    if other in file.data:
                        self._renamed[release, file.data[release]] = file.data[other]

    def partner(self, release: str, block: str) -> str:
        """The name of the block in the other release, if it has one there."""
        return self._renamed.get((release, block), block)

    def document(self, release: str, block: str) -> Document | None:
        """The file of a block, if it needs one."""
        return self._documents.get((release, block))

    def alone(self, release: str, block: str) -> tuple[str, str]:
        """(line, reason) of a block without counterpart; a reason of '' when none is listed."""
        document = self.blocks
        said = (document.data.get(f"only-{release}") or {}) if document else {}
        if document is None or block not in said:
            return "", ""
        return str(document.mark(f"only-{release}", block)), said[block]


class Planner:
    """Makes the plans of one bridge and keeps the faults that it finds on the way."""

    def __init__(self, pairs: Pairs, profiles: Profiles, maps: ConceptMaps) -> None:
        self.pairs, self.profiles, self.maps = pairs, profiles, maps
        self.faults: list[AuthoringError] = []
        self._plans: dict[tuple[str, str], Plan] = {}

    def plan(self, block: str, source: str) -> Plan:
        """The plan for a block of a release.  Raises `AuthoringError` for a row about nothing."""
        found = self._plans.get((block, source))
        if found is None:
            found = self._plans[block, source] = self._make(block, source)
        return found

    def _make(self, block: str, source: str) -> Plan:
        target = RELEASES[source == RELEASES[0]]
        name = self.pairs.partner(source, block)
        profile, other = self.profiles.get(source, block), self.profiles.get(target, name)
        document = self.pairs.document(source, block)
        if profile is None or other is None or (document is not None and target not in document.data):
            return self._alone(block, source, document)
        pair = Pair(document) if document else None
        if pair is not None and document is not None:
            _read(pair, document, source)
        maker = _Maker(self, pair, profile, other)
        plan = Plan(name, maker.group((), (), profile.concepts, other.concepts))
        if document is not None:
            maker.check_listed()
            plan.when = document.data.get("when", "")
            plan.rule, plan.because = str(document.mark("when")), document.data.get("because", "")
            if plan.when and plan.when not in self.profiles.inside(RELEASES[0], profile if source == RELEASES[0] else other):
                raise document.fault(f"release {RELEASES[0]} has no concept '{plan.when}'", "when")
        return plan

    def _alone(self, block: str, source: str, document: Document | None) -> Plan:
        rule, because = self.pairs.alone(source, block)
        imparting = None
        if document is not None and "into" in document.data:
            unless = document.data.get("unless", {})
            imparting = Imparting(
                document.data["into"], str(document.mark("into")), next(iter(unless.items()), ("", ()))
            )
            self._check_into(block, source, document)
        missing = f"zib {RELEASES[source == RELEASES[0]]} has no {block}"
        return Plan("", Group(), rule, because or missing, imparting=imparting)

    def _check_into(self, block: str, source: str, document: Document) -> None:
        profile = self.profiles.get(source, block)
        concepts = profile.concepts if profile else {}
        for name, rows in document.data["into"].items():
            concept = concepts.get(name)
            if concept is None or concept.type != "reference":
                raise document.fault(f"'{name}' of {block} refers to no block", "into", name)
            for mine, theirs in rows.items():
                others = [self.profiles.get(RELEASES[1], self.pairs.partner(source, each)) for each in concept.targets]
                if mine not in concepts or not all(each and theirs in each.concepts for each in others):
                    raise document.fault(f"'{mine}: {theirs}' names no concept", "into", name, mine)


def _read(pair: Pair, document: Document, source: str) -> None:
    """The rows and reasons of a file for one direction."""
    forward = source == RELEASES[0]
    for left, body in (document.data.get("rows") or {}).items():
        full = {"to": body} if isinstance(body, str) else body
        if full.get("only", "") in ("", f"to-{RELEASES[forward]}"):
            paths = (tuple(left.split(".")), tuple(full["to"].split(".")))
            here, there = paths if forward else paths[::-1]
            pair.rows.setdefault(here, []).append(Row(here, there, full, ("rows", left)))
    for name, reason in (document.data.get(f"only-{source}") or {}).items():
        pair.only[tuple(name.split("."))] = reason


class _Maker:
    """Makes the steps of one block in one direction."""

    def __init__(self, planner: Planner, pair: Pair | None, profile: Profile, other: Profile) -> None:
        self.planner, self.pair, self.profile, self.other = planner, pair, profile, other
        self.profiles = planner.profiles
        self.source, self.target = profile.release, other.release
        self.forward = self.source == RELEASES[0]
        self.rule = str(pair.document.mark()) if pair else ""
        self.seen: set[Path] = set()

    def group(
        self, here: Path, there: Path, concepts: Mapping[str, Concept], others: Mapping[str, Concept]
    ) -> Group:
        """The steps for the concepts below `here`, whose counterparts are below `there`."""
        made = Group()
        found = {name: self._steps((*here, name), there, concept, others) for name, concept in concepts.items()}
        reached = {name for step in found.values() for name in _reached(step)}
        for name in self._in_order(here, concepts):
            step = found[name]
            if step is None and name in reached:  # others come to the same place
                other = others[name]
                step = Carry(((name, other.many),), self.rule, "it stands there already")
            if step is None:
                made.same.append(name)
            else:
                made.steps[name] = step
        return made

    def _in_order(self, here: Path, concepts: Mapping[str, Concept]) -> list[str]:
        """Concepts with rows in the order of the rows, then the others."""
        depth = len(here)
        paths = self.pair.rows if self.pair else ()
        rows = [path[depth] for path in paths if len(path) > depth and path[:depth] == here]
        return sorted(concepts, key=lambda name: rows.index(name) if name in rows else len(rows))

    def _steps(self, path: Path, there: Path, concept: Concept, others: Mapping[str, Concept]) -> Step | None:
        """What becomes of one concept; None when it goes along as it is."""
        pair, name = self.pair, path[-1]
        other = others.get(name)
        if pair is not None:
            if path in pair.rows:
                return self._rows(pair.rows[path], there, concept)
            if path in pair.only:
                return self._only(path, pair)
            if pair.touches(path) and (other is None or not self.profiles.inside(self.target, other)):
                inside = self.profiles.inside(self.source, concept)
                return Open(self.group(path, there, inside, dict(others)))
        if other is None:
            self._fault(f"{self._name(path)} is neither carried nor listed under only-{self.source}")
            return Drop(self.rule, f"zib {self.target} has no {name}")
        self._check_same(path, concept, other)
        return self._same(path, (*there, name), concept, other)

    # -- by name -----------------------------------------------------------------------------------

    def _same(self, path: Path, target: Path, concept: Concept, other: Concept) -> Step | None:
        inside = self._inside(path, target, concept, other)
        if inside is None and concept.many == other.many:
            return None
        return Carry(((target[-1], other.many),), self.rule, f"zib {self.target} has it once", inside)

    def _inside(self, path: Path, target: Path, concept: Concept, other: Concept) -> Group | None:
        """The steps inside a group or partial zib; None when nothing changes there."""
        concepts = self.profiles.inside(self.source, concept)
        others = self.profiles.inside(self.target, other)
        if not concepts or not others:
            return None
        touched = self.pair is not None and self.pair.touches(path)
        if concept.type == other.type and concept.type != "group" and not touched:
            found = self.planner.plan(concept.type, self.source).group
        else:
            found = self.group(path, target, concepts, others)
        return found if found.steps else None

    # -- by row ------------------------------------------------------------------------------------

    def _rows(self, rows: list[Row], there: Path, concept: Concept) -> Step:
        first: Carry | None = None
        for row in reversed(rows):
            step = self._row(row, there, concept)
            step.otherwise = first
            first = step
        assert first is not None
        return first

    def _row(self, row: Row, there: Path, concept: Concept) -> Carry:
        self.seen.add(row.source)
        document = self._document()
        if row.target[: len(there)] != there:
            raise document.fault(f"'{'.'.join(row.target)}' stands outside the group of its counterpart", *row.keys)
        chain = list(self._chain(self.target, self.other, row.target, row.keys))
        other = chain[-1]
        route: Route = tuple((each.name, each.many) for each in chain[len(there) :])
        body = row.body
        when = body.get("when", "")
        step = Carry(route, str(document.mark(*row.keys)), body.get("because", ""), when=when)
        step.states = bool(when) and not self.forward
        step.latest = body.get("take") == "latest"
        step.inside = self._inside(row.source, row.target, concept, other)
        step.convert, step.words = self._conversion(row, concept, other)
        if not step.because:
            step.because = f"zib {self.target} has one {'.'.join(row.target)}"
        self._check_row(row, concept, other)
        return step

    def _conversion(self, row: Row, concept: Concept, other: Concept) -> tuple[Callable[[Any], Any] | None, bool]:
        if "map" in row.body:
            found = self.planner.maps.get(row.body["map"])
            if found is None:
                raise self._document().fault(f"no concept map '{row.body['map']}'", *row.keys, "map")
            return recoded(found, self.forward, concept.type, other.type), False
        if "label" in row.body:
            return labelled(row.body["label"], self.forward), False
        if other.type == "text" and concept.type in ("code", "any"):
            return to_text, True
        if other.type == "code" and concept.type == "text":
            return to_code, False
        return None, False

    def _only(self, path: Path, pair: Pair) -> Step:
        self.seen.add(path)
        said = pair.only[path]
        keys = (f"only-{self.source}", ".".join(path))
        rule = str(pair.document.mark(*keys))
        if isinstance(said, str):
            return Drop(rule, said)
        host = tuple(said["in"].split("."))
        chain = list(self._chain(self.target, self.other, host, (*keys, "in")))
        if chain[-1].type != "text" or any(each.many for each in chain):
            raise pair.document.fault(f"'{said['in']}' is not one text", *keys, "in")
        return Words(rule, said["because"], said["label"], host)

    def _chain(self, release: str, profile: Profile, path: Path, keys: Path) -> Iterator[Concept]:
        """The concepts along a path of a profile."""
        here: Profile | Concept = profile
        for name in path:
            found = self.profiles.inside(release, here).get(name)
            if found is None:
                text = f"{profile.block} of {release} has no concept '{'.'.join(path)}'"
                raise self._document().fault(text, *keys)
            here = found
            yield found

    # -- faults ------------------------------------------------------------------------------------

    def check_listed(self) -> None:
        """Raise the fault of a row or reason about a concept that this release does not have."""
        if self.pair is None:
            return
        for path in (*self.pair.rows, *self.pair.only):
            if path not in self.seen:
                keys = self.pair.rows[path][0].keys if path in self.pair.rows else (f"only-{self.source}", ".".join(path))
                for _ in self._chain(self.source, self.profile, path, keys):
                    pass  # raises when there is no such concept
                raise self.pair.document.fault("a row above this one takes the concept", *keys)
        for path in self.pair.only:
            same = all(name in _names(self.profiles, self.target, self.other, path[:i]) for i, name in enumerate(path))
            targets = [row.target for rows in self.pair.rows.values() for row in rows]
            if same and not any(path == target[: len(path)] for target in targets):
                self._fault(f"zib {self.target} has {'.'.join(path)} too", f"only-{self.source}", ".".join(path))

    def _check_same(self, path: Path, concept: Concept, other: Concept) -> None:
        """What goes by its name is the same concept, of the same make."""
        if not self.forward:
            return
        inside = self.profiles.inside(self.source, concept) and self.profiles.inside(self.target, other)
        for what, one, two in (
            ("id", concept.id, other.id),
            ("type", *(("", "") if inside else (concept.type, other.type))),
            ("repetition", concept.many, other.many),
            ("targets", self._targets(concept), tuple(sorted(other.targets))),
        ):
            if one != two:
                self._fault(f"the {what} of {self._name(path)} differs ({one}, {two}): it needs a row")

    def _check_row(self, row: Row, concept: Concept, other: Concept) -> None:
        document, body = self._document(), row.body
        if body.get("only") and "because" not in body:
            raise document.fault("a row of one direction says because", *row.keys)
        when = body.get("when")
        if when:
            source = row.source if self.forward else row.target
            profile = self.profile if self.forward else self.other
            beside = _names(self.profiles, RELEASES[0], profile, source[:-1])
            if when not in beside or beside[when].type != "boolean":
                raise document.fault(f"no truth value '{when}' stands beside the concept", *row.keys, "when")
        lossy = concept.type != other.type and {"map", "label"}.isdisjoint(body)
        lossy = lossy and not (self.profiles.inside(self.source, concept) and self.profiles.inside(self.target, other))
        many = any(each.many for each in self._chain(self.source, self.profile, row.source, row.keys))
        once = not any(each.many for each in self._chain(self.target, self.other, row.target, row.keys))
        targets = self.forward and self._targets(concept) != tuple(sorted(other.targets))
        if (lossy or (many and once) or targets) and "because" not in body:
            self._fault(f"the row changes the type, repetition or targets of {self._name(row.source)}: say because", *row.keys)
        if row.source == row.target and concept.id == other.id and body.keys() <= {"to"}:
            self._fault(f"{self._name(row.source)} goes along without a row", *row.keys)

    def _targets(self, concept: Concept) -> tuple[str, ...]:
        return tuple(sorted({self.planner.pairs.partner(self.source, each) for each in concept.targets}))

    def _document(self) -> Document:
        assert self.pair is not None
        return self.pair.document

    def _name(self, path: Path) -> str:
        return ".".join((self.profile.block, *path))

    def _fault(self, text: str, *keys: str) -> None:
        if self.pair is not None:
            fault = self.pair.document.fault(text, *(keys or (self.source,)))
        else:
            fault = AuthoringError(text, f"zib_profiles/{self.source}/{self.profile.block}.yaml", 1, 1, "")
        self.planner.faults.append(fault)


def _names(profiles: Profiles, release: str, profile: Profile, path: Path) -> Mapping[str, Concept]:
    """The concepts inside the group at a path; none when there is no such group."""
    here: Profile | Concept = profile
    for name in path:
        found = profiles.inside(release, here).get(name)
        if found is None:
            return {}
        here = found
    return profiles.inside(release, here)


def _reached(step: Step | None) -> Iterator[str]:
    """The names at the level of a step that it, or what it opens, writes to."""
    if isinstance(step, Carry):
        yield step.to[0][0]
        yield from _reached(step.otherwise)
    elif isinstance(step, Open):
        for each in step.inside.steps.values():
            yield from _reached(each)


def recoded(found: ConceptMap, forward: bool, source: str, target: str) -> Callable[[Any], Any]:
    """A conversion by a concept map between releases, whose targets are systems of the zibs by OID.

    A code that the map does not know goes along as it is, where a code may stand; one that it knows
    and cannot translate has no value.
    """
    stays = source == target == "code"

    def convert(value: Any) -> Any:
        """by the concept map"""
        if type(value) is Absent:
            return value
        coded = Code(str(value.value).lower(), "") if type(value) is Boolean else value
        if type(coded) is not Code:
            return None
        if forward:
            there = found.forward(coded.code, coded.system, "r4")  # the same for both versions of FHIR
            known = found.knows(coded.code, coded.system, "r4")
            made = Code(there.code, there.system, there.display) if there else None
            exact = there is None or there.exact
        else:
            back = found.back(coded.code, "r4", coded.system)
            known, made = back is not None, Code(back.code, back.system) if back else None
            exact = back is None or back.equivalence in ("equal", "equivalent")
        if made is None:
            return value if stays and not known else None
        if target == "boolean":
            return Boolean(made.code == "true", value.at)
        words = coded.text if exact else coded.text or coded.display
        return Code(made.code, made.system, made.display, "", words, value.at)

    convert.__doc__ = f"by the concept map {found.name}"
    return convert
