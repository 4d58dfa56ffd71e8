"""A backup: all tables as they were at one moment, in one file, whichever database they came from.

It holds what the database holds: ciphertext, pseudonyms, and data keys wrapped by a key-encryption key that
is not in it.  Nobody reads it without the keys, which are kept elsewhere; and it can be restored into the
other kind of database.

    "zibpoort backup 1\\n"
    frames: length (4 bytes, big-endian) and MessagePack of a head, then of rows, then of an end
    SHA-256 of all before

Restoring is one transaction.  It ends with everything verified, or with nothing restored.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Table, insert, inspect, select

from gateway.errors import Fault, Issue
from gateway.exchangelog import verify
from gateway.settings import Settings
from gateway.storage.database import Database, Transaction
from gateway.storage.entries import LogRows
from gateway.storage.opening import backend_of, check_keys, connected, migrate
from gateway.storage.tables import log_heads, metadata
from gateway.storage.verifier import verify_records

MAGIC = b"zibpoort backup 1\n"
MAX_FRAME = 1 << 30
"""Longest frame in bytes: a length beyond it is damage."""

_FRAME = 4 << 20  # a frame is closed once it holds this much
_AT_ONCE = 50  # rows in memory at the same time while reading


class Backup(NamedTuple):
    """What is in a backup: rows by table, size and root (hex) of each log, SHA-256 of the file in hex."""

    rows: Counter[str]
    logs: dict[str, tuple[int, str]]
    digest: str


class _Head(msgspec.Struct, tag="head"):
    revision: str
    logs: dict[str, tuple[int, str]]


class _Rows(msgspec.Struct, tag="rows"):
    table: str
    rows: list[list[Any]]


class _End(msgspec.Struct, tag="end"):
    counts: dict[str, int]


_Frame = _Head | _Rows | _End
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Frame)


def write_backup(database: Database, target: Path) -> Backup:
    """Write a backup to a new file that only its owner can read; it is on disk when this returns.

    The gateway may run meanwhile.  Raises `Fault` when the file is there already or cannot be written; then
    nothing is left of it.
    """
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _fault(f"the backup cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file, database.read() as transaction:
            written = _write(transaction, _Writer(file))
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(target.parent)
    except OSError as error:
        target.unlink()
        raise _fault(f"the backup cannot be written: {error.strerror}") from None
    except BaseException:
        target.unlink()
        raise
    return written


def restore_backup(settings: Settings, source: Path) -> Backup:
    """Restore a backup into the empty database of the settings, and verify all of it.

    Raises `Fault` when the database is not empty, the keys are not those of the backup, or anything in it
    was altered or is missing; then nothing is restored.
    """
    backend = backend_of(settings)
    settings.key_encryption_keys()  # before a file is made: without keys there is nothing to restore
    settings.pseudonym_key()
    engine = backend.engine()
    try:
        database = connected(settings, engine, backend)
        with database.write() as transaction:
            backend.lock_schema(transaction.connection)
            if inspect(transaction.connection).get_table_names():
                raise _fault("the database is not empty")
            migrate(transaction.connection)
            with _open(source) as file:
                restored = _read(transaction, file)
            check_keys(transaction.connection, database.kek, database.key_proof)
            _verify(transaction, restored)
    finally:
        engine.dispose()
    return restored


class _Writer:
    """Writes and hashes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.write(MAGIC)

    def write(self, data: bytes) -> None:
        self.hash.update(data)
        self._file.write(data)

    def frame(self, frame: _Frame) -> None:
        data = _encode(frame)
        self.write(len(data).to_bytes(4, "big"))
        self.write(data)

    def close(self) -> str:
        """Write the hash; it in hex."""
        self._file.write(self.hash.digest())
        return self.hash.hexdigest()


def _write(transaction: Transaction, writer: _Writer) -> Backup:
    connection = transaction.connection
    query = select(log_heads.c.shard, log_heads.c.size, log_heads.c.root)
    logs = {row.shard: (row.size, row.root.hex()) for row in connection.execute(query)}
    writer.frame(_Head(_revision(connection), logs))
    counts = Counter[str]()
    for table in metadata.sorted_tables:
        name = str(table.name)
        for rows in _batches(connection, table):
            writer.frame(_Rows(name, rows))
            counts[name] += len(rows)
    writer.frame(_End(dict(counts)))
    return Backup(counts, logs, writer.close())


def _batches(connection: Connection, table: Table) -> Iterator[list[list[Any]]]:
    """The rows of a table, as many together as make a frame."""
    batch: list[list[Any]] = []
    size = 0
    query = select(table).order_by(*table.primary_key)
    for row in connection.execute(query).yield_per(_AT_ONCE):
        batch.append(list(row))
        size += sum(len(cell) for cell in row if isinstance(cell, str | bytes))
        if size >= _FRAME:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _open(source: Path) -> BinaryIO:
    try:
        return source.open("rb")
    except OSError as error:
        raise _fault(f"the backup cannot be read: {error.strerror}") from None


def _read(transaction: Transaction, file: BinaryIO) -> Backup:
    """Insert all rows, and hold them against what head, end and hash say."""
    digest, counts = hashlib.sha256(), Counter[str]()
    logs: dict[str, tuple[int, str]] = {}
    _take(file, len(MAGIC), digest, MAGIC)
    while True:
        frame = _frame(file, digest)
        match frame:
            case _Head():
                if frame.revision != _revision(transaction.connection):
                    raise _fault(f"the backup has the tables of another version ({frame.revision})")
                logs = frame.logs
            case _Rows():
                _insert(transaction.connection, frame)
                counts[frame.table] += len(frame.rows)
            case _End():
                break
    whole = digest.hexdigest()
    if file.read() != digest.digest() or counts != frame.counts:
        raise _damaged()
    return Backup(counts, logs, whole)


def _frame(file: BinaryIO, digest: Any) -> _Frame:
    length = int.from_bytes(_take(file, 4, digest), "big")
    if length > MAX_FRAME:
        raise _damaged()
    try:
        frame: _Frame = _decoder.decode(_take(file, length, digest))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _damaged() from None
    return frame


def _take(file: BinaryIO, length: int, digest: Any, expected: bytes = b"") -> bytes:
    data = file.read(length)
    if len(data) != length or (expected and data != expected):
        raise _damaged()
    digest.update(data)
    return data


def _insert(connection: Connection, frame: _Rows) -> None:
    table = metadata.tables.get(frame.table)
    if table is None or any(len(row) != len(table.columns) for row in frame.rows):
        raise _damaged()
    names = [column.name for column in table.columns]
    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in frame.rows])


def _verify(transaction: Transaction, restored: Backup) -> None:
    problems = verify_records(transaction)
    for shard, (size, root) in restored.logs.items():
        report = verify(LogRows(transaction.connection, shard, locks=False))
        problems += report.problems
        if (report.size, report.root.hex()) != (size, root):
            problems.append(Issue("error", "security", "is not the log of the backup", place=f"log {shard}"))
    if problems:
        raise Fault(*problems)


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # the name must survive a crash as well
    finally:
        os.close(handle)


def _damaged() -> Fault:
    return _fault("the backup is damaged")


def _fault(text: str) -> Fault:
    return Fault(Issue("fatal", "no-store", text, place="backup"))
