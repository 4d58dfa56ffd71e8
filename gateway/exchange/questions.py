"""What is asked about a record, and how an answer leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gateway.codecs.fhir.elements import Version
from gateway.exchange.answers import Answer, Syntax
from gateway.exchange.search import Parameters

Operation = Literal["", "lastn", "everything", "document", "history"]
"""An operation of FHIR that is a search of another kind."""

Release = Callable[[Answer], None]
"""Sends an answer, and returns when it has left.  Raises `Fault` when it could not."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the record of the caller's person: a search, one resource by `id`, or an operation.

    `version_id` is a version, and `history` all versions, of what the caller delivered itself; `raw` asks for
    the bytes of a Binary.
    """

    version: Version
    type: str
    parameters: Parameters = ()
    id: str = ""
    syntax: Syntax = "json"
    strict: bool = False
    operation: Operation = ""
    version_id: int | None = None
    raw: bool = False
