"""The rows of the mappings that no test reached: `make coverage-mappings`.

A pytest plugin.  While tests run it notes the rule of every value that the project's own mappings read,
wrote or carried over the bridge; afterwards it prints each row and direction that is missing, and fails
the run when there is one.  A row is a line that says where one concept stands, or why it has no place.
What carries no value of a concept is none: a group (its rows count), what is fixed or derived, a link
between parts, a name of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from gateway import documents
from gateway.documents import Document
from gateway.mapping import Translator, datatypes
from gateway.mapping.ada import overlays, values
from gateway.mapping.ada.reading import AdaReader
from gateway.mapping.bridge import steps
from gateway.mapping.bridge.bridge import NAME, Bridge
from gateway.mapping.bridge.plans import BLOCKS, RELEASES
from gateway.mapping.compiler import formats, language
from gateway.mapping.runtime.reading import FhirReading
from gateway.mapping.runtime.state import Writing
from gateway.mapping.tools import FORMATS
from gateway.resources import MAPPINGS

Line = tuple[str, str, str]
"""(file:line, concept, direction)"""


def rows() -> Iterator[Line]:
    """Every row of every mapping, once for each direction that it serves."""
    for folder in FORMATS.values():
        for file in sorted((MAPPINGS / folder).glob("*.yaml")):
            if file.name != formats.FORMAT_FILE:
                yield from _mapping_rows(file)
    for file in sorted((MAPPINGS / "releases" / NAME).glob("*.yaml")):
        if file.stem != BLOCKS:
            yield from _bridge_rows(documents.load(file, f"{NAME}/{file.name}"))
    for overlay in overlays.load(MAPPINGS / "ada"):
        for scope, aliases in overlay.elements.items():
            for name, alias in aliases.items():
                if alias.path or alias.via:
                    yield str(alias.mark), f"{scope}.{name}", "read"


def _mapping_rows(file: Path) -> Iterator[Line]:
    for part in formats.read_mapping(file).parts:
        for each in (part.rows, *(join.rows for join in part.joins)):
            yield from _walk(each, ("read",) if part.only else ("read", "write"))


def _walk(found: Iterable[language.Row], ways: Iterable[str]) -> Iterator[Line]:
    for row in found:
        for place in row.places:
            own = [way for way in ways if place.only in ("", way)]
            if place.rows:
                yield from _walk(place.rows, own)
            else:
                yield from ((str(place.mark), ".".join(row.concept) or ".", way) for way in own)


def _bridge_rows(document: Document) -> Iterator[Line]:
    for concept, body in document.data.get("rows", {}).items():
        only = body.get("only") if isinstance(body, dict) else None
        for way in [only] if only else [f"to-{release}" for release in RELEASES]:
            yield str(document.mark("rows", concept)), concept, way
    for release, other in (RELEASES, RELEASES[::-1]):
        for concept in document.data.get(f"only-{release}", {}):
            yield str(document.mark(f"only-{release}", concept)), concept, f"to-{other}"


class Watch:
    """Notes which rows were at work, and in which direction."""

    def __init__(self) -> None:
        self.reached: set[tuple[str, str]] = set()
        self.direction = ""
        """Of what runs now; empty while a test uses mappings that it made up."""

    def note(self, rule: str) -> None:
        """A row took or gave a value."""
        if self.direction:
            self.reached.add((rule, self.direction))

    def after(self, owner: Any, name: str, noted: Callable[..., Any]) -> None:
        """Call `noted` with the result and the arguments of a method each time that it returns."""
        method = getattr(owner, name)

        @wraps(method)
        def call(*given: Any, **named: Any) -> Any:
            result = method(*given, **named)
            noted(result, *given)
            return result

        setattr(owner, name, call)

    def during(self, owner: type, name: str, direction: Callable[..., str]) -> None:
        """Set the direction while a method runs."""
        method = getattr(owner, name)

        @wraps(method)
        def call(*given: Any, **named: Any) -> Any:
            before, self.direction = self.direction, direction(*given)
            try:
                return method(*given, **named)
            finally:
                self.direction = before

        setattr(owner, name, call)

    def account(self, state: Any) -> None:
        """The rows that the account of a reading names."""
        for _, _, rule in state.taken:
            self.note(rule)
        if isinstance(state, FhirReading):
            for members in state.marks.values():
                for rule, _ in members.values():
                    self.note(rule)


class Used(list[str]):
    """`Writing.used`, of which every assignment is noted: the last one alone would hide the others."""

    def __init__(self, used: list[str], watch: Watch) -> None:
        super().__init__(used)
        self.watch = watch

    def __setitem__(self, at: Any, rule: Any) -> None:
        self.watch.note(rule)
        super().__setitem__(at, rule)


WATCH = Watch()


def _own(way: str) -> Callable[..., str]:
    return lambda translator, *_: way if translator._mappings == MAPPINGS else ""


def pytest_configure() -> None:
    """Watch what the account and the bridge are told."""
    watch = WATCH
    watch.after(Translator, "read", lambda read, *_: watch.account(read.state))
    watch.during(Translator, "read", _own("read"))
    watch.during(Translator, "write", _own("write"))
    watch.during(Bridge, "carry", lambda _bridge, _blocks, release, *_: f"to-{release}")

    def begun(_: None, writing: Writing, *__: Any) -> None:
        writing.used = Used(writing.used, watch)

    def whole(_: None, __: Writing, value: Any, rule: str) -> None:
        if type(value) is dict:  # a partial zib: its own rows note what is in it
            watch.note(rule)

    def grouped(group: Any, *given: Any) -> None:
        if group:
            watch.note(given[-1])

    def moved(_: None, step: steps.Carry, _result: Any, made: Any, _crossing: Any) -> None:
        if made != {}:
            watch.note(step.rule)

    # The tests of ADA read without a translator; an overlay that one made up has a name of its own.
    watch.after(AdaReader, "read", lambda _, __, ___, state: watch.account(state))
    watch.during(AdaReader, "read", lambda *_: "read")
    for name in ("via_unit", "via_per"):
        watch.after(values, name, lambda _, *given: watch.note(given[-1]))
    watch.after(Writing, "__init__", begun)
    watch.after(Writing, "use_own", whole)
    watch.after(datatypes.DatatypeReader, "__call__", grouped)
    watch.after(steps.Carry, "_put", moved)
    for step in (steps.Drop, steps.Words):
        watch.after(step, "take", lambda _, step, *__: watch.note(step.rule))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that passed and left a row out."""
    if session.exitstatus == pytest.ExitCode.OK and unreached():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """The list, after all that pytest says."""
    out, missing = config.get_terminal_writer(), unreached()
    for rule, concept, way in missing:
        file = rule.removeprefix("mappings/")
        out.line(f"mappings/{'releases/' if file.startswith(NAME) else ''}{file} {concept} {way}")
    out.line(f"{len(set(rows()))} rows, {len(missing)} unreached")


def unreached() -> list[Line]:
    """The rows that were not at work, by file and line."""
    found = {row for row in rows() if (row[0], row[2]) not in WATCH.reached}
    return sorted(found, key=lambda row: (row[0].rpartition(":")[0], int(row[0].rpartition(":")[2]), row))
