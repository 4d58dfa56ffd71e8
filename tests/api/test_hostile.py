"""The thirty hostile inputs against the running server; and that the run notices what it looks for."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from conformance.hostile.case import DOCUMENTS, REFUSED, STORED, Attempt, Case, Door
from conformance.hostile.corpus import corpus
from conformance.hostile.specimen import BSN, SECRET, as_json, bundle, pressure
from conformance.hostile.target import WATCH, Target, is_declared
from conformance.hostile.verdict import faults_of_answer, judge
from conformance.stage import EPD, PGO, Reply
from gateway.api.exchanging import AT_WORK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory of the server from /proc"),
]
CASES = corpus()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("hostile")) as found:
        yield found
        log = (found.folder / "server.log").read_text()
    for secret in ("Traceback", BSN, "Bearer", "eyJ"):
        assert secret not in log


def test_there_are_thirty() -> None:
    assert [case.number for case in CASES] == list(range(1, 31))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number} {case.title}")
def test_input_is_survived(target: Target, case: Case) -> None:
    verdict = judge(target, case)
    assert verdict.problems == []
    if verdict.waits:
        pytest.skip(f"not served yet: {', '.join(verdict.waits)}")


def problems(target: Target, attempt: Attempt) -> str:
    """What is found wrong with the answer to one attempt."""
    return "\n".join(judge(target, Case(0, "", (attempt,))).problems)


def test_a_wrong_status_is_noticed(target: Target) -> None:
    content = as_json(bundle(pressure(effectiveDateTime="2026-05-01")))
    assert "status 201" in problems(target, Attempt("", content, REFUSED, doors=(DOCUMENTS,)))
    assert "status 400" in problems(target, Attempt("", b"{", STORED, doors=(DOCUMENTS,)))


def test_a_refusal_without_place_is_noticed(target: Target) -> None:
    attempt = Attempt("", b"{}", REFUSED, "text/plain", (DOCUMENTS,), placed=True)
    assert "no issue says where" in problems(target, attempt)


@pytest.mark.parametrize("text", [BSN, SECRET, "Traceback (most recent call last)"])
def test_an_answer_that_quotes_is_noticed(text: str) -> None:
    attempt = Attempt("", b"", STORED)
    assert list(faults_of_answer(attempt, Reply(200, Message(), b"ordinary"))) == []
    (found,) = faults_of_answer(attempt, Reply(200, Message(), text.encode()))
    assert "quotes" in found


def test_an_address_that_is_not_served_waits(target: Target) -> None:
    verdict = judge(target, Case(0, "", (Attempt("later", b"", STORED, doors=(Door("PUT", "/nothing"),)),)))
    assert (verdict.waits, verdict.survived) == (["later"], False)


@pytest.mark.parametrize(
    ("method", "path", "declared"),
    [
        ("POST", "/fhir/r4", True),
        ("POST", "/fhir/r4/Observation", True),
        ("PUT", "/fhir/r4/Observation/one", False),
        ("POST", "/fhir/r4/Patient", False),
        ("POST", "/documents", False),
    ],
)
def test_what_a_server_declares_is_served(method: str, path: str, declared: bool) -> None:
    observation = {"type": "Observation", "interaction": [{"code": "read"}, {"code": "create"}]}
    rest = {"interaction": [{"code": "transaction"}], "resource": [observation]}
    assert is_declared({"rest": [rest]}, Door(method, path)) is declared


def test_a_visit_to_the_bait_is_noticed(target: Target) -> None:
    before = target.visits()
    port = int(target.bait.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as visitor:
        assert visitor.recv(1) == b""  # turned away, so counted
    assert target.visits() == before + 1


def test_an_open_pipe_is_noticed(target: Target) -> None:
    before = target.visits()
    reader = os.open(target.pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert target.visits() == before + 1
    finally:
        os.close(reader)


def test_the_server_is_watched(tmp_path: Path) -> None:
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    notes = tmp_path / "notes"
    subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(WATCH), "HOSTILE_NOTES": str(notes)}, check=True
    )
    assert notes.read_text().split() == ["socket.connect"]


def test_documents_that_do_not_come_keep_nobody_waiting(target: Target) -> None:
    """Two more callers than work at a time send the half of a document, and no more."""
    stage, content = target.stage, as_json(bundle(pressure()))
    lines = [
        "POST /documents HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {stage.token(EPD)}",
        "Content-Type: application/fhir+json",
        f"Content-Length: {len(content)}",
    ]
    half = "\r\n".join([*lines, "", ""]).encode() + content[: len(content) // 2]
    waiting: list[socket.socket] = []
    with ExitStack() as stack:
        for _ in range(AT_WORK + 2):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", stage.port), timeout=10))
            connection.sendall(half)
            waiting.append(connection)
        time.sleep(1)  # all are waited for by now
        reply: Any = stage.ask("GET", "/fhir/r4/Observation", stage.token(PGO, BSN))
        assert reply.status == 200
        assert select.select(waiting, [], [], 0)[0] == []  # none of them was answered first
