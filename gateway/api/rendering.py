"""Errors and our own resources as HTTP responses, in the syntax that the caller accepts."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.api.negotiation import syntax_wanted
from gateway.api.outcomes import HttpError, outcome, shown, status_of
from gateway.codecs.fhir.elements import Version
from gateway.errors import GatewayError, Unauthenticated
from gateway.exchange.answers import Syntax, encode, media_type

RETRY_SECONDS = 5


def resource(
    request: Request, tree: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A FHIR resource of the gateway itself; one that the caller's `Accept` does not allow goes as JSON."""
    version = version_of(request)
    try:
        syntax: Syntax = syntax_wanted(request)
    except HttpError:
        syntax = "json"
    return Response(encode(tree, version, syntax), status, headers, media_type(version, syntax))


def failure(request: Request, error: GatewayError) -> Response:
    """The answer to a request that failed."""
    status = status_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = _challenge(request, error)
    if status == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    if status in (408, 413):
        headers["Connection"] = "close"  # what is left of the document is not read
    return resource(request, outcome(shown(error, request.scope["state"]["request_id"])), status, headers)


def version_of(request: Request) -> Version:
    """The FHIR version of an address; R4 where it has none."""
    return "stu3" if request.url.path.startswith("/fhir/stu3") else "r4"


def _challenge(request: Request, error: Unauthenticated) -> str:
    """RFC 6750 §3: why, unless there was no token."""
    if "authorization" not in request.headers:
        return 'Bearer realm="zibpoort"'
    text = error.issues[0].text.replace('"', "'")
    return f'Bearer realm="zibpoort", error="invalid_token", error_description="{text}"'
