"""What the converters say of the elements beside their own."""

from typing import Any

import pytest

from conformance.score import NOW
from gateway.blocks.values import Quantity
from gateway.mapping import Context
from gateway.mapping.runtime.converters import BESIDE, NAMED
from gateway.mapping.runtime.state import Writing

ONCE, DAILY, HOURS = Quantity("2"), Quantity("3", "/dag", "/d"), Quantity("8", "uur", "h")


@pytest.mark.parametrize(
    ("name", "element", "values"),
    [
        (
            "frequency",
            "frequency",
            [
                {"MinimumValue": DAILY, "MaximumValue": DAILY},
                {"MinimumValue": ONCE, "MaximumValue": ONCE},
            ],
        ),
        ("how_often", "frequency", [DAILY, ONCE]),
        ("interval", "period", [HOURS]),
        ("exact_interval", "period", [HOURS]),
        ("span", "duration", [HOURS]),
    ],
)
def test_a_converter_writes_the_elements_that_the_table_says(
    name: str, element: str, values: list[Any]
) -> None:
    written: set[str] = set()
    for value in values:
        target: dict[str, Any] = {}
        NAMED[name].write(target, element, value, Writing(Context(NOW), 0, str, True), "row")
        written |= target.keys()
    assert written - {"extension"} == {element, *BESIDE[name]}


def test_the_table_has_no_converter_that_is_not_there() -> None:
    assert BESIDE.keys() <= NAMED.keys()
