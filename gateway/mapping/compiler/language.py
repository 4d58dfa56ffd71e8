"""The mapping language: what a YAML file under `mappings/` can say, as data.

`mappings/README.md` teaches it; `mappings/schema.json` is its grammar.  This module knows neither
FHIR nor zibs: it turns text into rows, paths, conditions and literals, each with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from gateway.documents import Document, Mark


@dataclass(frozen=True, slots=True)
class Coding:
    """`loinc#85354-9 "Blood pressure panel"`: a code of a system named by its alias or URI."""

    system: str
    code: str
    display: str = ""
    text: str = ""
    """`… text "in words"`: the text beside the coding in a CodeableConcept."""


Constant = Coding | str | bool | int | tuple[Coding, ...]
"""Several codings stand for one CodeableConcept that has them all."""


@dataclass(frozen=True, slots=True)
class Selector:
    """`code = loinc#8480-6`: which of several siblings is meant; built when writing.

    `with coding`, `without coding`: one that has or has not that member; nothing is built.
    """

    path: tuple[str, ...]
    value: Constant = ""
    op: Literal["is", "with", "without"] = "is"


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a path; `url` names an extension, `selectors` pick among siblings."""

    name: str
    url: str = ""
    selectors: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands, relative to the resource or to the row around it; no steps: right here."""

    steps: tuple[Step, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Condition:
    """A test on a block.

    op: has | lacks | is | is-not | past | future | more-than | referred | same | and | or | not
    """

    op: str
    concept: tuple[str, ...] = ()
    values: tuple[Constant, ...] = ()
    parts: tuple[Condition, ...] = ()
    base: Literal["block", "group", "item"] = "block"
    """Where `concept` starts: the block, the group that the row repeats for, or the part's `each`."""


@dataclass(frozen=True, slots=True)
class Precision:
    """The element beside a date that says how much of it is known, and what it says.

    `codes` are by the length of what is known: 7 for a month, 4 for a year, 0 for nothing.
    """

    at: str
    codes: tuple[tuple[int, Constant], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a concept in the format, and how the value is spelled there."""

    path: Path
    mark: Mark
    map: str = ""
    """A concept map that translates the code."""
    keep: Literal["", "extension", "coding"] = ""
    """Where the original code stays when `map` replaces it."""
    part: str = ""
    """Which part of the block referred to (`as`); of several, with blanks between, the first it became."""
    via: str = ""
    """A named converter."""
    only: Literal["", "read", "write"] = ""
    because: str = ""
    when: Condition | None = None
    absent: str = ""
    """What to write when the concept has no value: a data-absent-reason code."""
    back: bool = False
    """The reference stands at `path` in the resource that is referred to, and points back."""
    take: Literal["", "first", "rest", "system"] = ""
    """Of several values only the first, or the others; of a code or identifier its system."""
    unit: Coding | None = None
    """The unit of a quantity that has none."""
    times: int = 1
    """How many times the quantity a bare number is."""
    system: str = ""
    """The system of a bare code, or of the bare number of an identifier."""
    precision: Precision | None = None
    time: str = ""
    """The element beside a date that has the time of day."""
    means: Constant | None = None
    """That the element is there says that the concept has this value."""
    rows: tuple[Row, ...] = ()
    """The rows of a group at this place."""
    links: tuple[Link, ...] = ()
    """References to the resources that the occurrences of a group become."""


@dataclass(frozen=True, slots=True)
class Row:
    """One concept and its places.  A group has at each place rows of its own, relative to it."""

    concept: tuple[str, ...]
    places: tuple[Place, ...]
    mark: Mark

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of a group, at all its places."""
        return tuple(row for place in self.places for row in place.rows)


@dataclass(frozen=True, slots=True)
class Derived:
    """An element whose value follows from the block: the first case that holds."""

    path: Path
    cases: tuple[tuple[tuple[Constant, ...], Condition | None], ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Computed:
    """An element that a named function makes of the whole block (or group).

    `otherwise` is the concept that its text is, when nothing was read of what the function makes it of.
    """

    path: Path
    function: str
    mark: Mark
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A reference at `path` to another part of the same block; in a group to the one of that occurrence."""

    path: Path
    part: str
    mark: Mark
    item: bool = False
    each: bool = False
    """One reference in each element, of several resources."""
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """Rows of another block of the same person that this resource carries too."""

    block: str
    place: Path
    rows: tuple[Row, ...]
    when: Condition | None
    mark: Mark
    by: str = ""
    """The concept by which the other block refers to this one, where it is not about the same person only."""


@dataclass(frozen=True, slots=True)
class Part:
    """One resource (or datatype element) that a block becomes."""

    name: str
    type: str
    profiles: tuple[str, ...]
    claims: tuple[tuple[str, Condition | None], ...]
    """Which one of the profiles a resource claims, when not all: the first case that holds."""
    select: tuple[Selector, ...]
    """What tells an element of this part from those of another, where profile or type do not."""
    when: Condition | None
    each: tuple[str, ...]
    once: bool
    """One without an item too, when `each` has none."""
    derived: tuple[Derived, ...]
    """Fixed values are derived ones with a single case."""
    computed: tuple[Computed, ...]
    rows: tuple[Row, ...]
    links: tuple[Link, ...]
    joins: tuple[Join, ...]
    mark: Mark
    only: Literal["", "read"] = ""
    """A part that is read where others send it, and never written."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One file: how one format spells one block (or one partial zib, when `datatype`)."""

    file: str
    block: str
    release: str
    datatype: bool
    parts: tuple[Part, ...]
    display: tuple[tuple[str, ...], ...]
    document: Document
    mark: Mark

    def all_rows(self) -> Iterator[tuple[str, Row]]:
        """Every row of the file, nested ones too, with the block whose concept it maps."""
        for part in self.parts:
            for block, rows in ((self.block, part.rows), *((join.block, join.rows) for join in part.joins)):
                yield from ((block, row) for row in walk(rows))


def walk(rows: tuple[Row, ...]) -> Iterator[Row]:
    """Rows, and the rows inside them."""
    for row in rows:
        yield row
        yield from walk(row.rows)


_STEP = re.compile(r"([A-Za-z][A-Za-z0-9]*(?:\[x\])?)(?:\[((?:[^\]\"]|\"[^\"]*\")+)\])?")
_PLACEHOLDER = re.compile(r"\{([A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)*)\}")
_THERE = re.compile(r"(with|without) ([A-Za-z][A-Za-z0-9.]*)")
_CODING = re.compile(r'([A-Za-z][\w.:/-]*|[0-2](?:\.\d+)+)#(\S+?)(?:\s+"([^"]*)")?(?:\s+text\s+"([^"]*)")?')


class Parser:
    """Reads one document; every fault is an `AuthoringError` at its line and column."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def mapping(self) -> Mapping:
        """The whole file."""
        data = self.document.data
        head: tuple[str, ...] = ()
        datatype = "datatype" in data
        if "parts" in data:
            parts = tuple(
                self._part(name, body, data, ("parts", name)) for name, body in data["parts"].items()
            )
        else:
            parts = (self._part(data.get("resource") or data["type"], data, data, head),)
        return Mapping(
            file=self.document.name,
            block=data.get("block") or data["datatype"],
            release=str(data.get("release", "")),
            datatype=datatype,
            parts=parts,
            display=tuple(concept(name) for name in data.get("display", ())),
            document=self.document,
            mark=self.document.mark(),
        )

    def _part(self, name: str, body: dict[str, Any], top: dict[str, Any], at: tuple[str | int, ...]) -> Part:
        profile = body.get("profile", ())
        each, once, _ = str(body.get("each", "")).partition(" or once")
        listed = [profile] if isinstance(profile, str) else profile
        claims = self._cases(listed, *at, "profile") if any(isinstance(each, dict) for each in listed) else []
        fixed = [
            Derived(
                self.path(key, *at, "fixed", key),
                (((self._constants(value, *at, "fixed", key)), None),),
                self._mark(*at, "fixed", key),
            )
            for key, value in (body.get("fixed") or {}).items()
        ]
        fixed += [
            self._derived(key, cases, *at, "derived", key)
            for key, cases in (body.get("derived") or {}).items()
        ]
        return Part(
            name=name,
            type=body.get("resource") or body.get("type") or top.get("type") or name,
            profiles=tuple(next(iter(each)) if isinstance(each, dict) else each for each in listed),
            claims=tuple((str(values[0]), condition) for values, condition in claims),
            select=self._selectors(body["select"], *at, "select") if "select" in body else (),
            when=self.condition(body.get("when"), *at, "when"),
            each=concept(each) if each else (),
            once=bool(once),
            derived=tuple(fixed),
            computed=tuple(
                self._computed(key, made, *at, "computed", key)
                for key, made in (body.get("computed") or {}).items()
            ),
            rows=self._rows(body.get("rows") or {}, *at, "rows"),
            links=tuple(
                self._link(key, target, *at, "links", key)
                for key, targets in (body.get("links") or {}).items()
                for target in (targets if isinstance(targets, list) else [targets])
            ),
            joins=tuple(
                self._join(block, join, *at, "joins", block)
                for block, join in (body.get("joins") or {}).items()
            ),
            mark=self._mark(*at),
            only=body.get("only", ""),
        )

    def _link(self, path: str, target: Any, *at: str | int) -> Link:
        if isinstance(target, str):
            return Link(self.path(path, *at), target, self._mark(*at))
        when = self.condition(target["when"], *at, "when")
        return Link(self.path(path, *at), target["part"], self._mark(*at), when=when)

    def _join(self, block: str, body: dict[str, Any], *at: str | int) -> Join:
        return Join(
            block=block,
            place=self.path(body.get("to", "."), *at, "to"),
            rows=self._rows(body["rows"], *at, "rows"),
            when=self.condition(body.get("when"), *at, "when"),
            mark=self._mark(*at),
            by=body.get("by", ""),
        )

    def _computed(self, key: str, made: str | dict[str, str], *at: str | int) -> Computed:
        path, mark = self.path(key, *at), self._mark(*at)
        if isinstance(made, str):
            return Computed(path, made, mark)
        return Computed(path, made["by"], mark, concept(made["else"]))

    def _derived(self, key: str, cases: list[Any], *at: str | int) -> Derived:
        return Derived(self.path(key, *at), tuple(self._cases(cases, *at)), self._mark(*at))

    def _cases(self, cases: list[Any], *at: str | int) -> list[tuple[tuple[Constant, ...], Condition | None]]:
        """Values with the condition under which each holds; one without is the last."""
        found: list[tuple[tuple[Constant, ...], Condition | None]] = []
        for i, case in enumerate(cases):
            if isinstance(case, dict):
                ((value, test),) = case.items()
                found.append((self._constants(value), self.condition(test, *at, i)))
            else:
                found.append((self._constants(case), None))
        return found

    def _rows(self, rows: dict[str, Any], *at: str | int) -> tuple[Row, ...]:
        return tuple(self._row(name, body, *at, name) for name, body in rows.items())

    def _row(self, name: str, body: Any, *at: str | int) -> Row:
        places = body if isinstance(body, list) else [body]
        return Row(
            concept=() if name == "." else concept(name),
            places=tuple(
                self._place(place, *at, i) if isinstance(body, list) else self._place(place, *at)
                for i, place in enumerate(places)
            ),
            mark=self._mark(*at),
        )

    def _place(self, body: Any, *at: str | int) -> Place:
        mark = self._mark(*at)
        if isinstance(body, str):
            return Place(self.path(body, *at), mark)
        back = "back" in body
        return Place(
            path=self.path(body["back"] if back else body.get("to", "."), *at, "back" if back else "to"),
            mark=mark,
            map=body.get("map", ""),
            keep=body.get("keep", ""),
            part=" ".join(body["as"]) if isinstance(body.get("as"), list) else body.get("as", ""),
            via=body.get("via", ""),
            only=body.get("only", ""),
            because=body.get("because", ""),
            when=self.condition(body.get("when"), *at, "when"),
            absent=body.get("absent", ""),
            back=back,
            take=body.get("take", ""),
            unit=self._unit(body["unit"], *at, "unit") if "unit" in body else None,
            times=body.get("times", 1),
            system=body.get("system", ""),
            precision=_precision(body["precision"]) if "precision" in body else None,
            time=body.get("time", ""),
            means=constant(body["means"]) if "means" in body else None,
            rows=self._rows(body.get("rows") or {}, *at, "rows"),
            links=tuple(
                Link(self.path(key, *at, "links", key), target, self._mark(*at, "links", key), item=True)
                for key, target in (body.get("links") or {}).items()
            ),
        )

    def _unit(self, text: str, *at: str | int) -> Coding:
        """`ucum#m "m"`: the unit's code, and how it is written."""
        found = constant(text)
        if not isinstance(found, Coding):
            raise self.document.fault(f"'{text}' is not a unit", *at)
        return found

    def path(self, text: str, *at: str | int) -> Path:
        """`component[code = loinc#8480-6].valueQuantity`; `.` is the element itself."""
        mark = self._mark(*at)
        if text == ".":
            return Path((), mark)
        steps: list[Step] = []
        position = 0
        while True:
            match = _STEP.match(text, position)
            if match is None:
                raise self.document.fault(f"'{text}' is not a path", *at, offset=position)
            steps.append(self._step(match.group(1), match.group(2), *at))
            position = match.end()
            if position == len(text):
                return Path(tuple(steps), mark)
            if text[position] != ".":
                raise self.document.fault(f"'{text}' is not a path: '.' expected", *at, offset=position)
            position += 1

    def _step(self, name: str, inside: str | None, *at: str | int) -> Step:
        if inside is None:
            return Step(name)
        if name in ("extension", "modifierExtension"):
            url, _, parts = inside.partition(",")
            return Step(name, url=url.strip(), selectors=self._selectors(parts, *at))
        return Step(name, selectors=self._selectors(inside, *at))

    def _selectors(self, text: str, *at: str | int) -> tuple[Selector, ...]:
        selectors = []
        for clause in _split(text):
            there = _THERE.fullmatch(clause.strip())
            if there:
                op: Literal["with", "without"] = "with" if there[1] == "with" else "without"
                selectors.append(Selector(tuple(there[2].split(".")), op=op))
                continue
            left, equals, right = clause.partition("=")
            if not equals:
                raise self.document.fault(
                    f"'{clause.strip()}' is not a selector: 'element = value' expected", *at
                )
            selectors.append(Selector(tuple(left.strip().split(".")), constant(right.strip())))
        return tuple(selectors)

    def condition(self, text: str | None, *at: str | int) -> Condition | None:
        """`Start is past and not End`, `Status = active`, `Test more than 1`; None for no text."""
        if text is None:
            return None
        found = [self._clauses(part, " and ", "and", *at) for part in str(text).split(" or ")]
        return found[0] if len(found) == 1 else Condition("or", parts=tuple(found))

    def _clauses(self, text: str, between: str, op: str, *at: str | int) -> Condition:
        found = [self._clause(part.strip(), *at) for part in text.split(between)]
        return found[0] if len(found) == 1 else Condition(op, parts=tuple(found))

    def _clause(self, text: str, *at: str | int) -> Condition:
        for pattern, make in _CLAUSES:
            match = pattern.fullmatch(text)
            if match:
                return make(match)
        if text.startswith("not "):
            return Condition("not", parts=(self._clause(text[4:], *at),))
        raise self.document.fault(f"'{text}' is not a condition", *at)

    def _constants(self, value: Any, *at: str | int) -> tuple[Constant, ...]:
        items = value if isinstance(value, list) else [value]
        return tuple(self._constant(item, *at) for item in items)

    def _constant(self, item: Any, *at: str | int) -> Constant:
        if not isinstance(item, list):
            return constant(item)
        codings = tuple(each for each in map(constant, item) if isinstance(each, Coding))
        if len(codings) != len(item):
            raise self.document.fault("a list in a list holds the codings of one CodeableConcept", *at)
        return codings

    def _mark(self, *at: str | int) -> Mark:
        return self.document.mark(*at)


_NAME = r"([A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)*)"
_CLAUSES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Condition]]] = [
    (re.compile(r"referred by ([A-Z][A-Za-z0-9]*)"), lambda m: Condition("referred", values=(m[1],))),
    (re.compile(_NAME), lambda m: Condition("has", concept(m[1]))),
    (re.compile(rf"not {_NAME}"), lambda m: Condition("lacks", concept(m[1]))),
    (re.compile(rf"{_NAME} is (past|future)"), lambda m: Condition(m[2], concept(m[1]))),
    (
        re.compile(rf"{_NAME} same as {_NAME}"),
        lambda m: Condition("same", parts=(Condition("has", concept(m[1])), Condition("has", concept(m[2])))),
    ),
    (re.compile(rf"{_NAME} more than (\d+)"), lambda m: Condition("more-than", concept(m[1]), (int(m[2]),))),
    (re.compile(rf"{_NAME} = (.+)"), lambda m: Condition("is", concept(m[1]), (constant(m[2].strip()),))),
    (
        re.compile(rf"{_NAME} in (.+)"),
        lambda m: Condition("is", concept(m[1]), tuple(constant(v.strip()) for v in m[2].split(","))),
    ),
    (
        re.compile(rf"{_NAME} not in (.+)"),
        lambda m: Condition("is-not", concept(m[1]), tuple(constant(v.strip()) for v in m[2].split(","))),
    ),
]


def _precision(body: dict[str, Any]) -> Precision:
    lengths = {"month": 7, "year": 4, "unknown": 0}
    codes = ((lengths[name], constant(code)) for name, code in body.items() if name != "at")
    return Precision(body["at"], tuple(codes))


def placeholders(text: str) -> tuple[str, list[tuple[str, ...]]]:
    """A text with `{}` for each `{Concept}` in it, and those concepts."""
    found = [concept(name) for name in _PLACEHOLDER.findall(text)]
    return _PLACEHOLDER.sub("{}", text), found


def concept(name: str) -> tuple[str, ...]:
    """`Insurance.StartDateTime` as steps."""
    return tuple(name.split("."))


def constant(value: Any) -> Constant:
    """A coding, a truth value, a number or text, as an author writes it."""
    if isinstance(value, bool | int):
        return value
    match = _CODING.fullmatch(value)
    if match:
        return Coding(match[1], match[2], match[3] or "", match[4] or "")
    if len(value) > 1 and value[0] == value[-1] == '"':
        return str(value[1:-1])
    return {"true": True, "false": False}.get(value, str(value))


def _split(text: str) -> list[str]:
    return [part for part in re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text) if part.strip()]
