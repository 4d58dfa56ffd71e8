"""What an EPD posts, and the account that it may ask for afterwards."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.exchanging import Exchanging, call_of, in_thread, receiving
from gateway.api.negotiation import MEDIA_TYPES, format_sent
from gateway.api.outcomes import outcome
from gateway.api.rendering import resource
from gateway.errors import Issue, SyntaxFault
from gateway.exchange import Delivery, Pipeline, Sent

router = APIRouter(prefix="/documents", tags=["documents"])

_MEDIA = {media: {"schema": {"type": "string"}} for media in MEDIA_TYPES if media.startswith("application/")}
DOCUMENT_BODY = {"requestBody": {"required": True, "content": _MEDIA}}
"""A document as the body of a request, in the OpenAPI."""


@router.post(
    "",
    status_code=201,
    summary="Deliver a document about one person",
    response_class=Response,
    responses={200: {"description": "The same document was delivered before"}},
    openapi_extra=DOCUMENT_BODY,
)
async def deliver(request: Request) -> Response:
    """Take in ADA XML or a FHIR Bundle (R4 or STU3, JSON or XML), about one person, whole or not at all."""
    receive = sent_by(request)
    pipeline: Pipeline = request.app.state.pipeline
    delivery = await in_thread(request, lambda: pipeline.deliver(call_of(request), receive))
    where = f"{request.app.state.settings.base_url}/documents/{delivery.id}/account"
    return resource(request, outcome(_report(delivery)), 201 if delivery.new else 200, {"Location": where})


@router.get(
    "/{document}/account", summary="What became of every value of a document", response_class=Response
)
async def account(request: Request, document: str) -> Response:
    """For the organisation that delivered it: per format one line a value, with the rule that decided."""
    pipeline: Pipeline = request.app.state.pipeline
    return Exchanging(request, lambda release: pipeline.account(call_of(request), document, release))


def sent_by(request: Request) -> Callable[[], Sent]:
    """Gives the document of a request, from a thread.  Raises `HttpError` or `SyntaxFault`."""
    receive = receiving(request, request.app.state.settings.max_bytes)

    def sent() -> Sent:
        form, syntax = format_sent(request)
        content = receive()
        first = content.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")[:1]
        if first in ((b"<",) if syntax == "json" else (b"{", b"[")):
            text = f"the document is not {syntax}, as its Content-Type says"
            raise SyntaxFault(Issue("fatal", "structure", text))
        return Sent(content, form)

    return sent


def _report(delivery: Delivery) -> list[Issue]:
    """What was stored, what becomes of the values in each format, then the warnings."""
    blocks = ", ".join(f"{kind} {number}" for kind, number in sorted(delivery.blocks.items()))
    issues = [
        Issue("information", "informational", f"stored {delivery.blocks.total()} building blocks: {blocks}")
    ]
    for form, counts in delivery.values.items():
        text = ", ".join(f"{number} {state}" for state, number in counts.items())
        issues.append(Issue("information", "informational", f"values in {form}: {text}"))
    return [*issues, *delivery.issues]
