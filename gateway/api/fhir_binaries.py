"""Binaries: as a resource, or as the bytes themselves (https://hl7.org/fhir/R4/binary.html#rest)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.exchanging import Exchanging, call_of
from gateway.api.fhir import VERSIONS, Served
from gateway.api.fhir_changes import FHIR_BODY, Name, VersionId, answer_change, pipeline_of, posted
from gateway.api.negotiation import bytes_sent, bytes_wanted, syntax_wanted
from gateway.exchange import Question
from gateway.exchange.changes.asked import Method

router = APIRouter(prefix="/fhir", tags=["fhir"])

_ANY = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_BODY = {"requestBody": {"required": True, "content": FHIR_BODY | _ANY}}
_FILE: dict[int | str, dict[str, Any]] = {200: {"description": "The resource, or its bytes", "content": _ANY}}


@router.post(
    "/{version}/Binary",
    status_code=201,
    summary="Create a Binary",
    response_class=Response,
    openapi_extra=_BODY,
)
async def create(request: Request, version: Served) -> Response:
    """The resource, or bytes with `X-Security-Context`: the resource of the record that they hang on."""
    return await _change(request, version, "POST")


@router.put(
    "/{version}/Binary/{id}",
    summary="Update a Binary, or create it under this id",
    response_class=Response,
    openapi_extra=_BODY,
    responses={201: {"description": "It was not there"}},
)
async def update(request: Request, version: Served, name: Name) -> Response:
    """As `create`, of the next version."""
    return await _change(request, version, "PUT", name)


@router.get("/{version}/Binary/{id}", summary="A Binary", response_class=Response, responses=_FILE)
async def read(request: Request, version: Served, name: Name) -> Response:
    """The resource where FHIR is accepted, else its bytes, as a file to save."""
    return _give(request, version, name)


@router.get(
    "/{version}/Binary/{id}/_history/{vid}",
    summary="A version of a Binary that the caller delivered",
    response_class=Response,
    responses=_FILE,
)
async def version_read(request: Request, version: Served, name: Name, vid: VersionId) -> Response:
    """As `read`."""
    return _give(request, version, name, int(vid))


async def _change(request: Request, served: Served, method: Method, name: str = "") -> Response:
    version, media = VERSIONS[served], bytes_sent(request)
    receive = posted(request, version, method, "Binary", name, media)
    return await answer_change(request, version, method, receive, "minimal" if media else "")


def _give(request: Request, served: Served, name: str, version_id: int | None = None) -> Response:
    version, raw = VERSIONS[served], bytes_wanted(request)
    syntax = "json" if raw else syntax_wanted(request, version)
    question = Question(version, "Binary", id=name, syntax=syntax, version_id=version_id, raw=raw)
    return Exchanging(request, lambda release: pipeline_of(request).get(call_of(request), question, release))
