"""The exchange log over HTTP."""

from __future__ import annotations

import json

import pytest

from conformance.stage import AUDITOR, EPD, PGO
from tests.api.client import Door
from tests.exchange.house import BRAM, FENNA


def test_the_log_shows_who_for_whom_why_and_what_came_of_it(door: Door) -> None:
    door.post()
    door.get("/fhir/stu3/Condition")
    door.get("/fhir/r4/Condition", EPD)
    response = door.audit()
    assert response.status_code == 200
    reading, denied, read, delivered = response.json()["exchanges"]
    assert reading["outcome"] is None, "this reading is not finished while its answer is made"
    assert (denied["decision"]["effect"], denied["outcome"]["status"]) == ("deny", "refused")
    assert "role-not-listed" in denied["decision"]["reasons"]
    assert read["outcome"]["counts"] == {"Condition": 2}
    assert read["decision"]["articles"]
    assert read["decision"]["person"] == delivered["decision"]["person"]
    assert delivered["outcome"]["counts"]["Problem"] == 2
    for secret in (FENNA, BRAM, "Duinkerk", "Bearer"):
        assert secret not in response.text
    finished = door.audit("?activity=auditor-reads-log").json()["exchanges"]
    assert finished[1]["outcome"]["status"] == "completed"


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("", 5),
        (f"?caller={EPD.id}", 2),
        (f"?caller={PGO.id}", 2),
        ("?effect=deny", 1),
        ("?activity=person-reads-own-record", 3),
        ("?limit=2", 2),
        ("?since=2020-01-01T00:00:00Z", 5),
        ("?until=2020-01-01T00:00:00%2B01:00", 0),
        ("?exchange=nonsense", 0),
        (f"?person={'0' * 64}", 1),  # this reading is itself about that person
    ],
)
def test_filters(door: Door, query: str, number: int) -> None:
    door.post()
    door.get("/fhir/r4/Condition")
    door.get("/fhir/r4/Condition", person=BRAM)
    door.get("/fhir/r4/Condition", EPD)
    assert len(door.audit(query).json()["exchanges"]) == number


@pytest.mark.parametrize(
    "query",
    [
        "?exchange=%00",
        "?caller=a%00",
        "?activity=%00",
        "?effect=%00",
        "?since=2020-01-01T00:00:00",
        "?since=yesterday",
        f"?person={FENNA}",
        "?person=ABC",
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?before=-1",
        "?before=9223372036854775808",
        "?since=0001-01-01T00:00:00%2B14:00",
        "?until=9999-12-31T23:59:59-12:00",
        f"?caller={'x' * 201}",
    ],
)
def test_a_filter_that_is_wrong_is_named_without_its_value(door: Door, query: str) -> None:
    response = door.audit(query)
    assert response.status_code == 400
    (issue,) = response.json()["issue"]
    name, _, value = query[1:].partition("=")
    assert issue["diagnostics"].startswith(f"{name}: ")
    assert len(value) < 4 or value not in response.text


def test_pages_follow_each_other(door: Door) -> None:
    for _ in range(3):
        door.get("/fhir/r4/Condition")
    first = door.audit(f"?caller={PGO.id}&limit=2").json()
    second = door.audit(f"?caller={PGO.id}&limit=2&before={first['next']}").json()
    assert [len(page["exchanges"]) for page in (first, second)] == [2, 1]
    assert second["next"] is None


@pytest.mark.parametrize("client", [EPD, PGO])
def test_only_an_auditor_reads_the_log(door: Door, client: object) -> None:
    response = door.get("/audit/exchanges", client)  # type: ignore[arg-type]
    assert response.status_code == 403
    assert "exchanges" not in response.text
    assert json.loads(response.text)["issue"][0]["code"] == "forbidden"


def test_nobody_reads_the_log_without_a_token(door: Door) -> None:
    assert door.get("/audit/exchanges", None).status_code == 401


def test_an_auditor_reads_no_record(door: Door) -> None:
    assert door.get("/fhir/r4/Condition", AUDITOR).status_code == 403
