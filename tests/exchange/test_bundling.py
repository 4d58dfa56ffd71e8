"""Changes and questions together, with the real parts."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.stage import EPD, PGO
from gateway.errors import Denied, GatewayError, InputError, NotFound
from gateway.exchange import Answer
from gateway.exchange.changes.answers import Together
from gateway.exchange.changes.asked import Posted
from tests.exchange.house import FENNA, House
from tests.exchange.resources import as_json, bundle, entry, ordinary, patient, pressure


def change(house: House, tree: Any, call: Any = None) -> Together:
    return house.pipeline.bundling.change(
        call or house.call(EPD), "r4", lambda: Posted("POST", as_json(tree))
    )


def ask(url: str) -> Any:
    return {"request": {"method": "GET", "url": url}}


def test_rows_are_in_the_order_of_the_entries(house: House) -> None:
    tree = bundle(ask("Patient/p"), entry(patient(id="p"), 1, "PUT"), ask("Patient/p/_history/1"))
    first, second, third = change(house, tree).rows
    assert isinstance(first, Answer)
    assert isinstance(second, tuple)
    assert isinstance(third, Answer)
    assert first.body == third.body
    assert second[0].status == 201


def test_a_batch_leaves_a_decision_for_each_entry_and_none_of_its_own(house: House) -> None:
    change(house, ordinary())
    before = len(house.log())
    done = change(house, bundle(ask("Patient/none"), ask("Observation"), kind="batch"))
    assert all(isinstance(row, GatewayError) for row in done.rows)
    assert len(house.log()) == before + 2
    assert all(outcome and outcome["status"] == "refused" for _, outcome in house.log()[before:])


def test_what_is_wrong_with_a_question_is_told_and_is_no_change(house: House) -> None:
    tree = bundle(ask("Patient/p/$everything"), entry(patient(), 1), kind="batch")
    question, change_ = change(house, tree, house.call(PGO, FENNA)).rows
    assert isinstance(question, InputError)
    assert question.issues[0].place == "Bundle.entry[0].request.url"
    assert isinstance(change_, Denied)
    asked, wanted = (decision for decision, _ in house.log())
    assert asked["action"] != wanted["action"]


def test_a_decision_is_durable_before_an_answer_is_in_the_bundle(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(house, ordinary())
    seen: list[tuple[str, bool]] = []
    get = house.pipeline.get

    def watched(call: Any, question: Any, release: Any) -> None:
        def released(answer: Answer) -> None:
            decision, outcome = house.log()[-1]
            seen.append((decision["effect"], outcome is None))
            release(answer)

        get(call, question, released)

    monkeypatch.setattr(house.pipeline, "get", watched)
    change(house, bundle(ask("Patient"), ask("Observation"), kind="batch"), house.call(PGO, FENNA))
    assert seen == [("permit-with-less", True)] * 2


def test_the_hash_of_what_left_is_that_of_the_answer(house: House) -> None:
    change(house, bundle(entry(patient(id="p"), 1, "PUT"), entry(pressure("Patient/p", id="o"), 2, "PUT")))
    (row,) = change(house, bundle(ask("Observation/o"))).rows
    assert isinstance(row, Answer)
    outcome = house.log()[-1][1]
    assert outcome is not None
    assert outcome["size"] == len(row.body)


def test_a_transaction_that_asks_for_nothing_there_stores_nothing(house: House) -> None:
    with pytest.raises(NotFound):
        change(house, bundle(entry(patient(), 1), ask("Patient/none")))
    assert house.rows() == {"persons": 0, "documents": 0, "versions": 0}
