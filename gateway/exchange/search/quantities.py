"""Numbers and quantities (search.html#number, #quantity): `5.4`, `ge5.4|http://unitsofmeasure.org|mg`,
`5||mg`.

Asked without prefix, a number is everything that rounds to it: `5.4` is 5.35 up to 5.45.  With `gt`, `lt`,
`ge` and `le` it is the number itself.  A quantity with a comparator (`<5`) is everything that it may be.
Units are compared as codes: nothing is converted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from gateway.exchange.search.values import Test, prefixed, refused, split, unescape

NUMBER = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,18})?(?:[eE][-+]?\d{1,2})?", re.ASCII)
INFINITE = Decimal("Infinity")


class Span(NamedTuple):
    """What a number in a resource may be."""

    low: Decimal
    high: Decimal


class Asked(NamedTuple):
    """A number, and the span of what counts as equal to it."""

    number: Decimal
    around: Span


def _within(has: Span, asked: Asked) -> bool:
    return asked.around.low <= has.low and has.high < asked.around.high


Compare = Callable[[Span, Asked], bool]
COMPARISONS: dict[str, Compare] = {
    "eq": _within,
    "ne": lambda has, asked: not _within(has, asked),
    "gt": lambda has, asked: has.high > asked.number,
    "lt": lambda has, asked: has.low < asked.number,
    "ge": lambda has, asked: has.high >= asked.number,
    "le": lambda has, asked: has.low <= asked.number,
    "sa": lambda has, asked: has.low > asked.number,
    "eb": lambda has, asked: has.high < asked.number,
    "ap": lambda has, asked: has.low <= asked.around.high and has.high >= asked.around.low,
}


def matching(name: str, values: list[str]) -> Test:
    """What holds for a number or quantity that meets any of the values.  Raises `InputError`."""
    wanted = [_wanted(name, value) for value in values]
    return lambda kind, value: any(
        _same_unit(value, system, unit) and compare(has, asked)
        for compare, asked, system, unit in wanted
        for has in spans(value)
    )


def spans(value: Any) -> list[Span]:
    """What the number or quantity may be; [] when it has no value."""
    number = value.get("value") if isinstance(value, dict) else value
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        return []
    exact = Decimal(str(number))
    comparator = value.get("comparator", "") if isinstance(value, dict) else ""
    return [Span(-INFINITE if "<" in comparator else exact, INFINITE if ">" in comparator else exact)]


def _wanted(name: str, text: str) -> tuple[Compare, Asked, str, str]:
    number, *rest = map(unescape, split(text, "|"))
    prefix, digits = prefixed(number)
    if not NUMBER.fullmatch(digits) or len(rest) not in (0, 2):
        raise refused(name, "not a number, or number|system|code, after a prefix or none")
    system, unit = rest or ("", "")
    exact = Decimal(digits)
    exponent = exact.as_tuple().exponent
    margin = abs(exact) / 10 if prefix == "ap" else Decimal(5).scaleb(int(exponent) - 1)
    return COMPARISONS[prefix], Asked(exact, Span(exact - margin, exact + margin)), system, unit


def _same_unit(value: Any, system: str, unit: str) -> bool:
    """`system|code` is the coded unit; without a system the code may also be how the unit is written."""
    if not unit:
        return True
    if system:
        return bool(value.get("system") == system and value.get("code") == unit)
    return unit in (value.get("code"), value.get("unit"))
