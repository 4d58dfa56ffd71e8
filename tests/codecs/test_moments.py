"""One moment is after another only when both say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.moments import is_after


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2021", "2020"),
        ("2020-03", "2020-02-29"),
        ("2020-02-29T10:00:00+01:00", "2020-02-29T10:00:00+02:00"),
        ("2020-03-01T00:00:00Z", "2020-02-29"),
    ],
)
def test_after(first: str, second: str) -> None:
    assert is_after(first, second)
    assert not is_after(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2020", "2020-02"),
        ("2020-02-29", "2020-02-29T10:00:00Z"),
        ("2020-02-29T12:00:00+02:00", "2020-02-29T10:00:00Z"),
        ("2020-02-29T10:00:00", "2020-02-29T09:00:00Z"),
    ],
)
def test_neither_is_after_the_other(first: str, second: str) -> None:
    assert not is_after(first, second)
    assert not is_after(second, first)


@given(st.datetimes(), st.datetimes())
def test_of_two_instants_the_later_is_after(one: object, other: object) -> None:
    assert is_after(f"{one:%Y-%m-%dT%H:%M:%S}Z", f"{other:%Y-%m-%dT%H:%M:%S}Z") == (
        f"{one:%Y-%m-%dT%H:%M:%S}" > f"{other:%Y-%m-%dT%H:%M:%S}"
    )
