"""The figures: who may see them, what they count, and that several processes add up."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from conformance.stage import AUDITOR, EPD
from gateway.api.metrics import FOLDER, Metrics
from gateway.api.serving import assemble
from gateway.exchange import renditions
from tests.api.client import Door
from tests.exchange.house import BGZ, FENNA, House, without_outcomes

TOKEN = "a-token-of-the-machine-that-scrapes"


@pytest.fixture
def watched(house: House) -> Iterator[Door]:
    """A door of which the figures are kept, as `serve` makes it."""
    file = house.stage.folder / "metrics-token"
    file.write_text(TOKEN + "\n")
    app = assemble(house.settings.model_copy(update={"metrics_token_file": file}))
    door = Door(house)
    door.http = TestClient(app)
    yield door
    app.state.pipeline.books.database.close()


def figures(door: Door) -> dict[str, float]:
    """Sample name with its labels in brackets, and the value."""
    answer = door.http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.text)


def samples(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = [value for key, value in sorted(sample.labels.items()) if key != "le"]
            found[f"{sample.name}[{' '.join(labels)}]"] = sample.value
    return found


def test_without_a_token_of_the_settings_there_are_no_figures(door: Door) -> None:
    for client in (None, EPD, AUDITOR):
        assert door.get("/metrics", client).status_code == 404


@pytest.mark.parametrize("given", ["", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer é"])
def test_the_figures_are_for_who_has_the_token(watched: Door, given: str) -> None:
    headers = {b"Authorization": given.encode()} if given else {}
    answer = watched.http.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "zibpoort_" not in answer.text


def test_a_client_of_the_exchange_may_not_see_them(watched: Door) -> None:
    assert watched.get("/metrics", AUDITOR).status_code == 401


def test_exchanges_are_counted_by_what_became_of_them(watched: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.post()
    watched.post(BGZ.replace(FENNA.encode(), b"123456789"))
    watched.get("/fhir/r4/Condition")
    watched.get("/fhir/r4/Condition", EPD)
    with monkeypatch.context() as patched:
        patched.setattr(renditions.Renditions, "of", lambda *_: 1 / 0)
        watched.get("/fhir/r4/Condition")
    with monkeypatch.context() as patched:
        without_outcomes(patched, ZeroDivisionError())
        watched.get("/fhir/r4/Condition")
    counted = {
        name.partition("[")[2].rstrip("]"): value
        for name, value in figures(watched).items()
        if name.startswith("zibpoort_exchanges_total")
    }
    log = [(d["activity"], d["effect"], o["status"] if o else "unrecorded") for d, o in watched.house.log()]
    assert len(log) == 6
    assert counted == {" ".join(row): log.count(row) for row in log}
    assert {status for _, _, status in log} == {"completed", "refused", "failed", "unrecorded"}


def test_times_are_told_of_every_part(watched: Door) -> None:
    watched.post()
    watched.get("/fhir/stu3/Condition")
    found = figures(watched)
    for step in ("receive", "decode", "decide", "record", "minimise", "encode", "release", "store"):
        assert found[f"zibpoort_step_seconds_count[{step}]"] >= 1, step
    assert found["zibpoort_translation_seconds_count[read]"] == 1
    assert found["zibpoort_translation_seconds_count[write]"] == 3  # the account has both versions
    assert found["zibpoort_log_append_seconds_count[]"] == 4
    assert found["zibpoort_transaction_seconds_count[write]"] >= 4
    assert found["zibpoort_transaction_seconds_count[read]"] >= 1
    assert found["zibpoort_queue_seconds_count[]"] == 2
    assert found["zibpoort_request_seconds_count[]"] == 2
    assert found["zibpoort_requests_in_flight[]"] == 1  # the one that asks
    assert found["zibpoort_requests_waiting[]"] == 0
    assert [name for name in found if name.startswith("zibpoort_build_info")]


def test_nothing_of_a_person_is_among_the_figures(watched: Door) -> None:
    person = watched.house.pipeline.books.database.pseudonym(FENNA)
    watched.post()
    watched.get(f"/fhir/r4/Condition/{FENNA}", headers={"X-Request-ID": str(uuid.uuid4())})
    text = watched.http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    for secret in (FENNA, person, EPD.id, "Duinkerk"):
        assert secret not in text


PROCESS = """
import os, sys
from gateway.api.metrics import Metrics
metrics = Metrics()
metrics.ended("x", "permit", "completed")
with metrics.timed("queue"):
    print(metrics.exposition().decode()) if sys.argv[1:] else os._exit(0)
"""


def test_processes_add_up_and_what_the_dead_had_in_flight_is_forgotten(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "-c", PROCESS, *words]
        environment = os.environ | {FOLDER: str(tmp_path)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    run()
    run()
    found = samples(run("show"))
    assert found["zibpoort_exchanges_total[x permit completed]"] == 3
    assert found["zibpoort_requests_waiting[]"] == 1
    assert "zibpoort_requests_waiting[]" in samples(Metrics().exposition().decode())
