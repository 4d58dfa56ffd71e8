"""Traces: the steps of an exchange within its request, and nothing of a person."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from conformance.stage import DOCUMENT, EPD, Stage
from gateway.api import create_app
from gateway.api.serving import assemble
from gateway.api.tracing import Traces
from gateway.errors import Fault
from gateway.exchange import open_pipeline, renditions
from gateway.observing import Observers
from gateway.settings import Settings
from tests.api.client import Door
from tests.exchange.house import FENNA, House

STEPS = [f"step {name}" for name in ("receive", "decode", "decide", "record", "minimise", "encode", "store")]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(house: House, exporter: InMemorySpanExporter) -> Iterator[Door]:
    """A door of which the spans are kept in memory."""
    opened = open_pipeline(house.settings, Observers(Traces(SimpleSpanProcessor(exporter))))
    door = Door(house)
    door.http = TestClient(create_app(opened, house.settings))
    exporter.clear()  # opening has a transaction too
    yield door
    opened.books.database.close()


class Collector(HTTPServer):
    """Takes what is sent by OTLP over HTTP."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.bodies: list[bytes] = []


class Collecting(BaseHTTPRequestHandler):
    """Keeps the body; the names of spans stand in it as text."""

    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.bodies.append(gzip.decompress(body) if packed else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def parents(spans: tuple[ReadableSpan, ...]) -> dict[str, set[str]]:
    """The names of the spans that surround those of each name."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    found: dict[str, set[str]] = {}
    for span in spans:
        found.setdefault(span.name, set()).add(names[span.parent.span_id] if span.parent else "")
    return found


def test_the_seven_steps_are_spans_of_the_request_in_their_order(
    traced: Door, exporter: InMemorySpanExporter
) -> None:
    answer = traced.post()
    spans = exporter.get_finished_spans()
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    begun = sorted(spans, key=lambda span: span.start_time or 0)
    assert [span.name for span in begun if span.name.startswith("step")] == STEPS
    surrounded = parents(spans)
    assert {name: surrounded[name] for name in STEPS} == {name: {"request"} for name in STEPS}
    assert surrounded["translation read"] == {"step decode"}
    assert surrounded["translation write"] == {"step encode"}
    # the decision by itself; the outcome with what is stored
    assert surrounded["append"] == {"step record", "transaction write"}
    assert surrounded["transaction write"] == {"append", "step store"}
    (request,) = [span for span in spans if span.name == "request"]
    assert request.attributes == {"zibpoort.request": answer.headers["x-request-id"]}


def test_a_refusal_and_a_fault_end_their_spans_and_say_nothing(
    traced: Door, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"SELECT {FENNA}")

    monkeypatch.setattr(renditions.Renditions, "of", fail)
    traced.get("/fhir/r4/Condition")
    traced.get(f"/fhir/r4/Condition?patient={FENNA}")
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans].count("request") == 2
    events = [event for span in spans for event in span.events]
    assert [dict(event.attributes or {})["outcome"] for event in events] == ["failed", "refused"]
    text = "".join(span.to_json() for span in spans)
    for secret in (FENNA, "SELECT", "RuntimeError", traced.house.pipeline.books.database.pseudonym(FENNA)):
        assert secret not in text


def printed(code: str, folder: Path) -> str:
    """What a process of its own prints: modules and the global provider are set once for each."""
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_without_the_setting_nothing_of_it_is_imported(tmp_path: Path) -> None:
    """But the empty API, that FastAPI brings."""
    code = """
import sys
from pathlib import Path
from gateway.api.serving import assemble
from gateway.settings import Settings
assemble(Settings(data_folder=Path(sys.argv[1]))).state.pipeline.books.database.close()
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    assert printed(code, tmp_path) == "[]\n"


def test_libraries_trace_nothing_of_a_request(tmp_path: Path) -> None:
    """Also where somebody set a provider for all: FastAPI would give it the path and the query."""
    code = """
import sys
from pathlib import Path
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient
from gateway.api.serving import assemble
from gateway.settings import Settings
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
with TestClient(assemble(Settings(data_folder=Path(sys.argv[1])))) as http:
    http.get("/fhir/r4/Condition?patient=999980014")
with trace.get_tracer("test").start_as_current_span("heard"):
    pass
print([span.name for span in exporter.get_finished_spans()])
"""
    assert printed(code, tmp_path).splitlines()[-1] == "['heard']"


def test_the_setting_sends_them(tmp_path: Path) -> None:
    """To a collector on this machine, when the process ends at the latest."""
    with Collector(("127.0.0.1", 0), Collecting) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        with Stage(tmp_path) as stage:
            stage.prepare()
            stage.settings = {
                "ZIBPOORT_TRACES": "1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
            }
            stage.start()
            stage.post(DOCUMENT.read_bytes(), stage.token(EPD))
        collector.shutdown()
        thread.join()
    sent = b"".join(collector.bodies)
    assert all(name.encode() in sent for name in STEPS)
    assert FENNA.encode() not in sent


def test_the_setting_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_folder=tmp_path, traces=True)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)  # as when it is not installed
    with pytest.raises(Fault, match=r"install zibpoort\[otel\]"):
        assemble(settings)
