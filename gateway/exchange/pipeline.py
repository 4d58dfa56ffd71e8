"""What happens to a document, and to a question about a person, in this order and nowhere else.

    1. receive   who is calling, by a signed token; then the bytes, no more than the limit
    2. decode    to blocks; whose record it is: one person, by BSN
    3. decide    purpose, basis in law, consent: permit, deny, or permit with less
    4. record    the decision, durable before a byte leaves or is stored.  No log, no exchange
    5. minimise  take from the blocks what this purpose may not see
    6. encode    in the receiver's format; that what is written is sound is tested, not checked each time
    7. release   or store, whole; then record the outcome.  A decision without outcome is a visible gap

`deliver` and `query` exchange records; `changing` does single resources and `bundling` Bundles of them, in
the same order.  To read an account or the log is an exchange too.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson

from gateway.codecs.fhir.elements import Version, types
from gateway.codecs.limits import Limits
from gateway.errors import ContentError, Fault, Issue, NotFound
from gateway.exchange.accounts import account
from gateway.exchange.answers import Answer, answer, searchset
from gateway.exchange.binaries import BINARY, check_bytes, kinds_beneath, of_person, tree_of
from gateway.exchange.bundling import Bundling
from gateway.exchange.changes.answers import validators_of
from gateway.exchange.changes.person import FORMS
from gateway.exchange.changing import Changing, check_whole, kept_whole
from gateway.exchange.parties import Parties, load_parties
from gateway.exchange.person import whose
from gateway.exchange.questions import Question, Release
from gateway.exchange.recording import Books, Call, Exchange
from gateway.exchange.renditions import FORMATS, Renditions
from gateway.exchange.search import Resource, Scope, Search, parse, parse_everything, parse_lastn
from gateway.exchange.search import document as document_of
from gateway.exchange.translating import ObservedTranslator
from gateway.exchange.withholding import name_faults
from gateway.exchangelog import Search as LogSearch
from gateway.mapping import Context, Read, Translator
from gateway.mapping.account import CARRIED
from gateway.observing import SILENT, Observer
from gateway.policy import Request, load_register, minimise_all
from gateway.settings import Settings
from gateway.storage import (
    NewDocument,
    ResourceName,
    StoredDocument,
    Transaction,
    document,
    open_database,
    store_document,
)

NOTHING = frozenset[str]()
"""The blocks in an account and in the log: none."""


class Sent(NamedTuple):
    """A document as it came in; `format` is what its sender calls it, "" when the bytes must say."""

    content: bytes
    format: str = ""


Receive = Callable[[], Sent]
"""Gives the document of a call, once.  Raises `InputError` when it cannot be taken in."""


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
        self.bundling = Bundling(books, self.changing, self, settings, self._begin)
        self._base, self._zone = settings.base_url, ZoneInfo(settings.zone)
        self._limits = Limits(settings.max_bytes, settings.max_depth, settings.max_nodes)
        self._served: dict[Version, Sequence[str]] = {}
        self.renditions = Renditions(books.database, translator, settings.record_cache_seconds)

    def deliver(self, call: Call, receive: Receive) -> Delivery:
        """Take in a document about one person; store all of it or nothing.

        Raises `Unauthenticated`, `Denied`, `SyntaxFault`, `ContentError` or `Fault`; nothing is stored then.
        """
        with self._begin(call, "deliver") as exchange:  # (1) receive
            sent = receive()
            exchange.received(sent.content)
            exchange.step("decode")
            context = self._context("r4")
            read = self.translator.read(sent.content, context, sent.format, self._limits)  # (2) decode
            person = self.books.database.pseudonym(_subject(read))
            decision = exchange.decide(person, frozenset(block.type for block in read.blocks))  # (3) decide
            exchange.record(decision)  # (4) record
            exchange.step("minimise")
            blocks, withheld = minimise_all(read.blocks, decision)  # (5) minimise
            exchange.step("encode")
            accounted = account(self.translator, read, blocks, FORMATS.values(), context)  # (6) encode
            counts = Counter(block.type for block in blocks)
            exchange.step("store")
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

    def validate(self, call: Call, version: Version, kind: str, receive: Receive) -> tuple[Issue, ...]:
        """What is wrong with a resource, and what of it no zib covers; nothing of it is stored.

        Raises `Unauthenticated`, `Denied`, `NotFound`, `SyntaxFault`, `ContentError` or `Fault`.
        """
        with self._begin(call, "validate", blocks=NOTHING) as exchange:  # (1) receive
            if not types(version).is_resource(kind):
                raise NotFound(Issue("error", "not-supported", "there is no such resource type"))
            exchange.asked(f"{version} {kind}/$validate")
            sent = receive()
            exchange.received(sent.content)
            exchange.record(exchange.decide("", NOTHING))  # (3) decide, (4) record
            exchange.step("decode")
            context = self._context(version)
            read = self.translator.read(sent.content, context, FORMATS[version], self._limits)  # (2) decode
            written = self.translator.write(read, FORMATS[version], context)  # (6) encode: it can be written
            exchange.complete(counts={})  # (7) nothing is stored, and the answer holds no value of it
        beside = (
            Issue(
                "information", "informational", "no zib covers this: it goes to no other format", line.place
            )
            for line in written.account.lines()
            if line.state == CARRIED
        )
        return (*_of_kind(read, kind), *read.all_issues, *beside)

    def query(self, call: Call, question: Question, release: Release) -> None:
        """Answer a question about the record of the token's person, in the version asked for.

        Raises `Unauthenticated`, `Denied`, `NotFound`, `InputError` or `Fault`; nothing was released then.
        """
        with self._begin(call, "read") as exchange:  # (1) receive
            search = self._search(question, exchange.party.bsn)  # (2) whose: the token's person
            person = exchange.person
            exchange.asked(f"{question.version} {search.path}?{search.query()}")
            decision = exchange.decide(person)  # (3) decide
            exchange.record(decision)  # (4) record
            exchange.step("minimise")
            context = self._context(question.version)  # (5) minimise, and write in this version
            record = self.renditions.of(person, exchange.revision, question.version, decision, context)
            exchange.step("encode")
            tree = _found(question, search, record.resources)  # (6) encode
            ready = answer(tree, question.version, question.syntax, exchange.party.bsn)
            if question.id:
                ready = replace(ready, headers=validators_of(tree))
            exchange.step("release")
            release(ready)  # (7) release, then the outcome
            exchange.complete(counts=ready.counts, withheld=record.withheld, content=ready.body)

    def get(self, call: Call, question: Question, release: Release) -> None:
        """Answer a GET: to who delivers, one resource is given as it was delivered; all else as `query` does.

        Raises as `query` and `Changing.read_back` do.
        """
        known = self.known(call)
        if self._is_back(known, question):
            self.changing.read_back(known, question, release)
        elif question.type == BINARY and question.id:
            self.give_binary(known, question, release)
        else:
            self.query(known, question, release)

    def give_binary(self, call: Call, question: Question, release: Release) -> None:
        """Give a Binary of the token's person, in the FHIR version in which it came.

        Nothing can be taken out of it: it goes where all that it hangs on is permitted.  Raises as `query`.
        """
        form = FORMS[question.version]
        with self._begin(call, "read") as exchange:  # (1) receive
            exchange.asked(f"{question.version} {BINARY}")
            person, context = exchange.person, self._context(question.version)
            with self.books.database.read() as transaction:  # (2) whose, and what it hangs on
                found = of_person(transaction, ResourceName(form, BINARY, question.id), person)
                tree = tree_of(found, question.version)
                kinds = kinds_beneath(
                    transaction,
                    person,
                    tree,
                    form,
                    lambda data, form: self.translator.read(data, context, form),
                )
            decision = exchange.decide(person, kinds)  # (3) decide
            exchange.record(decision)  # (4) record
            check_whole(decision)  # (5) minimise: nothing can be taken out of it
            exchange.step("encode")
            ready = kept_whole(found, question)  # (6) encode
            check_bytes(tree, question.version, exchange.party.bsn)
            exchange.step("release")
            release(ready)  # (7) release, then the outcome
            exchange.complete(counts=ready.counts, content=ready.body)

    def foresee(self, call: Call, question: Question) -> None:
        """Raise what a question would be refused for whatever is stored; that is on record then.

        Raises `Unauthenticated`, `Denied`, `NotFound` or `InputError`.
        """
        back = self._is_back(call, question)
        with self._begin(call, "read-back" if back else "read") as exchange:
            exchange.asked(f"{question.version} {question.type}")
            if not back and not (question.type == BINARY and question.id):
                self._search(question, exchange.party.bsn)

    def known(self, call: Call) -> Call:
        """The call with its party.  Raises `Unauthenticated`."""
        return replace(call, party=call.party or self.parties.identify(call.token, self.books.now()))

    def may(self, call: Call, action: str) -> bool:
        """True when the register has the action for the role of a known caller."""
        role = call.party.caller.role if call.party else ""
        return any(row.action == action and row.role == role for row in self.books.register.activities)

    def _is_back(self, call: Call, question: Question) -> bool:
        """True when a question is for what its caller delivered itself."""
        kept = question.version_id is not None or question.operation == "history"
        return kept or bool(question.id and self.may(call, "read-back"))

    def account(self, call: Call, document_id: str, release: Release) -> None:
        """Give the account of a document to the organisation that delivered it.

        Raises as `query` does; a document of another organisation is not found, like one that is not there.
        """
        with self._begin(call, "account", blocks=NOTHING) as exchange:  # (1) receive
            exchange.asked("account of a document")  # which one: in the outcome, when it is one of ours
            with self.books.database.read() as transaction:
                found = _delivered(transaction, document_id, exchange.party.organisation)  # (2) whose record
            exchange.record(exchange.decide(found.person, NOTHING))  # (3) decide, (4) record
            exchange.step("release")
            release(Answer(found.account, "application/json", Counter()))  # (5, 6) as it is; (7) release
            exchange.complete(counts={}, document=found.id, content=found.account)

    def read_log(self, call: Call, search: LogSearch, release: Release) -> None:
        """Give exchanges to an auditor, newest first, as JSON.  That this was done is in the log itself.

        Raises as `query` does.
        """
        with self._begin(call, "audit", blocks=NOTHING) as exchange:  # (1) receive
            exchange.asked(_log_query(search))
            exchange.record(exchange.decide(search.person, NOTHING))  # (3) decide, (4) record
            exchange.step("encode")
            with self.books.database.read() as transaction:
                found = transaction.log.exchanges(search, under=exchange.id)
            rows = [{"position": e.position, "decision": e.decision, "outcome": e.outcome} for e in found]
            page = {"exchanges": rows, "next": rows[-1]["position"] if len(rows) == search.limit else None}
            ready = Answer(orjson.dumps(page, option=orjson.OPT_INDENT_2), "application/json", Counter())
            exchange.step("release")
            release(ready)  # (7) release, then the outcome
            exchange.complete(counts={"exchange": len(rows)}, content=ready.body)

    def served(self, version: Version) -> Sequence[str]:
        """The resource types that can be asked for, sorted."""
        found = self._served.get(version)
        if found is None:
            parts = self.translator.loaded(FORMATS[version]).parts.values()
            written = {each.type for each in parts if types(version).is_resource(each.type)}
            found = self._served[version] = sorted({"Provenance", *written})
        return found

    def _begin(self, call: Call, action: str, *, blocks: frozenset[str] | None = None) -> Exchange:
        """An exchange of a party that is known.  A reader's person is that of its token."""
        party = call.party or self.parties.identify(call.token, self.books.now())
        own = self.books.database.pseudonym(party.bsn) if party.bsn else ""
        person = own if action == "read" else ""
        request = Request(party.caller, action, party.purpose, person, token_person=own, blocks=blocks)
        return Exchange(self.books, call, party, request)

    def _context(self, version: Version) -> Context:
        return Context(self.books.now(), self._zone, f"{self._base}/fhir/{version}")

    def _search(self, question: Question, bsn: str) -> Search:
        if question.type not in self.served(question.version):
            raise NotFound(Issue("error", "not-supported", "this resource type is not served"))
        base = f"{self._base}/fhir/{question.version}"
        scope = Scope(types(question.version), base, bsn, self.books.now(), self._zone, question.strict)
        if question.operation == "lastn":
            return parse_lastn(question.parameters, scope)
        if question.operation == "everything":
            return parse_everything(question.id, question.parameters, scope)
        parameters = [("_id", question.id)] if question.id else question.parameters
        return parse(question.type, parameters, scope)


def open_pipeline(settings: Settings, observer: Observer = SILENT) -> Pipeline:
    """The pipeline of a configuration.  Raises `Fault` or `AuthoringError` when something of it is wrong."""
    register = load_register(settings.register_file)
    parties, translator = load_parties(settings), ObservedTranslator(observer)
    if wrong := [each for each in name_faults(register, translator) if each.severity == "error"]:
        raise Fault(*wrong)  # else it would let through what it seems to withhold
    database = open_database(settings, observer)
    books = Books(database, register, settings.source, lambda: datetime.now(UTC), observer)
    return Pipeline(books, parties, translator, settings)


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


def _of_kind(read: Read, kind: str) -> list[Issue]:
    """An issue for a resource of another type than that of the address."""
    found = {leaf.place.partition(".")[0] for leaf in read.leaves()}
    if found == {kind}:
        return []
    return [Issue("error", "structure", f"this is no {kind}", place=next(iter(found), ""))]


def _found(question: Question, search: Search, resources: Sequence[Resource]) -> Resource:
    """The answer to a question.  Raises as a search does, and `NotFound` for a resource that is not there."""
    found = search.run(resources)
    if not question.id or question.operation == "everything":
        return searchset(search, search.scope.base, found, search.scope.now, str(uuid.uuid4()))
    if not found.matches:
        raise NotFound(Issue("error", "not-found", "there is no such resource"))
    if question.operation == "document":
        return document_of(found.matches[0], resources, search.scope)
    return found.matches[0]


def _delivered(transaction: Transaction, document_id: str, organisation: str) -> StoredDocument:
    found = document(transaction, document_id)
    if found.sender != organisation:
        raise NotFound(Issue("error", "not-found", "there is no such document"))
    return found


def _log_query(search: LogSearch) -> str:
    """The filters of a search of the log; the person stands in the entry itself."""
    names = ("exchange", "caller", "activity", "effect", "since", "until", "before", "limit")
    return "&".join(f"{name}={value}" for name in names if (value := getattr(search, name)))
