"""The database of the settings, for commands that look after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings import Settings
    from gateway.storage import Database


@contextmanager
def opened() -> Iterator[Database]:
    """The database, closed at the end.  Raises `Fault` when there is none: looking must not make one."""
    from gateway.settings import load_settings
    from gateway.storage import open_database

    settings = load_settings()
    check_there(settings)
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def check_there(settings: Settings) -> None:
    """Raise `Fault` when the data folder that the settings name is not there."""
    from gateway.errors import Fault, Issue

    if settings.database_url is None and not settings.data_folder.is_dir():
        raise Fault(Issue("error", "not-found", "there is no such data folder", place="ZIBPOORT_DATA_FOLDER"))
