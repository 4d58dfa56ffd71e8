"""A Bundle of changes and questions: each of its entries passes the steps that it would pass alone.

    transaction  all changes or none, in one exchange; then the questions, which see what was changed.  What a
                 question would be refused for is found first: then nothing is stored
    batch        each entry is an exchange of its own
    document, message    one delivery

To change takes the right to deliver, to ask the right to read: a purpose that has one does not bring the
other.  An answer counts as released when it stands in the Bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.codecs.fhir.elements import Version
from gateway.codecs.limits import Limits
from gateway.errors import GatewayError, Gone, Issue, NotFound
from gateway.exchange.answers import Answer
from gateway.exchange.changes.answers import Changed, Row, Together
from gateway.exchange.changes.asked import Asked, Look, Posted
from gateway.exchange.changes.bundles import together
from gateway.exchange.changes.person import FORMS, Own
from gateway.exchange.changing import Begin, Changing
from gateway.exchange.questions import Question, Release
from gateway.exchange.recording import Books, Call
from gateway.settings import Settings
from gateway.storage import ResourceName, version_of


class Asking(Protocol):
    """How questions are answered when they come alone."""

    def known(self, call: Call) -> Call:
        """The call with its party.  Raises `Unauthenticated`."""

    def may(self, call: Call, action: str) -> bool:
        """True when the register has the action for the role of the caller."""

    def get(self, call: Call, question: Question, release: Release) -> None:
        """Answer a question."""

    def foresee(self, call: Call, question: Question) -> None:
        """Raise what a question would be refused for whatever is stored."""


class Bundling:
    """What happens to Bundles; safe to share between threads."""

    def __init__(
        self, books: Books, changing: Changing, asking: Asking, settings: Settings, begin: Begin
    ) -> None:
        self._books, self._changing, self._asking, self._begin = books, changing, asking, begin
        self._base = settings.base_url
        self._limits = Limits(settings.max_bytes, settings.max_depth, settings.max_nodes)

    def change(self, call: Call, version: Version, receive: Callable[[], Posted]) -> Together:
        """Do what the entries of a Bundle ask.

        Raises as `Changing.change` does, for a batch only when that is not understood.
        """
        call = self._asking.known(call)
        only_asks = self._asking.may(call, "read") and not self._asking.may(call, "deliver")
        changed: Changed | None = None
        with self._begin(call, "read" if only_asks else "deliver") as exchange:  # (1) receive
            posted = receive()
            exchange.received(posted.content)
            asked = together(posted, version, f"{self._base}/fhir/{version}", self._limits)
            if isinstance(asked, Asked):
                asked.check()
                self._foresee(call, asked)
                if asked.interactions and not only_asks:
                    changed = self._changing.change_asked(exchange, asked)
        if isinstance(asked, list):  # a batch leaves a decision for each entry
            return Together("batch", tuple(self._row(call, each, only_asks) for each in asked))
        if asked.interactions and changed is None:
            changed = self._changed(call, asked, "deliver")
        return Together(asked.kind, self._rows(call, asked, changed), changed)

    def _changed(self, call: Call, asked: Asked, action: str) -> Changed:
        """A change as an exchange of its own: an entry of a batch, or what one asks who may not."""
        with self._begin(call, action) as exchange:
            exchange.received(asked.content)
            return self._changing.change_asked(exchange, asked)

    def _row(self, call: Call, each: Asked | Look, only_asks: bool) -> Row:
        try:
            if isinstance(each, Look):
                return self._answer(call, each)
            # An entry that is not understood asks for no change.
            action = "read" if only_asks and not each.interactions else "deliver"
            ((done, issues),) = self._changed(call, each, action).apart()
        except GatewayError as error:
            return error
        return done, issues

    def _answer(self, call: Call, look: Look) -> Answer:
        """What a question gives, by the way that it goes alone."""
        answers: list[Answer] = []
        self._asking.get(call, look.question, answers.append)
        return answers[0]

    def _rows(self, call: Call, asked: Asked, changed: Changed | None) -> tuple[Row, ...]:
        """What became of each entry; of questions alone the first that fails fails all."""
        rows: dict[int, Row] = {}
        for done, one in zip(changed.apart() if changed else (), asked.interactions, strict=True):
            rows[one.entry] = done
        for look in asked.looks:
            rows[look.entry] = self._row(call, look, only_asks=False) if changed else self._answer(call, look)
        return tuple(rows[number] for number in sorted(rows))

    def _foresee(self, call: Call, asked: Asked) -> None:
        """Raises what a question of a transaction would be refused for."""
        for look in asked.looks:
            self._asking.foresee(call, look.question)
        if asked.looks and call.party is not None and self._asking.may(call, "read-back"):
            with self._books.database.read() as transaction:
                own = Own(transaction, call.party.organisation, asked.version)
                _check_there(asked, own, [look for look in asked.looks if look.question.id])


def _check_there(asked: Asked, own: Own, looks: Sequence[Look]) -> None:
    """Raises `NotFound` for a resource that is not there once the transaction is done."""
    form = FORMS[asked.version]
    put, gone = (
        {(one.type, one.id) for one in asked.interactions if one.id and one.method == method}
        for method in ("PUT", "DELETE")
    )
    for look in looks:
        question, place = look.question, f"Bundle.entry[{look.entry}].request.url"
        name = ResourceName(form, question.type, question.id)
        if (name.type, name.id) in put:
            continue
        there, version = own.locate(name), question.version_id
        if there is None or (version is not None and not version_of(own.transaction, name, version)):
            raise NotFound(Issue("error", "not-found", "there is no such resource", place=place))
        if version is None and (there.deleted or (name.type, name.id) in gone):
            raise Gone(Issue("error", "not-found", "this resource was deleted", place=place))
