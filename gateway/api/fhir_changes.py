"""What an EPD writes: resources, and Bundles of them; and what it reads back of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from gateway.api.exchanging import Exchanging, call_of, in_thread, receiving
from gateway.api.fhir import VERSIONS, Served
from gateway.api.guard import report
from gateway.api.negotiation import (
    MEDIA_TYPES,
    SECURITY_CONTEXT,
    check_encoding,
    format_sent,
    is_strict,
    preferred_return,
    syntax_wanted,
)
from gateway.api.outcomes import HttpError, outcome, shown, status_of
from gateway.api.rendering import resource
from gateway.codecs.fhir.elements import Version
from gateway.errors import GatewayError, Issue
from gateway.exchange import Answer, Pipeline, Question
from gateway.exchange.changes.answers import (
    Changed,
    Row,
    location,
    looked,
    response,
    served_back,
    validators,
)
from gateway.exchange.changes.asked import Method, Posted
from gateway.exchange.changes.person import FORMS

Tree = dict[str, Any]

router = APIRouter(prefix="/fhir", tags=["fhir"])

FHIR_BODY = {
    media: {"schema": {"type": "string"}} for media in MEDIA_TYPES if media.startswith("application/")
}
"""A resource as the body of a request, in the OpenAPI."""

_BODY = {"requestBody": {"required": True, "content": FHIR_BODY}}
CONDITIONS = ("if-match", "if-none-match", "if-none-exist")
"""Headers that make a change depend on what is there."""

Name = Annotated[str, Path(alias="id")]
VersionId = Annotated[str, Path(pattern=r"^[0-9]{1,9}$")]


# Some clients write the base with a slash at its end.
@router.post("/{version}/", include_in_schema=False, response_class=Response)
@router.post(
    "/{version}",
    summary="A Bundle about one person: transaction, batch, document or message",
    response_class=Response,
    openapi_extra=_BODY,
    responses={201: {"description": "A document or message was stored"}},
)
async def post_bundle(request: Request, version: Served) -> Response:
    """A Bundle of responses; for a document or message an OperationOutcome."""
    served, bundling = VERSIONS[version], pipeline_of(request).bundling
    receive = posted(request, served, "POST")
    done = await in_thread(request, lambda: bundling.change(call_of(request), served, receive))
    if done.kind == "document" and done.changed is not None:
        return _delivered(request, done.changed)
    entries = [_entry(request, served, row) for row in done.rows]
    tree = {"resourceType": "Bundle", "type": f"{done.kind}-response", "entry": entries}
    return resource(request, tree, 200, _account_of(request, done.changed) if done.changed else None)


@router.post(
    "/{version}/{kind}",
    status_code=201,
    summary="Create a resource",
    response_class=Response,
    openapi_extra=_BODY,
    responses={200: {"description": "One that meets If-None-Exist is there"}},
)
async def create(request: Request, version: Served, kind: str) -> Response:
    """The resource under an id of the gateway; with `If-None-Exist` only when none meets that."""
    return await _change(request, version, "POST", kind)


@router.put(
    "/{version}/{kind}",
    summary="Update the resource that meets a condition, or create it",
    response_class=Response,
    openapi_extra=_BODY,
    responses={201: {"description": "None met it"}},
)
async def update_by_search(request: Request, version: Served, kind: str) -> Response:
    """The resource as it is now; the query is the condition, and must be met by one at most."""
    return await _change(request, version, "PUT", kind)


@router.put(
    "/{version}/{kind}/{id}",
    summary="Update a resource, or create it under this id",
    response_class=Response,
    openapi_extra=_BODY,
    responses={201: {"description": "It was not there"}},
)
async def update(request: Request, version: Served, kind: str, name: Name) -> Response:
    """The resource as it is now.

    With `If-Match` only when that version holds, with `If-None-Match: *` only when none does.
    """
    return await _change(request, version, "PUT", kind, name)


@router.delete(
    "/{version}/{kind}",
    status_code=204,
    summary="Delete the resource that meets a condition",
    response_class=Response,
)
async def delete_by_search(request: Request, version: Served, kind: str) -> Response:
    """Nothing, also when there was none; the query is the condition, and must be met by one at most."""
    return await _change(request, version, "DELETE", kind)


@router.delete(
    "/{version}/{kind}/{id}", status_code=204, summary="Delete a resource", response_class=Response
)
async def delete(request: Request, version: Served, kind: str, name: Name) -> Response:
    """Nothing; reading it back is answered with 410 from now on."""
    return await _change(request, version, "DELETE", kind, name)


@router.get(
    "/{version}/{kind}/{id}/_history",
    summary="All versions that the caller delivered",
    response_class=Response,
)
async def history(request: Request, version: Served, kind: str, name: Name) -> Response:
    """A history Bundle, newest first."""
    syntax, pipeline = syntax_wanted(request, VERSIONS[version]), pipeline_of(request)
    parameters = tuple(pair for pair in request.query_params.multi_items() if pair[0] != "_format")
    strict = is_strict(request)
    question = Question(VERSIONS[version], kind, parameters, name, syntax, strict, "history")
    return Exchanging(request, lambda release: pipeline.get(call_of(request), question, release))


@router.get(
    "/{version}/{kind}/{id}/_history/{vid}",
    summary="A version that the caller delivered",
    response_class=Response,
)
async def version_read(request: Request, version: Served, kind: str, name: Name, vid: VersionId) -> Response:
    """The version as it was kept."""
    syntax, pipeline = syntax_wanted(request, VERSIONS[version]), pipeline_of(request)
    question = Question(VERSIONS[version], kind, id=name, syntax=syntax, version_id=int(vid))
    return Exchanging(request, lambda release: pipeline.get(call_of(request), question, release))


def pipeline_of(request: Request) -> Pipeline:
    """The pipeline that a request is for."""
    pipeline: Pipeline = request.app.state.pipeline
    return pipeline


async def _change(request: Request, served: Served, method: Method, kind: str, name: str = "") -> Response:
    version = VERSIONS[served]
    return await answer_change(request, version, method, posted(request, version, method, kind, name))


async def answer_change(
    request: Request, version: Version, method: Method, receive: Callable[[], Posted], usual: str = ""
) -> Response:
    """The answer to a change of one resource, in the shape that is preferred (http.html#ops) or usual."""
    changing = pipeline_of(request).changing
    changed = await in_thread(request, lambda: changing.change(call_of(request), version, receive))
    (done,) = changed.kept.done
    headers = _account_of(request, changed)
    if done.version:
        headers |= validators(done.version, done.received)
    if method == "POST" or done.status == 201:
        headers["Location"] = f"{request.app.state.settings.base_url}/fhir/{version}/{location(done)}"
    wanted = preferred_return(request) or usual
    if wanted == "OperationOutcome" and done.status != 204:
        return resource(request, outcome(_report(changed)), done.status, headers)
    if wanted == "minimal" or not done.content:
        return Response(status_code=done.status, headers=headers)
    tree = served_back(done.content, done.version, done.received, version)
    return resource(request, tree, done.status, headers)


def posted(
    request: Request, version: Version, method: Method, kind: str = "", name: str = "", media: str = ""
) -> Callable[[], Posted]:
    """Gives what was posted, when it is known who calls; with a `media` type it is the bytes of a Binary.

    Raises `HttpError` for what is not answered.
    """
    if not media:
        syntax_wanted(request, version)
    receive = receiving(request, request.app.state.settings.max_bytes)
    asked = _address(request, method, kind, name)

    def received() -> Posted:
        if method == "DELETE":
            return asked
        if media:
            check_encoding(request)
            return replace(asked, content=receive(), media=media)
        form, syntax = format_sent(request)
        if form not in ("", FORMS[version]):
            raise HttpError(415, "not-supported", "this address takes another fhirVersion")
        return replace(asked, content=receive(), syntax=syntax)

    return received


def _address(request: Request, method: Method, kind: str, name: str) -> Posted:
    """What a request asks by its address and headers, without its body."""
    if_match, if_none_match, if_none_exist = (",".join(request.headers.getlist(each)) for each in CONDITIONS)
    pairs = [] if name or method == "POST" else request.query_params.multi_items()
    return Posted(
        method,
        type=kind,
        id=name,
        if_match=if_match,
        if_none_match=if_none_match,
        if_none_exist=if_none_exist,
        search=urlencode([pair for pair in pairs if pair[0] != "_format"]),
        strict=is_strict(request),
        context=",".join(request.headers.getlist(SECURITY_CONTEXT)),
    )


def _delivered(request: Request, changed: Changed) -> Response:
    where = f"{request.app.state.settings.base_url}/documents/{changed.kept.id}/account"
    status = 201 if changed.kept.new else 200
    return resource(request, outcome(_report(changed)), status, {"Location": where})


def _entry(request: Request, version: Version, row: Row) -> Tree:
    """The entry of a response Bundle; warnings stand at the entry that they are about."""
    if isinstance(row, GatewayError):
        return _failed(request, row)
    if isinstance(row, Answer):
        return looked(row, version)
    done, issues = row
    told = outcome(issues) if issues else None
    return response(done, told, version, whole=preferred_return(request) == "representation")


def _failed(request: Request, error: GatewayError) -> Tree:
    own, status = request.scope["state"]["request_id"], status_of(error)
    if status >= 500:
        report(error)
    return {"response": {"status": str(status), "outcome": outcome(shown(error, own))}}


def _account_of(request: Request, changed: Changed) -> dict[str, str]:
    """Where the account of a change is (RFC 8288); nowhere when nothing was stored."""
    if not changed.kept.id:
        return {}
    where = f"{request.app.state.settings.base_url}/documents/{changed.kept.id}/account"
    return {"Link": f'<{where}>; rel="describedby"'}


def _report(changed: Changed) -> list[Issue]:
    """What was kept, what becomes of the values in each format, then the warnings."""
    issues = [Issue("information", "informational", f"kept {len(changed.kept.done)} resources")]
    for form, counts in changed.values.items():
        text = ", ".join(f"{number} {state}" for state, number in counts.items())
        issues.append(Issue("information", "informational", f"values in {form}: {text}"))
    return [*issues, *changed.issues]
