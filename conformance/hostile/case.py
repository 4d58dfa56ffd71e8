"""What a hostile input is: a request, where it goes, and what a sound server may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

REFUSED: Final = frozenset((400, 422))
TOO_LARGE: Final = frozenset((400, 413))
STORED: Final = frozenset((200, 201))
JSON: Final = "application/fhir+json"
XML: Final = "application/fhir+xml"


class Bait(NamedTuple):
    """What a server is tempted with: the address of one that counts who asks, a pipe whose reader hangs."""

    url: str
    file: str


class Door(NamedTuple):
    """A method and path.  One that the server does not have yet is passed by, and said to be."""

    method: str
    path: str


DOCUMENTS: Final = Door("POST", "/documents")
TRANSACTION: Final = Door("POST", "/fhir/r4")
BOTH: Final = (DOCUMENTS, TRANSACTION)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request.

    `content` is its body, or makes it with the bait in it; it goes without a length when `chunked`.
    `statuses` are those that are sound.  `placed`: a refusal says where, by line or by expression.
    """

    name: str
    content: bytes | Callable[[Bait], bytes]
    statuses: frozenset[int]
    media: str = JSON
    doors: tuple[Door, ...] = BOTH
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False
    placed: bool = False

    def body(self, bait: Bait) -> bytes:
        """The bytes to send."""
        return self.content if isinstance(self.content, bytes) else self.content(bait)


@dataclass(frozen=True, slots=True)
class Case:
    """One of the thirty inputs: it is survived when each of its attempts is."""

    number: int
    title: str
    attempts: tuple[Attempt, ...]
