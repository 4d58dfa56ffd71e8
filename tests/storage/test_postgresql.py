"""PostgreSQL: what a server must do, and several processes on one database."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from conformance.postgres import Cluster
from gateway.errors import Fault
from gateway.exchangelog import Opening, verify
from gateway.storage import Database, open_database, store_document
from gateway.storage.database import ATTEMPTS
from gateway.storage.entries import LogRows
from gateway.storage.postgresql import SESSION
from tests.conftest import ROOT
from tests.exchangelog.fakes import ANNA, decided
from tests.storage.stores import ANNA_BSN, BERT_BSN, Place, document, faults, opened, problem, settings

PROCESSES = 3
EXCHANGES = 8


@pytest.fixture
def place(tmp_path: Path, postgres: Cluster) -> Iterator[Place]:
    """An empty database of the server."""
    with postgres.database() as url:
        yield Place(tmp_path, url)


def alter(place: Place, setting: str) -> None:
    """Change a setting of the server for new connections to this database."""
    with psycopg.connect(place.url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} {setting}".encode())


def test_a_server_that_acknowledges_before_it_writes_is_refused(place: Place) -> None:
    alter(place, "SET synchronous_commit = off")
    try:
        with pytest.raises(Fault, match="synchronous_commit"):
            open_database(settings(place))
    finally:
        alter(place, "RESET synchronous_commit")
    open_database(settings(place)).close()


def test_a_server_that_is_not_there(place: Place) -> None:
    nowhere = f"postgresql://anna:geheim@/zibpoort?host={place.folder}"
    with pytest.raises(Fault, match="the database failed") as caught:
        open_database(settings(Place(place.folder, nowhere)))
    assert "geheim" not in caught.value.diagnostics()


def test_a_lock_that_is_held_is_waited_for_and_then_a_fault(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = tuple((name, "100ms") if name == "lock_timeout" else (name, value) for name, value in SESSION)
    monkeypatch.setattr("gateway.storage.postgresql.SESSION", fast)
    with opened(place) as database, psycopg.connect(place.url) as intruder:
        intruder.execute("SELECT * FROM log_heads FOR UPDATE")
        with (
            pytest.raises(Fault, match="LockNotAvailable"),
            database.write() as transaction,
        ):
            transaction.log.record(decided("x"))
        intruder.rollback()
        with database.write() as transaction:
            assert transaction.log.record(decided("x")).position == 0


def restart(place: Place) -> None:
    """Close every connection from the side of the server, as a restart does."""
    with psycopg.connect(place.url, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_server_that_was_restarted_costs_no_exchange(place: Place) -> None:
    with opened(place) as database:
        with database.read(), database.read():
            pass  # two connections are kept
        restart(place)
        with database.write() as one, database.read() as other:
            assert one.log.record(decided("x")).position == 0
            assert other.log.store.head().size == 0


def test_a_server_that_is_restarted_in_an_exchange_costs_that_one_only(place: Place) -> None:
    def broken(database: Database) -> None:
        with database.write() as transaction:
            restart(place)
            transaction.log.record(decided("x"))

    with opened(place) as database:
        with pytest.raises(Fault, match="the database failed"):
            broken(database)
        with database.write() as transaction:
            assert transaction.log.record(decided("x")).position == 0


def test_gateways_that_start_together_make_the_tables_once(place: Place) -> None:
    wrong: list[BaseException] = []

    def start() -> None:
        try:
            open_database(settings(place)).close()
        except BaseException as error:  # noqa: BLE001 - it is handed to the test
            wrong.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_processes_write_one_log(place: Place) -> None:
    """Two of them about the same person; all entries in one tree without a hole."""
    people = [ANNA_BSN, BERT_BSN, ANNA_BSN]
    command = [sys.executable, "-m", "tests.storage.writing", str(place.folder), place.url]
    writers = [
        subprocess.Popen([*command, bsn, f"{number}-", str(EXCHANGES)], cwd=ROOT)
        for number, bsn in enumerate(people)
    ]
    assert [each.wait(60) for each in writers] == [0] * PROCESSES
    with opened(place) as database:
        assert faults(database) == []
        with database.read() as transaction:
            report = verify(transaction.log.store)
    assert (report.size, report.gaps) == (2 * PROCESSES * EXCHANGES, 0)


@pytest.mark.parametrize("times", [1, ATTEMPTS - 1, ATTEMPTS])
def test_who_is_overtaken_tries_again(place: Place, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Another process writes between the look at the tree and the entry; at last the tree is held."""
    with opened(place) as database, opened(place) as other:
        with database.write() as transaction:
            store_document(transaction, document(ANNA, problem("1")))
        overtaking = list(range(times))
        look = LogRows.opening

        def opening(self: LogRows, exchange: str) -> Opening:
            found = look(self, exchange)
            if overtaking and exchange == "x":
                other.record(decided(f"other {overtaking.pop()}"))
            return found

        monkeypatch.setattr(LogRows, "opening", opening)
        assert database.record(decided("x", person=ANNA)).revision == 1
        with database.read() as transaction:
            verify(transaction.log.store)
            found = sorted(row.exchange for row in transaction.log.store.rows())
    assert found == [*(f"other {number}" for number in range(times)), "x"]
