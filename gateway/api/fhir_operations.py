"""Searches by POST, and operations: `$lastn`, `$everything`, `$document`, `$validate`."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.documents import DOCUMENT_BODY, sent_by
from gateway.api.exchanging import Exchanging, call_of, in_thread, receiving
from gateway.api.fhir import VERSIONS, Served
from gateway.api.negotiation import is_strict, syntax_wanted
from gateway.api.outcomes import HttpError, outcome
from gateway.api.rendering import resource
from gateway.errors import Issue
from gateway.exchange import Operation, Pipeline, Question
from gateway.exchange.search import Parameters

router = APIRouter(prefix="/fhir", tags=["fhir"])

SOUND = Issue("information", "informational", "nothing is wrong with it")
FORM = "application/x-www-form-urlencoded"
FORM_BYTES = 64 * 1024
"""Most bytes of a search in a body; more than any address holds."""

_FORM_BODY = {"requestBody": {"required": True, "content": {FORM: {"schema": {"type": "object"}}}}}


@router.post(
    "/{version}/{kind}/_search",
    summary="Search the record of the token's person",
    response_class=Response,
    openapi_extra=_FORM_BODY,
)
async def search(request: Request, version: Served, kind: str) -> Response:
    """A searchset Bundle; the parameters of the body and of the address together."""
    return _ask(request, version, kind, form=True)


@router.get("/{version}/Observation/$lastn", summary="The last of each code", response_class=Response)
async def lastn(request: Request, version: Served) -> Response:
    """The newest Observations of each code, of those that the search finds."""
    return _ask(request, version, "Observation", "lastn")


@router.post(
    "/{version}/Observation/$lastn",
    summary="The last of each code",
    response_class=Response,
    openapi_extra=_FORM_BODY,
)
async def lastn_by_form(request: Request, version: Served) -> Response:
    """As by GET, with the parameters in the body."""
    return _ask(request, version, "Observation", "lastn", form=True)


@router.get("/{version}/Patient/{id}/$everything", summary="The whole record", response_class=Response)
async def everything(request: Request, version: Served, id: str) -> Response:  # noqa: A002 - as FHIR calls it
    """All that is known of the token's person."""
    return _ask(request, version, "Patient", "everything", id)


@router.get("/{version}/Composition/{id}/$document", summary="A report to read", response_class=Response)
async def document(request: Request, version: Served, id: str) -> Response:  # noqa: A002 - as FHIR calls it
    """A document Bundle of a Composition and all that it refers to."""
    return _ask(request, version, "Composition", "document", id)


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
    form: bool = False,
) -> Response:
    served = VERSIONS[version]
    syntax, strict = syntax_wanted(request, served), is_strict(request)
    receive = receiving(request, FORM_BYTES) if form else bytes
    pipeline: Pipeline = request.app.state.pipeline
    stated = tuple(pair for pair in request.query_params.multi_items() if pair[0] != "_format")

    def question() -> Question:
        parameters = (*stated, *(_of_form(request, receive()) if form else ()))
        return Question(served, kind, parameters, resource_id, syntax, strict, operation)

    return Exchanging(request, lambda release: pipeline.query(call_of(request), question(), release))


def _of_form(request: Request, body: bytes) -> Parameters:
    """The parameters of a body.  Raises `HttpError` when it is no form in UTF-8."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != FORM:
        raise HttpError(415, "not-supported", f"a search by POST is {FORM}")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise HttpError(400, "structure", "the body is not a form in UTF-8") from None
    return tuple(pair for pair in pairs if pair[0] != "_format")
