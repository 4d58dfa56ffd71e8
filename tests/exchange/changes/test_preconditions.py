"""Which version must hold."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Conflict, InputError
from gateway.exchange.changes.preconditions import Expected, parse_expected

PLACES = ("If-Match", "If-None-Match")


def met(expected: Expected, version: int) -> bool:
    try:
        expected.check(version, "")
    except Conflict:
        return False
    return True


@given(st.lists(st.integers(1, 5), min_size=1), st.integers(0, 5), st.booleans())
def test_one_of_the_versions_holds(wanted: list[int], held: int, weak: bool) -> None:
    mark = "W/" if weak else ""
    expected = parse_expected(" , ".join(f'{mark}"{each}"' for each in wanted), "", PLACES)
    assert expected is not None
    assert met(expected, held) == (held in wanted)


def test_any_and_none_are_each_others_opposite() -> None:
    some, nothing = parse_expected("*", "", PLACES), parse_expected("", "*", PLACES)
    assert some is not None
    assert nothing is not None
    for version in range(3):
        assert met(some, version) != met(nothing, version)
    assert parse_expected("", " ", PLACES) is None


@given(st.text(alphabet='W/"*, 1a\t', min_size=1).filter(str.strip))
def test_what_is_taken_is_a_list_of_tags(text: str) -> None:
    with suppress(InputError):
        assert parse_expected(text, "", PLACES) is not None
        assert text.strip() == "*" or text.count('"') % 2 == 0 < text.count('"')


@pytest.mark.parametrize("text", ["1", 'W/1"', '"1', '"1" "2"', '*, "1"', ",", 'w/"1"'])
def test_what_is_none_is_refused_at_its_place(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_expected(text, "", PLACES)
    assert caught.value.issues[0].place == "If-Match"


@pytest.mark.parametrize(("version", "told"), [(0, "there is none"), (3, "another version")])
def test_what_holds_instead_is_told(version: int, told: str) -> None:
    with pytest.raises(Conflict, match=told):
        Expected(frozenset({"2"})).check(version, "Observation")
