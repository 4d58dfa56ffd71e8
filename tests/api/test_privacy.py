"""A BSN in every place that a request has, sent to the real server: none of them reaches its log."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.stage import DOCUMENT, EPD, PGO, Client, Stage
from tests.api.client import Door

FENNA, OTHER = "999980014", "999980026"
NUMBER = re.compile(rf"9{{4}}8001.?4|{OTHER}|999-?980-?014")
LINE = {"event", "level", "timestamp", "request", "method", "route", "status", "ms", "exchange"}
"""What a line about a request has, and nothing else."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("privacy")) as found:
        found.prepare()
        found.start()
        yield found


def lines(stage: Stage) -> list[dict[str, Any]]:
    """The log of the server, with the line of every request that was answered before.

    A line is written when its answer has left, so that a caller can be earlier.  What the server says for
    people before it starts is no JSON.
    """
    last = str(uuid.uuid4())
    stage.ask("GET", "/health/live", headers={"X-Request-ID": last})
    for _ in range(100):
        text = (stage.folder / "server.log").read_text()
        found = [json.loads(line) for line in text.splitlines(keepends=True) if line[:1] + line[-1:] == "{\n"]
        if any(line.get("request") == last for line in found):
            return [line for line in found if line.get("route") != "/health/live"]
        time.sleep(0.1)
    raise AssertionError("the server does not log")


def by_hand(stage: Stage, *head: str, body: bytes = b"") -> bytes:
    """A request of which every byte is ours."""
    with socket.create_connection(("127.0.0.1", stage.port), timeout=30) as connection:
        text = "\r\n".join([*head, f"Content-Length: {len(body)}", "Connection: close", "", ""])
        connection.sendall(text.encode() + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


HEADERS = (
    *("X-Request-ID", "X-Correlation-ID", "MedMij-Request-ID", "User-Agent", "Referer", "Cookie", "Accept"),
    *("Content-Type", "If-Match", "Prefer", "X-Forwarded-For", "Forwarded", "traceparent", FENNA),
)
TARGETS = (
    f"/{FENNA}",
    f"/fhir/r4/Patient/{FENNA}",
    f"/fhir/{FENNA}/Patient",
    f"/fhir/r4/{FENNA}",
    f"/documents/{FENNA}/account",
    f"/fhir/r4/Condition?patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn|{FENNA}",
    f"/fhir/r4/Condition?{FENNA}={FENNA}",
    f"/audit/exchanges?person={FENNA}&since={FENNA}&limit={FENNA}",
    f"/health/ready?{FENNA}",
    f"/metrics/{FENNA}",
    f"http://{FENNA}.example/fhir/r4/Condition",
)
CLAIMS = ("person", "user", "jti", "client_id", "role", "organisation", "purpose", "iss", "aud")


def send_everywhere(stage: Stage) -> int:
    """Requests with a BSN in each place; how many."""
    bearer = f"Authorization: Bearer {stage.token(PGO, FENNA)}"
    heads = [[f"GET {target} HTTP/1.1", "Host: x", bearer] for target in TARGETS]
    heads += [["GET /fhir/r4/Condition HTTP/1.1", "Host: x", bearer, f"{n}: {FENNA}"] for n in HEADERS]
    heads += [
        ["GET /fhir/r4/Condition HTTP/1.1", f"Host: {FENNA}", bearer],
        ["GET /fhir/r4/Condition HTTP/1.1", "Host: x", f"Authorization: Bearer {FENNA}"],
        [f"GET /fhir/r4/Condition HTTP/{FENNA}", "Host: x"],
        [f"B{FENNA} /fhir/r4/Condition HTTP/1.1", "Host: x"],
    ]
    for head in heads:
        assert by_hand(stage, *head).startswith(b"HTTP/1.1 ")
    for claim in CLAIMS:
        client: Client = PGO if claim == "person" else EPD
        token = stage.token(client, **{claim: FENNA})
        stage.ask("GET", "/fhir/r4/Condition", token)
    bodies = (
        DOCUMENT.read_bytes(),
        f"<a>{FENNA}</a>".encode(),
        FENNA.encode(),
        b'{"resourceType": "999980014"}',
    )
    for body in bodies:
        for media in ("application/xml", "application/fhir+json", FENNA):
            stage.post(body, stage.token(EPD), media)
    return len(heads) + len(CLAIMS) + 3 * len(bodies)


def test_no_bsn_token_query_or_content_reaches_the_log(stage: Stage) -> None:
    before = len(lines(stage))
    sent = send_everywhere(stage)
    found = lines(stage)
    text = (stage.folder / "server.log").read_text()
    assert NUMBER.findall(text) == []
    for secret in ("Bearer", "eyJ", "Duinkerk", "NamingSystem", "Traceback"):
        assert secret not in text
    new = [line for line in found[before:] if line["event"] == "request"]
    refused_before_us = 2  # what is no HTTP the server itself refuses
    assert sent - refused_before_us <= len(new) <= sent
    for line in new:
        assert line.keys() == LINE
        assert line["route"] in {
            "",
            "/documents",
            "/documents/{document}/account",
            "/fhir/{version}/{kind}",
            "/fhir/{version}/{kind}/{id}",
            "/audit/exchanges",
            "/health/ready",
        }
        assert len(line["request"]) == 36
    assert {line["status"] for line in new} >= {200, 201, 400, 401, 403, 404, 422}


def test_the_line_of_a_request_has_the_id_of_its_exchange(stage: Stage) -> None:
    own = str(uuid.uuid4())
    stage.ask("GET", "/fhir/r4/Condition", stage.token(PGO, FENNA), headers={"X-Request-ID": own})
    (line,) = [line for line in lines(stage) if line.get("request") == own]
    with sqlite3.connect(stage.folder / "data" / "zibpoort.db") as database:
        kinds = database.execute("SELECT kind FROM log_entries WHERE exchange = ?", (line["exchange"],))
        assert sorted(kinds) == [("decision",), ("outcome",)]
    database.close()


def test_a_fault_of_ours_is_found_in_the_log_by_the_id_that_the_caller_was_told(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.prepare()
        stage.start()
        stage.post(DOCUMENT.read_bytes(), stage.token(EPD))
        with sqlite3.connect(tmp_path / "data" / "zibpoort.db") as database:
            database.execute("ALTER TABLE versions RENAME TO elsewhere")
        database.close()
        reply = stage.ask("GET", "/fhir/r4/Condition", stage.token(PGO, FENNA))
        assert reply.status == 503
        assert reply.json["resourceType"] == "OperationOutcome"
        told = reply.json["issue"][0]["diagnostics"]
        found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", told)
        assert found is not None
        assert found[0] == reply.headers["x-request-id"]
        faults = [line for line in lines(stage) if line["event"] == "fault"]
        assert [line["request"] for line in faults] == [found[0]]
        assert faults[0]["issues"] == ["the database failed: OperationalError"]
        for secret in (b"SELECT", b"versions", b"sqlite", b"Traceback", b".py", str(tmp_path).encode()):
            assert secret not in reply.body
        assert NUMBER.findall((tmp_path / "server.log").read_text()) == []


def test_no_bsn_reaches_the_exchange_log(door: Door) -> None:
    door.post()
    bearer = {"Authorization": f"Bearer {door.house.stage.token(EPD)}"}
    for number in (FENNA, OTHER):
        for path in (
            f"Patient/{number}/$everything",
            f"Composition/{number}/$document",
            f"Patient?identifier:not={number}",
            f"Observation?performer=Patient/{number}",
            f"Observation?patient=Patient/{number}",
        ):
            assert door.get(f"/fhir/r4/{path}").status_code == 400, path
        for path in (f"{number}/1", f"{number}/1/_history", f"{number}/1/_history/1"):
            assert door.get(f"/fhir/r4/{path}", EPD).status_code == 404, path
        asked = door.http.post(f"/fhir/r4/{number}/$validate", content=b"{}", headers=bearer)
        assert asked.status_code == 404
        for name in ("exchange", "caller", "activity", "effect"):
            refused = door.audit(f"?{name}={number}")
            assert (refused.status_code, refused.json()["issue"][0]["code"]) == (400, "security")
        token = door.house.stage.token(PGO, number, user=f"bsn:{number}")
        told = door.http.get("/fhir/r4/Patient", headers={"Authorization": f"Bearer {token}"})
        assert told.status_code == 401
    assert NUMBER.findall(str(door.house.log())) == []
