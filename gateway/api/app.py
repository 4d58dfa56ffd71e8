"""The application: routes, errors, and what goes around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

import gateway
from gateway.api import audit, documents, fhir, fhir_binaries, fhir_changes, fhir_operations, health, metrics
from gateway.api.exchanging import Threads
from gateway.api.guard import Guard, report
from gateway.api.outcomes import HttpError, status_of
from gateway.api.rendering import failure
from gateway.errors import GatewayError, InputError, Issue, NotFound
from gateway.exchange import Pipeline
from gateway.settings import Settings

_OUTCOME = {"application/fhir+json": {"schema": {"type": "object"}}, "application/fhir+xml": {}}
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The caller's fault, as an OperationOutcome", "content": _OUTCOME},
    "5XX": {"description": "A fault of the gateway, with an id that its log has", "content": _OUTCOME},
}
"""How every address may answer besides, in the OpenAPI."""


def create_app(pipeline: Pipeline, settings: Settings, figures: metrics.Metrics | None = None) -> FastAPI:
    """The gateway as an ASGI application, with its figures when they are to be served.

    A server that stops closes the pipeline.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        pipeline.books.database.close()

    app = FastAPI(
        title="Zibpoort",
        version=gateway.__version__,
        docs_url=None,  # these pages fetch scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # to the Host that the request names, and to http: behind a proxy
        lifespan=lifespan,
        # What FastAPI would trace of itself has the path and the query, and texts of exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        responses=ERRORS,
    )
    app.state.pipeline, app.state.settings, app.state.metrics = pipeline, settings, figures
    app.state.threads = Threads(pipeline.books.observer)
    # What stands where any resource or type could, goes first.
    resources = (fhir_operations.router, fhir_binaries.router, fhir.router, fhir_changes.router)
    for router in (documents.router, *resources, audit.router, health.router, metrics.router):
        app.include_router(router)
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    https = settings.base_url.startswith("https:")
    app.add_middleware(Guard, https=https, observer=pipeline.books.observer)
    return app


async def _gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - as registered
    if status_of(error) >= 500:
        report(error)
    return failure(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    """A parameter of ours that is wrong; its value is not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    issues = [Issue("error", "value", each["msg"], place=str(each["loc"][-1])) for each in error.errors()]
    return failure(request, InputError(*issues))


async def _http_error(request: Request, error: Exception) -> Response:
    """No such address, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    if error.status_code == 404:
        return failure(request, NotFound(Issue("error", "not-found", "there is no such address")))
    response = failure(request, HttpError(error.status_code, "not-supported", "this is not supported here"))
    response.headers.update(error.headers or {})
    return response
