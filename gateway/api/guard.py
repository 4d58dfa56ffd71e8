"""Around every request: an id, headers that keep answers out of caches, one log line, and no traceback.

The log line has the template of the path instead of the path, and no query, header or body: each of these can
hold a BSN.  A fault of ours is logged as its type and where it happened, since the text of an exception may
hold what a document said.
"""

from __future__ import annotations

import traceback
import uuid
from time import perf_counter

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from gateway.api.exchanging import request_id
from gateway.api.rendering import failure
from gateway.errors import Fault, Issue
from gateway.observing import Observer

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

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""What is logged as a method; anything else could be a number of a person."""


class Guard:
    """The outermost part of the application."""

    def __init__(self, app: ASGIApp, *, https: bool, observer: Observer) -> None:
        self._app, self._observer = app, observer
        named = [*HEADERS.items(), *([HSTS] if https else [])]
        self._headers = [(name.lower().encode(), value.encode()) for name, value in named]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = request_id(scope)
        scope.setdefault("state", {})["request_id"] = own = given or str(uuid.uuid4())
        begun = perf_counter()
        with bound_contextvars(request=own), self._observer.timed("request", request=own):
            status = await self._handle(scope, receive, send, own)
            _log.info(
                "request",
                method=scope["method"] if scope["method"] in METHODS else "other",
                route=route(scope),
                status=status,
                ms=round((perf_counter() - begun) * 1000, 1),
                exchange=scope["state"].get("exchange", ""),
            )

    async def _handle(self, scope: Scope, receive: Receive, send: Send, own: str) -> int:
        """Let the application answer, or answer for it; the status that was sent."""
        status = 0

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
            report(error)
            if not status:
                fault = Fault(Issue("fatal", "exception", "unexpected"))
                await failure(Request(scope), fault)(scope, receive, guarded)
        return status


def report(error: BaseException) -> None:
    """Log a fault of ours, under the id of the request that its caller is told."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    texts = [issue.text for issue in error.issues] if isinstance(error, Fault) else []
    cause = type(error.__cause__).__name__ if error.__cause__ else ""
    _log.error("fault", type=type(error).__name__, cause=cause, issues=texts, at=places)


def route(scope: Scope) -> str:
    """The template of the path, such as /fhir/{version}/{kind}; "" where there is no such address."""
    return getattr(scope.get("route"), "path", "")
