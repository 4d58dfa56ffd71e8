"""Opening a database: durable settings, migrations, keys that belong to it."""

from __future__ import annotations

import base64
import re
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from gateway.errors import Fault
from gateway.exchangelog import verify
from gateway.settings import Settings
from gateway.storage import Database, open_database
from gateway.storage.database import MIGRATIONS, PRAGMAS
from gateway.storage.tables import metadata
from tests.exchangelog.fakes import decided
from tests.storage.stores import ANNA_BSN, behind_its_back, document, exchange, opened, problem, settings

OTHER_KEY = base64.b64encode(b"o" * 32).decode()


def test_every_connection_is_durable(tmp_path: Path) -> None:
    with opened(tmp_path) as database, database.read() as one, database.read() as other:
        for transaction in (one, other):
            for name, _, expected in PRAGMAS:
                assert transaction.connection.execute(text(f"PRAGMA {name}")).scalar_one() == expected
    assert ("synchronous", "FULL", 2) in PRAGMAS
    assert ("journal_mode", "WAL", "wal") in PRAGMAS


def test_a_pragma_that_does_not_hold_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.storage.database.PRAGMAS", (*PRAGMAS, ("user_version", "1", 2)))
    with pytest.raises(Fault, match="user_version"):
        open_database(settings(tmp_path))


def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    with opened(tmp_path) as database, database.read() as transaction:
        context = MigrationContext.configure(transaction.connection)
        assert compare_metadata(context, metadata) == []


def test_migrations_are_numbered_and_follow_each_other() -> None:
    names = sorted(file.stem for file in (MIGRATIONS / "versions").glob("r*.py"))
    assert [name[:5] for name in names] == [f"r{number:04d}" for number in range(1, len(names) + 1)]
    for number, name in enumerate(names, 1):
        source = (MIGRATIONS / "versions" / f"{name}.py").read_text()
        assert re.search(rf'^revision = "{number:04d}"$', source, re.MULTILINE)


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as database, database.write() as transaction:
        exchange(transaction, "x", document(database.pseudonym(ANNA_BSN), problem("1")))
    with opened(tmp_path) as database, database.read() as transaction:
        assert verify(transaction.log.store).size == 2


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with behind_its_back(tmp_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num='9999'")
    with pytest.raises(Fault, match="newer version"):
        open_database(settings(tmp_path))


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.storage.database._check_keys", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_database(settings(tmp_path))
    with behind_its_back(tmp_path) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hmac_key": OTHER_KEY}, "pseudonym key is not the one"),
        ({"kek": OTHER_KEY}, "key-encryption key of this database is not configured"),
    ],
)
def test_a_database_with_other_keys_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with opened(tmp_path) as database, database.write() as transaction:
        transaction.log.record(decided("x"))
    with pytest.raises(Fault, match=says):
        open_database(settings(tmp_path, **changes))


def test_the_old_key_beside_the_new_one_still_opens(tmp_path: Path) -> None:
    with opened(tmp_path) as database, database.write() as transaction:
        transaction.log.record(decided("x"))
    both = f"{OTHER_KEY}\n{base64.b64encode(b'k' * 32).decode()}"
    with opened(tmp_path, kek=both) as database, database.read() as transaction:
        (row,) = transaction.log.store.rows()
        assert transaction.log.opened(row)["query"] == "Observation?code=85354-9"


def test_keys_are_made_with_a_new_database_and_only_then(tmp_path: Path) -> None:
    own = Settings(data_folder=tmp_path / "new")
    open_database(own).close()
    files = [own.default_kek_file, own.default_hmac_key_file, tmp_path / "new" / "zibpoort.db"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    assert own.key_encryption_keys() != [own.pseudonym_key()]
    open_database(own).close()
    own.default_kek_file.unlink()
    with pytest.raises(Fault, match="ZIBPOORT_KEK_FILE"):
        open_database(own)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "not a SQLite file"),
        ("sqlite:///:memory:", "not a SQLite file"),
        ("postgresql://secret@localhost/x", "not a SQLite file"),
        ("nonsense", "not a database URL"),
    ],
)
def test_a_database_that_is_not_supported(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(Fault, match=says) as caught:
        open_database(settings(tmp_path, database_url=url))
    assert "secret" not in caught.value.diagnostics()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault, match="data folder"):
        open_database(settings(tmp_path / "file"))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "zibpoort.db").write_bytes(b"no database " * 1000)
    with pytest.raises(Fault, match="the database failed"):
        open_database(settings(tmp_path))


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    with opened(tmp_path) as database, database.read() as reader:
        assert verify(reader.log.store).size == 0
        with database.write() as writer:
            writer.log.record(decided("x"))
        assert verify(reader.log.store).size == 0


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    def write_while_reading(database: Database) -> None:
        with database.read() as transaction:
            transaction.log.record(decided("x"))

    with opened(tmp_path) as database:
        with pytest.raises(Fault, match="the database failed"):
            write_while_reading(database)
        with database.write() as transaction:
            assert transaction.log.record(decided("x")).position == 0


def test_two_logs_in_one_database(tmp_path: Path) -> None:
    for shard in ("hospital-2026", "hospital-2027"):
        with opened(tmp_path, log_shard=shard) as database, database.write() as transaction:
            transaction.log.record(decided(shard))
    for shard in ("hospital-2026", "hospital-2027"):
        with opened(tmp_path, log_shard=shard) as database, database.read() as transaction:
            report = verify(transaction.log.store)
            assert (report.size, report.intact) == (1, True)


def test_a_writer_in_another_process_is_waited_for_and_then_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = tuple((n, "50", 50) if n == "busy_timeout" else (n, v, e) for n, v, e in PRAGMAS)
    monkeypatch.setattr("gateway.storage.database.PRAGMAS", fast)
    with opened(tmp_path) as database:
        intruder = sqlite3.connect(tmp_path / "zibpoort.db", isolation_level=None)
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Fault, match="the database failed"), database.write():
            pass
        intruder.execute("ROLLBACK")
        intruder.close()
        with database.write() as transaction:
            transaction.log.record(decided("x"))
