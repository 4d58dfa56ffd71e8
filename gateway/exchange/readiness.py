"""What must work before documents can be taken in and given out, component by component."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.errors import Fault, Issue
from gateway.exchange.pipeline import FORMATS, Pipeline
from gateway.storage import check_log, check_migrated


def _database(pipeline: Pipeline) -> None:
    """A writer gets its turn, and the tables are those of this program."""
    with pipeline.books.database.write() as transaction:
        check_migrated(transaction.connection)


def _keys(pipeline: Pipeline) -> None:
    with pipeline.books.database.read() as transaction:
        pipeline.books.database.check_keys(transaction)


def _log(pipeline: Pipeline) -> None:
    with pipeline.books.database.read() as transaction:
        check_log(transaction)


def _mappings(pipeline: Pipeline) -> None:
    for version in FORMATS:
        pipeline.served(version)


def _register(pipeline: Pipeline) -> None:
    if not pipeline.books.register.activities:
        raise Fault(Issue("fatal", "invalid", "the register has no activity: nothing is permitted"))


COMPONENTS: Mapping[str, Callable[[Pipeline], None]] = {
    "database": _database,
    "keys": _keys,
    "log": _log,
    "mappings": _mappings,
    "register": _register,
}
"""Each raises `GatewayError` when it does not work."""
