"""The account: what became of every value of the input.

A line a leaf: `used` (and by which row), `kept as text`, `carried along` (no zib covers it, and the same
format has it again), `withheld` (by policy) or `not representable` (and why).
The trace behind it is always on; the lines are made when asked for.
No line holds the value itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

State = Literal["used", "kept as text", "carried along", "withheld", "not representable"]
CARRIED: Final[Literal["carried along"]] = "carried along"
"""Also stands as the row of what is carried, in the trace of a reading and of a writing."""
STATES: tuple[State, ...] = ("used", "kept as text", CARRIED, "withheld", "not representable")


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one leaf of the input.

    `place` is an XPath or FHIR path, `read` the row that read it, `rule` the row that wrote it or
    that explains why not; both as `file:line`.
    """

    place: str
    state: State
    rule: str = ""
    read: str = ""
    reason: str = ""
    line: int = 0


class Leaf(msgspec.Struct, frozen=True):
    """A leaf of the input as its codec sees it, before it is known what became of it."""

    place: str
    at: int
    """Its number in the reading; −1 when no row read it."""
    read: str = ""
    state: str = ""
    """What the reader said of a leaf that is no value of its own: duplicate, placeholder, structure."""
    reason: str = ""
    line: int = 0


class Account:
    """The account of one translation."""

    def __init__(
        self,
        leaves: Callable[[], Iterable[Leaf]],
        used: list[str],
        refused: dict[int, str],
        dropped: dict[int, tuple[str, str]] | None = None,
        words: dict[int, tuple[str, int]] | None = None,
    ) -> None:
        self._leaves, self._used, self._refused = leaves, used, refused
        self._dropped, self._words = dropped or {}, words or {}
        self.withheld: dict[int, str] = {}

    def lines(self) -> Iterator[Line]:
        """One line for each leaf of the input."""
        for leaf in self._leaves():
            yield self._line(leaf)

    def _line(self, leaf: Leaf) -> Line:
        if leaf.at < 0:
            return self._unread(leaf)
        rule = self._used[leaf.at] if leaf.at < len(self._used) else ""
        if CARRIED in (leaf.read, rule):
            state: State = CARRIED if rule else "not representable"
            return Line(leaf.place, state, "", "", "no zib covers this", leaf.line)
        if leaf.at in self.withheld:
            return Line(leaf.place, "withheld", self.withheld[leaf.at], leaf.read, "policy", leaf.line)
        if leaf.at in self._words:
            return self._in_words(leaf, *self._words[leaf.at])
        if rule:
            return Line(leaf.place, "used", rule, leaf.read, "", leaf.line)
        if leaf.at in self._dropped:
            rule, reason = self._dropped[leaf.at]
            return Line(leaf.place, "not representable", rule or leaf.read, leaf.read, reason, leaf.line)
        refused = self._refused.get(leaf.at, "")
        reason = "no translation for this value" if refused else "the format has no place for this concept"
        return Line(leaf.place, "not representable", refused or leaf.read, leaf.read, reason, leaf.line)

    def _in_words(self, leaf: Leaf, rule: str, host: int) -> Line:
        """The line of a value that only a text says; `host` is the number of that text."""
        if host < 0 or self._used[host]:
            return Line(leaf.place, "kept as text", rule, leaf.read, "", leaf.line)
        reason = "the format has no place for the text that would say it"
        return Line(leaf.place, "not representable", rule, leaf.read, reason, leaf.line)

    @staticmethod
    def _unread(leaf: Leaf) -> Line:
        if leaf.state in ("duplicate", "structure", "identity", "fixed"):
            return Line(leaf.place, "used", leaf.read, leaf.read, leaf.reason or leaf.state, leaf.line)
        return Line(
            leaf.place, "not representable", leaf.read, "", leaf.reason or "no row reads this", leaf.line
        )

    def counts(self) -> dict[str, int]:
        """How many leaves there are in each state."""
        return _counted(self.lines())

    def dump(self) -> bytes:
        """The account as JSON: the counts, then the lines."""
        lines = list(self.lines())
        whole = {"counts": _counted(lines), "lines": lines}
        return msgspec.json.format(msgspec.json.encode(whole), indent=1)


def _counted(lines: Iterable[Line]) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(STATES, 0)
    for line in lines:
        found[line.state] += 1
    return found


def fhir_leaves(tree: dict[str, Any], marks: dict[int, dict[Any, tuple[str, int]]]) -> Iterator[Leaf]:
    """The primitives of a resource or Bundle, each once, with the rows that read them."""
    yield from _fhir(str(tree["resourceType"]), tree, marks)


# What a resource says of itself, not of a patient.
_STRUCTURE = {"resourceType": "the type chose the mapping", "id": "identity within the document"}

NARRATIVE: Final = "narrative is made anew from the data"

# What a Bundle says of how it holds and moves its resources (FHIR Bundle); `fullUrl` resolves references.
_TRANSPORT = frozenset(("type", "total", "link", "fullUrl", "search", "request", "response"))


def _fhir(
    place: str, element: dict[str, Any], marks: dict[int, dict[Any, tuple[str, int]]]
) -> Iterator[Leaf]:
    known = marks.get(id(element), {})
    top = "resourceType" in element
    bundle = element.get("resourceType") == "Bundle"
    for name, value in element.items():
        here = f"{place}.{name}"
        if top and name in _STRUCTURE:
            yield Leaf(here, -1, state="identity", reason=_STRUCTURE[name])
        elif bundle and name in _TRANSPORT:
            yield from _transport(here, value)
        elif bundle and name == "entry":
            for i, entry in enumerate(value):  # an array of objects: the codec has seen to it
                yield from _entry(f"{here}[{i}]", entry, marks)
        elif top and name == "text" and not marks.get(id(value)):
            yield from (Leaf(f"{here}.{each}", -1, reason=NARRATIVE) for each in value)
        else:
            yield from _member(here, name, value, known, marks)


def _member(
    here: str,
    name: str,
    value: Any,
    known: dict[Any, tuple[str, int]],
    marks: dict[int, dict[Any, tuple[str, int]]],
) -> Iterator[Leaf]:
    if isinstance(value, dict):
        yield from _fhir(here, value, marks)
    elif isinstance(value, list):
        for i, each in enumerate(value):
            if isinstance(each, dict):
                yield from _fhir(f"{here}[{i}]", each, marks)
            elif each is not None:
                yield _fhir_leaf(f"{here}[{i}]", known.get((name, i)) or known.get(name))
    elif value is not None:
        yield _fhir_leaf(here, known.get((name, 0)) or known.get(name))


def _entry(place: str, entry: dict[str, Any], marks: dict[int, dict[Any, tuple[str, int]]]) -> Iterator[Leaf]:
    for name, value in entry.items():
        if name in _TRANSPORT:
            yield from _transport(f"{place}.{name}", value)
        else:
            yield from _fhir(place, {name: value}, marks)


def _transport(place: str, value: Any) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _transport(f"{place}.{name}", each)
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from _transport(f"{place}[{i}]", each)
    elif value is not None:
        yield Leaf(place, -1, state="structure", reason="how the Bundle holds its resources")


def _fhir_leaf(place: str, mark: tuple[str, int] | None) -> Leaf:
    if mark is None:
        return Leaf(place, -1)
    rule, at = mark
    return Leaf(place, at, rule, state="fixed" if at < 0 else "")


def xml_leaves(
    root: Any, taken: list[tuple[Any, Any, str]], left: dict[int, tuple[Any, str, str]]
) -> list[Leaf]:
    """The elements of an ADA document that carry data, with the rows that read them."""
    known = {id(element): (at, rule) for at, (element, _member, rule) in enumerate(taken)}
    found: list[Leaf] = []
    _xml(root, f"/{root.tag}", known, left, found.append)
    return found


# Attributes that describe the element, not the patient.
_DESCRIBING = frozenset(("conceptId", "id", "datatype", "comment", "hidden"))


def _xml(
    element: Any,
    place: str,
    known: dict[int, tuple[int, str]],
    left: dict[int, tuple[Any, str, str]],
    add: Callable[[Leaf], None],
) -> None:
    """Add the leaves of an element and of what it holds."""
    me = id(element)
    if me in left:
        for leaf in _said(element, place, *left[me][1:]):
            add(leaf)
        return
    if me in known:
        at, rule = known[me]
        add(Leaf(place, at, rule, line=element.sourceline or 0))
    elif not _DESCRIBING.issuperset(element.keys()) and (
        len(element) == 0 or element.get("value") is not None or element.get("code") is not None
    ):
        add(Leaf(place, -1, line=element.sourceline or 0))
    if len(element):
        seen: dict[str, int] = {}
        for child in element:
            tag = child.tag
            number = seen[tag] = seen.get(tag, 0) + 1
            if type(tag) is str:
                _xml(child, f"{place}/{tag}" if number == 1 else f"{place}/{tag}[{number}]", known, left, add)


def _said(element: Any, place: str, state: str, reason: str) -> Iterator[Leaf]:
    for each in element.iter():
        if isinstance(each.tag, str) and (each is element or not _DESCRIBING.issuperset(each.keys())):
            below = "" if each is element else f"//{each.tag}"
            yield Leaf(f"{place}{below}", -1, state=state, reason=reason, line=each.sourceline or 0)
