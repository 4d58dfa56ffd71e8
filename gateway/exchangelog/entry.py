"""What one log entry says, as NEN 7513 asks for it.

Every exchange has one decision entry, durable before a byte leaves, and at most one outcome entry; they share
the exchange id.  A decision without an outcome is a visible gap.

`FIELDS` says for each field where it stands: in the *leaf*, which the Merkle tree proves and any auditor
may read, or in the *sealed* part, encrypted with the key of the person and year.  The person stands in
neither: the leaf holds a salted commitment to the pseudonym.  No field ever holds a BSN or content of a
record.

Source of the clauses: the public table of NEN 7513:2018 fields in RIVO-Noord/zorgviewer-ig.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from gateway.policy import Decision, Effect, Request

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

Kind = Literal["decision", "outcome"]
Place = Literal["leaf", "sealed"]
Status = Literal["completed", "refused", "failed"]


class Field(NamedTuple):
    """One field.  `need`: M mandatory, C conditional, O optional, "" ours.  `audit_event`: where FHIR R4
    has it.
    """

    name: str
    kind: Kind
    place: Place
    clause: str
    need: str
    audit_event: str


FIELDS = (
    # decision
    Field("exchange", "decision", "leaf", "", "", "entity.what.identifier"),
    Field("time", "decision", "leaf", "7.2.3", "M", "recorded"),
    Field("event", "decision", "leaf", "7.2.1", "M", "type, subtype"),
    Field("action", "decision", "leaf", "7.2.2", "M", "action"),
    Field("reasons", "decision", "leaf", "7.2.6", "C", "extension"),  # the checks made, and what they gave
    Field("caller", "decision", "leaf", "7.3.1", "M", "agent.who.identifier"),
    Field("role", "decision", "leaf", "7.3.4", "M", "agent.role"),
    Field("organisation", "decision", "leaf", "7.3.1", "M", "agent.who.display"),
    Field("responsible", "decision", "sealed", "7.3.6", "C", "agent[responsible].who"),
    Field("responsible_absent", "decision", "sealed", "7.3.6", "C", "agent[responsible].who.extension"),
    Field("access_point", "decision", "sealed", "7.3.10", "O", "agent.network.address"),
    Field("object_type", "decision", "leaf", "7.4.1", "M", "entity.type"),
    Field("person", "decision", "leaf", "7.4.3", "M", "entity.what.identifier"),  # as a commitment
    Field("effect", "decision", "leaf", "7.2.5", "O", "outcome"),
    Field("purpose", "decision", "leaf", "7.4.6", "M", "purposeOfEvent"),
    Field("activity", "decision", "leaf", "7.4.6", "M", "agent.policy"),
    Field("policy", "decision", "leaf", "7.4.6", "M", "agent.policy"),
    Field("articles", "decision", "leaf", "7.4.6", "M", "agent.policy"),
    Field("consent", "decision", "leaf", "7.4.8", "C", "entity[consent].what"),
    Field("query", "decision", "sealed", "7.4.12", "O", "entity.query"),
    Field("source", "decision", "leaf", "7.5.2", "M", "source.observer"),
    Field("request_id", "decision", "sealed", "", "", "entity.detail"),
    Field("blocks", "decision", "sealed", "", "", "entity.detail"),
    Field("content_hash", "decision", "sealed", "", "", "entity.detail"),
    Field("size", "decision", "sealed", "", "", "entity.detail"),
    # outcome
    Field("exchange", "outcome", "leaf", "", "", "entity.what.identifier"),
    Field("time", "outcome", "leaf", "7.2.3", "M", "recorded"),
    Field("status", "outcome", "leaf", "7.2.5", "O", "outcome"),
    Field("code", "outcome", "leaf", "7.2.5", "O", "outcomeDesc"),
    Field("person", "outcome", "leaf", "7.4.3", "M", "entity.what.identifier"),
    Field("document", "outcome", "sealed", "", "", "entity.detail"),
    Field("counts", "outcome", "sealed", "", "", "entity.detail"),
    Field("withheld", "outcome", "sealed", "", "", "entity.detail"),
    Field("content_hash", "outcome", "sealed", "", "", "entity.detail"),
    Field("size", "outcome", "sealed", "", "", "entity.detail"),
)


class Event(NamedTuple):
    """What an action of the register is to NEN 7513 chapter 6; its letter: C create, R read, E execute."""

    event: str
    action: str


EVENTS = {
    "deliver": Event("transfer-from-other-system", "C"),
    "validate": Event("transfer-from-other-system", "E"),
    "read-back": Event("transfer-to-other-system", "R"),
    "account": Event("read", "R"),
    "read": Event("transfer-to-other-system", "R"),
    "audit": Event("read-log", "R"),
}
UNKNOWN_EVENT = Event("unknown", "E")
NOBODY = "no natural person acted: the organisation is on record"
"""Why the responsible user (7.3.6, always a natural person) is empty; §5.2(3) lets the organisation do."""


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    """That it was asked, and what was decided.

    `person` is a pseudonym or ""; `blocks` are block types (None: the whole record); `content_hash`
    (SHA-256 in hex) and `size` (bytes) are of what was received.  `time` is aware.
    """

    exchange: str
    time: datetime
    event: str
    action: str
    caller: str
    role: str
    organisation: str
    purpose: str
    activity: str
    effect: str
    reasons: tuple[str, ...]
    policy: str
    source: str
    articles: tuple[str, ...] = ()
    consent: str = ""
    person: str = ""
    object_type: str = "patient"
    responsible: str = ""
    responsible_absent: str = NOBODY
    access_point: str = ""
    query: str = ""
    request_id: str = ""
    blocks: tuple[str, ...] | None = None
    content_hash: str = ""
    size: int = 0

    @classmethod
    def of(
        cls,
        request: Request,
        decision: Decision,
        *,
        exchange: str,
        time: datetime,
        source: str,
        request_id: str = "",
        access_point: str = "",
        query: str = "",
        content_hash: str = "",
        size: int = 0,
    ) -> DecisionEntry:
        """The entry of a decision on a request."""
        event = EVENTS.get(request.action, UNKNOWN_EVENT)
        return cls(
            exchange=exchange,
            time=time,
            event=event.event,
            action=event.action,
            caller=request.caller.id,
            role=request.caller.role,
            organisation=request.caller.organisation,
            purpose=request.purpose,
            activity=decision.activity,
            effect=decision.effect.value,
            reasons=tuple(reason.code for reason in decision.reasons),
            policy=decision.policy,
            source=source,
            articles=decision.articles,
            consent=decision.consent,
            person=request.person,
            responsible=request.caller.user,
            responsible_absent="" if request.caller.user else NOBODY,
            access_point=access_point,
            query=query,
            request_id=request_id,
            blocks=None if request.blocks is None else tuple(sorted(request.blocks)),
            content_hash=content_hash,
            size=size,
        )

    @property
    def kind(self) -> Kind:
        """The word `decision`."""
        return "decision"

    @property
    def permitted(self) -> bool:
        """True when something may be exchanged."""
        return self.effect in (Effect.PERMIT, Effect.LESS)


@dataclass(frozen=True, slots=True)
class OutcomeEntry:
    """What came of it.

    `status`: completed, refused (a denial was answered) or failed; `code`: the status or error code given
    to the caller.  `counts` are blocks stored or resources released by type, `withheld` concepts removed;
    `content_hash` (SHA-256 in hex) and `size` (bytes) are of what was released; `document` is the id of
    what was stored.
    """

    exchange: str
    time: datetime
    status: Status
    code: str = ""
    person: str = ""
    document: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    withheld: int = 0
    content_hash: str = ""
    size: int = 0

    @property
    def kind(self) -> Kind:
        """The word `outcome`."""
        return "outcome"


Entry = DecisionEntry | OutcomeEntry


def stamp(time: datetime) -> str:
    """The moment in UTC with microseconds, always 27 characters, so that text order is time order.

    Raises `ValueError` for a time without zone.
    """
    if time.tzinfo is None:
        raise ValueError("a time in the log has a zone")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@cache
def fields(kind: Kind, place: Place) -> tuple[str, ...]:
    """The names of the fields of this kind of entry that stand there, but `person`."""
    return tuple(f.name for f in FIELDS if f.kind == kind and f.place == place and f.name != "person")


def part(entry: Entry, place: Place) -> dict[str, Any]:
    """The fields of the entry that stand there, as JSON has them; without the person."""
    return {name: _plain(getattr(entry, name)) for name in fields(entry.kind, place)}


def canonical(value: Any) -> bytes:
    """JSON in one form: sorted names, no white space, UTF-8; RFC 8785 for ASCII names, texts and integers."""
    return _CANONICAL.encode(value).encode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
