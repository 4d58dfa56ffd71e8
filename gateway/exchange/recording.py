"""One exchange on record: a decision before anything leaves or is stored, an outcome after.

    with Exchange(...) as exchange:      who calls is known
        exchange.record(decision)        durable, or nothing happens; a denial ends here
        ...
        exchange.complete(...)           what came of it

Whatever is raised in between becomes the outcome.  When the process dies or the log fails in between, there
is a decision without outcome: a visible gap.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog

from gateway.errors import Conflict, Denied, Fault, GatewayError, InputError, Issue, NotFound
from gateway.exchange.parties import Party
from gateway.exchangelog import DecisionEntry, Entry, OutcomeEntry
from gateway.observing import SILENT, Observer
from gateway.policy import Decision, Register, Request, decide
from gateway.storage import NOTHING, Database, Transaction

_log = structlog.get_logger("exchange")

UNDECIDABLE = {"person-missing"}
"""Reasons that may go away once the document is read."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request from outside: an access token, or the party that a trusted part has already identified.

    `request_id` is the caller's own, `access_point` its network address; both go into the log.  `begun` hears
    the id of the exchange as soon as there is one.
    """

    token: str = field(default="", repr=False)
    party: Party | None = None
    request_id: str = ""
    access_point: str = ""
    begun: Callable[[str], None] = field(default=lambda _: None, compare=False)


@dataclass(frozen=True, slots=True)
class Books:
    """Where exchanges are recorded, and by which register they are decided."""

    database: Database
    register: Register
    source: str
    now: Callable[[], datetime]
    observer: Observer = SILENT


class Exchange:
    """One exchange of a known party.  Used as a context, from the moment that the party is known."""

    def __init__(self, books: Books, call: Call, party: Party, request: Request, query: str = "") -> None:
        self.id = uuid.uuid4().hex
        self.party = party
        self._books, self._call = books, call
        self._request, self._query = request, query
        self._content_hash, self._size = "", 0
        self._decision: Decision | None = None
        self._finished = False
        self._begun = NOTHING
        self._step = ExitStack()
        call.begun(self.id)

    @property
    def person(self) -> str:
        """The pseudonym of whom it is about; "" while that is not known."""
        return self._request.person

    @property
    def revision(self) -> int:
        """That of the record of the person when the decision was recorded: equal while nothing changed."""
        return self._begun.revision

    def __enter__(self) -> Self:
        """Refuse at once a caller that may never do this, before a byte of its document is read."""
        early = decide(self._request, self._books.register)
        if not early.permitted and not {reason.code for reason in early.reasons} <= UNDECIDABLE:
            self.record(early)
        self.step("receive")
        return self

    def step(self, name: str) -> None:
        """Begin a step, which ends where the next one begins; only an observer hears of it."""
        self._step.close()
        self._step.enter_context(self._books.observer.timed("step", name))

    def received(self, document: bytes) -> None:
        """Note which bytes came in: their hash and size go into the log, sealed."""
        self._content_hash, self._size = hashlib.sha256(document).hexdigest(), len(document)

    def asked(self, query: str) -> None:
        """Note what is asked for, as it may stand in the log: without a BSN."""
        self._query = query

    def decide(self, person: str, blocks: frozenset[str] | None = None) -> Decision:
        """What the register says of this exchange about this person (a pseudonym).  Records nothing."""
        self.step("decide")
        self._request = replace(self._request, person=person, blocks=blocks)
        return decide(self._request, self._books.register)

    def record(self, decision: Decision) -> None:
        """Make the decision durable.

        Raises `Denied` when it is a denial, with its outcome on record as well, and `Fault` when the log
        cannot be written: then nothing may happen.
        """
        self._step.close()
        entries: list[Entry] = [self._entry(decision)]
        if not decision.permitted:
            entries.append(OutcomeEntry(self.id, self._books.now(), "refused", "forbidden"))
        self._decision = decision  # even if this fails it may be on record
        with self._books.observer.timed("step", "record"):
            self._write(*entries)
        if not decision.permitted:
            self._ended("refused")
            raise Denied(Issue("error", "forbidden", "this is not permitted", rule="processing register"))

    def complete(
        self,
        transaction: Transaction | None = None,
        *,
        counts: Mapping[str, int],
        withheld: int = 0,
        document: str = "",
        code: str = "",
        content: bytes = b"",
    ) -> None:
        """Record that it was completed; with `transaction`, exactly when that is committed."""
        outcome = OutcomeEntry(
            self.id,
            self._books.now(),
            "completed",
            code,
            document=document,
            counts=counts,
            withheld=withheld,
            content_hash=hashlib.sha256(content).hexdigest() if content else "",
            size=len(content),
        )
        if transaction is None:
            self._step.close()
        self._write(outcome, transaction=transaction)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record what was raised as the outcome, and the decision that would have been, if none was made."""
        self._step.close()
        if error is None:
            self._ended("completed")
        elif isinstance(error, Exception) and not self._finished:
            self._fail(error)
        elif not isinstance(error, Denied):  # a denial was told when it was recorded
            self._ended("unrecorded")

    def _fail(self, error: Exception) -> None:
        refused = isinstance(error, InputError | Denied | NotFound | Conflict)
        issues = error.issues if isinstance(error, GatewayError) else []
        code = issues[0].code if issues else "exception"
        outcome = OutcomeEntry(self.id, self._books.now(), "refused" if refused else "failed", code)
        told = "unrecorded"
        try:
            if self._decision is None:
                self._decision = decide(self._request, self._books.register)
                self._write(self._entry(self._decision), outcome)
            else:
                self._write(outcome)
            told = outcome.status
        except Fault as fault:
            _log.error("no outcome on record", exchange=self.id, issue=fault.issues[0].text)
            if refused:
                raise  # without a log not even a refusal is explained
        finally:
            self._ended(told)

    def _entry(self, decision: Decision) -> DecisionEntry:
        return DecisionEntry.of(
            self._request,
            decision,
            exchange=self.id,
            time=self._books.now(),
            source=self._books.source,
            request_id=self._call.request_id,
            access_point=self._call.access_point,
            query=self._query,
            content_hash=self._content_hash,
            size=self._size,
        )

    def _write(self, *entries: Entry, transaction: Transaction | None = None) -> None:
        """Put entries into the log, durably; with `transaction`, exactly when that is committed."""
        with self._books.observer.timed("append"):
            if transaction is None:
                self._begun = self._books.database.record(*entries, begun=self._begun)
            else:
                for entry in entries:
                    transaction.log.record(entry)
        self._finished = isinstance(entries[-1], OutcomeEntry)

    def _ended(self, status: str) -> None:
        decision = self._decision
        effect = decision.effect.value if decision else "none"
        self._books.observer.ended(decision.activity if decision else "", effect, status)
