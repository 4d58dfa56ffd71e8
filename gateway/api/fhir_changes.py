"""What an EPD writes: resources, and Bundles of them; and what it reads back of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from gateway.api.exchanging import Exchanging, call_of, in_thread, receiving
from gateway.api.fhir import VERSIONS, Served
from gateway.api.guard import report
from gateway.api.negotiation import MEDIA_TYPES, format_sent, preferred_return, syntax_wanted
from gateway.api.outcomes import HttpError, outcome, shown, status_of
from gateway.api.rendering import resource
from gateway.codecs.fhir_types import Version
from gateway.errors import GatewayError, Issue
from gateway.exchange import Pipeline
from gateway.exchange.changes import Method, Posted
from gateway.exchange.changes_answers import Changed, location, response, served_back, validators
from gateway.exchange.changes_person import FORMS
from gateway.storage import ResourceName

router = APIRouter(prefix="/fhir", tags=["fhir"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string"}} for media in MEDIA_TYPES if media.startswith("application/")
        },
    }
}
VersionId = Annotated[str, Path(pattern=r"^[0-9]{1,9}$")]


@router.post(
    "/{version}/", include_in_schema=False, response_class=Response
)  # how some clients write the base
@router.post(
    "/{version}",
    summary="Deliver a Bundle about one person: transaction, batch, document or message",
    response_class=Response,
    openapi_extra=_BODY,
    responses={201: {"description": "A document or message was stored"}},
)
async def post_bundle(request: Request, version: Served) -> Response:
    """A Bundle of responses; for a document or message an OperationOutcome."""
    changed = await _change(request, VERSIONS[version], "POST")
    one = changed[0]
    if isinstance(one, Changed) and one.asked.kind == "document":
        return _delivered(request, one)
    if isinstance(one, Changed) and one.asked.kind == "transaction":
        return resource(request, _responses(request, VERSIONS[version], one), 200, _account_of(request, one))
    return resource(request, _batch(request, VERSIONS[version], changed))


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
    return _answered(request, VERSIONS[version], await _change(request, VERSIONS[version], "POST", kind))


@router.put(
    "/{version}/{kind}/{id}",
    summary="Update a resource, or create it under this id",
    response_class=Response,
    openapi_extra=_BODY,
    responses={201: {"description": "It was not there"}},
)
async def update(request: Request, version: Served, kind: str, id: str) -> Response:  # noqa: A002 - as FHIR calls it
    """The resource as it is now; with `If-Match` only when that version holds."""
    return _answered(request, VERSIONS[version], await _change(request, VERSIONS[version], "PUT", kind, id))


@router.delete(
    "/{version}/{kind}/{id}", status_code=204, summary="Delete a resource", response_class=Response
)
async def delete(request: Request, version: Served, kind: str, id: str) -> Response:  # noqa: A002 - as FHIR calls it
    """Nothing; reading it back is answered with 410 from now on."""
    return _answered(
        request, VERSIONS[version], await _change(request, VERSIONS[version], "DELETE", kind, id)
    )


@router.get(
    "/{version}/{kind}/{id}/_history/{vid}",
    summary="A version that the caller delivered",
    response_class=Response,
)
async def version_read(request: Request, version: Served, kind: str, id: str, vid: VersionId) -> Response:  # noqa: A002 - as FHIR calls it
    """The version as it was kept."""
    syntax = syntax_wanted(request, VERSIONS[version])
    name, number = ResourceName(FORMS[VERSIONS[version]], kind, id), int(vid)
    pipeline: Pipeline = request.app.state.pipeline
    return Exchanging(
        request, lambda release: pipeline.changing.read_back(call_of(request), name, number, syntax, release)
    )


async def _change(
    request: Request, version: Version, method: Method, kind: str = "", resource_id: str = ""
) -> list[Changed | GatewayError]:
    syntax_wanted(request, version)
    receive = _posted(request, version, method, kind, resource_id)
    pipeline: Pipeline = request.app.state.pipeline
    return await in_thread(request, lambda: pipeline.changing.change(call_of(request), version, receive))


def _posted(
    request: Request, version: Version, method: Method, kind: str, resource_id: str
) -> Callable[[], Posted]:
    receive = receiving(request, request.app.state.settings.max_bytes)
    if_match, if_none_exist = (request.headers.get(name, "") for name in ("if-match", "if-none-exist"))

    def posted() -> Posted:
        if method == "DELETE":
            return Posted(method, type=kind, id=resource_id, if_match=if_match)
        form, syntax = format_sent(request)
        if form not in ("", FORMS[version]):
            raise HttpError(415, "not-supported", "this address takes another fhirVersion")
        content = receive()
        return Posted(method, content, syntax, kind, resource_id, if_match, if_none_exist)

    return posted


def _answered(request: Request, version: Version, changed: list[Changed | GatewayError]) -> Response:
    """The answer to a change of one resource, in the shape that is preferred (http.html#return)."""
    (one,) = changed
    assert isinstance(one, Changed)  # noqa: S101 - only an entry of a batch is an error here
    (done,) = one.kept.done
    headers = _account_of(request, one) | validators(done.version, done.received)
    if done.status == 201:
        base = f"{request.app.state.settings.base_url}/fhir/{version}"
        headers["Location"] = f"{base}/{location(done)}"
    wanted = preferred_return(request)
    if wanted == "OperationOutcome" and done.status != 204:
        return resource(request, outcome(_report(one)), done.status, headers)
    if wanted == "minimal" or not done.content:
        return Response(status_code=done.status, headers=headers)
    tree = served_back(done.content, done.version, done.received, version)
    return resource(request, tree, done.status, headers)


def _delivered(request: Request, changed: Changed) -> Response:
    where = f"{request.app.state.settings.base_url}/documents/{changed.kept.id}/account"
    status = 201 if changed.kept.new else 200
    return resource(request, outcome(_report(changed)), status, {"Location": where})


def _responses(request: Request, version: Version, changed: Changed) -> dict[str, object]:
    whole = preferred_return(request) == "representation"
    pairs = zip(changed.kept.done, changed.asked.interactions, strict=True)
    entries = []
    for done, one in pairs:
        own = [issue for issue in changed.issues if issue.place.startswith(one.place)]
        entries.append(response(done, outcome(own) if own else None, version, whole=whole))
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}


def _batch(request: Request, version: Version, changed: list[Changed | GatewayError]) -> dict[str, object]:
    entries: list[object] = []
    for each in changed:
        if isinstance(each, Changed):
            entries += _responses(request, version, each)["entry"]  # type: ignore[arg-type]
            continue
        own = request.scope["state"]["request_id"]
        if status_of(each) >= 500:
            report(each, own)
        entries.append({"response": {"status": str(status_of(each)), "outcome": outcome(shown(each, own))}})
    return {"resourceType": "Bundle", "type": "batch-response", "entry": entries}


def _account_of(request: Request, changed: Changed) -> dict[str, str]:
    """Where the account of a change is (RFC 8288)."""
    where = f"{request.app.state.settings.base_url}/documents/{changed.kept.id}/account"
    return {"Link": f'<{where}>; rel="describedby"'}


def _report(changed: Changed) -> list[Issue]:
    """What was kept, what becomes of the values in each format, then the warnings."""
    issues = [Issue("information", "informational", f"kept {len(changed.kept.done)} resources")]
    for form, counts in changed.values.items():
        text = ", ".join(f"{number} {state}" for state, number in counts.items())
        issues.append(Issue("information", "informational", f"values in {form}: {text}"))
    return [*issues, *changed.issues]
