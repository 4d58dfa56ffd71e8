"""Every digit that was sent comes out again."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.numbers import format_decimal, parse_decimal, parse_integer

FINITE = st.decimals(allow_nan=False, allow_infinity=False)


@given(FINITE)
def test_a_decimal_is_written_with_its_digits(value: Decimal) -> None:
    text = format_decimal(value)
    assert Decimal(text).as_tuple() == value.as_tuple()
    assert str(parse_decimal(text)) == str(int(value) if "." not in text and "E" not in text else value)
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.10", "1.10"),
        ("0.00", "0.00"),
        ("-0.0", "-0.0"),
        ("1E+2", "1E+2"),
        ("1e-7", "0.0000001"),
        ("0E-8", "0.00000000"),
        ("1E-400", "1E-400"),
        ("12345678901234567890.5", "12345678901234567890.5"),
    ],
)
def test_a_decimal_has_one_spelling(value: str, text: str) -> None:
    assert format_decimal(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "sNaN12", "Infinity", "-Infinity"])
def test_what_is_no_number_is_not_written(value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        format_decimal(Decimal(value))


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "+1", ".5", "5.", "05", "1_000", "1,5", "٣", "NaN", "Infinity", "0x10", "1e",
     "--1", "1\n", "1e99999999999999999999"],
)  # fmt: skip
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the reader has the words
        parse_decimal(text)


@pytest.mark.parametrize("text", ["", "1.0", "1e2", " 1", "007", "٣", "true", "1" * 5000])
def test_what_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_integer(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("-7", -7), ("+7", 7), ("2147483647", 2147483647)])
def test_an_integer_is_read(text: str, value: int) -> None:
    assert parse_integer(text) == value
