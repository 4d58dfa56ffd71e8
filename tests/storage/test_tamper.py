"""Whatever an intruder changes in the database, a verifier or the next start finds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, and_, func, select, text, update
from sqlalchemy.exc import IntegrityError

from gateway.errors import Fault
from gateway.storage import record_of
from gateway.storage.tables import metadata
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
)

COPIED = "document, 9, person, form, type, identity, 9, deleted, sealed"

Cell = tuple[Sequence[Any], Any]
"""Primary key of a row, and the value in one of its columns."""


@pytest.fixture
def filled(place: Place) -> Place:
    """Two persons, five documents, eleven versions of which one is a deletion, eleven log entries."""
    with opened(place) as database, database.write() as transaction:
        anna, bert = database.pseudonym(ANNA_BSN), database.pseudonym(BERT_BSN)
        exchange(transaction, "x", document(anna, patient(), problem("1"), problem("2")))
        exchange(transaction, "y", document(bert, patient("Bert"), problem("1")))
        exchange(transaction, "z", document(anna, patient(), problem("1"), number=2))
        exchange(transaction, "u", document(anna, number=3, changes=[resource("a"), resource("b")]))
        exchange(transaction, "v", document(anna, number=4, changes=[resource("a"), deletion("b")]))
        transaction.log.record(decided("denied", effect="deny", person=""))
    return place


def found(place: Place) -> list[str]:
    """What the next start and the verifiers say."""
    try:
        with opened(place) as database:
            return faults(database)
    except Fault as fault:
        return [fault.diagnostics()]


def names() -> list[tuple[str, str]]:
    return [(table.name, column.name) for table in metadata.sorted_tables for column in table.columns]


def cells(connection: Connection, table: str, column: str, where: str = "1=1") -> list[Cell]:
    """The values of a column, in the order of the primary key."""
    columns, key = metadata.tables[table].columns, metadata.tables[table].primary_key
    query = select(*key, columns[column].label("value")).where(text(where)).order_by(*key)
    return [(row[:-1], row[-1]) for row in connection.execute(query)]


def put(connection: Connection, table: str, column: str, key: Sequence[Any], value: Any) -> None:
    """Overwrite one cell."""
    own = metadata.tables[table]
    row = and_(*(name == part for name, part in zip(own.primary_key, key, strict=True)))
    connection.execute(update(own).where(row).values({column: value}))


def changed(value: Any) -> Iterator[Any]:
    """The value with something flipped: at the start, in the middle, at the end."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, str):
        for place in {0, len(value) // 2, len(value) - 1} if value else ():
            yield value[:place] + ("1" if value[place] != "1" else "2") + value[place + 1 :]
        yield value + "x"
    elif isinstance(value, bytes):
        for place in {0, len(value) // 2, len(value) - 1} if value else ():
            yield value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        yield value + b"x"


def test_untouched_it_is_well(filled: Place) -> None:
    assert found(filled) == []


@pytest.mark.parametrize(("table", "column"), names())
def test_a_changed_cell_is_found(filled: Place, table: str, column: str) -> None:
    keys = [name.name for name in metadata.tables[table].primary_key]
    with behind_its_back(filled) as connection:
        every = cells(connection, table, column)
    tried = 0
    with opened(filled) as database:
        for key, value in every[:: -max(1, len(every) // 3)]:
            for other in changed(value):
                try:
                    with behind_its_back(filled) as connection:
                        put(connection, table, column, key, other)
                except IntegrityError:
                    continue
                assert faults(database) or found(filled), f"{table}.{column} of row {key}"
                tried += 1
                now = [other if name == column else part for name, part in zip(keys, key, strict=True)]
                with behind_its_back(filled) as connection:
                    put(connection, table, column, now, value)
        assert faults(database) == []
    assert tried > 0


def test_every_table_has_rows_to_change(filled: Place) -> None:
    with behind_its_back(filled) as connection:
        for table in metadata.sorted_tables:
            count = connection.execute(select(func.count()).select_from(table)).scalar_one()
            assert count > 0, table.name


@pytest.mark.parametrize(
    ("table", "column", "one", "other"),
    [
        ("versions", "sealed", "position=1", "position=2"),
        ("versions", "identity", "position=1 AND version=1", "position=2"),
        ("versions", "sealed", "form='fhir-r4' AND version=1", "form='fhir-r4' AND version=2"),
        ("documents", "sealed", "sequence=1", "sequence=2"),
        ("data_keys", "wrapped", "scope='record'", "scope='record'"),
        ("data_keys", "wrapped", "scope='record'", "scope<>'record'"),
        ("log_entries", "sealed", "position=0", "position=2"),
        ("log_entries", "leaf", "position=0", "position=2"),
        ("persons", "pseudonym", "1=1", "1=1"),
    ],
)
def test_two_values_swapped_are_found(filled: Place, table: str, column: str, one: str, other: str) -> None:
    with behind_its_back(filled) as connection:
        first, value = cells(connection, table, column, one)[0]
        second, wanted = cells(connection, table, column, other)[-1]
        assert value != wanted
        swap(connection, table, column, (first, value), (second, wanted))
    assert found(filled)


def swap(connection: Connection, table: str, column: str, one: Cell, other: Cell) -> None:
    """Exchange two cells, by way of a third value: a column may be unique."""
    between = b"between" if isinstance(one[1], bytes) else "between"
    for key, value in ((one[0], between), (other[0], one[1]), (one[0], other[1])):
        put(connection, table, column, key, value)


def test_a_record_put_on_another_persons_name_is_not_given_out(filled: Place) -> None:
    with behind_its_back(filled) as connection:
        anna, bert = cells(connection, "persons", "pseudonym")
        swap(connection, "persons", "pseudonym", anna, bert)
    with opened(filled) as database, database.read() as transaction:
        for bsn in (ANNA_BSN, BERT_BSN):
            with pytest.raises(Fault, match="altered, moved"):
                record_of(transaction, database.pseudonym(bsn))


@pytest.mark.parametrize(
    "deletions",
    [
        ["DELETE FROM versions WHERE position=2"],
        ["DELETE FROM versions WHERE position=0"],
        ["DELETE FROM versions WHERE deleted"],
        ["DELETE FROM documents WHERE sequence=1"],
        [
            "DELETE FROM versions WHERE document IN (SELECT id FROM documents WHERE sequence=4)",
            "DELETE FROM documents WHERE sequence=4",
        ],
        ["DELETE FROM persons"],
        ["DELETE FROM data_keys WHERE scope='record'"],
        ["UPDATE data_keys SET wrapped=NULL WHERE scope='record'"],
        ["DELETE FROM log_entries WHERE position=10"],
        ["DELETE FROM log_entries WHERE position=2"],
        ["DELETE FROM log_entries"],
        ["UPDATE log_heads SET size=size-1"],
        [f"INSERT INTO versions SELECT {COPIED} FROM versions LIMIT 1"],
    ],
)
def test_what_is_gone_or_added_is_found(filled: Place, deletions: list[str]) -> None:
    with behind_its_back(filled) as connection:
        for each in deletions:
            assert connection.execute(text(each)).rowcount > 0
    assert found(filled)


def test_a_lost_tree_head_is_made_anew_and_does_not_fit(filled: Place) -> None:
    with behind_its_back(filled) as connection:
        connection.execute(text("DELETE FROM log_heads"))
    assert "does not fit the 11" in "\n".join(found(filled))


def test_a_broken_tree_head_stops_the_log(filled: Place) -> None:
    with behind_its_back(filled) as connection:
        connection.execute(update(metadata.tables["log_heads"]).values(root=bytes(32)))
    with (
        opened(filled) as database,
        pytest.raises(Fault, match="stored root"),
        database.write() as transaction,
    ):
        transaction.log.record(decided("next"))
