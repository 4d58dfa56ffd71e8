"""What happens to resources that are created, updated or deleted, in the order of `pipeline`.

A resource is kept as it was received, so that nothing can be taken out of it: where a decision permits less
than all, none of it is kept, and none of it given back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.codecs.fhir.elements import Version, types
from gateway.codecs.limits import Limits
from gateway.errors import Denied, Gone, Issue, NotFound
from gateway.exchange import history
from gateway.exchange.accounts import account
from gateway.exchange.answers import Answer, encode, media_type
from gateway.exchange.binaries import AS_A_FILE, BINARY, unwrapped
from gateway.exchange.changes.answers import Changed, served_back, validators
from gateway.exchange.changes.asked import Asked, Posted
from gateway.exchange.changes.keeping import keep
from gateway.exchange.changes.person import FORMS, Own, surroundings
from gateway.exchange.changes.reading import translated
from gateway.exchange.changes.single import alone
from gateway.exchange.questions import Question, Release
from gateway.exchange.recording import Books, Call, Exchange
from gateway.mapping import Context, Translator
from gateway.policy import Decision, Effect
from gateway.settings import Settings
from gateway.storage import NewDocument, ResourceName, StoredResource, locate, version_of


class Begin(Protocol):
    """Begins an exchange of a party that is known.  Raises `Unauthenticated`."""

    def __call__(self, call: Call, action: str) -> Exchange: ...


class Changing:
    """The seven steps of a change, and of reading it back; safe to share between threads."""

    def __init__(self, books: Books, translator: Translator, settings: Settings, begin: Begin) -> None:
        self._books, self._translator, self._begin = books, translator, begin
        self._base, self._zone = settings.base_url, ZoneInfo(settings.zone)
        self._limits = Limits(settings.max_bytes, settings.max_depth, settings.max_nodes)

    def change(self, call: Call, version: Version, receive: Callable[[], Posted]) -> Changed:
        """Create, update or delete one resource.

        Raises `Unauthenticated`, `Denied`, `InputError`, `NotFound`, `Conflict` or `Fault`; nothing is stored
        then.
        """
        with self._begin(call, "deliver") as exchange:  # (1) receive
            posted = receive()
            exchange.received(posted.content)
            return self.change_asked(exchange, alone(posted, version, self._limits))

    def change_asked(self, exchange: Exchange, asked: Asked) -> Changed:
        """Do all that is asked, or nothing.  Raises as `change` does."""
        asked.check()
        exchange.asked(asked.summary)
        exchange.step("decode")
        context, sender = self._context(asked.version), exchange.party.organisation
        with self._books.database.read() as transaction:  # (2) decode; whose record it is
            own = Own(transaction, sender, asked.version)
            found = surroundings(asked, own, context.base, self._books.database.pseudonym)
        read = translated(self._translator, asked, found.beside, context)
        found.check(read.issues)
        decision = exchange.decide(found.person, read.kinds)  # (3) decide
        exchange.record(decision)  # (4) record
        check_whole(decision)  # (5) minimise
        exchange.step("encode")
        accounted = account(self._translator, read.read, None, FORMS.values(), context)  # (6) encode
        delivery = NewDocument(
            person=found.person,
            sender=sender,
            identifier=asked.identifier,
            content=asked.content,
            received=context.now,
            format=FORMS[asked.version],
            release=read.read.release,
            account=accounted.data,
        )
        exchange.step("store")
        with self._books.database.write() as transaction:  # (7) store, and the outcome with it
            kept = keep(transaction, asked, delivery, context.base)
            counts = Counter(each.name.type for each in kept.done if each.version)
            code = "" if kept.new else "duplicate"
            exchange.complete(transaction, document=kept.id, counts=counts, code=code)
        return Changed(kept, asked, accounted.counts, (*asked.warnings, *read.issues, *accounted.issues))

    def read_back(self, call: Call, question: Question, release: Release) -> None:
        """Give a resource, a version or all of them, to the organisation that delivered it, as it is kept.

        Raises `Unauthenticated`, `Denied`, `NotFound`, `Gone` when it was deleted, or `Fault`; nothing was
        released then.  What another organisation delivered is not found, like what is not there.
        """
        name = ResourceName(FORMS[question.version], question.type, question.id)
        with self._begin(call, "read-back") as exchange:  # (1) receive
            page = history.parse(question) if question.operation == "history" else None
            if not types(question.version).is_resource(name.type):
                raise _missing()  # before it is noted: what is no type could be a number of a person
            exchange.asked(f"{question.version} {name.type} of its own")
            with self._books.database.read() as transaction:
                there = locate(transaction, name)  # (2) whose record
                if there is None or there.sender != exchange.party.organisation:
                    raise _missing()
                found = version_of(transaction, name, question.version_id)
                versions = page.of(transaction, name) if page else []
            decision = exchange.decide(there.person)  # (3) decide
            exchange.record(decision)  # (4) record
            check_whole(decision)  # (5) minimise
            exchange.step("encode")
            if page is not None:  # (6) encode
                context = self._context(question.version)
                ready = history.answer(versions, page, question, context.base, context.now)
            else:
                ready = _ready(found, question)
            exchange.step("release")
            release(ready)  # (7) release, then the outcome
            exchange.complete(counts=ready.counts, content=ready.body)

    def _context(self, version: Version) -> Context:
        return Context(self._books.now(), self._zone, f"{self._base}/fhir/{version}")


def check_whole(decision: Decision) -> None:
    """Raises `Denied` unless all of it is permitted."""
    if decision.effect is not Effect.PERMIT:
        text = "a part of this is not permitted, and it goes whole or not at all"
        raise Denied(Issue("error", "forbidden", text, rule="processing register"))


def kept_whole(found: StoredResource, question: Question) -> Answer:
    """A version as it is kept, ready to go: as a resource, or of a Binary the bytes."""
    version, counts = question.version, Counter({found.name.type: 1})
    headers = validators(found.version, found.received)
    tree = served_back(found.content, found.version, found.received, version)
    if question.raw and found.name.type == BINARY:
        content, media = unwrapped(tree, version)
        return Answer(content, media, counts, headers | AS_A_FILE)
    body = encode(tree, version, question.syntax)
    return Answer(body, media_type(version, question.syntax), counts, headers)


def _ready(found: StoredResource | None, question: Question) -> Answer:
    if found is None:
        raise _missing()
    if found.deleted:
        raise Gone(Issue("error", "not-found", "this resource was deleted"))
    return kept_whole(found, question)


def _missing() -> NotFound:
    return NotFound(Issue("error", "not-found", "there is no such resource"))
