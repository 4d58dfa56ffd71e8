"""What a PGO asks: the record of its own person, in the FHIR version of the address."""

from __future__ import annotations

from enum import StrEnum

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.capabilities import capability_statement
from gateway.api.exchanging import Exchanging, call_of, in_thread
from gateway.api.negotiation import is_strict, syntax_wanted
from gateway.api.rendering import resource
from gateway.codecs.fhir.elements import Version
from gateway.exchange import Pipeline, Question
from gateway.exchange.renditions import FORMATS

router = APIRouter(prefix="/fhir", tags=["fhir"])


class Served(StrEnum):
    """The FHIR versions in an address."""

    R4 = "r4"
    STU3 = "stu3"


VERSIONS: dict[Served, Version] = {Served.R4: "r4", Served.STU3: "stu3"}


@router.get("/{version}/metadata", summary="What this server can do", response_class=Response)
async def metadata(request: Request, version: Served) -> Response:
    """The CapabilityStatement, for anybody."""
    syntax_wanted(request, VERSIONS[version])
    pipeline: Pipeline = request.app.state.pipeline
    base = request.app.state.settings.base_url
    tree = await in_thread(request, lambda: capability_statement(pipeline, VERSIONS[version], base))
    return resource(request, tree)


@router.get("/{version}/{kind}", summary="Search the record of the token's person", response_class=Response)
async def search(request: Request, version: Served, kind: str) -> Response:
    """A searchset Bundle."""
    parameters = [pair for pair in request.query_params.multi_items() if pair[0] != "_format"]
    return _ask(request, VERSIONS[version], kind, parameters=tuple(parameters))


@router.get("/{version}/{kind}/{id}", summary="One resource of the record", response_class=Response)
async def read(request: Request, version: Served, kind: str, id: str) -> Response:  # noqa: A002 - as FHIR calls it
    """The resource, of the token's person or delivered by the caller; what is another's is not found."""
    return _ask(request, VERSIONS[version], kind, resource_id=id)


def _ask(
    request: Request,
    version: Version,
    kind: str,
    *,
    parameters: tuple[tuple[str, str], ...] = (),
    resource_id: str = "",
) -> Response:
    syntax = syntax_wanted(request, version)
    question = Question(version, kind, parameters, resource_id, syntax, is_strict(request))
    pipeline: Pipeline = request.app.state.pipeline
    return Exchanging(request, lambda release: pipeline.get(call_of(request), question, release))


assert set(VERSIONS.values()) == set(FORMATS)  # noqa: S101 - every version that is served has an address
