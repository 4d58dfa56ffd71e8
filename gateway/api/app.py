"""The application: routes, errors, and what goes around them."""

from __future__ import annotations

import anyio
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

import gateway
from gateway.api import audit, documents, fhir, fhir_changes, health
from gateway.api.exchanging import THREADS
from gateway.api.guard import Guard, report
from gateway.api.outcomes import HttpError, status_of
from gateway.api.rendering import failure
from gateway.errors import GatewayError, InputError, Issue, NotFound
from gateway.exchange import Pipeline
from gateway.settings import Settings


def create_app(pipeline: Pipeline, settings: Settings) -> FastAPI:
    """The gateway as an ASGI application.  The caller opens and closes the pipeline."""
    app = FastAPI(
        title="Zibpoort",
        version=gateway.__version__,
        docs_url=None,  # these pages fetch scripts from elsewhere
        redoc_url=None,
    )
    app.state.pipeline, app.state.settings = pipeline, settings
    app.state.threads = anyio.CapacityLimiter(THREADS)
    for router in (documents.router, fhir.router, fhir_changes.router, audit.router, health.router):
        app.include_router(router)
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(Guard, https=settings.base_url.startswith("https:"))
    return app


async def _gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - as registered
    if status_of(error) >= 500:
        report(error, request.scope["state"]["request_id"])
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
