"""One person is one pseudonym, however the BSN is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ContentError
from gateway.storage import normalise_bsn
from gateway.storage.persons import pseudonym
from tests.storage.stores import ANNA_BSN, BERT_BSN, Place, opened


@pytest.mark.parametrize(
    "text",
    [
        "012345672",
        "12345672",
        " 012345672 ",
        "0123.45.672",
        "0123 45 672",
        "012-345-672",
        "\u00a0012345672",
        "0\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff12",
        "0123\u2011456\u201372",
    ],
)
def test_the_ways_to_write_a_bsn(text: str) -> None:
    assert normalise_bsn(text) == "012345672"
    assert pseudonym(text, b"k" * 32) == pseudonym("012345672", b"k" * 32)


@pytest.mark.parametrize(
    "text",
    ["", "0", "000000000", "123456789", "0123456720", "2345672", "01234567x", "012345672;1", "٠١٢٣٤٥٦٧٢"],
)
def test_what_is_no_bsn(text: str) -> None:
    with pytest.raises(ContentError) as caught:
        normalise_bsn(text)
    assert len(text) < 2 or text not in caught.value.diagnostics()  # an error never repeats the number


def eleven_test(digits: str) -> bool:
    """9a + 8b + … + 2h − i ≡ 0 (mod 11), read literally."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 11 == 0


@given(st.integers(1, 999_999_999))
def test_the_eleven_test_decides(number: int) -> None:
    digits = f"{number:09d}"
    accepted = True
    try:
        assert normalise_bsn(digits) == digits
    except ContentError:
        accepted = False
    assert accepted == eleven_test(digits)


def test_another_person_or_another_key_is_another_pseudonym(place: Place) -> None:
    assert len({pseudonym(bsn, key * 32) for bsn in (ANNA_BSN, BERT_BSN) for key in (b"a", b"b")}) == 4
    with opened(place) as database:
        assert database.pseudonym(ANNA_BSN) == pseudonym(ANNA_BSN, b"h" * 32)
        assert len(database.pseudonym(ANNA_BSN)) == 64
