"""What the server says of itself: one JSON object a line on standard error.

Never a BSN, a token or anything of a document: who logs gives ids, types and places.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure() -> None:
    """Send the gateway's own log lines and those of its libraries the same way."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,  # the id of the request, also in the threads of its exchange
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            # The text of an exception may hold what a document said.
            processors=[
                _without_exception,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _without_exception(
    _logger: object, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    info = event.pop("exc_info", None)
    if info:
        kind = info[0] if isinstance(info, tuple) else type(sys.exception())
        event["type"] = getattr(kind, "__name__", "unknown")
    return event
