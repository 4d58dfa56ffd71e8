"""Entries that stand alone: of any number of threads and processes, each once, in one tree."""

from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import update

from gateway.errors import Fault
from gateway.exchangelog import verify
from gateway.storage import Database
from gateway.storage.keys import log_scope
from gateway.storage.tables import log_heads
from tests.exchangelog.fakes import ANNA, NOW, decided, done
from tests.storage.stores import (
    ANNA_BSN,
    BERT_BSN,
    Place,
    behind_its_back,
    document,
    exchange,
    opened,
    problem,
    statements,
)

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


def test_who_writes_alone_does_not_look_first(place: Place) -> None:
    """And looks again as soon as another has written, so that nothing of either is lost."""
    with opened(place) as database, opened(place) as other:
        database.record(decided("first"))
        with statements(database) as said:
            begun = database.record(decided("x"))
            database.record(done("x"), begun=begun)
        assert not [
            each for each in said if each.startswith("SELECT") and "log_" in each.partition("FROM")[2]
        ]
        other.record(decided("y"))
        begun = database.record(decided("z"))
        database.record(done("z"), begun=begun)
        with database.read() as transaction:
            report = verify(transaction.log.store)
            found = [(row.exchange, row.kind) for row in transaction.log.store.rows()]
    assert report.size == 6
    assert found[-3:] == [("y", "decision"), ("z", "decision"), ("z", "outcome")]


def test_a_second_decision_is_refused_without_a_look(place: Place) -> None:
    with opened(place) as database:
        for name in ("first", "x"):
            database.record(decided(name))
        with pytest.raises(Fault):
            database.record(decided("x"))
        database.record(decided("y"))
        with database.read() as transaction:
            assert [row.exchange for row in transaction.log.store.rows()] == ["first", "x", "y"]
            verify(transaction.log.store)


def test_a_head_that_was_altered_is_noticed_without_a_look(place: Place) -> None:
    with opened(place) as database:
        for name in ("first", "x"):
            database.record(decided(name))
        with behind_its_back(place) as intruder:
            intruder.execute(update(log_heads).values(root=bytes(32)))
        with pytest.raises(Fault, match="root"):
            database.record(decided("y"))


def test_two_gateways_in_turn_grow_one_tree(place: Place) -> None:
    with opened(place) as one, opened(place) as other:
        for number in range(3):
            begun = one.record(decided(f"one {number}"))
            other.record(decided(f"other {number}"))
            one.record(done(f"one {number}"), begun=begun)
        with one.read() as transaction:
            assert verify(transaction.log.store).size == 9


def test_an_entry_tells_how_often_the_record_of_its_person_was_written(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        told = [database.record(decided("x", person=anna)).revision]
        for number in (1, 2):
            with database.write() as transaction:
                exchange(transaction, f"delivery {number}", document(anna, problem("1"), number=number))
            begun = database.record(decided(f"read {number}", person=anna))
            told.append(begun.revision)
        assert told == [0, 1, 2]
        assert database.record(done("read 2"), begun=begun).revision == 2
        assert database.record(decided("nobody", person="")).revision == 0
        assert database.record(decided("other", person=database.pseudonym(BERT_BSN))).revision == 0


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
