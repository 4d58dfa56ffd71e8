"""One character set reaches a parser, and only when bytes and declaration agree."""

import pytest

from gateway.codecs.charset import to_utf8
from gateway.errors import SyntaxFault

TEXT = '<a b="één €"/>'
LATIN = '<a b="één"/>'


def declared(name: str, text: str = TEXT) -> str:
    return f'<?xml version="1.0" encoding="{name}"?>{text}'


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (TEXT.encode(), TEXT),
        (declared("UTF-8").encode(), declared("UTF-8")),
        (declared("utf-8").encode(), declared("utf-8")),
        (b"\xef\xbb\xbf" + declared("UTF-8").encode(), declared("UTF-8")),
        (declared("ISO-8859-1", LATIN).encode("latin-1"), declared("ISO-8859-1", LATIN)),
        (declared("iso-8859-15").encode("iso8859-15"), declared("iso-8859-15")),
        (declared("US-ASCII", "<a/>").encode(), declared("US-ASCII", "<a/>")),
        (declared("UTF-16").encode("utf-16"), declared("UTF-16")),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), TEXT),
    ],
)
def test_an_accepted_set_becomes_utf8(data: bytes, text: str) -> None:
    assert to_utf8(data).decode("utf-8") == text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (declared("UTF-7", "+ADw-a/+AD4-").encode(), "not accepted"),
        (declared("windows-1252", LATIN).encode("cp1252"), "not accepted"),
        (declared("EBCDIC-CP-NL", "<a/>").encode(), "not accepted"),
        (declared("UTF-16", "<a/>").encode(), "not accepted or not that of the bytes"),
        (declared("US-ASCII", LATIN).encode("latin-1"), "not accepted or not that of the bytes"),
        (declared("UTF-8").encode("utf-16"), "byte order mark says UTF-16"),
        (b"\xef\xbb\xbf" + declared("ISO-8859-1").encode(), "byte order mark says UTF-8"),
        (TEXT.encode("utf-16-le"), "without a byte order mark"),
        (TEXT.encode("utf-16-be"), "without a byte order mark"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (b"\x00\x00\xfe\xff" + TEXT.encode("utf-32-be"), "UTF-32"),
        (TEXT.encode("utf-16") + b"\x00", "not UTF-16"),
        (b"\xff\xfe\x00\xd8<\x00", "not UTF-16"),
    ],
)
def test_another_set_or_a_mixed_one_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(SyntaxFault, match=words):
        to_utf8(data)
