"""What a request at an address asks to change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.limits import DEFAULT
from gateway.errors import ContentError, InputError
from gateway.exchange.changes.asked import Posted
from gateway.exchange.changes.single import alone, is_bsn_like
from gateway.storage import normalise_bsn
from tests.exchange.house import BRAM
from tests.exchange.resources import as_json, patient

OID = "2.16.840.1.113883.2.4.6.3"
"""The system of a BSN, of which the letters are those of an id."""


@pytest.mark.parametrize(
    "kind", ["Bundle", "Parameters", "OperationOutcome", "Nonsense", "", "ServiceRequest"]
)
def test_what_is_no_resource_of_a_record_is_refused(kind: str) -> None:
    with pytest.raises(InputError) as caught:
        alone(Posted("POST", b"{}", type=kind), "stu3", DEFAULT)
    assert caught.value.issues[0].code == "not-supported"


@pytest.mark.parametrize(
    ("posted", "place"),
    [
        (Posted("POST", as_json(patient()), type="Observation"), "resourceType"),
        (Posted("PUT", as_json(patient(id="b")), type="Patient", id="a"), "id"),
        (Posted("PUT", as_json(patient()), type="Patient", id="a"), "id"),
        (Posted("PUT", as_json(patient(id="a b")), type="Patient", id="a b"), "id"),
        (Posted("PUT", as_json(patient(id=BRAM)), type="Patient", id=BRAM), "id"),
        (Posted("DELETE", type="Patient", id=BRAM), ""),
        (Posted("PUT", as_json(patient(id=OID)), type="Patient", id=OID), "id"),
    ],
)
def test_a_resource_that_is_not_where_it_says_is_refused(posted: Posted, place: str) -> None:
    faults = alone(posted, "r4", DEFAULT).faults
    assert [issue.place for issue in faults] == [place]
    assert BRAM not in str(faults)


@given(st.from_regex(r"[0-9]{7,10}", fullmatch=True))
def test_an_id_is_like_a_number_when_it_may_be_one(text: str) -> None:
    try:
        number = normalise_bsn(text)
    except ContentError:
        number = ""
    assert is_bsn_like(text) == bool(number)
