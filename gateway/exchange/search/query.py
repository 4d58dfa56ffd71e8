"""A search on the record of one person: read once, then run on resources in memory.

Unknown parameters are ignored or refused, as `Prefer: handling` says; what was handled stands in the self
link.  A known parameter that cannot be met is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import quote

from gateway.errors import Denied, InputError, Issue
from gateway.exchange.search import paging
from gateway.exchange.search.filters import Filter, filter_of
from gateway.exchange.search.includes import Include, include_of, included
from gateway.exchange.search.latest import latest
from gateway.exchange.search.order import SortKey, ordered, sort_keys
from gateway.exchange.search.record import Record, Resource, local
from gateway.exchange.search.scope import (
    MAX_COUNT,
    MAX_INCLUDES,
    PERSON,
    Parameters,
    Scope,
    check,
)
from gateway.exchange.search.shape import SUMMARIES, Shape
from gateway.exchange.search.values import alternatives, number, one_of, refused

IGNORED = ("_format", "_pretty")
"""Parameters that are not about the search, and are handled where the answer is written."""

TOTALS = ("none", "estimate", "accurate")


class Found(NamedTuple):
    """A page of an answer: matches and what they bring along.

    `total` counts the matches of all pages, None when that was not wanted.  `next` is the query of the next
    page, "" when there is none.
    """

    matches: list[Resource]
    included: list[Resource]
    total: int | None
    next: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """A search, understood.  `path` is its address below the base; `kinds` are its types, none: every type.

    `filters` must all hold.  `patients` are references that must be to the person.  `last` is how many of
    each code `$lastn` wants.  `handled` are the parameters that count.
    """

    path: str
    scope: Scope
    kinds: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    patients: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    order: tuple[SortKey, ...] = ()
    count: int = MAX_COUNT
    page: str = ""
    shape: Shape = field(default_factory=Shape)
    total: bool = True
    last: int = 0
    handled: tuple[tuple[str, str], ...] = ()

    def query(self) -> str:
        """What was handled, as a query string."""
        return "&".join(f"{name}={quote(value, safe=',:/')}" for name, value in self.handled)

    def run(self, resources: Sequence[Resource]) -> Found:
        """The answer from the resources of one person.

        Raises `Denied` when it asks for another person, `InputError` for a page that is not of this search.
        """
        record = Record(resources, self.scope.base)
        self._check_person(record)
        kinds = self.kinds or tuple(record.types())
        matches = [
            each
            for kind in kinds
            for each in record.of(kind)
            if all(holds(each, record) for holds in self.filters)
        ]
        if self.last:
            matches = latest(matches, self.last, self.scope.zone)
        if self.order or not self.last:
            matches = ordered(matches, self.order, self.scope.zone)
        return self._page(matches, record)

    def _page(self, matches: list[Resource], record: Record) -> Found:
        total = len(matches) if self.total else None
        if self.shape.summary == "count" or not self.count:
            return Found([], [], len(matches))
        asked = replace(self, handled=tuple(pair for pair in self.handled if pair[0] != paging.PAGE)).query()
        cursor = paging.read(self.page, asked) if self.page else None
        page, after = paging.cut(matches, self.count, cursor, asked)
        along = included(page, record, self.includes, self.scope)
        following = "&".join(filter(None, (asked, f"{paging.PAGE}={after}"))) if after else ""
        return Found(
            [self.shape.cut(each, self.scope) for each in page],
            [self.shape.cut(each, self.scope, included=True) for each in along],
            total,
            following,
        )

    def _check_person(self, record: Record) -> None:
        """All of a record is of one person, so `patient` filters nothing: it is that person, or refused."""
        own = {each["id"] for each in record.of("Patient")}
        if not own.issuperset(self.patients):
            raise Denied(Issue("error", "forbidden", "this is not the person of the token"))


def parse(kind: str, parameters: Parameters, scope: Scope) -> Search:
    """The search of a query string on a resource type.

    Raises `InputError` for a BSN, for what is too much, for a known parameter that cannot be met and, when
    strict, for unknown parameters.
    """
    return read(Search(kind, scope, (kind,)), kind, parameters)


def read(search: Search, kind: str, parameters: Parameters, own: Sequence[Reading] = ()) -> Search:
    """A search with what a query string asks; `own` are the parameters of an operation, tried first."""
    check(parameters, search.scope.bsn)
    issues: list[Issue] = []
    for name, value in parameters:
        if name in IGNORED:
            continue
        try:
            changed = _changed(search, kind, name, value, own)
        except InputError as error:
            issues += error.issues
            continue
        if changed is not None:
            search = replace(changed, handled=(*search.handled, (name, value)))
        elif search.scope.strict:
            issues += refused(name, "this parameter is not supported", "not-supported").issues
    if len(search.includes) > MAX_INCLUDES:
        issues += refused("_include", f"a search has at most {MAX_INCLUDES} includes", "too-costly").issues
    if search.includes and search.shape.summary == "text":  # R4 search.html#summary
        issues += refused("_summary", "a summary of text has no includes", "not-supported").issues
    if issues:
        raise InputError(*issues)
    return search


Reading = Callable[[Search, str, str, str], Search | None]
"""A search with a parameter (resource type, name, value) in it; None when it is not of its kind."""


def _changed(search: Search, kind: str, name: str, value: str, own: Sequence[Reading]) -> Search | None:
    for reading in (*own, _result, _person, _filter):
        if (changed := reading(search, kind, name, value)) is not None:
            return changed
    return None


def _result(search: Search, kind: str, name: str, value: str) -> Search | None:
    """The parameters about the answer, not about what matches (search.html#Result)."""
    match name.partition(":")[0]:
        case "_include" | "_revinclude":
            include = include_of(kind, name, value, search.scope)
            return replace(search, includes=(*search.includes, include)) if include else None
        case "_has":
            raise refused("_has", "this parameter is not supported", "not-supported")
    if not value:  # a parameter without a value asks nothing
        return None
    match name:
        case "_count":
            return replace(search, count=number(name, value, MAX_COUNT))
        case "_sort":
            keys = sort_keys(kind, value, search.scope)
            return replace(search, order=keys) if keys else None
        case "_summary":
            return replace(search, shape=replace(search.shape, summary=one_of(name, value, SUMMARIES)))
        case "_elements":
            names = frozenset(alternatives(value))
            return replace(search, shape=replace(search.shape, elements=names)) if names else None
        case "_total":
            return replace(search, total=one_of(name, value, TOTALS) != "none")
        case paging.PAGE:
            return replace(search, page=value)
    return None


def _person(search: Search, kind: str, name: str, value: str) -> Search | None:
    """Whose record: `patient`, or `subject` where that can be a Patient."""
    stem, _, modifier = name.partition(":")
    definition = search.scope.definitions.of(kind).get(stem)
    if stem not in PERSON or definition is None or modifier not in ("", "Patient"):
        return None
    if definition.targets and "Patient" not in definition.targets:
        return None
    ids = (local(each, search.scope.base).removeprefix("Patient/") for each in value.split(","))
    return replace(search, patients=(*search.patients, *ids))


def _filter(search: Search, kind: str, name: str, value: str) -> Search | None:
    if not alternatives(value):
        return None
    found = filter_of(kind, name, value, search.scope)
    return replace(search, filters=(*search.filters, found)) if found else None
