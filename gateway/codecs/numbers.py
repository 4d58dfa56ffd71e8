"""Numbers of FHIR, with every digit that was sent: 1.10 stays 1.10 (datatypes.html#decimal, on precision).

A number is held to what a receiver can hold: FHIR asks for 18 digits (R4 datatypes.html#decimal), most
receivers have the range of a double.  Without a bound a few bytes, 1e999999999, become a gigabyte of zeros
where something writes them out.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

# As FHIR R4 and JSON have it.  STU3 knows no exponent; a value with one is kept all the same.
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
# A number with more zeros than this before its first digit is written with an exponent.
MOST_ZEROS = 40
MOST_DIGITS: Final = 400
"""In the text of a number: the largest double written out has 309."""
MOST_EXPONENT: Final = 308
"""Of ten, of the first digit: that of the largest double."""


def parse_decimal(text: str) -> int | Decimal:
    """What a JSON parser gives for the same digits: an int without point and exponent, else a Decimal.

    Raises ValueError when it is not a decimal of FHIR, or out of bounds.
    """
    if not DECIMAL.fullmatch(text):
        raise ValueError("not a decimal")
    if not is_bounded(text):
        raise ValueError("a number is too long or too large")
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def parse_integer(text: str) -> int:
    """The integer.  Raises ValueError when it is not one of FHIR."""
    if not INTEGER.fullmatch(text) or not is_bounded(text):
        raise ValueError("not an integer")
    return int(text)


def is_bounded(text: str) -> bool:
    """False for a number with too many digits, or too far from one, and for what is no number."""
    if len(text) > MOST_DIGITS:
        return False
    try:
        value = Decimal(text)
    except InvalidOperation:
        return False
    return value.is_finite() and abs(value.adjusted()) <= MOST_EXPONENT


def format_decimal(value: Decimal) -> str:
    """The digits of the value, no more and no fewer: 0.0000001 without exponent, 1E+2 with.

    Raises ValueError for NaN and infinity.
    """
    if not value.is_finite():
        raise ValueError("not a finite number")
    text = str(value)
    if "E" in text and "E+" not in text and value.adjusted() > -MOST_ZEROS:
        return format(value, "f")
    return text
