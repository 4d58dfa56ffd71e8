"""Numbers of FHIR, with every digit that was sent: 1.10 stays 1.10 (datatypes.html#decimal, on precision)."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

# As FHIR R4 and JSON have it.  STU3 knows no exponent; a value with one is kept all the same.
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
# A number with more zeros than this before its first digit is written with an exponent.
MOST_ZEROS = 40


def parse_decimal(text: str) -> int | Decimal:
    """What a JSON parser gives for the same digits: an int without point and exponent, else a Decimal.

    Raises ValueError when it is not a decimal of FHIR.
    """
    if not DECIMAL.fullmatch(text):
        raise ValueError("not a decimal")
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("the exponent of a decimal is too large") from None


def parse_integer(text: str) -> int:
    """The integer.  Raises ValueError when it is not one of FHIR."""
    if not INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    return int(text)


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
