"""Dates as ranges of time: what is asked for and what a resource says, compared by prefix.

A date is the whole of its precision: `2024-03` is every instant of that month.  What has no offset is in the
zone of the gateway.  (FHIR R4 search.html#date, #prefix.)

    eq  the resource's range lies within the asked one        ne  it does not
    gt  it reaches beyond the end of the asked range          lt  it begins before the asked range
    ge  it reaches beyond the begin of the asked range        le  it begins before its end
    sa  it begins after the asked range                       eb  it ends before it
    ap  the two overlap, the asked one widened by a tenth of its distance from now

So a period that ends on the day asked for counts as `ge` that day: it covers part of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from gateway.exchange.search.values import Test, prefixed, refused

DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
YEAR, DAY, MINUTE = 1, 3, 5
"""Precisions, by the number of parts of a date."""

START = [1, 1, 1, 0, 0, 0]
"""The first instant of year one: what stands in for the parts that a date leaves out."""

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """The instants from `low` up to but not including `high`."""

    low: datetime
    high: datetime


Compare = Callable[[Range, Range], bool]
COMPARISONS: dict[str, Compare] = {
    "eq": lambda has, asked: asked.low <= has.low and has.high <= asked.high,
    "ne": lambda has, asked: not (asked.low <= has.low and has.high <= asked.high),
    "gt": lambda has, asked: has.high > asked.high,
    "lt": lambda has, asked: has.low < asked.low,
    "ge": lambda has, asked: has.high > asked.low,
    "le": lambda has, asked: has.low < asked.high,
    "sa": lambda has, asked: has.low >= asked.high,
    "eb": lambda has, asked: has.high <= asked.low,
    "ap": lambda has, asked: has.low < asked.high and asked.low < has.high,
}


def read(text: str, zone: tzinfo) -> Range | None:
    """The range of a FHIR date, dateTime or instant of any precision; None when it is none of these."""
    found = DATE.fullmatch(text)
    if found is None:
        return None
    *parts, fraction, offset = found.groups()
    numbers = [int(part) for part in parts if part is not None]
    try:
        year, month, day, hour, minute, second = numbers + START[len(numbers) :]
        micro = int((fraction or "0").ljust(6, "0")[:6])
        low = datetime(year, month, day, hour, minute, second, micro, _zone(offset, zone))
    except ValueError:
        return None
    if len(numbers) <= DAY:
        return Range(_utc(low), _utc(_next_day(low, len(numbers))))
    return Range(_utc(low), _shifted(_utc(low), _length(len(numbers), fraction)))


def ranges(kind: str, value: Any, zone: tzinfo) -> Iterator[Range]:
    """The range of an element of this type.  Of a Timing only its outer limits count (search.html#date)."""
    if kind == "Period" and isinstance(value, dict):
        yield from _period(value, zone)
    elif kind == "Timing" and isinstance(value, dict):
        events = [each for text in value.get("event", ()) if (each := read(str(text), zone))]
        bounds = value.get("repeat", {}).get("boundsPeriod")
        events += _period(bounds, zone) if bounds else ()
        if events:
            yield Range(min(each.low for each in events), max(each.high for each in events))
    elif isinstance(value, str) and (found := read(value, zone)):
        yield found


def matching(name: str, values: list[str], zone: tzinfo, now: datetime) -> Test:
    """What holds for a date that meets any of the values.  Raises `InputError` when one is no date."""
    asked = [_asked(name, value, zone, now) for value in values]
    return lambda kind, value: any(
        compare(has, wanted) for has in ranges(kind, value, zone) for compare, wanted in asked
    )


def _asked(name: str, text: str, zone: tzinfo, now: datetime) -> tuple[Compare, Range]:
    prefix, rest = prefixed(text)
    found = read(rest.replace(" ", "+"), zone)  # a plus that was not encoded arrives as a space
    if found is None:
        raise refused(name, "not a date: YYYY, YYYY-MM, YYYY-MM-DD or with a time, after a prefix or none")
    return COMPARISONS[prefix], _widened(found, now) if prefix == "ap" else found


def _widened(asked: Range, now: datetime) -> Range:
    """R4 search.html#prefix recommends 10 % of the gap between now and the date."""
    margin = abs(now - asked.low) / 10
    return Range(_shifted(asked.low, -margin), _shifted(asked.high, margin))


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return FIRST if by < timedelta() else LAST


def _period(value: dict[str, Any], zone: tzinfo) -> list[Range]:
    """An open end is open; a period that says nothing that can be read is none."""
    start, end = (read(str(value.get(side, "")), zone) for side in ("start", "end"))
    if start is None and end is None:
        return []
    return [Range(start.low if start else FIRST, end.high if end else LAST)]


def _zone(offset: str | None, zone: tzinfo) -> tzinfo:
    if offset is None:
        return zone
    return datetime.strptime(offset, "%z").tzinfo or zone


def _next_day(low: datetime, precision: int) -> datetime:
    """The first day after a year, month or day, by the calendar of its own zone."""
    if precision == DAY:
        return _shifted(low, timedelta(days=1))
    month = 13 if precision == YEAR else low.month + 1
    if (low.year, month) == (LAST.year, 13):
        return LAST
    return low.replace(year=low.year + month // 13, month=(month - 1) % 12 + 1)


def _length(precision: int, fraction: str | None) -> timedelta:
    """How long a minute, a second or a fraction of one is; no shorter than the clock of Python can tell."""
    if precision == MINUTE:
        return timedelta(minutes=1)
    return timedelta(microseconds=10 ** max(0, 6 - len(fraction or "")))


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return FIRST if moment.year == 1 else LAST
