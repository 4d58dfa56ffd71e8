"""What must work before documents can be taken in and given out, component by component."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.errors import Fault, Issue
from gateway.exchange.pipeline import Pipeline
from gateway.exchange.renditions import FORMATS
from gateway.storage import DATABASE_CHECKS, Database


def _stored(check: Callable[[Database], None]) -> Callable[[Pipeline], None]:
    return lambda pipeline: check(pipeline.books.database)


def _mappings(pipeline: Pipeline) -> None:
    for version in FORMATS:
        pipeline.served(version)


def _register(pipeline: Pipeline) -> None:
    if not pipeline.books.register.activities:
        raise Fault(Issue("fatal", "invalid", "the register has no activity: nothing is permitted"))


COMPONENTS: Mapping[str, Callable[[Pipeline], None]] = {
    **{name: _stored(check) for name, check in DATABASE_CHECKS.items()},
    "mappings": _mappings,
    "register": _register,
}
"""Each raises when it does not work."""
