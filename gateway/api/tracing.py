"""Traces by OpenTelemetry, with the extra `otel` and the setting `ZIBPOORT_TRACES`.

Without the setting its SDK is not imported.  A span has a name, times and our own ids; what was raised is
never attached, since its text may hold what a document said.  Where they go, the variables
OTEL_EXPORTER_OTLP_… of the standard say.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from gateway.errors import Fault, Issue
from gateway.observing import Kind

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor


class Traces:
    """Spans of requests, the steps of their exchanges and what is within these; an `Observer`."""

    def __init__(self, processor: SpanProcessor) -> None:
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider

        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "zibpoort"}))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("zibpoort")

    def timed(self, kind: Kind, name: str = "", **facts: str) -> AbstractContextManager[object]:
        """A span within the one that surrounds it."""
        attributes = {f"zibpoort.{key}": value for key, value in facts.items()}
        return self._tracer.start_as_current_span(
            f"{kind} {name}".strip(),
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        )

    def ended(self, activity: str, effect: str, status: str) -> None:
        """Say on the present span how its exchange ended."""
        from opentelemetry.trace import get_current_span

        get_current_span().add_event(
            "exchange ended", {"activity": activity, "decision": effect, "outcome": status}
        )


def open_traces() -> Traces:
    """Traces that are sent in the background by OTLP over HTTP.  Raises `Fault` without the extra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        text = "needs OpenTelemetry: install zibpoort[otel]"
        raise Fault(Issue("fatal", "not-supported", text, place="ZIBPOORT_TRACES")) from None
    return Traces(BatchSpanProcessor(OTLPSpanExporter()))
