"""`/metrics` for Prometheus: counts and times, about nobody.

The address is there only when `ZIBPOORT_METRICS_TOKEN_FILE` is set, and for who has that token: behind a
reverse proxy a loopback address proves nothing.  Several workers share their figures through files in the
folder `PROMETHEUS_MULTIPROC_DIR`, which `zibpoort serve` makes.
"""

from __future__ import annotations

import hmac
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import anyio.to_thread
from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.responses import Response

import gateway
from gateway.api.exchanging import call_of
from gateway.errors import Issue, NotFound, Unauthenticated
from gateway.observing import Kind

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable in which prometheus-client finds the folder of several processes."""

SECONDS: dict[Kind, tuple[str, str, tuple[str, ...]]] = {
    "request": ("zibpoort_request_seconds", "From request to the end of its answer", ()),
    "queue": ("zibpoort_queue_seconds", "Wait of a request for a thread", ()),
    "step": ("zibpoort_step_seconds", "One step of an exchange", ("step",)),
    "translation": ("zibpoort_translation_seconds", "One document read or written", ("direction",)),
    "transaction": ("zibpoort_transaction_seconds", "One database transaction, commit included", ("kind",)),
    "append": (
        "zibpoort_log_append_seconds",
        "Entries put into the exchange log, alone or with a delivery",
        (),
    ),
}
"""Per kind its histogram: name, what it measures, label."""

PRESENT: dict[Kind, tuple[str, str]] = {
    "request": ("zibpoort_requests_in_flight", "Requests that are being handled"),
    "queue": ("zibpoort_requests_waiting", "Requests that wait for a thread"),
}
"""Per kind the gauge of how many there are now."""

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds; from one commit to the longest wait for one."""

router = APIRouter()


class Metrics:
    """The figures of one process; an `Observer`."""

    def __init__(self) -> None:
        self._own = own = CollectorRegistry()
        self._folder = os.environ.get(FOLDER, "")
        self._seconds = {
            kind: Histogram(name, text, labels, buckets=BUCKETS, registry=own)
            for kind, (name, text, labels) in SECONDS.items()
        }
        self._present = {
            kind: Gauge(name, text, registry=own, multiprocess_mode="livesum")
            for kind, (name, text) in PRESENT.items()
        }
        labels = ("activity", "decision", "outcome")
        self._exchanges = Counter("zibpoort_exchanges", "Exchanges that ended", labels, registry=own)
        build = Gauge(
            "zibpoort_build_info", "What runs", ("version", "python"), registry=own, multiprocess_mode="max"
        )
        build.labels(gateway.__version__, platform.python_version()).set(1)

    @contextmanager
    def timed(self, kind: Kind, name: str = "", **_: str) -> Iterator[None]:
        """Count it as present while it lasts, and its time when it ends."""
        histogram, gauge = self._seconds[kind], self._present.get(kind)
        if gauge:
            gauge.inc()
        begun = perf_counter()
        try:
            yield
        finally:
            (histogram.labels(name) if name else histogram).observe(perf_counter() - begun)
            if gauge:
                gauge.dec()

    def ended(self, activity: str, effect: str, status: str) -> None:
        """Count an exchange; "none" is the activity that no row of the register comes near."""
        self._exchanges.labels(activity or "none", effect, status).inc()

    def exposition(self) -> bytes:
        """The figures of all workers, in Prometheus' text format 0.0.4."""
        if not self._folder:
            return generate_latest(self._own)
        _forget_the_dead(Path(self._folder))
        every = CollectorRegistry()
        MultiProcessCollector(every, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(every)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """The figures, for who has the token of the settings."""
    found: Metrics | None = request.app.state.metrics
    if found is None:
        raise NotFound(Issue("error", "not-found", "there is no such address"))
    token: str = request.app.state.settings.metrics_token()
    if not hmac.compare_digest(call_of(request).token.encode(), token.encode()):
        raise Unauthenticated(Issue("error", "login", "the token of the metrics is needed"))
    return Response(await anyio.to_thread.run_sync(found.exposition), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _forget_the_dead(folder: Path) -> None:
    """Leave out what a worker that was killed had in flight; its counts remain."""
    for file in folder.glob("gauge_live*_*.db"):
        number = int(file.stem.rpartition("_")[2])
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            mark_process_dead(number, str(folder))  # type: ignore[no-untyped-call]
