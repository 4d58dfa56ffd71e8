"""What happens to resources that are created, updated or deleted, in the order of `pipeline`.

A resource is kept as it was received, so that nothing can be taken out of it: where a decision permits less
than all, none of it is kept, and none of it given back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.codecs.fhir_types import Version
from gateway.codecs.limits import Limits
from gateway.errors import Denied, GatewayError, Gone, Issue, NotFound
from gateway.exchange.accounts import account
from gateway.exchange.answers import Answer, Syntax, encode, media_type
from gateway.exchange.changes import Asked, Posted, alone, together
from gateway.exchange.changes_answers import Changed, served_back, validators
from gateway.exchange.changes_keeping import keep
from gateway.exchange.changes_person import FORMS, Own, surroundings
from gateway.exchange.changes_reading import translated
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
            return self._change(exchange, alone(posted, version, self._limits))

    def change_together(
        self, call: Call, version: Version, receive: Callable[[], Posted]
    ) -> Changed | list[Changed | GatewayError]:
        """Do what the entries of a Bundle ask, all or nothing; of a batch each by itself.

        Raises as `change` does, for a batch only when that is not understood.
        """
        with self._begin(call, "deliver") as exchange:  # (1) receive
            posted = receive()
            exchange.received(posted.content)
            asked = together(posted, version, f"{self._base}/fhir/{version}", self._limits)
            if isinstance(asked, Asked):
                return self._change(exchange, asked)
        return [self._apart(call, each) for each in asked]  # a batch leaves a decision for each entry

    def _apart(self, call: Call, asked: Asked) -> Changed | GatewayError:
        """An entry of a batch is an exchange of its own."""
        try:
            with self._begin(call, "deliver") as exchange:
                exchange.received(asked.content)
                return self._change(exchange, asked)
        except GatewayError as error:
            return error

    def _change(self, exchange: Exchange, asked: Asked) -> Changed:
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
        _check_whole(decision)  # (5) minimise
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
            counts = Counter(each.name.type for each in kept.done)
            code = "" if kept.new else "duplicate"
            exchange.complete(transaction, document=kept.id, counts=counts, code=code)
        return Changed(kept, asked, accounted.counts, (*asked.warnings, *read.issues, *accounted.issues))

    def read_back(
        self,
        call: Call,
        name: ResourceName,
        version_id: int | None,
        syntax: Syntax,
        release: Callable[[Answer], None],
    ) -> None:
        """Give a resource, or one version of it, to the organisation that delivered it, as it is kept.

        Raises `Unauthenticated`, `Denied`, `NotFound`, `Gone` when it was deleted, or `Fault`; nothing was
        released then.  What another organisation delivered is not found, like what is not there.
        """
        version: Version = "r4" if name.form == FORMS["r4"] else "stu3"
        with self._begin(call, "read-back") as exchange:  # (1) receive
            exchange.asked(f"{version} {name.type} of its own")
            with self._books.database.read() as transaction:
                there = locate(transaction, name)  # (2) whose record
                if there is None or there.sender != exchange.party.organisation:
                    raise _missing()
                found = version_of(transaction, name, version_id)
            decision = exchange.decide(there.person)  # (3) decide
            exchange.record(decision)  # (4) record
            _check_whole(decision)  # (5) minimise
            exchange.step("encode")
            ready = _ready(found, version, syntax)  # (6) encode
            exchange.step("release")
            release(ready)  # (7) release, then the outcome
            exchange.complete(counts=ready.counts, content=ready.body)

    def _context(self, version: Version) -> Context:
        return Context(self._books.now(), self._zone, f"{self._base}/fhir/{version}")


def _check_whole(decision: Decision) -> None:
    """Raises `Denied` unless all of it is permitted."""
    if decision.effect is not Effect.PERMIT:
        text = "a part of this is not permitted, and a resource is kept whole"
        raise Denied(Issue("error", "forbidden", text, rule="processing register"))


def _ready(found: StoredResource | None, version: Version, syntax: Syntax) -> Answer:
    if found is None:
        raise _missing()
    if found.deleted:
        raise Gone(Issue("error", "not-found", "this resource was deleted"))
    tree = served_back(found.content, found.version, found.received, version)
    headers = validators(found.version, found.received)
    counts = Counter({found.name.type: 1})
    return Answer(encode(tree, version, syntax), media_type(version, syntax), counts, headers)


def _missing() -> NotFound:
    return NotFound(Issue("error", "not-found", "there is no such resource"))
