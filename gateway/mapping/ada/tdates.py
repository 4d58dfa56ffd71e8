"""Relative dates of ADA test data: `T-45D`, `T-1Y2M{12:34}`, `DOB+3M`.

`T` is today in the zone of the context, `DOB` a date of birth.  The sign holds for every part behind
it.  Years and months are counted first, and a day that the month does not have becomes its last day
(31 March minus one month is 28 or 29 February); then days.  A number without a unit counts days.  The
time between braces is the time of day in that zone, so it gets no offset here: the writer of a format
that needs one knows which offset the zone had at that moment.

Source: ART-DECOR's notation as the ADA instances of Nictiz use it.
"""

from __future__ import annotations

import calendar
import datetime
import re

_RELATIVE = re.compile(
    r"(?P<base>T|DOB)"
    r"(?:(?P<sign>[+-])(?=\d)(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<days>\d{1,6})D?)?)?"
    r"(?:\{(?P<time>(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)\})?"
)


def is_relative(text: str) -> bool:
    """True for text in this notation."""
    return _RELATIVE.fullmatch(text) is not None


def needs_birth(text: str) -> bool:
    """True when the date is counted from a date of birth."""
    return text.startswith("DOB")


def resolve(text: str, base: datetime.date) -> str:
    """The date, or date and time, in ISO 8601.

    `base` is today for `T`, the date of birth for `DOB`.  Raises `ValueError` for text that is no
    relative date, and for a date outside the years 1 to 9999.
    """
    found = _RELATIVE.fullmatch(text)
    if found is None:
        raise ValueError("not a relative date")
    sign = -1 if found["sign"] == "-" else 1
    months = sign * (12 * int(found["years"] or 0) + int(found["months"] or 0))
    try:
        day = add_months(base, months) + datetime.timedelta(days=sign * int(found["days"] or 0))
    except OverflowError as error:
        raise ValueError("a date beyond the calendar") from error
    return f"{day.isoformat()}T{found['time']}" if found["time"] else day.isoformat()


def add_months(day: datetime.date, months: int) -> datetime.date:
    """The same day of another month, or the last day of that month when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not datetime.MINYEAR <= year <= datetime.MAXYEAR:
        raise ValueError("a date beyond the calendar")
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
