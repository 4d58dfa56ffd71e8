"""Writing and reading the log, on a store in memory."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gateway.errors import Fault
from gateway.exchangelog import Search, verify
from gateway.exchangelog.log import MAX_LEAF
from gateway.exchangelog.merkle import inclusion_proof, verify_inclusion
from tests.exchangelog.fakes import ANNA, BERT, NOW, decided, done, log, reading


def test_an_exchange_is_a_decision_and_an_outcome() -> None:
    written, rows, _ = log()
    first, second = written.record(decided("x")), written.record(done("x"))
    assert (first.position, second.position, second.size) == (0, 1, 2)
    written.record(reading())
    (found,) = written.exchanges(Search(person=ANNA), under="reader")
    assert found.decision["caller"] == "pgo-1"
    assert found.decision["query"] == "Observation?code=85354-9"
    assert found.decision["person"] == ANNA
    assert found.outcome is not None
    assert found.outcome["counts"] == {"Observation": 3}
    assert found.outcome["person"] == ANNA  # that of its decision
    leaves = [row.leaf_hash for row in rows.kept[:2]]
    assert verify_inclusion(first.leaf_hash, 0, 2, inclusion_proof(leaves, 0), second.root)


def test_neither_leaf_nor_columns_tell_what_was_asked() -> None:
    written, rows, _ = log()
    written.record(decided("x"))
    (row,) = rows.kept
    assert b"Observation" not in row.leaf
    assert b"BloodPressure" not in row.leaf
    assert ANNA.encode() not in row.leaf
    assert json.loads(row.leaf)["sealed"]


def test_two_entries_on_one_person_have_different_commitments() -> None:
    written, rows, _ = log()
    written.record(decided("x"))
    written.record(decided("y"))
    one, other = (json.loads(row.leaf)["person"] for row in rows.kept)
    assert one != other


def test_one_decision_and_one_outcome_for_each_exchange() -> None:
    written, rows, _ = log()
    with pytest.raises(Fault, match="follows its decision"):
        written.record(done("x"))
    written.record(decided("x"))
    with pytest.raises(Fault, match="one decision"):
        written.record(decided("x"))
    written.record(done("x"))
    with pytest.raises(Fault, match="follows its decision"):
        written.record(done("x"))
    assert len(rows.kept) == rows.tree.size == 2


def test_a_denied_exchange_is_refused_and_never_completed() -> None:
    written, _, _ = log()
    written.record(decided("x", effect="deny"))
    with pytest.raises(Fault, match="denied"):
        written.record(done("x"))
    written.record(done("x", status="refused", code="403"))


def test_a_writer_who_comes_between_is_a_fault_for_who_holds_the_tree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written, rows, _ = log()
    monkeypatch.setattr(rows, "append", lambda *_: None)
    with pytest.raises(Fault, match="second writer"):
        written.record(decided("x"))
    assert rows.kept == []


def test_an_entry_fits_a_tile() -> None:
    written, rows, _ = log()
    with pytest.raises(Fault, match=str(MAX_LEAF)):
        written.record(decided("x", caller="c" * MAX_LEAF))
    assert rows.kept == []


def test_the_log_is_read_only_under_a_permitted_reading() -> None:
    written, _, _ = log()
    with pytest.raises(Fault, match="without a decision"):
        written.exchanges(Search(), under="reader")
    written.record(decided("x"))
    with pytest.raises(Fault, match="does not permit"):
        written.exchanges(Search(), under="x")
    written.record(reading("no", effect="deny"))
    with pytest.raises(Fault, match="does not permit"):
        written.exchanges(Search(), under="no")
    written.record(reading("old"))
    written.record(done("old"))
    with pytest.raises(Fault, match="does not permit"):
        written.exchanges(Search(), under="old")


def test_reading_the_log_stands_in_what_is_read() -> None:
    written, _, _ = log()
    written.record(reading("reader"))
    (found,) = written.exchanges(Search(), under="reader")
    assert (found.decision["event"], found.decision["exchange"], found.outcome) == (
        "read-log",
        "reader",
        None,
    )


def test_search() -> None:
    written, _, _ = log()
    written.record(decided("a"))
    written.record(decided("b", person=BERT, caller="pgo-2", time=NOW + timedelta(hours=1)))
    written.record(decided("c", effect="deny", activity="", time=NOW + timedelta(hours=2)))
    written.record(reading(time=NOW + timedelta(hours=3)))

    def found(search: Search) -> list[str]:
        return [each.decision["exchange"] for each in written.exchanges(search, under="reader")]

    assert found(Search()) == ["reader", "c", "b", "a"]
    assert found(Search(limit=2)) == ["reader", "c"]
    assert found(Search(limit=2, before=2)) == ["b", "a"]
    assert found(Search(exchange="b")) == ["b"]
    assert found(Search(person=ANNA)) == ["c", "a"]
    assert found(Search(caller="pgo-2")) == ["b"]
    assert found(Search(effect="deny")) == ["c"]
    assert found(Search(activity="auditor-reads-log")) == ["reader"]
    assert found(Search(since=NOW + timedelta(hours=1), until=NOW + timedelta(hours=2))) == ["b"]


def test_after_the_key_is_destroyed_the_personal_part_is_gone_and_the_proof_holds() -> None:
    written, rows, keys = log()
    written.record(decided("x"))
    written.record(done("x"))
    written.record(reading())
    keys.destroyed.add((ANNA, 2026))
    (found,) = written.exchanges(Search(person=ANNA), under="reader")
    assert "query" not in found.decision
    assert found.outcome is not None
    assert "counts" not in found.outcome
    assert verify(rows).intact
