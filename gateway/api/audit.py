"""The exchange log, for an auditor.  Reading it is in the log as well."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.api.exchanging import Exchanging, call_of
from gateway.api.outcomes import HttpError
from gateway.exchange import Pipeline
from gateway.exchange.changes.single import is_bsn_like
from gateway.exchangelog import Search

router = APIRouter(prefix="/audit", tags=["audit"])

MAX_PAGE = 1000
MAX_POSITION = 2**63 - 1
"""As a database can hold it."""

YEARS = range(1900, 2200)
"""Of a time that can be compared in any zone."""

Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Moment = Annotated[datetime | None, Query(description="ISO 8601, with a zone")]


@router.get("/exchanges", summary="Exchanges, newest first", response_class=Response)
async def exchanges(
    request: Request,
    exchange: Word = "",
    person: Annotated[str, Query(pattern="^([0-9a-f]{64})?$", description="A pseudonym")] = "",
    caller: Word = "",
    activity: Word = "",
    effect: Word = "",
    since: Moment = None,
    until: Moment = None,
    before: Annotated[
        int | None, Query(ge=0, le=MAX_POSITION, description="`next` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> Response:
    """Who, for whom (a pseudonym), for which purpose, on which article, what was decided, what came of it."""
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise HttpError(400, "value", "a time has a zone", name)
        if moment is not None and moment.year not in YEARS:
            raise HttpError(400, "value", f"a year lies from {YEARS[0]} to {YEARS[-1]}", name)
    words = {"exchange": exchange, "caller": caller, "activity": activity, "effect": effect}
    for name, word in words.items():
        if is_bsn_like(word):
            raise HttpError(400, "security", "a BSN may not stand in an address", name)
    search = Search(exchange, person, caller, activity, effect, since, until, before, limit)
    pipeline: Pipeline = request.app.state.pipeline
    return Exchanging(request, lambda release: pipeline.read_log(call_of(request), search, release))
