"""Who wants to know how long things take and how exchanges end.

Pipeline, storage and API tell an `Observer`; what it makes of that (metrics, traces) is not their business.
It hears kinds, names of steps, our own ids and words of the register: nothing of a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Literal, Protocol

Kind = Literal["request", "queue", "step", "translation", "transaction", "append"]
"""A request; its wait for a thread; a step of its exchange; and within these a document read or written by
the translator, a database transaction with its commit, and one entry put into the log."""


_NOTHING = nullcontext()


class Observer(Protocol):
    """What hears it.  Must be quick, must not raise, and is called from many threads."""

    def timed(self, kind: Kind, name: str = "", **facts: str) -> AbstractContextManager[object]:
        """A context around something that takes time; `name` tells those of one kind apart."""

    def ended(self, activity: str, effect: str, status: str) -> None:
        """An exchange ended: under which activity of the register, how decided, what came of it."""


class Observers:
    """Several observers as one; none at all: nobody listens."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def timed(self, kind: Kind, name: str = "", **facts: str) -> AbstractContextManager[object]:
        """The context of each, around the same."""
        match self._observers:
            case ():
                return _NOTHING
            case (one,):
                return one.timed(kind, name, **facts)
        return self._around(kind, name, facts)

    @contextmanager
    def _around(self, kind: Kind, name: str, facts: Mapping[str, str]) -> Iterator[None]:
        with ExitStack() as stack:
            for observer in self._observers:
                stack.enter_context(observer.timed(kind, name, **facts))
            yield

    def ended(self, activity: str, effect: str, status: str) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.ended(activity, effect, status)


SILENT = Observers()
