"""The real server, as `zibpoort serve` starts it: what only a connection can show."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.stage import AUDITOR, DOCUMENT, EPD, PGO, Stage

MIB = 1024 * 1024
LARGE = 50 * MIB
LIMIT = 20 * MIB
FENNA = "999980014"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("server")) as found:
        found.prepare()
        found.start()
        yield found
        log = (found.folder / "server.log").read_text()
    for secret in ("Traceback", FENNA, "Duinkerk", "Bearer", "eyJ"):
        assert secret not in log


def send(stage: Stage, head: list[str], parts: Iterator[bytes]) -> bytes:
    """A request by hand; what came back until the server closed, also when it did not take everything."""
    answer = b""
    with socket.create_connection(("127.0.0.1", stage.port), timeout=30) as connection:
        lines = ["POST /documents HTTP/1.1", f"Host: 127.0.0.1:{stage.port}", *head]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # the answer may be there all the same
        while part := connection.recv(65536):
            answer += part
    return answer


def head_of(stage: Stage, *more: str) -> list[str]:
    token = stage.token(EPD)
    return [f"Authorization: Bearer {token}", "Content-Type: application/xml", "Connection: close", *more]


def peak(stage: Stage) -> int:
    """Most memory that the server ever had, in bytes."""
    assert stage.server is not None
    status = Path(f"/proc/{stage.server.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory of the server from /proc")
@pytest.mark.parametrize("stated", [True, False], ids=["with a length", "in chunks"])
def test_fifty_megabytes_are_refused_without_being_held(stage: Stage, stated: bool) -> None:
    before = peak(stage)
    if stated:
        answer = send(stage, head_of(stage, f"Content-Length: {LARGE}"), (b" " * MIB for _ in range(50)))
    else:
        chunk = f"{MIB:x}\r\n".encode() + b" " * MIB + b"\r\n"
        answer = send(
            stage,
            head_of(stage, "Transfer-Encoding: chunked"),
            iter([*[chunk] * 50, b"0\r\n\r\n"]),
        )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"OperationOutcome" in answer
    assert peak(stage) - before < LIMIT + 40 * MIB


def test_an_unknown_caller_is_refused_before_its_document_is_sent(stage: Stage) -> None:
    """The length is stated, the document never comes."""
    head = ["Content-Type: application/xml", "Content-Length: 1000", "Connection: close"]
    assert send(stage, head, iter(())).startswith(b"HTTP/1.1 401 ")


def test_a_document_that_breaks_off_leaves_a_refusal(stage: Stage) -> None:
    document = DOCUMENT.read_bytes()
    with socket.create_connection(("127.0.0.1", stage.port), timeout=30) as connection:
        lines = ["POST /documents HTTP/1.1", "Host: x", *head_of(stage, f"Content-Length: {len(document)}")]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + document[:5000])
    for _ in range(100):
        log = stage.ask("GET", "/audit/exchanges?caller=" + EPD.id, stage.token(AUDITOR)).json["exchanges"]
        if log and log[0]["outcome"] and log[0]["outcome"]["code"] == "incomplete":
            assert log[0]["outcome"]["status"] == "refused"
            return
        time.sleep(0.1)
    pytest.fail("the refusal is not in the log")


def test_an_answer_ends_when_its_outcome_is_on_record(stage: Stage) -> None:
    stage.post(DOCUMENT.read_bytes(), stage.token(EPD))
    for _ in range(10):
        reply = stage.ask("GET", "/fhir/r4/Condition", stage.token(PGO, FENNA))
        assert reply.status == 200
        assert "content-length" not in reply.headers
        newest = stage.ask("GET", f"/audit/exchanges?caller={PGO.id}&limit=1", stage.token(AUDITOR)).json
        assert newest["exchanges"][0]["outcome"]["status"] == "completed"


def test_the_server_does_not_say_what_it_is(stage: Stage) -> None:
    for path in ("/health/live", "/nonsense", "/fhir/r4/metadata"):
        reply = stage.ask("GET", path)
        assert "server" not in reply.headers
        assert "x-powered-by" not in reply.headers
        assert b"uvicorn" not in reply.body
        assert b"0.1.0" not in reply.body


def test_what_is_not_http_is_refused_without_a_trace(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense \r\n\r\n")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert stage.ask("GET", "/health/ready").status == 200


def test_many_callers_at_once_are_all_served(stage: Stage) -> None:
    token, found = stage.token(PGO, FENNA), list[int]()

    def ask() -> None:
        found.append(stage.ask("GET", "/fhir/stu3/Observation", token).status)

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 24


def test_a_server_that_is_stopped_ends_in_order(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.prepare()
        stage.start()
        assert stage.post(DOCUMENT.read_bytes(), stage.token(EPD)).status == 201
        server = stage.server
        assert server is not None
        server.terminate()
        assert server.wait(20) == 0
        stage.start()
        assert stage.ask("GET", "/fhir/r4/Condition", stage.token(PGO, FENNA)).json["total"] == 2
