"""Whatever an intruder changes in the file, a verifier or the next start finds it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Fault
from gateway.storage import blocks_of
from gateway.storage.tables import metadata
from tests.exchangelog.fakes import decided
from tests.storage.stores import (
    ANNA_BSN,
    BERT_BSN,
    behind_its_back,
    document,
    exchange,
    faults,
    opened,
    patient,
    problem,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two persons, three documents, seven blocks, seven log entries."""
    with opened(tmp_path) as database, database.write() as transaction:
        anna, bert = database.pseudonym(ANNA_BSN), database.pseudonym(BERT_BSN)
        exchange(transaction, "x", document(anna, patient(), problem("1"), problem("2")))
        exchange(transaction, "y", document(bert, patient("Bert"), problem("1")))
        exchange(transaction, "z", document(anna, patient(), problem("1"), number=2))
        transaction.log.record(decided("denied", effect="deny", person=""))
    return tmp_path


def found(folder: Path) -> list[str]:
    """What the next start and the verifiers say."""
    try:
        with opened(folder) as database:
            return faults(database)
    except Fault as fault:
        return [fault.diagnostics()]


def cells() -> list[tuple[str, str]]:
    return [(table.name, column.name) for table in metadata.sorted_tables for column in table.columns]


def changed(value: Any) -> Iterator[Any]:
    """The value with something flipped: at the start, in the middle, at the end."""
    if isinstance(value, int):
        yield value + 1
    elif isinstance(value, str):
        for place in {0, len(value) // 2, len(value) - 1} if value else ():
            yield value[:place] + ("1" if value[place] != "1" else "2") + value[place + 1 :]
        yield value + "x"
    elif isinstance(value, bytes):
        for place in {0, len(value) // 2, len(value) - 1} if value else ():
            yield value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        yield value + b"x"


def test_untouched_it_is_well(folder: Path) -> None:
    assert found(folder) == []


@pytest.mark.parametrize(("table", "column"), cells())
def test_a_changed_cell_is_found(folder: Path, table: str, column: str) -> None:
    original = (folder / "zibpoort.db").read_bytes()
    with behind_its_back(folder) as connection:
        cells = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    tried = 0
    for row, value in cells[:: max(1, len(cells) // 3)]:
        for other in changed(value):
            (folder / "zibpoort.db").write_bytes(original)
            with behind_its_back(folder) as connection:
                try:
                    connection.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (other, row))
                except sqlite3.IntegrityError:
                    continue
            assert found(folder), f"{table}.{column} of row {row}"
            tried += 1
    assert tried > 0


def test_every_table_has_rows_to_change(folder: Path) -> None:
    with behind_its_back(folder) as connection:
        for table in metadata.sorted_tables:
            assert connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] > 0, table.name


@pytest.mark.parametrize(
    ("table", "column", "one", "other"),
    [
        ("blocks", "sealed", "position=1", "position=2"),
        ("blocks", "identity", "position=1", "position=2"),
        ("documents", "sealed", "sequence=1", "sequence=2"),
        ("data_keys", "wrapped", "scope='record'", "scope='record'"),
        ("data_keys", "wrapped", "scope='record'", "scope<>'record'"),
        ("log_entries", "sealed", "position=0", "position=2"),
        ("log_entries", "leaf", "position=0", "position=2"),
        ("persons", "pseudonym", "1", "1"),
    ],
)
def test_two_values_swapped_are_found(folder: Path, table: str, column: str, one: str, other: str) -> None:
    with behind_its_back(folder) as connection:
        find = f"SELECT rowid, {column} FROM {table} WHERE "
        first, value = connection.execute(f"{find} {one} ORDER BY rowid").fetchone()
        second, wanted = connection.execute(f"{find} {other} ORDER BY rowid DESC").fetchone()
        assert (first, value) != (second, wanted)
        for row, new in ((first, "between"), (second, value), (first, wanted)):
            connection.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (new, row))
    assert found(folder)


def test_a_record_put_on_another_persons_name_is_not_given_out(folder: Path) -> None:
    with behind_its_back(folder) as connection:
        (first, anna), (second, bert) = connection.execute("SELECT rowid, pseudonym FROM persons").fetchall()
        for row, new in ((first, "between"), (second, anna), (first, bert)):
            connection.execute("UPDATE persons SET pseudonym=? WHERE rowid=?", (new, row))
    with opened(folder) as database, database.read() as transaction:
        for bsn in (ANNA_BSN, BERT_BSN):
            with pytest.raises(Fault, match="altered, moved"):
                blocks_of(transaction, database.pseudonym(bsn))


@pytest.mark.parametrize(
    "deletion",
    [
        "DELETE FROM blocks WHERE rowid=(SELECT max(rowid) FROM blocks)",
        "DELETE FROM blocks WHERE position=0",
        "DELETE FROM documents WHERE sequence=1",
        "DELETE FROM persons",
        "DELETE FROM data_keys WHERE scope='record'",
        "UPDATE data_keys SET wrapped=NULL WHERE scope='record'",
        "DELETE FROM log_entries WHERE position=6",
        "DELETE FROM log_entries WHERE position=2",
        "DELETE FROM log_entries",
        "UPDATE log_heads SET size=size-1",
        "INSERT INTO blocks SELECT document, 9, person, type, release, identity, sealed FROM blocks LIMIT 1",
    ],
)
def test_what_is_gone_or_added_is_found(folder: Path, deletion: str) -> None:
    with behind_its_back(folder) as connection:
        assert connection.execute(deletion).rowcount > 0
    assert found(folder)


def test_a_lost_tree_head_is_made_anew_and_does_not_fit(folder: Path) -> None:
    with behind_its_back(folder) as connection:
        connection.execute("DELETE FROM log_heads")
    assert "does not fit the 7" in "\n".join(found(folder))


def test_a_broken_tree_head_stops_the_log(folder: Path) -> None:
    with behind_its_back(folder) as connection:
        connection.execute("UPDATE log_heads SET root=zeroblob(32)")
    with (
        opened(folder) as database,
        pytest.raises(Fault, match="stored root"),
        database.write() as transaction,
    ):
        transaction.log.record(decided("next"))
