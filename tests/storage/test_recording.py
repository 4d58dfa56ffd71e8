"""Entries that stand alone: of any number of threads and processes, each once, in one tree."""

from __future__ import annotations

import re
import threading

import pytest

from gateway.errors import Fault
from gateway.exchangelog import verify
from gateway.storage import Database
from gateway.storage.keys import log_scope
from tests.exchangelog.fakes import ANNA, NOW, decided, done
from tests.storage.stores import Place, opened, statements

THREADS, EXCHANGES = 4, 6


def rows(database: Database) -> list[tuple[str, str]]:
    """Exchange and kind of each entry, in order; the tree holds."""
    with database.read() as transaction:
        verify(transaction.log.store)
        return [(row.exchange, row.kind) for row in transaction.log.store.rows()]


def test_an_entry_is_durable_by_itself(place: Place) -> None:
    with opened(place) as database:
        database.record(decided("x"))
    with opened(place) as database:
        assert rows(database) == [("x", "decision")]


def test_the_outcome_is_sealed_with_the_key_of_the_decision(place: Place) -> None:
    with opened(place) as database:
        begun = database.record(decided("x"))
        with statements(database) as said:
            database.record(done("x"), begun=begun)
        assert not [each for each in said if "data_keys" in each]
        with database.read() as transaction:
            both = [transaction.log.opened(row) for row in transaction.log.store.rows()]
        assert [(each["kind"], each["person"]) for each in both] == [("decision", ANNA), ("outcome", ANNA)]
        assert both[1]["counts"] == {"Observation": 3}


def test_a_key_that_was_destroyed_meanwhile_opens_nothing(place: Place) -> None:
    with opened(place) as database:
        begun = database.record(decided("x"))
        with database.write() as transaction:
            assert transaction.vault.destroy(ANNA, log_scope(NOW.year))
        database.record(done("x"), begun=begun)
        with database.read() as transaction:
            decision, outcome = map(transaction.log.opened, transaction.log.store.rows())
        assert "query" not in decision
        assert "counts" not in outcome


@pytest.mark.parametrize("second", [decided("x"), done("y")], ids=["decided twice", "nothing decided"])
def test_what_does_not_follow_is_not_kept(place: Place, second: object) -> None:
    with opened(place) as database:
        database.record(decided("x"))
        with pytest.raises(Fault):
            database.record(second)  # type: ignore[arg-type]
        assert rows(database) == [("x", "decision")]


def test_entries_together_are_kept_together_or_not_at_all(place: Place) -> None:
    with opened(place) as database:
        database.record(decided("x", effect="deny"), done("x", status="refused"))
        with pytest.raises(Fault, match="not completed"):
            database.record(decided("y", effect="deny"), done("y"))
        assert rows(database) == [("x", "decision"), ("x", "outcome")]


def test_many_threads_of_two_gateways(place: Place) -> None:
    wrong: list[BaseException] = []

    def exchanges(database: Database, name: str) -> None:
        try:
            for number in range(EXCHANGES):
                begun = database.record(decided(f"{name} {number}"))
                database.record(done(f"{name} {number}"), begun=begun)
        except BaseException as error:  # noqa: BLE001 - it is handed to the test
            wrong.append(error)

    with opened(place) as one, opened(place) as two:
        gateways = [one, two] if place.url else [one]
        threads = [
            threading.Thread(target=exchanges, args=(database, f"{i} {j}"))
            for i, database in enumerate(gateways)
            for j in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        with one.read() as transaction:
            report = verify(transaction.log.store)
    assert (report.size, report.gaps) == (2 * EXCHANGES * len(threads), 0)


EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
ALL_OF_THE_LOG = ("pk_log_entries", "ix_log_entries", "Seq Scan on log_entries", "SCAN log_entries")


def test_an_exchange_is_found_by_its_name_and_never_by_the_whole_log(place: Place) -> None:
    """Before the database has counted its rows, it takes any index for a good one."""
    with opened(place) as database:
        database.record(decided("x"))
        with statements(database) as said, database.read() as transaction:
            transaction.log.store.opening("x")
            transaction.log.store.exchange("x")
            list(transaction.log.store.outcomes(["x"]))
        asked = [each for each in said if "log_entries" in each]
        assert len(asked) == 3
        dialect = database.engine.dialect.name
        names = re.compile(r"%\((\w+)\)s|%s|\?")
        with database.engine.connect() as connection:
            for each in asked:
                plain = names.sub("'x'", each)
                plan = connection.exec_driver_sql(EXPLAIN[dialect] + plain).all()
                text = "\n".join(str(row[-1]) for row in plan)
                assert "exchange" in text
                assert not [name for name in ALL_OF_THE_LOG if name in text], text
