"""What surrounds every request: ids, headers, log lines, and faults of ours."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from gateway.api import create_app
from gateway.api.guard import HEADERS, HSTS
from gateway.errors import Fault, Issue
from gateway.exchange import renditions
from tests.api.client import Door
from tests.exchange.house import BGZ, FENNA, without_outcomes

SECRET = f"SELECT {FENNA} FROM Duinkerk"


@pytest.mark.parametrize("where", ["/health/live", "/fhir/r4/Condition", "/nonsense", "/fhir/r4/metadata"])
def test_every_answer_has_the_headers(door: Door, where: str) -> None:
    response = door.get(where)
    for name, value in (*HEADERS.items(), HSTS):
        assert response.headers[name] == value
    assert "server" not in response.headers
    assert uuid.UUID(response.headers["x-request-id"]).version == 4


def test_no_hsts_without_https(door: Door) -> None:
    plain = door.house.settings.model_copy(update={"base_url": "http://127.0.0.1"})
    response = TestClient(create_app(door.house.pipeline, plain)).get("/health/live")
    assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize("name", ["MedMij-Request-ID", "X-Correlation-ID", "X-Request-ID"])
def test_the_callers_id_goes_along_into_the_log(door: Door, name: str) -> None:
    own = str(uuid.uuid4())
    response = door.get("/fhir/r4/Condition", headers={name: own})
    assert response.headers["x-request-id"] == own
    assert door.house.log()[0][0]["request_id"] == own


@pytest.mark.parametrize("given", ["1", FENNA, "x" * 100, "a\tb", ""])
def test_an_id_that_is_no_uuid_is_not_taken_over(door: Door, given: str) -> None:
    response = door.get("/fhir/r4/Condition", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] != given
    assert uuid.UUID(door.house.log()[0][0]["request_id"]).version == 4


def broken(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(renditions, "record_of", fail)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError(SECRET), 500),
        (KeyError(SECRET), 500),
        (Fault(Issue("fatal", "exception", SECRET)), 500),
        (Fault(Issue("fatal", "no-store", SECRET)), 503),
        (Fault(), 500),
    ],
    ids=["RuntimeError", "KeyError", "Fault", "no store", "empty"],
)
def test_a_fault_of_ours_says_an_id_and_no_more(
    door: Door, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    broken(monkeypatch, error)
    with capture_logs([merge_contextvars]) as logs:
        response = door.get("/fhir/r4/Condition")
    assert response.status_code == status
    issue = response.json()["issue"][0]
    assert response.headers["x-request-id"] in issue["diagnostics"]
    assert SECRET not in response.text
    assert "Traceback" not in response.text
    assert ("retry-after" in response.headers) is (status == 503)
    (fault,) = [line for line in logs if line["event"] == "fault"]
    assert fault["request"] == response.headers["x-request-id"]
    assert fault["type"] == type(error).__name__
    assert any("pipeline.py" in place for place in fault["at"])
    assert door.house.log()[0][1]["status"] == "failed"  # type: ignore[index]


def test_a_fault_is_told_in_the_callers_syntax(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, RuntimeError(SECRET))
    response = door.get("/fhir/r4/Condition", headers={"Accept": "application/fhir+xml"})
    assert response.status_code == 500
    assert "<OperationOutcome" in response.text


def test_without_a_log_there_is_no_exchange(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise Fault(Issue("fatal", "no-store", "the disk is full"))

    door.post()
    with monkeypatch.context() as patched:
        for way in ("write", "record"):
            patched.setattr(door.house.pipeline.books.database, way, full)
        for response in (door.get("/fhir/r4/Condition"), door.post(BGZ + b"\n"), door.audit()):
            assert response.status_code == 503
            assert response.json()["resourceType"] == "OperationOutcome"
            assert "Duinkerk" not in response.text
    assert door.house.rows()["documents"] == 1
    assert len(door.house.log()) == 1


def test_an_outcome_that_cannot_be_recorded_is_a_gap_and_the_answer_has_no_end(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_outcomes(monkeypatch, Fault(Issue("fatal", "no-store", "the disk is full")))
    with capture_logs() as logs:
        response = door.get("/fhir/r4/Condition")
    assert response.status_code == 200
    assert door.house.log()[0][1] is None
    assert {line["event"] for line in logs} >= {"no outcome on record", "fault"}


def test_an_address_with_a_slash_too_many_is_not_there(door: Door) -> None:
    for path in ("/fhir/r4/Patient/", "/fhir/r4/Patient/1/_history/", "/documents/"):
        response = door.http.get(path, headers={"Host": "elsewhere.example"}, follow_redirects=False)
        assert response.status_code == 404
        assert response.json()["resourceType"] == "OperationOutcome"
        assert "location" not in response.headers


def test_methods_that_are_not_there_have_an_outcome(door: Door) -> None:
    for method, path in (
        ("PUT", "/audit/exchanges"),
        ("DELETE", "/audit/exchanges"),
        ("PATCH", "/fhir/r4/Condition"),
    ):
        response = door.http.request(method, path)
        assert response.status_code == 405
        assert response.headers["allow"] == "GET"
        assert response.json()["resourceType"] == "OperationOutcome"


def test_the_description_of_the_api_names_every_address(door: Door) -> None:
    paths = door.get("/openapi.json", None).json()["paths"]
    assert set(paths) == {
        "/documents",
        "/documents/{document}/account",
        "/fhir/{version}/{kind}/_search",
        "/fhir/{version}/{kind}/$validate",
        "/fhir/{version}/Observation/$lastn",
        "/fhir/{version}/Patient/{id}/$everything",
        "/fhir/{version}/Composition/{id}/$document",
        "/fhir/{version}",
        "/fhir/{version}/metadata",
        "/fhir/{version}/{kind}",
        "/fhir/{version}/{kind}/{id}",
        "/fhir/{version}/{kind}/{id}/_history",
        "/fhir/{version}/{kind}/{id}/_history/{vid}",
        "/fhir/{version}/Binary",
        "/fhir/{version}/Binary/{id}",
        "/fhir/{version}/Binary/{id}/_history/{vid}",
        "/audit/exchanges",
        "/health/live",
        "/health/ready",
    }
    for where in ("/docs", "/redoc"):
        assert door.get(where, None).status_code == 404
