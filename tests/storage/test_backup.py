"""A backup restored: into an empty place of either kind, whole and verified, or not at all."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from conformance.postgres import Cluster
from gateway.errors import Fault
from gateway.exchangelog import verify
from gateway.settings import Settings
from gateway.storage import Record, record_of
from gateway.storage.backup import restore_backup, write_backup
from tests.exchangelog.fakes import decided
from tests.storage.stores import (
    ANNA_BSN,
    BERT_BSN,
    Place,
    behind_its_back,
    deletion,
    document,
    exchange,
    faults,
    opened,
    patient,
    problem,
    resource,
    rows_of,
    settings,
)

SECRETS = (b"hoofdpijn", b"Anna", ANNA_BSN.encode(), b"problem-1", b"k" * 32, b"h" * 32)


@pytest.fixture
def filled(place: Place) -> Place:
    """Two persons with blocks, resources and a deletion; an exchange each, and a denial."""
    with opened(place) as database, database.write() as transaction:
        anna, bert = database.pseudonym(ANNA_BSN), database.pseudonym(BERT_BSN)
        exchange(transaction, "x", document(anna, patient(), problem("1")))
        exchange(transaction, "y", document(bert, patient("Bert"), number=2))
        exchange(transaction, "z", document(anna, number=3, changes=[resource("a"), resource("b")]))
        exchange(transaction, "u", document(anna, number=4, changes=[resource("a"), deletion("b")]))
        transaction.log.record(decided("denied", effect="deny", person=""))
    return place


@pytest.fixture(params=["to sqlite", "to postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Another place of each kind, with nothing in it."""
    if request.param == "to sqlite":
        yield Place(tmp_path / "elsewhere")
        return
    postgres: Cluster = request.getfixturevalue("postgres")
    with postgres.database() as url:
        yield Place(tmp_path / "elsewhere", url)


def saved(place: Place, file: Path) -> Path:
    """The backup of a place."""
    with opened(place) as database:
        write_backup(database, file)
    return file


def record(place: Place, bsn: str = ANNA_BSN) -> Record:
    with opened(place) as database, database.read() as transaction:
        return record_of(transaction, database.pseudonym(bsn))


def tables(place: Place) -> list[str]:
    """The tables in a place, without opening it as ours."""
    engine = create_engine(place.address)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_what_was_saved_is_there_again(filled: Place, elsewhere: Place, tmp_path: Path) -> None:
    with opened(filled) as database:
        written = write_backup(database, tmp_path / "backup")
    assert restore_backup(settings(elsewhere), tmp_path / "backup") == written
    assert rows_of(elsewhere) == rows_of(filled)
    assert written.rows == {name: len(rows) for name, rows in rows_of(filled).items()}
    assert (record(elsewhere), record(elsewhere, BERT_BSN)) == (record(filled), record(filled, BERT_BSN))
    assert [each.block.key for each in record(elsewhere).blocks] == ["p", "problem-1"]
    with opened(elsewhere) as database:
        assert faults(database) == []
        with database.write() as transaction:
            report = verify(transaction.log.store)
            assert written.logs == {"zibpoort": (report.size, report.root.hex())}
            assert transaction.log.record(decided("next")).position == 9
        assert faults(database) == []


def test_a_backup_holds_ciphertext_only(filled: Place, tmp_path: Path) -> None:
    file = saved(filled, tmp_path / "backup")
    assert not [secret for secret in SECRETS if secret in file.read_bytes()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_backup_is_never_overwritten(filled: Place, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("older")
    with pytest.raises(Fault, match="cannot be written"):
        saved(filled, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "older"


def test_of_a_backup_that_failed_nothing_is_left(filled: Place, tmp_path: Path) -> None:
    with opened(filled) as database:
        with behind_its_back(filled) as connection:
            connection.execute(text("ALTER TABLE log_entries RENAME TO gone"))
        with pytest.raises(Fault, match="the database failed"):
            write_backup(database, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("damage", ["flipped", "cut", "longer"])
def test_a_damaged_backup_restores_nothing(tmp_path: Path, part: float, damage: str) -> None:
    place, elsewhere = Place(tmp_path / "one"), Place(tmp_path / "other")
    with opened(place) as database, database.write() as transaction:
        exchange(transaction, "x", document(database.pseudonym(ANNA_BSN), patient(), problem("1")))
    file = saved(place, tmp_path / "backup")
    data = file.read_bytes()
    at = int(len(data) * part)
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    file.write_bytes({"flipped": flipped, "cut": data[:at], "longer": data + data[at : at + 1]}[damage])
    with pytest.raises(Fault):
        restore_backup(settings(elsewhere), file)
    assert tables(elsewhere) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE documents SET sender = 'Huisarts'",
        "DELETE FROM versions WHERE position = 0",
        "DELETE FROM log_entries WHERE position = 1",
        "UPDATE log_entries SET effect = 'permit'",
        "DELETE FROM facts",
    ],
)
def test_what_was_altered_before_it_was_saved_is_not_restored(
    filled: Place, elsewhere: Place, tmp_path: Path, change: str
) -> None:
    with opened(filled) as database:
        with behind_its_back(filled) as connection:
            connection.execute(text(change))
        write_backup(database, tmp_path / "backup")
    with pytest.raises(Fault):
        restore_backup(settings(elsewhere), tmp_path / "backup")
    assert tables(elsewhere) == []


def test_only_an_empty_place_is_restored_into(filled: Place, elsewhere: Place, tmp_path: Path) -> None:
    file = saved(filled, tmp_path / "backup")
    with opened(elsewhere):
        pass
    with pytest.raises(Fault, match="not empty"):
        restore_backup(settings(elsewhere), file)
    assert len(rows_of(elsewhere)["documents"]) == 0


@pytest.mark.parametrize("key", ["kek", "hmac_key"])
def test_only_with_its_own_keys_a_backup_is_restored(
    filled: Place, elsewhere: Place, tmp_path: Path, key: str
) -> None:
    file = saved(filled, tmp_path / "backup")
    other: dict[str, Any] = {key: "b" * 43 + "="}
    with pytest.raises(Fault):
        restore_backup(settings(elsewhere, **other), file)
    assert tables(elsewhere) == []


def test_restoring_makes_no_keys(filled: Place, tmp_path: Path) -> None:
    file = saved(filled, tmp_path / "backup")
    with pytest.raises(Fault, match="ZIBPOORT_KEK_FILE: cannot be read"):
        restore_backup(Settings(data_folder=tmp_path / "new"), file)
    assert not (tmp_path / "new").exists()


def test_a_backup_is_of_one_moment(filled: Place, elsewhere: Place, tmp_path: Path) -> None:
    """Whole exchanges go on while it is made; none of them is in it by half."""
    done = threading.Event()

    def write() -> None:
        number = 100
        with opened(filled) as database:
            while not done.is_set():
                number += 1
                with database.write() as transaction:
                    anna = database.pseudonym(ANNA_BSN)
                    exchange(transaction, f"w{number}", document(anna, problem(str(number)), number=number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        file = saved(filled, tmp_path / "backup")
    finally:
        done.set()
        writer.join()
    restore_backup(settings(elsewhere), file)
    with opened(elsewhere) as database:
        assert faults(database) == []
