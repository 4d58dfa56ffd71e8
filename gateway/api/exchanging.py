"""Between HTTP and the pipeline: the caller, its bytes, and the answer on its way out.

The pipeline runs in a thread, so that the loop never waits for it; while it waits for its caller, others
work.  It asks for the bytes of a document when it knows who calls.  Its answer leaves before the outcome is
on record; the end of the answer follows after.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway.errors import Fault, Issue, SyntaxFault
from gateway.exchange import Answer, Call
from gateway.observing import SILENT, Observer

AT_WORK = 16
"""Exchanges that work at a time; the rest wait for their turn."""

CALLERS = 128
"""Exchanges at a time, with those that wait: for their turn, for a document, for an answer to be taken."""

BODY_SECONDS = 60
"""How long a document may take to come in."""

RELEASE_SECONDS = 60
"""How long an answer may take to leave."""

DRAIN_BYTES = 64 * 1024 * 1024
"""How much of a document that is too large is read and thrown away, so that its sender hears the answer."""

REQUEST_IDS = ("medmij-request-id", "x-correlation-id", "x-request-id")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

T = TypeVar("T")


def call_of(request: Request) -> Call:
    """Who calls, from where, under which id.  The token stands in the Authorization header only."""
    stated = request.headers.getlist("authorization")
    scheme, _, token = stated[0].partition(" ") if len(stated) == 1 else ("", "", "")
    return Call(
        token=token.strip() if scheme.lower() == "bearer" else "",
        request_id=request.scope["state"]["request_id"],
        access_point=request.client.host if request.client else "",
        begun=lambda exchange: request.scope["state"].update(exchange=exchange),
    )


def request_id(scope: Scope) -> str:
    """The caller's id of the request, when it is a UUID: anything else could be a number of a person."""
    headers = dict(scope["headers"])
    for name in REQUEST_IDS:
        value: str = headers.get(name.encode(), b"").decode("latin-1")
        if _UUID.fullmatch(value):
            return value
    return ""


class Threads:
    """The threads of one application.  A caller that is slow keeps a thread, but not others from working."""

    def __init__(self, observer: Observer = SILENT) -> None:
        self._observer = observer
        self._limiter = anyio.CapacityLimiter(CALLERS)
        self._turns = threading.BoundedSemaphore(AT_WORK)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` gives, run beside the loop when it is its turn."""
        return await anyio.to_thread.run_sync(self._take_turn, work, limiter=self._limiter)

    def wait_for(self, step: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """What a step of the loop gives, to work that `run` runs and that gives up its turn meanwhile."""
        self._turns.release()
        try:
            return anyio.from_thread.run(step, *arguments)
        finally:
            self._turns.acquire()

    def _take_turn(self, work: Callable[[], T]) -> T:
        with self._observer.timed("queue"):
            self._turns.acquire()
        try:
            return work()
        finally:
            self._turns.release()


def threads_of(request: Request) -> Threads:
    """The threads of the application that a request is for."""
    threads: Threads = request.app.state.threads
    return threads


async def in_thread(request: Request, work: Callable[[], T]) -> T:
    """What `work` gives, run beside the loop."""
    return await threads_of(request).run(work)


def receiving(request: Request, limit: int) -> Callable[[], bytes]:
    """Gives the body of the request, from a thread of `in_thread`.  See `_body` for what it raises."""
    return lambda: threads_of(request).wait_for(_body, request, limit)


async def _body(request: Request, limit: int) -> bytes:
    """The body; never holds more than `limit` bytes.  Raises `SyntaxFault`: larger, slow or broken off."""
    parts: list[bytes] = []
    size = 0
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size <= limit:
                    parts.append(part)
                else:
                    parts.clear()
                    if size > limit + DRAIN_BYTES:
                        break
    except TimeoutError:
        raise SyntaxFault(
            Issue("fatal", "timeout", f"the document took over {BODY_SECONDS} s to come in")
        ) from None
    except ClientDisconnect:
        raise SyntaxFault(Issue("fatal", "incomplete", "the document broke off")) from None
    if size > limit:
        raise SyntaxFault(Issue("fatal", "too-long", f"the document is larger than {limit} bytes"))
    return b"".join(parts)


class Exchanging(Response):
    """The answer of an exchange that sends it itself.

    `exchange` is called in a thread with the function that releases; what it raises before that becomes an
    error answer.  The body has no stated length, so that the caller knows that it is whole only when the
    outcome is on record.
    """

    def __init__(self, request: Request, exchange: Callable[[Callable[[Answer], None]], None]) -> None:
        super().__init__()
        self._request, self._exchange = request, exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        def release(answer: Answer) -> None:
            threads_of(self._request).wait_for(_send, answer, receive, send)

        await in_thread(self._request, lambda: self._exchange(release))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send(answer: Answer, receive: Receive, send: Send) -> None:
    """All bytes of an answer but the end of it.  Raises `Fault` when the caller does not take them."""
    named = {"content-type": answer.media, **answer.headers}
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()]
    try:
        with anyio.fail_after(RELEASE_SECONDS):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    except TimeoutError:
        raise Fault(Issue("error", "timeout", "the caller did not take the answer")) from None
    if _is_gone(receive):
        raise Fault(Issue("error", "incomplete", "the caller went away"))


def _is_gone(receive: Receive) -> bool:
    """True when the connection was closed before the answer had left."""
    # the (empty) request comes first
    return any(message["type"] == "http.disconnect" for message in (_present(receive), _present(receive)))


def _present(receive: Receive) -> Message:
    """The message that is there already; one without a type when it would have to be waited for."""
    waiting = receive().__await__()
    try:
        next(waiting)
    except StopIteration as ended:
        message: Message = ended.value
        return message
    waiting.close()
    return {"type": ""}
