"""The number of a person in what leaves."""

from __future__ import annotations

import binascii
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.numbers import COVER, covered, holds_number
from tests.exchange.house import BRAM, FENNA
from tests.exchange.resources import BSN

SHORT = "012345672"
"""A number that is often written without its first digit."""


@pytest.mark.parametrize(
    ("text", "bsn"),
    [
        (FENNA, FENNA),
        ("BSN 9999.80.014.", FENNA),
        ("999-980-014", FENNA),
        ("9 9 9 9 8 0 0 1 4", FENNA),
        ("12345672", SHORT),
        ("0123.45.672", SHORT),
    ],
)
def test_a_number_is_found_and_covered_however_it_is_written(text: str, bsn: str) -> None:
    assert holds_number(text.encode(), bsn)
    assert holds_number(text.encode("utf-16"), bsn)
    assert covered({"note": [{"text": f"<p>{text}</p>"}]}, bsn)["note"][0]["text"].startswith("<p>")
    assert not holds_number(covered(text, bsn).encode(), bsn)


@pytest.mark.parametrize("text", [BRAM, f"1{FENNA}", f"{FENNA}1", "99998001", "99,9980014", ""])
def test_another_number_is_another(text: str) -> None:
    assert not holds_number(text.encode(), FENNA)
    assert covered(text, FENNA) == text


def test_bytes_in_which_the_number_can_be_read_are_gone() -> None:
    told, other = (binascii.b2a_base64(f"BSN {bsn}".encode()).decode() for bsn in (FENNA, BRAM))
    letter = {"title": "letter", "data": told}
    found = covered({"content": [{"attachment": letter}, {"attachment": {"data": other}}]}, FENNA)
    first, second = (each["attachment"] for each in found["content"])
    assert first["title"] == "letter"
    assert "data" not in first
    assert first["_data"]["extension"][0]["valueCode"] == "masked"
    assert second == {"data": other}
    assert covered({"data": "E 1 2 U"}, FENNA) == {"data": "E 1 2 U"}


def test_without_a_number_none_is_found() -> None:
    assert not holds_number(b"", "")
    assert covered({"text": FENNA}, "") == {"text": FENNA}


def test_a_text_about_the_system_of_a_bsn_is_covered_and_an_identifier_of_it_is_left_to_be_stopped() -> None:
    tree = {
        "resourceType": "Observation",
        "identifier": [{"system": BSN, "value": BRAM}],
        "note": [{"text": f"see {BSN}"}],
        "valueInteger": 3,
    }
    assert covered(tree, FENNA) == tree | {"note": [{"text": f"see http://fhir.nl/fhir/{COVER}"}]}


WORDS = st.text(st.characters(codec="ascii"), max_size=20)


@given(st.recursive(WORDS | st.integers() | st.none(), lambda t: st.lists(t) | st.dictionaries(WORDS, t)))
def test_what_holds_no_number_stays_as_it_is(tree: Any) -> None:
    assert covered(tree, FENNA) == tree
