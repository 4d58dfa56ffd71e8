"""The versions of a resource, for who delivered them."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.stage import PGO
from gateway.exchange.history import MOST
from tests.api.client import Door
from tests.api.epd import NEIGHBOUR, door, fenna, outcomes, send
from tests.exchange.house import FENNA
from tests.exchange.resources import patient, pressure

__all__ = ["door"]


def path_of(answer: Any, relation: str) -> str:
    """Where a link of a Bundle leads, under `/fhir/`; "" when there is none."""
    urls = [each["url"] for each in answer.json()["link"] if each["relation"] == relation]
    return urls[0].partition("/fhir/")[2] if urls else ""


def numbers(answer: Any) -> list[str]:
    return [
        each["resource"]["meta"]["versionId"] if "resource" in each else "-"
        for each in answer.json()["entry"]
    ]


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_a_history_has_every_version_newest_first(door: Door, version: str) -> None:
    path = f"{version}/Patient/p"
    sent = patient(id="p")
    for gender in ("female", "male"):
        send(door, "PUT", path, sent | {"gender": gender})
    send(door, "DELETE", path)
    send(door, "PUT", path, sent)
    answer = send(door, "GET", f"{path}/_history")
    assert answer.json()["type"] == "history"
    assert numbers(answer) == ["4", "-", "2", "1"]
    assert [each["request"]["method"] for each in answer.json()["entry"]] == ["PUT", "DELETE", "PUT", "PUT"]
    assert {each["fullUrl"] for each in answer.json()["entry"]} == {f"https://gateway.example/fhir/{path}"}
    if version == "r4":
        statuses = [each["response"]["status"][:3] for each in answer.json()["entry"]]
        assert statuses == ["201", "204", "200", "201"]
    else:
        assert not any("response" in each for each in answer.json()["entry"])
    assert answer.json()["entry"][2]["resource"] == send(door, "GET", f"{path}/_history/2").json()
    assert outcomes(door)[-2] == ("permit", "completed")
    assert "xml" in send(door, "GET", f"{path}/_history?_format=xml").headers["content-type"]


def test_a_history_goes_on_to_its_end(door: Door) -> None:
    who = fenna(door)
    for number in range(5):
        send(door, "PUT", "r4/Observation/o", pressure(who, id="o", note=[{"text": f"{number}"}]))
    page, seen = "r4/Observation/o/_history?_count=2", []
    while page:
        answer = send(door, "GET", page)
        seen.append(numbers(answer))
        assert path_of(answer, "self") == page
        page = path_of(answer, "next")
    assert seen == [["5", "4"], ["3", "2"], ["1"]]
    assert numbers(send(door, "GET", f"r4/Observation/o/_history?_count={MOST * 10}")) == [
        "5",
        "4",
        "3",
        "2",
        "1",
    ]


@pytest.mark.parametrize(
    "query", ["_since=2026-01-01", "_at=2026", "_count=0", "_count=x", "_page=-1", "_count="]
)
def test_a_parameter_that_cannot_be_met_is_refused(door: Door, query: str) -> None:
    who = fenna(door)
    assert send(door, "GET", f"r4/{who}/_history?{query}").status_code == 400
    assert send(door, "GET", f"r4/{who}/_history?x=1").status_code == 200
    assert send(door, "GET", f"r4/{who}/_history?x=1", Prefer="handling=strict").status_code == 400


def test_what_another_delivered_has_no_history(door: Door) -> None:
    who = fenna(door)
    theirs = send(door, "GET", f"r4/{who}/_history", client=NEIGHBOUR)
    nothing = send(door, "GET", "r4/Patient/none/_history", client=NEIGHBOUR)
    assert theirs.status_code == 404
    assert theirs.content == nothing.content
    assert door.get(f"/fhir/r4/{who}/_history", PGO, FENNA).status_code == 403


def test_the_history_of_a_binary_is_a_version_a_page(door: Door) -> None:
    who = fenna(door)
    for content in (b"one", b"two"):
        headers: Any = {"X_Security_Context": who, "Content_Type": "text/plain"}
        send(door, "PUT", "r4/Binary/b", content, **headers)
    first = send(door, "GET", "r4/Binary/b/_history")
    assert numbers(first) == ["2"]
    assert numbers(send(door, "GET", path_of(first, "next"))) == ["1"]
