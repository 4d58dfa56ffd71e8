"""What happens to a document, and to a question about a person, in this order and nowhere else.

    1. receive   who is calling, by a signed token; then the bytes, no more than the limit
    2. decode    to blocks; whose record it is: one person, by BSN
    3. decide    purpose, basis in law, consent: permit, deny, or permit with less
    4. record    the decision, durable before a byte leaves or is stored.  No log, no exchange
    5. minimise  take from the blocks what this purpose may not see
    6. encode    in the receiver's format, and check it
    7. release   or store, whole; then record the outcome.  A decision without outcome is a visible gap

`deliver` and `query` exchange records; `changing` does single resources, in the same order.  To read an
account or the log is an exchange too.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson

from gateway.codecs.fhir_types import Version, types
from gateway.codecs.limits import Limits
from gateway.errors import ContentError, Issue, NotFound
from gateway.exchange.accounts import account
from gateway.exchange.answers import Answer, Syntax, answer, searchset
from gateway.exchange.changes_person import FORMS
from gateway.exchange.changing import Changing
from gateway.exchange.parties import Parties, load_parties
from gateway.exchange.person import whose
from gateway.exchange.record import whole
from gateway.exchange.recording import Books, Call, Exchange
from gateway.exchange.search import Parameters, Search, parse
from gateway.exchangelog import Search as LogSearch
from gateway.mapping import Context, Read, Translator
from gateway.policy import Request, load_register, minimise_all
from gateway.settings import Settings
from gateway.storage import (
    NewDocument,
    ResourceName,
    StoredDocument,
    Transaction,
    document,
    open_database,
    record_of,
    store_document,
)

FORMATS: Mapping[Version, str] = {"r4": "fhir-r4", "stu3": "fhir-stu3"}
NOTHING = frozenset[str]()
"""The blocks in an account and in the log: none."""


class Sent(NamedTuple):
    """A document as it came in; `format` is what its sender calls it, "" when the bytes must say."""

    content: bytes
    format: str = ""


Receive = Callable[[], Sent]
"""Gives the document of a call, once.  Raises `InputError` when it cannot be taken in."""

Release = Callable[[Answer], None]
"""Sends an answer, and returns when it has left.  Raises `Fault` when it could not."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the record of the caller's person: a search, or one resource by `id`."""

    version: Version
    type: str
    parameters: Parameters = ()
    id: str = ""
    syntax: Syntax = "json"
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a document.

    `new` is False when the same one was delivered before.  `blocks` are counts by type, `values` counts of
    leaves by what became of them, per format.  `issues` are the warnings.
    """

    id: str
    new: bool
    blocks: Counter[str]
    values: Mapping[str, Mapping[str, int]]
    issues: tuple[Issue, ...]


class Pipeline:
    """The seven steps; safe to share between threads."""

    def __init__(self, books: Books, parties: Parties, translator: Translator, settings: Settings) -> None:
        self.books, self.parties, self.translator = books, parties, translator
        self.changing = Changing(books, translator, settings, self._begin)
        self._base, self._zone = settings.base_url, ZoneInfo(settings.zone)
        self._limits = Limits(settings.max_bytes, settings.max_depth, settings.max_nodes)

    def deliver(self, call: Call, receive: Receive) -> Delivery:
        """Take in a document about one person; store all of it or nothing.

        Raises `Unauthenticated`, `Denied`, `SyntaxFault`, `ContentError` or `Fault`; nothing is stored then.
        """
        with self._begin(call, "deliver") as exchange:  # (1) receive
            sent = receive()
            exchange.received(sent.content)
            context = self._context("r4")
            read = self.translator.read(sent.content, context, sent.format, self._limits)  # (2) decode
            person = self.books.database.pseudonym(_subject(read))
            decision = exchange.decide(person, frozenset(block.type for block in read.blocks))  # (3) decide
            exchange.record(decision)  # (4) record
            blocks, withheld = minimise_all(read.blocks, decision)  # (5) minimise
            accounted = account(self.translator, read, blocks, FORMATS.values(), context)  # (6) encode
            counts = Counter(block.type for block in blocks)
            with self.books.database.write() as transaction:  # (7) store, and the outcome with it
                stored = store_document(
                    transaction,
                    NewDocument(
                        person=person,
                        sender=exchange.party.organisation,
                        identifier=read.document,
                        content=sent.content,
                        received=context.now,
                        format=read.format,
                        release=read.release,
                        account=accounted.data,
                        blocks=blocks,
                    ),
                )
                exchange.complete(
                    transaction,
                    document=stored.id,
                    counts=counts,
                    withheld=len(withheld),
                    code="" if stored.new else "duplicate",
                )
        return Delivery(stored.id, stored.new, counts, accounted.counts, (*read.issues, *accounted.issues))

    def query(self, call: Call, question: Question, release: Release) -> None:
        """Answer a question about the record of the token's person, in the version asked for.

        Raises `Unauthenticated`, `Denied`, `NotFound`, `InputError` or `Fault`; nothing was released then.
        """
        with self._begin(call, "read") as exchange:  # (1) receive
            base = f"{self._base}/fhir/{question.version}"
            search = self._search(question, base, exchange.party.bsn)  # (2) whose: the token's person
            person = exchange.person
            exchange.asked(f"{question.version} {search.type}?{search.query()}")
            decision = exchange.decide(person)  # (3) decide
            exchange.record(decision)  # (4) record
            with self.books.database.read() as transaction:
                record = record_of(transaction, person)
            blocks, withheld = minimise_all(whole(record), decision)  # (5) minimise
            written = self.translator.write_blocks(  # (6) encode
                blocks, FORMATS[question.version], self._context(question.version), person
            )
            matches, included = search.run(written.resources)
            if not question.id:
                tree = searchset(search, base, (matches, included), self.books.now(), str(uuid.uuid4()))
            elif matches:
                tree = matches[0]
            else:
                raise NotFound(Issue("error", "not-found", "there is no such resource"))
            ready = answer(tree, question.version, question.syntax)
            release(ready)  # (7) release, then the outcome
            exchange.complete(counts=ready.counts, withheld=len(withheld), content=ready.body)

    def read(self, call: Call, question: Question, release: Release) -> None:
        """Give one resource: to who delivers, of what it delivered itself; to others as `query` does."""
        party = call.party or self.parties.identify(call.token, self.books.now())
        known = replace(call, party=party)
        activities = self.books.register.activities
        if any(row.action == "read-back" and row.role == party.caller.role for row in activities):
            name = ResourceName(FORMS[question.version], question.type, question.id)
            self.changing.read_back(known, name, None, question.syntax, release)
        else:
            self.query(known, question, release)

    def account(self, call: Call, document_id: str, release: Release) -> None:
        """Give the account of a document to the organisation that delivered it.

        Raises as `query` does; a document of another organisation is not found, like one that is not there.
        """
        with self._begin(call, "account", blocks=NOTHING) as exchange:  # (1) receive
            exchange.asked("account of a document")  # which one: in the outcome, when it is one of ours
            with self.books.database.read() as transaction:
                found = _delivered(transaction, document_id, exchange.party.organisation)  # (2) whose record
            exchange.record(exchange.decide(found.person, NOTHING))  # (3) decide, (4) record
            release(Answer(found.account, "application/json", Counter()))  # (5, 6) as it is; (7) release
            exchange.complete(counts={}, document=found.id, content=found.account)

    def read_log(self, call: Call, search: LogSearch, release: Release) -> None:
        """Give exchanges to an auditor, newest first, as JSON.  That this was done is in the log itself.

        Raises as `query` does.
        """
        with self._begin(call, "audit", blocks=NOTHING) as exchange:  # (1) receive
            exchange.asked(_log_query(search))
            exchange.record(exchange.decide(search.person, NOTHING))  # (3) decide, (4) record
            with self.books.database.read() as transaction:
                found = transaction.log.exchanges(search, under=exchange.id)
            rows = [{"position": e.position, "decision": e.decision, "outcome": e.outcome} for e in found]
            page = {"exchanges": rows, "next": rows[-1]["position"] if len(rows) == search.limit else None}
            ready = Answer(orjson.dumps(page, option=orjson.OPT_INDENT_2), "application/json", Counter())
            release(ready)  # (7) release, then the outcome
            exchange.complete(counts={"exchange": len(rows)}, content=ready.body)

    def served(self, version: Version) -> list[str]:
        """The resource types that can be asked for, sorted."""
        parts = self.translator.loaded(FORMATS[version]).parts.values()
        return sorted({part.type for part in parts if types(version).is_resource(part.type)})

    def _begin(self, call: Call, action: str, *, blocks: frozenset[str] | None = None) -> Exchange:
        """An exchange of a party that is known.  A reader's person is that of its token."""
        party = call.party or self.parties.identify(call.token, self.books.now())
        own = self.books.database.pseudonym(party.bsn) if party.bsn else ""
        person = own if action == "read" else ""
        request = Request(party.caller, action, party.purpose, person, token_person=own, blocks=blocks)
        return Exchange(self.books, call, party, request)

    def _context(self, version: Version) -> Context:
        return Context(self.books.now(), self._zone, f"{self._base}/fhir/{version}")

    def _search(self, question: Question, base: str, bsn: str) -> Search:
        if question.type not in self.served(question.version):
            raise NotFound(Issue("error", "not-supported", "this resource type is not served"))
        parameters = [("_id", question.id)] if question.id else question.parameters
        return parse(question.type, parameters, types(question.version), base, bsn, strict=question.strict)


def open_pipeline(settings: Settings) -> Pipeline:
    """The pipeline of a configuration.  Raises `Fault` or `AuthoringError` when something of it is wrong."""
    register = load_register(settings.register_file)
    parties = load_parties(settings)
    books = Books(open_database(settings), register, settings.source, lambda: datetime.now(UTC))
    return Pipeline(books, parties, Translator(), settings)


def _subject(read: Read) -> str:
    """The BSN of the one person that a document is about.

    Raises `ContentError` with every fault of the document together: nothing of it is taken in then.
    """
    issues = [issue for issue in read.issues if issue.severity in ("error", "fatal")]
    bsn = ""
    try:
        bsn = whose(read)
    except ContentError as error:
        issues += error.issues
    if not read.blocks:
        issues = [
            Issue("error", "not-supported", "the document holds no building block that is known"),
            *issues,
        ]
    if issues:
        raise ContentError(*issues)
    return bsn


def _delivered(transaction: Transaction, document_id: str, organisation: str) -> StoredDocument:
    found = document(transaction, document_id)
    if found.sender != organisation:
        raise NotFound(Issue("error", "not-found", "there is no such document"))
    return found


def _log_query(search: LogSearch) -> str:
    """The filters of a search of the log; the person stands in the entry itself."""
    names = ("exchange", "caller", "activity", "effect", "since", "until", "before", "limit")
    return "&".join(f"{name}={value}" for name in names if (value := getattr(search, name)))
