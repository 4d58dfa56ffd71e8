"""SQLite: what every connection is held to, and how writers of two processes meet."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.api.exchanging import AT_WORK
from gateway.errors import Fault
from gateway.storage import open_database, record_of
from gateway.storage.sqlite import PRAGMAS
from tests.exchangelog.fakes import decided
from tests.storage.stores import (
    ANNA_BSN,
    Place,
    document,
    exchange,
    opened,
    patient,
    problem,
    resource,
    settings,
)


def test_every_connection_is_durable(tmp_path: Path) -> None:
    with opened(Place(tmp_path)) as database, database.read() as one, database.read() as other:
        for transaction in (one, other):
            for name, _, expected in PRAGMAS:
                assert transaction.connection.execute(text(f"PRAGMA {name}")).scalar_one() == expected
    assert ("synchronous", "FULL", 2) in PRAGMAS
    assert ("journal_mode", "WAL", "wal") in PRAGMAS


def test_a_pragma_that_does_not_hold_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.storage.sqlite.PRAGMAS", (*PRAGMAS, ("user_version", "1", 2)))
    with pytest.raises(Fault, match="user_version"):
        open_database(settings(Place(tmp_path)))


def test_a_library_that_is_too_old_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(Fault, match=r"SQLite 3\.35 is needed"):
        open_database(settings(Place(tmp_path / "new")))
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault, match="data folder"):
        open_database(settings(Place(tmp_path / "file")))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "zibpoort.db").write_bytes(b"no database " * 1000)
    with pytest.raises(Fault, match="the database failed"):
        open_database(settings(Place(tmp_path)))


def test_a_writer_in_another_process_is_waited_for_and_then_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = tuple((n, "50", 50) if n == "busy_timeout" else (n, v, e) for n, v, e in PRAGMAS)
    monkeypatch.setattr("gateway.storage.sqlite.PRAGMAS", fast)
    with opened(Place(tmp_path)) as database:
        intruder = sqlite3.connect(tmp_path / "zibpoort.db", isolation_level=None)
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Fault, match="the database failed"), database.write():
            pass
        intruder.execute("ROLLBACK")
        intruder.close()
        with database.write() as transaction:
            transaction.log.record(decided("x"))


def test_no_statement_of_an_exchange_reads_more_with_every_row_that_there_is(tmp_path: Path) -> None:
    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, parameters))

    with opened(Place(tmp_path)) as database:
        event.listen(database.engine, "before_cursor_execute", hear)
        person = database.pseudonym(ANNA_BSN)
        with database.write() as transaction:
            exchange(transaction, "x", document(person, patient(), problem("1"), changes=[resource("a")]))
        with database.read() as transaction:
            record_of(transaction, person)
            explain = transaction.connection.exec_driver_sql
            plans = [
                (statement, row[3])
                for statement, parameters in tuple(asked)
                for row in explain(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
    looked_up = {plan.split()[1] for _, plan in plans if plan.startswith("SEARCH")}
    assert looked_up >= {"log_entries", "log_heads", "data_keys", "persons", "documents", "versions"}
    for statement, plan in plans:
        assert not plan.startswith("SCAN"), f"{statement}: {plan}"
        assert "log_entries" not in plan or "exchange=?" in plan, f"{statement}: {plan}"


def test_connections_of_all_threads_are_kept(tmp_path: Path) -> None:
    made: list[object] = []
    with opened(Place(tmp_path)) as database:
        event.listen(database.engine, "connect", lambda connection, _: made.append(connection))
        for _ in range(3):
            with ExitStack() as stack:
                for _ in range(AT_WORK):
                    stack.enter_context(database.read())
        assert len(made) <= AT_WORK
