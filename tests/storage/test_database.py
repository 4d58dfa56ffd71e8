"""Opening a database: durable settings, migrations, keys that belong to it."""

from __future__ import annotations

import base64
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from gateway.errors import Fault
from gateway.exchangelog import verify
from gateway.settings import Settings
from gateway.storage import Database, open_database
from gateway.storage.opening import MIGRATIONS
from gateway.storage.tables import metadata
from tests.exchangelog.fakes import decided
from tests.storage.stores import (
    ANNA_BSN,
    Place,
    behind_its_back,
    document,
    exchange,
    opened,
    problem,
    settings,
)

OTHER_KEY = base64.b64encode(b"o" * 32).decode()


def test_the_migrations_make_the_tables(place: Place) -> None:
    with opened(place) as database, database.read() as transaction:
        context = MigrationContext.configure(transaction.connection)
        assert compare_metadata(context, metadata) == []


def test_migrations_are_numbered_and_follow_each_other() -> None:
    names = sorted(file.stem for file in (MIGRATIONS / "versions").glob("r*.py"))
    assert [name[:5] for name in names] == [f"r{number:04d}" for number in range(1, len(names) + 1)]
    for number, name in enumerate(names, 1):
        source = (MIGRATIONS / "versions" / f"{name}.py").read_text()
        assert re.search(rf'^revision = "{number:04d}"$', source, re.MULTILINE)


def test_opening_again_changes_nothing(place: Place) -> None:
    with opened(place) as database, database.write() as transaction:
        exchange(transaction, "x", document(database.pseudonym(ANNA_BSN), problem("1")))
    with opened(place) as database, database.read() as transaction:
        assert verify(transaction.log.store).size == 2


def test_a_database_of_a_newer_version_is_refused(place: Place) -> None:
    with opened(place):
        pass
    with behind_its_back(place) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num='9999'")
    with pytest.raises(Fault, match="newer version"):
        open_database(settings(place))


def test_a_migration_that_fails_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.storage.opening.check_keys", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_database(settings(place))
    with behind_its_back(place) as connection:
        assert inspect(connection).get_table_names() == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hmac_key": OTHER_KEY}, "pseudonym key is not the one"),
        ({"kek": OTHER_KEY}, "key-encryption key of this database is not configured"),
    ],
)
def test_a_database_with_other_keys_is_refused(place: Place, changes: dict[str, Any], says: str) -> None:
    with opened(place) as database, database.write() as transaction:
        transaction.log.record(decided("x"))
    with pytest.raises(Fault, match=says):
        open_database(settings(place, **changes))


def test_the_old_key_beside_the_new_one_still_opens(place: Place) -> None:
    with opened(place) as database, database.write() as transaction:
        transaction.log.record(decided("x"))
    both = f"{OTHER_KEY}\n{base64.b64encode(b'k' * 32).decode()}"
    with opened(place, kek=both) as database, database.read() as transaction:
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
        ("mysql://x:secret@localhost/x", "neither SQLite nor PostgreSQL"),
        ("nonsense", "not a database URL"),
    ],
)
def test_a_database_that_is_not_supported(place: Place, url: str, says: str) -> None:
    with pytest.raises(Fault, match=says) as caught:
        open_database(settings(place, database_url=url))
    assert "secret" not in caught.value.diagnostics()


def test_a_reader_sees_one_moment(place: Place) -> None:
    with opened(place) as database, database.read() as reader:
        assert verify(reader.log.store).size == 0
        with database.write() as writer:
            writer.log.record(decided("x"))
        assert verify(reader.log.store).size == 0


def test_a_reader_writes_nothing(place: Place) -> None:
    def write_while_reading(database: Database) -> None:
        with database.read() as transaction:
            transaction.log.record(decided("x"))

    with opened(place) as database:
        with pytest.raises(Fault, match="the database failed"):
            write_while_reading(database)
        with database.write() as transaction:
            assert transaction.log.record(decided("x")).position == 0


def test_two_logs_in_one_database(place: Place) -> None:
    for shard in ("hospital-2026", "hospital-2027"):
        with opened(place, log_shard=shard) as database, database.write() as transaction:
            transaction.log.record(decided(shard))
    for shard in ("hospital-2026", "hospital-2027"):
        with opened(place, log_shard=shard) as database, database.read() as transaction:
            report = verify(transaction.log.store)
            assert (report.size, report.intact) == (1, True)
