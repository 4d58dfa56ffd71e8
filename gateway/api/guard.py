"""Around every request: an id, headers that keep answers out of caches, one log line, and no traceback.

The log line has no query string, no token and no body; a fault of ours is logged as its type and where it
happened, since the text of an exception may hold what a document said.
"""

from __future__ import annotations

import re
import traceback
import uuid
from collections.abc import MutableMapping
from time import perf_counter
from typing import Any

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.exchanging import request_id
from gateway.api.rendering import failure
from gateway.errors import Fault, Issue

_log = structlog.get_logger("api")

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer: it is for the caller, and nothing in it is to be run."""

HSTS = ("Strict-Transport-Security", "max-age=63072000")
"""When the gateway is known by an https address."""


class Guard:
    """The outermost part of the application."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        named = [*HEADERS.items(), *([HSTS] if https else [])]
        self._headers = [(name.lower().encode(), value.encode()) for name, value in named]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = request_id(scope)
        scope.setdefault("state", {})["request_id"] = own = given or str(uuid.uuid4())
        begun, status = perf_counter(), 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), *self._headers, (b"x-request-id", own.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - the last one who can keep it from the caller
            report(error, own)
            if not status:
                fault = Fault(Issue("fatal", "exception", "unexpected"))
                await failure(Request(scope), fault)(scope, receive, guarded)
        spent = round((perf_counter() - begun) * 1000, 1)
        _log.info("request", id=own, method=scope["method"], path=path(scope), status=status, ms=spent)


def report(error: BaseException, request: str) -> None:
    """Log a fault of ours under the id that its caller was told."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    texts = [issue.text for issue in error.issues] if isinstance(error, Fault) else []
    cause = type(error.__cause__).__name__ if error.__cause__ else ""
    _log.error("fault", id=request, type=type(error).__name__, cause=cause, issues=texts, at=places)


def path(scope: MutableMapping[str, Any]) -> str:
    """The path as it may be logged: what is neither a word nor one of our ids is left out."""
    return re.sub(r"(?<=/)(?![A-Za-z]+(/|$)|r4(/|$)|stu3(/|$)|[0-9a-f]{32}(/|$))[^/]+", "…", scope["path"])
