"""How the server ends, and several workers behind one address."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance.crash import DATABASE, bsns, of_person
from conformance.postgres import Cluster
from conformance.stage import DOCUMENT, EPD, PGO, Stage
from tests.api.test_metrics import TOKEN, samples
from tests.cli.command import process
from tests.exchange.house import FENNA

PEOPLE, READS = 8, 5

SETTLED = """
import gc
from gateway.api.serving import application
pipeline = application().state.pipeline
print(gc.get_freeze_count(), len(gc.get_objects()))
pipeline.books.database.close()
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as found:
        found.prepare()
        yield found


def begin(stage: Stage, document: bytes) -> socket.socket:
    """A delivery of which half has been sent."""
    connection = socket.create_connection(("127.0.0.1", stage.port), timeout=30)
    head = [
        "POST /documents HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {stage.token(EPD)}",
        "Content-Type: application/xml",
        f"Content-Length: {len(document)}",
    ]
    connection.sendall("\r\n".join([*head, "", ""]).encode() + document[: len(document) // 2])
    time.sleep(0.5)  # so that it is under way
    return connection


def stop(stage: Stage) -> subprocess.Popen[bytes]:
    assert stage.server is not None
    stage.server.terminate()
    time.sleep(0.5)
    return stage.server


def test_what_is_under_way_is_finished_before_the_server_ends(stage: Stage) -> None:
    stage.start()
    document = DOCUMENT.read_bytes()
    with begin(stage, document) as connection:
        server = stop(stage)
        with pytest.raises(OSError, match="refused"):
            stage.ask("GET", "/health/live")
        connection.sendall(document[len(document) // 2 :])
        assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")
    assert server.wait(20) == 0
    stage.start()
    assert stage.ask("GET", "/fhir/r4/Condition", stage.token(PGO, FENNA)).json["total"] == 2


def test_what_does_not_come_to_an_end_holds_the_server_no_longer_than_the_grace(stage: Stage) -> None:
    stage.settings = {"ZIBPOORT_GRACE_SECONDS": "1"}
    stage.start()
    with begin(stage, DOCUMENT.read_bytes()):
        assert stop(stage).wait(20) == 0
    assert "Traceback" not in (stage.folder / "server.log").read_text()


def test_a_server_without_work_ends_at_once(stage: Stage) -> None:
    stage.start()
    assert stop(stage).wait(20) == 0


def test_several_workers_need_a_database_for_several_writers(stage: Stage) -> None:
    done = process("serve", "--workers", "2", environment=stage.environment)
    assert done.code == 2
    assert "PostgreSQL" in done.err
    assert not (stage.folder / "data").exists()


@pytest.mark.slow
def test_workers_share_the_address_the_records_the_log_and_the_figures(
    stage: Stage, postgres: Cluster
) -> None:
    token = stage.folder / "metrics-token"
    token.write_text(TOKEN)
    people = list(itertools.islice(bsns(), PEOPLE))
    with postgres.database() as url, ThreadPoolExecutor(8) as pool:
        stage.settings = {DATABASE: url, "ZIBPOORT_METRICS_TOKEN_FILE": str(token)}
        stage.workers = 2
        stage.start()
        epd, document = stage.token(EPD), DOCUMENT.read_text()
        posted = list(pool.map(lambda bsn: stage.post(of_person(document, bsn), epd).status, people * 2))
        assert sorted(posted) == [200] * PEOPLE + [201] * PEOPLE  # each is delivered twice, and kept once
        tokens = [stage.token(PGO, bsn) for bsn in people] * READS
        found = list(pool.map(lambda pgo: stage.ask("GET", "/fhir/r4/Condition", pgo).json["total"], tokens))
        assert found == [2] * len(tokens)
        figures = samples(stage.ask("GET", "/metrics", TOKEN).body.decode())
        assert figures["zibpoort_exchanges_total[epd-delivers-document permit completed]"] == 2 * PEOPLE
        read = "zibpoort_exchanges_total[person-reads-own-record permit-with-less completed]"
        assert figures[read] == len(tokens)
        assert stop(stage).wait(30) == 0
        done = process("log", "verify", environment=stage.environment)
        assert done.out.endswith("0 problems\n"), done.out


def test_garbage_is_not_looked_for_in_what_was_loaded(stage: Stage) -> None:
    command = [sys.executable, "-c", SETTLED]
    told = subprocess.run(command, env=stage.environment, check=True, capture_output=True, text=True)
    settled, looked_at = map(int, told.stdout.split())
    assert settled > 50_000 > 10 * looked_at
