"""What a caller wants changed, as it came in: interactions, of one request or of a Bundle."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.codecs.fhir.elements import Version
from gateway.errors import ContentError, InputError, Issue
from gateway.exchange.answers import Syntax
from gateway.exchange.changes.conditions import Condition
from gateway.exchange.changes.preconditions import Expected
from gateway.exchange.questions import Question

Tree = dict[str, Any]
Method = Literal["POST", "PUT", "DELETE", "KEEP"]
"""KEEP is what a document or message asks for each of its resources."""

Kind = Literal["single", "transaction", "entry", "document"]
"""What an exchange is about; an entry is one of a batch."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A request: `type` and `id` are those of its address, "" where it has none.

    `if_match`, `if_none_match` and `if_none_exist` are the headers of those names; `search` is the query of
    the address of a type.  `strict` refuses what questions in it say that is not known.  With a `media` type
    the content are the bytes of a Binary, and `context` is what they hang on.
    """

    method: Method
    content: bytes = field(default=b"", repr=False)
    syntax: Syntax = "json"
    type: str = ""
    id: str = ""
    if_match: str = ""
    if_none_match: str = ""
    if_none_exist: str = field(default="", repr=False)
    search: str = field(default="", repr=False)
    strict: bool = False
    media: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One resource to create, update, delete or keep.

    `entry` is its number in the Bundle, -1 when it came alone.  `expected` says which version must hold, None
    when that does not matter.  With a `condition` it is created only when nothing meets that; what is updated
    or deleted, without an `id`, is what meets it.
    """

    method: Method
    type: str
    id: str = ""
    resource: Tree | None = field(default=None, repr=False)
    entry: int = -1
    full_url: str = ""
    expected: Expected | None = None
    condition: Condition | None = None

    @property
    def place(self) -> str:
        """Where its resource stands in what was received."""
        return self.type if self.entry < 0 else f"Bundle.entry[{self.entry}].resource"

    @property
    def id_place(self) -> str:
        """Where the id of its resource stands."""
        return "id" if self.entry < 0 else f"{self.place}.id"

    @property
    def condition_place(self) -> str:
        """Where its condition stands."""
        if self.entry < 0:
            return "If-None-Exist" if self.method == "POST" else "url"
        return f"Bundle.entry[{self.entry}].request.{'ifNoneExist' if self.method == 'POST' else 'url'}"

    @property
    def chosen(self) -> str:
        """The id that its sender chose for the resource; "" when the gateway chooses one."""
        if self.id or self.method != "PUT" or self.resource is None:
            return self.id
        return str(self.resource.get("id", ""))


@dataclass(frozen=True, slots=True)
class Look:
    """An entry of a Bundle that asks and changes nothing."""

    entry: int
    question: Question


@dataclass(frozen=True, slots=True)
class Asked:
    """What one exchange is to change, and what is asked when that is done.

    `identifier` is the sender's own for all of it, "" when a repetition is another change.  Where there are
    `faults` nothing of it may happen.
    """

    version: Version
    kind: Kind
    content: bytes = field(repr=False)
    interactions: tuple[Interaction, ...]
    identifier: str = ""
    faults: tuple[Issue, ...] = ()
    looks: tuple[Look, ...] = ()
    base: tuple[Issue, ...] = ()
    """What of base FHIR it breaks; a warning where it may come in all the same."""

    @property
    def seed(self) -> str:
        """What identifies it by its bytes: 32 hex digits."""
        return hashlib.sha256(self.content).hexdigest()[:32]

    @property
    def summary(self) -> str:
        """What is asked, as it may stand in the log."""
        if self.kind in ("transaction", "document"):
            return f"{self.version} {self.kind} of {len(self.interactions)}"
        return " ".join((self.version, *(f"{one.method} {one.type}" for one in self.interactions)))

    def check(self) -> None:
        """Raises `InputError` when it cannot be asked, `ContentError` when base FHIR does not have it so."""
        broken = [issue for issue in self.base if issue.severity == "error"]
        if self.faults:
            places = {issue.place for issue in self.faults}
            raise InputError(*self.faults, *(issue for issue in broken if issue.place not in places))
        if broken:
            raise ContentError(*broken)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """What of base FHIR is wrong and does not keep it out."""
        return tuple(issue for issue in self.base if issue.severity == "warning")
