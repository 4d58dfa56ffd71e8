"""Dates relative to today or to a birth, month ends, leap years and zones among them."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.ada import tdates
from tests.mapping.ada.documents import element

DAY = datetime.date(2026, 7, 1)


@pytest.mark.parametrize(
    ("text", "today", "expected"),
    [
        ("T", "2026-07-01", "2026-07-01"),
        ("T-45D", "2026-07-01", "2026-05-17"),
        ("T+183D", "2026-07-01", "2026-12-31"),
        ("T+45", "2026-07-01", "2026-08-15"),  # no unit: days
        ("T-0D", "2026-07-01", "2026-07-01"),
        ("T-1M", "2026-03-31", "2026-02-28"),  # the month is shorter
        ("T-1M", "2024-03-31", "2024-02-29"),  # in a leap year by one day less
        ("T+1M", "2026-01-31", "2026-02-28"),
        ("T-1M", "2026-01-15", "2025-12-15"),  # over the year
        ("T+1M", "2026-12-15", "2027-01-15"),
        ("T-1Y", "2024-02-29", "2023-02-28"),  # 29 February has no year before
        ("T-4Y", "2024-02-29", "2020-02-29"),
        ("T+1Y", "2024-02-29", "2025-02-28"),
        ("T-15Y", "2026-07-01", "2011-07-01"),
        ("T-1Y2M", "2026-07-01", "2025-05-01"),
        ("T-1Y2M3D", "2026-07-01", "2025-04-28"),  # the sign holds for all, days come last
        ("T+1M1D", "2026-01-31", "2026-03-01"),
        ("T-13M", "2026-07-31", "2025-06-30"),
        ("T-1D", "2024-03-01", "2024-02-29"),
        ("T-1D", "2026-03-01", "2026-02-28"),
        ("T{08:30}", "2026-07-01", "2026-07-01T08:30"),
        ("T-22D{15:05:00}", "2026-07-01", "2026-06-09T15:05:00"),
        ("T-1Y2M{12:34}", "2026-07-01", "2025-05-01T12:34"),
        ("T-94D{02:30}", "2026-07-01", "2026-03-29T02:30"),  # an hour that the clocks skip: kept as sent
        ("DOB", "1951-02-28", "1951-02-28"),
        ("DOB+3M", "1951-11-30", "1952-02-29"),
        ("DOB+20Y{08:30}", "1992-02-29", "2012-02-29T08:30"),
    ],
)
def test_a_relative_date(text: str, today: str, expected: str) -> None:
    assert tdates.is_relative(text)
    assert tdates.resolve(text, datetime.date.fromisoformat(today)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t",
        "T-",
        "T-D",
        "T+Y",
        "T-5W",
        "T 5D",
        "T-5D{25:00}",
        "T-5D{12:60}",
        "T-5D{12}",
        "T--5D",
        "TD",
        "DOB5",
        "T5D",
        "DOBB",
    ],
)
def test_what_is_no_relative_date(text: str) -> None:
    assert not tdates.is_relative(text)
    with pytest.raises(ValueError, match="not a relative date"):
        tdates.resolve(text, DAY)


@pytest.mark.parametrize("text", ["T-9999Y", "T+9999Y", "T-999999D", "T+99999M", "T-2025Y7M1D"])
def test_a_date_beyond_the_calendar(text: str) -> None:
    with pytest.raises(ValueError, match="beyond the calendar"):
        tdates.resolve(text, DAY)


@given(st.dates(), st.integers(-1200, 1200))
def test_months_keep_the_day_or_give_the_last(day: datetime.date, months: int) -> None:
    try:
        found = tdates.add_months(day, months)
    except ValueError:
        assert not 1 <= day.year + (day.month - 1 + months) // 12 <= 9999
        return
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day == day.day or (found.day < day.day and (found + datetime.timedelta(days=1)).day == 1)


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)), st.integers(0, 36500))
def test_days_go_back_as_they_came(day: datetime.date, days: int) -> None:
    there = datetime.date.fromisoformat(tdates.resolve(f"T+{days}D", day))
    assert tdates.resolve(f"T-{days}D", there) == day.isoformat()


def test_today_is_the_day_in_the_zone_of_the_context() -> None:
    from tests.mapping.ada.documents import read

    data = (
        b'<lichaamslengte_registratie app="zib2020-nl"><lichaamslengte id="1">'
        b'<lengte_datum_tijd value="T" datatype="datetime"/></lichaamslengte></lichaamslengte_registratie>'
    )
    late = datetime.datetime(2026, 3, 28, 23, 30, tzinfo=datetime.UTC)  # half past midnight in Amsterdam
    found = read(data, late).blocks["BodyHeight/1"].values["HeightDateTime"]
    assert found.value == "2026-03-29"


def test_a_date_beyond_the_calendar_is_an_issue() -> None:
    found = element('<lengte_waarde value="1"/><lengte_datum_tijd value="T-9999Y"/>', "lichaamslengte")
    assert found.issues() == [("error", "value")]
    assert "calendar" in found.state.issues[0].text
