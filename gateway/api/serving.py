"""Run the application: in this process, or in several of them behind one address."""

from __future__ import annotations

import gc
import os
import tempfile
from functools import partial

import uvicorn
from fastapi import FastAPI

from gateway.api.app import create_app
from gateway.api.logs import configure
from gateway.api.metrics import FOLDER, Metrics
from gateway.api.tracing import open_traces
from gateway.exchange import open_pipeline
from gateway.exchange.renditions import FORMATS
from gateway.observing import Observers
from gateway.settings import PREFIX, Settings, load_settings

PASSED = ("host", "port", "base_url")
"""Settings that the command line may change, so that workers must be told of them."""


def run(settings: Settings, workers: int = 1) -> None:
    """Serve until told to stop; then finish what is under way, for `grace_seconds` at most.

    Raises `Fault` or `AuthoringError` when the configuration does not do.
    """
    serve = partial(
        uvicorn.run,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.grace_seconds,
    )
    configure()
    if workers == 1:
        serve(_settled(assemble(settings)))
        return
    open_pipeline(settings).books.database.close()  # migrated once, and what is wrong is said once
    with tempfile.TemporaryDirectory(prefix="zibpoort-") as figures:
        os.environ |= {PREFIX + name.upper(): str(getattr(settings, name)) for name in PASSED}
        os.environ[FOLDER] = figures
        serve("gateway.api.serving:application", factory=True, workers=workers)


def application() -> FastAPI:
    """The application of one worker process, by the settings of its environment."""
    configure()
    return _settled(assemble(load_settings()))


def assemble(settings: Settings) -> FastAPI:
    """The application with all that the settings ask for, its mappings loaded."""
    metrics = Metrics() if settings.metrics_token() else None
    traces = open_traces() if settings.traces else None
    pipeline = open_pipeline(settings, Observers(*(each for each in (metrics, traces) if each)))
    for version in FORMATS:
        pipeline.served(version)  # so that the first caller does not wait for the mappings
    return create_app(pipeline, settings, metrics)


def _settled(app: FastAPI) -> FastAPI:
    """An application that its process is there for.

    What it loaded stays, so garbage is not looked for in it: that would hold up every request for a tenth of
    a second, now and then.
    """
    gc.collect()
    gc.freeze()
    return app
