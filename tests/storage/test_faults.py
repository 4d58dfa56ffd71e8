"""The fault table: what is there after each kind of failure.

    where it fails                        decision  document  outcome  the caller
    before the decision is committed         –         –         –     Fault
    while the decision is committed          –         –         –     Fault
    while committed, but it persisted        +         –         –     Fault: a visible gap
    between decision and storing             +         –         –     a visible gap
    while blocks are stored                  +         –         –     a visible gap
    while the outcome is recorded            +         –         –     a visible gap
    while both are committed                 +         –         –     Fault: a visible gap
    while both are committed, persisted      +         +         +     Fault: sent again, answered as before
    disk full                                +         –         –     Fault: a visible gap

In every row the log verifies, its positions have no holes, and the next exchange succeeds.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import insert

from gateway.errors import Fault
from gateway.exchangelog import verify
from gateway.storage import Database, record_of, store_document
from gateway.storage.tables import persons
from tests.exchangelog.fakes import decided, done
from tests.storage.stores import ANNA_BSN, Place, document, exchange, faults, opened, problem


class InjectedError(Exception):
    """Not one of ours: whatever may go wrong."""


class Left(NamedTuple):
    """Rows there afterwards."""

    log: int
    blocks: int
    gaps: int


Inject = Callable[[str], None]


def deliver(database: Database, name: str, at: Inject) -> None:
    """An exchange as the pipeline has it, with a place to fail between all steps."""
    anna = database.pseudonym(ANNA_BSN)
    at("start")
    with database.write() as transaction:
        transaction.log.record(decided(name, person=anna))
        at("decision recorded")
    at("decision committed")
    with database.write() as transaction:
        at("storing")
        stored = store_document(transaction, document(anna, problem("1"), problem("2")))
        at("stored")
        transaction.log.record(done(name, document=stored.id))
        at("outcome recorded")
    at("end")


def left(database: Database) -> Left:
    with database.read() as transaction:
        report = verify(transaction.log.store)
        blocks = len(record_of(transaction, database.pseudonym(ANNA_BSN)).blocks)
    assert faults(database) == []
    return Left(report.size, blocks, report.gaps)


def raising(place: str) -> Inject:
    def at(here: str) -> None:
        if here == place:
            raise InjectedError(place)

    return at


def never(here: str) -> None:
    """Nothing fails."""


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("start", Left(0, 0, 0)),
        ("decision recorded", Left(0, 0, 0)),
        ("decision committed", Left(1, 0, 1)),
        ("storing", Left(1, 0, 1)),
        ("stored", Left(1, 0, 1)),
        ("outcome recorded", Left(1, 0, 1)),
        ("end", Left(2, 2, 0)),
    ],
)
def test_failing_between_steps(place: Place, step: str, expected: Left) -> None:
    with opened(place) as database:
        with pytest.raises(InjectedError):
            deliver(database, "x", raising(step))
        assert left(database) == expected
        deliver(database, "y", never)
        assert left(database) == Left(expected.log + 2, 2, expected.gaps)


@contextmanager
def failing_commit(database: Database, number: int, *, persisted: bool) -> Iterator[None]:
    """The commit with this number, from 1, fails: before or after the disk has it."""
    dialect: Any = database.engine.dialect
    commit, count, failure = dialect.do_commit, 0, dialect.loaded_dbapi.OperationalError("I/O error")

    def do_commit(connection: Any) -> None:
        nonlocal count
        count += 1
        if count == number and not persisted:
            raise failure
        commit(connection)
        if count == number:
            raise failure

    dialect.do_commit = do_commit
    try:
        yield
    finally:
        dialect.do_commit = commit


@pytest.mark.parametrize(
    ("number", "persisted", "expected"),
    [
        (1, False, Left(0, 0, 0)),
        (1, True, Left(1, 0, 1)),
        (2, False, Left(1, 0, 1)),
        (2, True, Left(2, 2, 0)),
    ],
)
def test_failing_in_a_commit(place: Place, number: int, persisted: bool, expected: Left) -> None:
    with opened(place) as database:
        with (
            failing_commit(database, number, persisted=persisted),
            pytest.raises(Fault, match="the database failed"),
        ):
            deliver(database, "x", never)
        assert left(database) == expected
        if expected.log:  # an exchange id that may be on record is never used again
            with database.read() as transaction, pytest.raises(Fault, match="one decision"):
                transaction.log.record(decided("x"))
        with database.write() as transaction:
            exchange(transaction, "y", document(database.pseudonym(ANNA_BSN), problem("1"), problem("2")))
        assert left(database) == Left(expected.log + 2, 2, expected.gaps)


def test_a_failure_among_the_blocks_leaves_none(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        broken = problem("2")
        broken.values["Comment"] = object()

        def deliver_broken() -> None:
            with database.write() as transaction:
                transaction.log.record(decided("x", person=anna))
                store_document(transaction, document(anna, problem("1"), broken))

        with pytest.raises(TypeError):
            deliver_broken()
        assert left(database) == Left(0, 0, 0)


def test_a_full_disk(tmp_path: Path) -> None:
    """Of SQLite, which lets a test say how large the disk is."""
    with opened(Place(tmp_path)) as database:
        deliver(database, "x", never)
        before = left(database)

        def deliver_much() -> None:
            big = [problem(str(number), "x" * 10_000) for number in range(200)]
            with database.write() as transaction:
                pages = transaction.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                transaction.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
                exchange(transaction, "y", document(database.pseudonym(ANNA_BSN), *big, number=2))

        with pytest.raises(Fault, match="the database failed"):
            deliver_much()
        assert left(database) == before
        with database.write() as transaction:
            transaction.connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        deliver(database, "z", never)


def test_the_text_of_a_database_fault_holds_no_data(place: Place) -> None:
    def break_a_rule(database: Database) -> None:
        with database.write() as transaction:
            transaction.log.record(decided("secret-exchange"))
            transaction.connection.execute(insert(persons), {"id": "secret-id", "pseudonym": None})

    with opened(place) as database, pytest.raises(Fault) as caught:
        break_a_rule(database)
    assert "secret" not in caught.value.diagnostics()
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_a_second_writer_of_the_log_is_noticed(place: Place) -> None:
    with opened(place) as database, database.write() as transaction:
        stale = transaction.log.store.head()
        transaction.log.record(decided("x"))
        (row,) = transaction.log.store.rows()
        assert transaction.log.store.append(row, stale, stale.add(row.leaf_hash)) is None
        assert len(list(transaction.log.store.rows())) == 1
