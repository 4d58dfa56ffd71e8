"""How much of one document the codecs will read."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Issue, SyntaxFault


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one document; what lies beyond is refused before it costs time or memory.

    `max_depth` counts elements inside elements (XML) or objects and arrays inside each other (JSON): a FHIR
    bundle of nested extensions needs some 20 and 30.  `max_nodes` counts values by the memory that they take:
    an element or attribute of XML for two, an object or array of JSON for four.  `max_attributes` is per
    element, `max_items` per element (its children) or array: a Bundle of a person's whole record has some
    hundreds of entries.
    """

    max_bytes: int = 20 * 1024 * 1024
    max_depth: int = 64
    max_nodes: int = 2_000_000
    max_attributes: int = 128
    max_items: int = 10_000


DEFAULT = Limits()

_EMPTY = Issue("fatal", "structure", "the document is empty")
_NOTHING = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""What a document may begin with that says nothing: byte order marks and white space."""


def check_size(data: bytes, limits: Limits) -> None:
    """Raise SyntaxFault when there are no bytes, or more than allowed."""
    if not data:
        raise SyntaxFault(_EMPTY)
    if len(data) > limits.max_bytes:
        raise SyntaxFault(Issue("fatal", "too-long", f"the document is larger than {limits.max_bytes} bytes"))


def check_presence(data: bytes) -> None:
    """Raise SyntaxFault when a document in words says nothing."""
    if not data[:64].strip(_NOTHING) and not data.strip(_NOTHING):
        raise SyntaxFault(_EMPTY)


def place_of(data: bytes, at: int) -> tuple[int, int]:
    """Line and column, from 1, of the byte at this offset of a UTF-8 document; columns count characters."""
    start = data.rfind(b"\n", 0, at) + 1
    return data.count(b"\n", 0, at) + 1, len(data[start:at].decode("utf-8", "replace")) + 1
