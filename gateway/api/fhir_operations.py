"""Searches by POST, and operations: `$lastn`, `$everything`, `$document`, `$validate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.documents import DOCUMENT_BODY, sent_by
from gateway.api.exchanging import Exchanging, call_of, in_thread, receiving
from gateway.api.fhir import VERSIONS, Served
from gateway.api.fhir_changes import FHIR_BODY, Name
from gateway.api.negotiation import format_sent, is_strict, syntax_wanted
from gateway.api.outcomes import HttpError, outcome
from gateway.api.rendering import resource
from gateway.codecs.fhir.elements import Version
from gateway.codecs.limits import Limits
from gateway.errors import Issue
from gateway.exchange import Operation, Pipeline, Question
from gateway.exchange.changes.asked import Posted
from gateway.exchange.changes.person import FORMS
from gateway.exchange.changes.single import decoded
from gateway.exchange.search import Parameters

router = APIRouter(prefix="/fhir", tags=["fhir"])

SOUND = Issue("information", "informational", "nothing is wrong with it")
FORM = "application/x-www-form-urlencoded"
FORM_BYTES = 64 * 1024
"""Most bytes of a search in a body; more than any address holds."""

Reading = Callable[[Request, Version, bytes], Parameters]
"""Gives the parameters of a body.  Raises `InputError`."""

_FORM = {FORM: {"schema": {"type": "object"}}}
_FORM_BODY = {"requestBody": {"required": True, "content": _FORM}}
_BODY = {"requestBody": {"content": _FORM | FHIR_BODY}}


@router.post(
    "/{version}/{kind}/_search",
    summary="Search the record of the token's person",
    response_class=Response,
    openapi_extra=_FORM_BODY,
)
async def search(request: Request, version: Served, kind: str) -> Response:
    """A searchset Bundle; the parameters of the body and of the address together."""
    return _ask(request, version, kind, reading=_of_form)


@router.get("/{version}/Observation/$lastn", summary="The last of each code", response_class=Response)
async def lastn(request: Request, version: Served) -> Response:
    """The newest Observations of each code, of those that the search finds."""
    return _ask(request, version, "Observation", "lastn")


@router.post(
    "/{version}/Observation/$lastn",
    summary="The last of each code",
    response_class=Response,
    openapi_extra=_BODY,
)
async def lastn_by_post(request: Request, version: Served) -> Response:
    """As by GET, with the parameters in the body: a form, or Parameters."""
    return _ask(request, version, "Observation", "lastn", reading=_of_operation)


@router.get("/{version}/Patient/{id}/$everything", summary="The whole record", response_class=Response)
async def everything(request: Request, version: Served, id: str) -> Response:  # noqa: A002 - as FHIR calls it
    """All that is known of the token's person."""
    return _ask(request, version, "Patient", "everything", id)


@router.post(
    "/{version}/Patient/{id}/$everything",
    summary="The whole record",
    response_class=Response,
    openapi_extra=_BODY,
)
async def everything_by_post(request: Request, version: Served, name: Name) -> Response:
    """As by GET, with the parameters in the body: a form, or Parameters."""
    return _ask(request, version, "Patient", "everything", name, reading=_of_operation)


@router.get("/{version}/Composition/{id}/$document", summary="A report to read", response_class=Response)
async def document(request: Request, version: Served, id: str) -> Response:  # noqa: A002 - as FHIR calls it
    """A document Bundle of a Composition and all that it refers to."""
    return _ask(request, version, "Composition", "document", id)


@router.post(
    "/{version}/Composition/{id}/$document",
    summary="A report to read",
    response_class=Response,
    openapi_extra=_BODY,
)
async def document_by_post(request: Request, version: Served, name: Name) -> Response:
    """As by GET."""
    return _ask(request, version, "Composition", "document", name, reading=_of_operation)


@router.post(
    "/{version}/{kind}/$validate",
    summary="Check a resource",
    response_class=Response,
    openapi_extra=DOCUMENT_BODY,
)
async def validate(request: Request, version: Served, kind: str) -> Response:
    """An OperationOutcome: what is wrong with it, and what of it no zib covers.  Nothing is stored."""
    served = VERSIONS[version]
    syntax_wanted(request, served)
    receive, pipeline = sent_by(request), request.app.state.pipeline
    issues = await in_thread(request, lambda: pipeline.validate(call_of(request), served, kind, receive))
    return resource(request, outcome(list(issues) or [SOUND]))


def _ask(
    request: Request,
    version: Served,
    kind: str,
    operation: Operation = "",
    resource_id: str = "",
    *,
    reading: Reading | None = None,
) -> Response:
    served = VERSIONS[version]
    syntax, strict = syntax_wanted(request, served), is_strict(request)
    receive = receiving(request, FORM_BYTES)
    pipeline: Pipeline = request.app.state.pipeline
    stated = tuple(pair for pair in request.query_params.multi_items() if pair[0] != "_format")

    def question() -> Question:
        parameters = (*stated, *(reading(request, served, receive()) if reading else ()))
        return Question(served, kind, parameters, resource_id, syntax, strict, operation)

    return Exchanging(request, lambda release: pipeline.query(call_of(request), question(), release))


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def _of_form(request: Request, _: Version, body: bytes) -> Parameters:
    """The parameters of a body.  Raises `HttpError` when it is no form in UTF-8."""
    if not _is_form(request):
        raise HttpError(415, "not-supported", f"a search by POST is {FORM}")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise HttpError(400, "structure", "the body is not a form in UTF-8") from None
    return tuple(pair for pair in pairs if pair[0] != "_format")


def _of_operation(request: Request, version: Version, body: bytes) -> Parameters:
    """The parameters of an operation: none, a form, or the resource Parameters (operations.html#request).

    Raises `InputError`.
    """
    if not body:
        return ()
    if _is_form(request):
        return _of_form(request, version, body)
    form, syntax = format_sent(request)
    if form not in ("", FORMS[version]):
        raise HttpError(415, "not-supported", "this address takes another fhirVersion")
    tree = decoded(Posted("POST", body, syntax), version, Limits(max_bytes=FORM_BYTES))
    if tree["resourceType"] != "Parameters":
        raise HttpError(400, "invalid", "an operation takes Parameters", tree["resourceType"])
    pairs = (_pair(each, number) for number, each in enumerate(tree.get("parameter", ())))
    return tuple(pair for pair in pairs if pair[0] != "_format")


def _pair(parameter: dict[str, Any], number: int) -> tuple[str, str]:
    """A parameter as an address would have it.  Raises `HttpError` for one that is no primitive."""
    value = next((each for name, each in parameter.items() if name.startswith("value")), None)
    if value is None or isinstance(value, dict) or "name" not in parameter:
        text = "a parameter of this operation has a name and a value of a primitive type"
        raise HttpError(400, "value", text, f"Parameters.parameter[{number}]")
    return parameter["name"], str(value).lower() if isinstance(value, bool) else str(value)
