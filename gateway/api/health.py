"""Is the gateway alive, and can it exchange?  For the machine that runs it: says nothing of anybody."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from gateway.api.exchanging import in_thread
from gateway.errors import GatewayError
from gateway.exchange import Pipeline
from gateway.exchange.readiness import COMPONENTS

router = APIRouter(prefix="/health", tags=["health"])

_log = structlog.get_logger("health")


@router.get("/live", summary="The process answers")
async def live() -> JSONResponse:
    """200 as long as requests are handled at all."""
    return JSONResponse({"status": "live"})


@router.get("/ready", summary="Every component works", responses={503: {"description": "One does not"}})
async def ready(request: Request) -> JSONResponse:
    """200 when documents can be taken in and given out; 503 with the component that is down."""
    pipeline: Pipeline = request.app.state.pipeline
    components = await in_thread(
        request, lambda: {name: _state(name, check, pipeline) for name, check in COMPONENTS.items()}
    )
    up = all(state == "up" for state in components.values())
    return JSONResponse({"status": "ready" if up else "down", "components": components}, 200 if up else 503)


def _state(name: str, check: Callable[[Pipeline], None], pipeline: Pipeline) -> str:
    try:
        check(pipeline)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a component, the answer says which
        texts = [issue.text for issue in error.issues] if isinstance(error, GatewayError) else []
        _log.error("component down", component=name, type=type(error).__name__, issues=texts)
        return "down"
    return "up"
