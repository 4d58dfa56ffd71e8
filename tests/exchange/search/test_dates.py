"""Dates as ranges: what each prefix finds, by the rules of the standard."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InputError
from gateway.exchange.search.dates import COMPARISONS, FIRST, LAST, Range, matching, ranges, read
from gateway.exchange.search.values import PREFIXES
from tests.exchange.search.records import NOW, ZONE


def matches(asked: str, value: Any, kind: str = "dateTime") -> bool:
    return matching("date", [asked], ZONE, NOW)(kind, value)


def found_by(asked: str, value: Any, kind: str = "dateTime") -> str:
    return " ".join(prefix for prefix in PREFIXES if matches(prefix + asked, value, kind))


# What is asked for, what the resource has, and the prefixes that find it (but ap, which knows the clock).
TABLE = [
    ("2024-03-14", "2024-03-13", "ne lt le eb"),
    ("2024-03-14", "2024-03-14", "eq ge le"),
    ("2024-03-14", "2024-03-15", "ne gt ge sa"),
    ("2024-03-14", "2024-03-14T10:00:00Z", "eq ge le"),
    ("2024-03-14", "2024-03-13T23:00:00Z", "eq ge le"),  # midnight in Amsterdam
    ("2024-03-14", "2024-03-13T22:59:59Z", "ne lt le eb"),
    ("2024-03-14", "2024-03-14T23:00:00Z", "ne gt ge sa"),
    ("2024-03-14", "2024-03", "ne gt lt ge le"),
    ("2024-03-14", "2024", "ne gt lt ge le"),
    ("2024-03", "2024-03-31", "eq ge le"),
    ("2024-03", "2024-04-01", "ne gt ge sa"),
    ("2024", "2024-12-31T23:59:59+01:00", "eq ge le"),
    ("2024", "2024-12-31T23:59:59Z", "ne gt ge sa"),
    ("2024-03-14T10:00", "2024-03-14T10:00:59+01:00", "eq ge le"),
    ("2024-03-14T10:00:00Z", "2024-03-14T10:00:00.5Z", "eq ge le"),
    ("2024-03-14T10:00:00.5Z", "2024-03-14T10:00:00Z", "ne gt lt ge le"),
    ("2024-03-14T10:00:00Z", "2024-03-14T11:00:00+01:00", "eq ge le"),
    ("2024-07-14T10:00:00", "2024-07-14T08:00:00Z", "eq ge le"),  # summer time
    ("2024-03-14T11:00:00 01:00", "2024-03-14T10:00:00Z", "eq ge le"),  # a plus that was not encoded
]


@pytest.mark.parametrize(("asked", "value", "prefixes"), TABLE)
def test_which_prefixes_find_a_date(asked: str, value: str, prefixes: str) -> None:
    assert " ".join(found_by(asked, value).replace("ap", "").split()) == prefixes


PERIODS = [
    ({"start": "2024-03-01", "end": "2024-03-14"}, "ne lt ge le"),
    ({"start": "2024-03-14", "end": "2024-03-20"}, "ne gt ge le"),
    ({"start": "2024-03-14", "end": "2024-03-14"}, "eq ge le"),
    ({"start": "2024-03-01"}, "ne gt lt ge le"),
    ({"start": "2024-03-15"}, "ne gt ge sa"),
    ({"end": "2024-03-13"}, "ne lt le eb"),
    ({"end": "2024-04-13"}, "ne gt lt ge le"),
    ({}, ""),
    ({"start": "soon"}, ""),
]


@pytest.mark.parametrize(("value", "prefixes"), PERIODS)
def test_which_prefixes_find_a_period(value: dict[str, str], prefixes: str) -> None:
    assert " ".join(found_by("2024-03-14", value, "Period").replace("ap", "").split()) == prefixes


@pytest.mark.parametrize(
    ("value", "prefixes"),
    [
        ({"event": ["2024-03-01", "2024-03-20"]}, "ne gt lt ge le"),
        ({"repeat": {"boundsPeriod": {"start": "2024-03-15"}}}, "ne gt ge sa"),
        ({"event": ["2024-03-20"], "repeat": {"boundsPeriod": {"end": "2024-03-21"}}}, "ne gt lt ge le"),
        ({"code": {"text": "daily"}}, ""),
    ],
)
def test_of_a_timing_the_outer_limits_count(value: dict[str, Any], prefixes: str) -> None:
    assert " ".join(found_by("2024-03-14", value, "Timing").replace("ap", "").split()) == prefixes


def test_approximately_is_a_tenth_of_the_distance_from_now() -> None:
    days = (NOW.date() - date(2026, 8, 18)).days
    assert days == 100
    near, far = date(2026, 8, 18) - timedelta(days=10), date(2026, 8, 18) - timedelta(days=12)
    assert matches("ap2026-08-18", near.isoformat())
    assert not matches("ap2026-08-18", far.isoformat())
    assert matches("ap0001", "0001-06-01")


@pytest.mark.parametrize(
    "text",
    [
        *("", "2024-13", "2024-02-30", "2023-02-29", "24", "2024-3-1", "2024-03-14T", "2024-03-14T25:00"),
        *("2024-03-14T10", "0000", "2024-03-14T10:00:00+99:00", "2024-03-14x", "x2024", "gt", "gtgt2024"),
        *("2024-03-14T10:00:60Z", "٢٠٢٤", "2024-W10", "20240314", "9" * 10_000),
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        matches(text, "2024")
    assert caught.value.issues[0].place == "date"
    assert not text or text not in caught.value.diagnostics()


@pytest.mark.parametrize("value", ["", "soon", None, 5, True, [], {"start": 3}])
def test_a_resource_without_a_date_that_reads_is_not_found(value: Any) -> None:
    for kind in ("dateTime", "Period", "Timing"):
        assert found_by("2024", value, kind) == ""


@pytest.mark.parametrize("text", ["0001", "9999", "9999-12", "9999-12-31"])
def test_the_ends_of_the_calendar_are_dates_too(text: str) -> None:
    found = read(text, ZONE)
    assert found is not None
    assert FIRST <= found.low < found.high <= LAST
    assert matches(text, text)


moments = st.integers(-2_000_000_000, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
spans = st.tuples(moments, moments).map(lambda pair: Range(min(pair), max(pair) + timedelta(days=1)))


@given(spans, spans)
def test_the_prefixes_agree_with_each_other(has: Range, asked: Range) -> None:
    holds = {prefix: compare(has, asked) for prefix, compare in COMPARISONS.items()}
    overlap = max(has.low, asked.low) < min(has.high, asked.high)
    assert holds["ne"] != holds["eq"]
    assert [holds["sa"], holds["eb"], overlap].count(True) == 1
    assert holds["ap"] == overlap
    assert not holds["eq"] or (holds["ge"] and holds["le"])
    assert not holds["gt"] or holds["ge"]
    assert not holds["lt"] or holds["le"]
    assert holds["ge"] == (not holds["eb"])
    assert holds["le"] == (not holds["sa"])


formats = st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@given(moments, formats)
def test_a_date_is_the_whole_of_its_precision(moment: datetime, form: str) -> None:
    """Every instant in the range reads as the same text in the zone, and the one after it does not."""
    text = moment.strftime(form)
    found = read(text, UTC)
    assert found is not None
    last = found.high - timedelta(microseconds=1)
    assert found.low.strftime(form) == last.strftime(form) == text
    assert found.high.strftime(form) != text
    assert found.low <= moment < found.high


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_an_offset_moves_the_range(moment: datetime, minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    offset = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    plain, moved = (read(f"{moment:%Y-%m-%dT%H:%M:%S}{zone}", ZONE) for zone in ("Z", offset))
    assert plain is not None
    assert moved is not None
    assert plain.low - moved.low == plain.high - moved.high == timedelta(minutes=minutes)


def test_a_fraction_is_as_long_as_its_digits() -> None:
    for digits in range(1, 10):
        found = read(f"2024-03-14T10:00:00.{'1' * digits}Z", ZONE)
        assert found is not None
        assert found.high - found.low == timedelta(microseconds=10 ** max(0, 6 - digits))


def test_a_minute_is_a_minute_when_the_clock_moves() -> None:
    """In the hour that is skipped (31 March) and the one that comes twice (27 October), without an offset."""
    for day in ("2024-03-31", "2024-10-27"):
        for minute in range(24 * 60):
            found = read(f"{day}T{minute // 60:02}:{minute % 60:02}", ZONE)
            assert found is not None
            assert found.high - found.low == timedelta(minutes=1)
    long, short = read("2024-10-27", ZONE), read("2024-03-31", ZONE)
    assert long is not None
    assert short is not None
    assert (long.high - long.low, short.high - short.low) == (timedelta(hours=25), timedelta(hours=23))


def test_any_value_of_a_list_will_do() -> None:
    either = matching("date", ["2023", "ge2025"], ZONE, NOW)
    assert [either("date", year) for year in ("2022", "2023", "2024", "2025")] == [False, True, False, True]
    assert list(ranges("date", "2023", ZONE)) == [read("2023", ZONE)]
