"""Threads of one process that take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import Fault, Issue


class Turn:
    """One thread at a time; the others wait for so many seconds at most."""

    def __init__(self, seconds: float) -> None:
        self._lock, self._seconds = threading.Lock(), seconds

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The turn.  Raises `Fault` when it does not come."""
        if not self._lock.acquire(timeout=self._seconds):
            raise Fault(Issue("fatal", "lock-error", "the database is busy", place="storage"))
        try:
            yield
        finally:
            self._lock.release()
