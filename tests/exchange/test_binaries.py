"""Bytes in a resource, and out of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.fhir.elements import types
from gateway.codecs.fhir.kinds import check_kinds
from gateway.errors import Denied
from gateway.exchange.binaries import UNKNOWN_MEDIA, check_bytes, context_of, faults_of, unwrapped, wrapped

VERSIONS: list[Any] = ["r4", "stu3"]


@given(st.binary(min_size=1), st.sampled_from(VERSIONS), st.sampled_from(["", "b"]))
def test_what_is_wrapped_is_unwrapped(content: bytes, version: Any, id_: str) -> None:
    tree = wrapped(content, "application/pdf", "Patient/1", version, id_)
    check_kinds(tree, types(version))
    assert unwrapped(tree, version) == (content, "application/pdf")
    assert (context_of(tree), tree.get("id", "")) == ("Patient/1", id_)


@pytest.mark.parametrize(
    ("media", "sound"),
    [
        ("application/pdf", True),
        ("text/xml; charset=utf-8", True),
        ('multipart/related; boundary="a b"', True),
        ("application/vnd.hl7+xml", True),
        ("", False),
        ("pdf", False),
        ("a/b c", False),
        ("a/b\r\nSet-Cookie: x=1", False),
        ("a/b;", False),
        ("ä/b", False),
    ],
)
def test_what_is_no_media_type_goes_out_as_bytes(media: str, sound: bool) -> None:
    tree = wrapped(b"x", media, "", "r4", "")
    assert [issue.place for issue in faults_of(tree, "Binary")] == ([] if sound else ["Binary.contentType"])
    assert unwrapped(tree, "r4")[1] == (media if sound else UNKNOWN_MEDIA)


@pytest.mark.parametrize(
    "tree", [{}, {"securityContext": {}}, {"securityContext": {"reference": {"reference": "x"}}}]
)
def test_a_context_that_is_none_is_empty(tree: Any) -> None:
    assert context_of(tree) == ""


def test_a_number_that_can_be_read_is_found() -> None:
    check_bytes(wrapped(b"999980026", "a/b", "", "r4", ""), "r4", "999980014")
    with pytest.raises(Denied) as caught:
        check_bytes(wrapped(b"BSN 999980014.", "a/b", "", "r4", ""), "r4", "999980014")
    assert "999980014" not in str(caught.value)
