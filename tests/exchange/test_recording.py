"""One exchange on record.  The table: where it fails · what the log says · what the caller hears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from conformance.stage import EPD, PGO
from gateway.errors import ContentError, Denied, Fault, GatewayError, Issue, NotFound
from gateway.exchange.parties import Party
from gateway.exchange.recording import Call, Exchange
from gateway.policy import Caller, Request
from gateway.storage import Begun, Transaction
from gateway.storage.keys import NO_KEYS, LogKeys
from tests.exchange.house import FENNA, House

TREAT = frozenset({"TREAT"})
PERSON = "ab" * 32


def exchange(house: House, action: str = "deliver", role: str = "care-provider") -> Exchange:
    caller = Caller("client", role, "organisation", TREAT, TREAT)
    request = Request(caller, action, "TREAT")
    return Exchange(house.pipeline.books, Call(), Party(caller, "TREAT", "urn:x"), request)


def log(house: House) -> list[tuple[str, str, str]]:
    """Effect, status ("gap" when there is no outcome) and code of each exchange."""
    return [(d["effect"], o["status"] if o else "gap", o["code"] if o else "") for d, o in house.log()]


class LogDown:
    """Makes the writes after the first `works` fail, before their commit or after it."""

    def __init__(self, house: House, works: int, *, persisted: bool = False) -> None:
        self.left, self.persisted = works, persisted
        self.database = house.pipeline.books.database
        self.real = self.database.write, self.database._append

    def install(self, patched: pytest.MonkeyPatch) -> None:
        """Stand between the database and both its ways to write."""
        patched.setattr(self.database, "write", self.write)
        patched.setattr(self.database, "_append", self.append)

    @contextmanager
    def write(self, log_keys: LogKeys = NO_KEYS) -> Iterator[Transaction]:
        with self.failing(), self.real[0](log_keys) as transaction:
            yield transaction

    def append(self, *arguments: Any) -> Begun | None:
        with self.failing():
            return self.real[1](*arguments)

    @contextmanager
    def failing(self) -> Iterator[None]:
        self.left -= 1
        fault = Fault(Issue("fatal", "no-store", "the disk is full"))
        if self.left < 0 and not self.persisted:
            raise fault
        yield
        if self.left < 0:
            raise fault


def run(house: House, raised: BaseException | None = None, person: str = PERSON) -> None:
    with exchange(house) as found:
        found.record(found.decide(person))
        if raised is not None:
            raise raised
        found.complete(counts={"Problem": 1}, code="")


def test_a_decision_is_durable_before_anything_else_happens(house: House) -> None:
    with exchange(house) as found:
        found.record(found.decide(PERSON))
        assert log(house) == [("permit", "gap", "")]
        found.complete(counts={"Problem": 1})
    assert log(house) == [("permit", "completed", "")]


RAISED: list[tuple[Exception, str, str]] = [
    (ContentError(Issue("error", "code-invalid", "x")), "refused", "code-invalid"),
    (Denied(Issue("error", "forbidden", "x")), "refused", "forbidden"),
    (NotFound(Issue("error", "not-found", "x")), "refused", "not-found"),
    (Fault(Issue("fatal", "timeout", "x")), "failed", "timeout"),
    (RuntimeError("999980014"), "failed", "exception"),
    (GatewayError(), "failed", "exception"),
]


@pytest.mark.parametrize(("error", "status", "code"), RAISED, ids=lambda v: type(v).__name__)
def test_what_is_raised_becomes_the_outcome(house: House, error: Exception, status: str, code: str) -> None:
    with pytest.raises(type(error)):
        run(house, error)
    assert log(house) == [("permit", status, code)]


@pytest.mark.parametrize(("error", "status", "code"), RAISED, ids=lambda v: type(v).__name__)
def test_what_is_raised_before_the_decision_is_on_record_with_the_decision_that_would_have_been(
    house: House, error: Exception, status: str, code: str
) -> None:
    with pytest.raises(type(error)), exchange(house):
        raise error
    assert log(house) == [("deny", status, code)]
    assert house.log()[0][0]["reasons"] == ["person-missing"]


def test_a_process_that_dies_leaves_a_gap(house: House) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(house, KeyboardInterrupt())
    assert log(house) == [("permit", "gap", "")]


def test_a_denial_is_on_record_with_its_outcome(house: House) -> None:
    with pytest.raises(Denied) as caught:
        run(house, AssertionError("nothing happens after a denial"), person="")
    assert log(house) == [("deny", "refused", "forbidden")]
    assert "person" not in caught.value.diagnostics(), "a caller is not told why"


@pytest.mark.parametrize(
    ("action", "role"), [("deliver", "pgo"), ("deliver", ""), ("nonsense", "care-provider")]
)
def test_a_caller_that_may_never_do_this_is_refused_at_once(house: House, action: str, role: str) -> None:
    with pytest.raises(Denied), exchange(house, action, role):
        raise AssertionError("no byte is read")
    assert log(house) == [("deny", "refused", "forbidden")]


FAULTS: list[tuple[str, int, bool, Callable[[House], Any], type[Exception], list[tuple[str, str, str]]]] = [
    ("decision fails", 0, False, run, Fault, []),
    ("decision fails but persisted", 0, True, run, Fault, [("permit", "failed", "no-store")]),
    ("outcome fails", 1, False, run, Fault, [("permit", "gap", "")]),
    ("outcome fails but persisted", 1, True, run, Fault, [("permit", "completed", "")]),
    (
        "refusal cannot be recorded",
        1,
        False,
        lambda house: run(house, ContentError(Issue("error", "value", "x"))),
        Fault,
        [("permit", "gap", "")],
    ),
    (
        "failure cannot be recorded",
        1,
        False,
        lambda house: run(house, RuntimeError("x")),
        RuntimeError,
        [("permit", "gap", "")],
    ),
]


@pytest.mark.parametrize(
    ("works", "persisted", "work", "heard", "logged"),
    [row[1:] for row in FAULTS],
    ids=[row[0] for row in FAULTS],
)
def test_without_a_log_there_is_no_exchange(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    works: int,
    persisted: bool,
    work: Callable[[House], Any],
    heard: type[Exception],
    logged: list[tuple[str, str, str]],
) -> None:
    down = LogDown(house, works, persisted=persisted)
    with monkeypatch.context() as patched:
        down.install(patched)
        with pytest.raises(heard):
            work(house)
        down.left = -1
    assert log(house) == logged


def test_nothing_is_done_when_the_decision_cannot_be_recorded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    LogDown(house, 0).install(monkeypatch)
    with pytest.raises(Fault):
        run(house, AssertionError("nothing happens without a decision on record"))


def test_the_entry_says_who_from_where_and_about_what(house: House) -> None:
    house.deliver()
    house.search("r4", "Condition?code=1&nonsense=x")
    (delivered, stored), (read, released) = house.log()
    assert delivered["caller"] == EPD.id
    assert delivered["organisation"] == f"{EPD.name} ({EPD.organisation})"
    assert (delivered["purpose"], delivered["activity"]) == ("TREAT", "epd-delivers-document")
    assert delivered["access_point"] == "192.0.2.1"
    assert delivered["size"] > 1000
    assert "Patient" in delivered["blocks"]
    assert delivered["articles"]
    assert stored is not None
    assert stored["document"]
    assert stored["counts"]["Problem"] == 2
    assert (read["caller"], read["purpose"]) == (PGO.id, "PATRQT")
    assert read["query"] == "r4 Condition?code=1"
    assert released is not None
    assert released["size"] > 100
    assert delivered["person"] == read["person"] == house.pipeline.books.database.pseudonym(FENNA)
