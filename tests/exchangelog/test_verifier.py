"""Whatever is done to a stored log, the verifier finds it."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, Issue
from gateway.exchangelog import ExchangeLog, Receipt, Row, verify
from gateway.exchangelog.log import commitment
from gateway.exchangelog.merkle import Frontier, frontier, leaf_hash
from tests.exchangelog.fakes import BERT, MemoryRows, decided, done, log, reading


def written() -> tuple[ExchangeLog, MemoryRows, list[Receipt]]:
    """Three exchanges: one done, one without outcome, one denied; and a reading of the log."""
    made, rows, _ = log()
    entries = (decided("a"), done("a"), decided("b"), decided("c", effect="deny"), reading(), done("reader"))
    return made, rows, [made.record(entry) for entry in entries]


def says(rows: MemoryRows, known: Receipt | None = None) -> str:
    report = verify(rows, known)
    assert report.intact == (report.problems == ())
    return "\n".join(issue.diagnostics() for issue in report.problems)


def test_a_log_as_written_is_intact() -> None:
    _, rows, receipts = written()
    report = verify(rows, receipts[3])
    assert report.intact
    assert (report.size, report.root, report.gaps) == (6, rows.tree.root(), 1)


def test_an_empty_log_is_intact() -> None:
    assert verify(MemoryRows()).intact


@given(st.integers(0, 5), st.sampled_from([f.name for f in dataclasses.fields(Row)]), st.integers(0, 10**6))
def test_any_change_of_a_row_is_found(number: int, column: str, where: int) -> None:
    _, rows, _ = written()
    value: Any = getattr(rows.kept[number], column)
    if isinstance(value, int):
        changed: Any = value + 1 + where
    elif isinstance(value, bytes):
        place = where % (len(value) + 1)
        flipped = bytes([value[place] ^ (1 << where % 8)]) if place < len(value) else b"\x00"
        changed = value[:place] + flipped + value[place + 1 :]
    else:
        place = where % (len(value) + 1)
        changed = value[:place] + ("0" if value[place : place + 1] != "0" else "1") + value[place + 1 :]
    assert changed != value
    rows.kept[number] = replace(rows.kept[number], **{column: changed})
    assert not verify(rows).intact


def test_two_sealed_parts_swapped() -> None:
    _, rows, _ = written()
    one, other = rows.kept[0], rows.kept[2]
    rows.kept[0], rows.kept[2] = replace(one, sealed=other.sealed), replace(other, sealed=one.sealed)
    assert says(rows).count("the sealed part is not the one") == 2


def test_an_entry_put_on_another_persons_name() -> None:
    _, rows, _ = written()
    rows.kept[0] = replace(rows.kept[0], person=BERT)
    assert "the person is not the one" in says(rows)


def test_an_entry_removed() -> None:
    _, rows, _ = written()
    del rows.kept[2]
    assert "an entry is missing" in says(rows)


def test_two_entries_exchanged() -> None:
    _, rows, _ = written()
    one, other = rows.kept[2], rows.kept[3]
    rows.kept[2], rows.kept[3] = replace(other, position=2), replace(one, position=3)
    assert "the stored tree head" in says(rows)


def test_the_last_entry_removed() -> None:
    _, rows, _ = written()
    rows.kept.pop()
    assert "the stored tree head is of 6 entries and does not fit the 5" in says(rows)


def test_the_head_set_back_as_well_is_found_with_a_head_from_before() -> None:
    _, rows, receipts = written()
    rows.kept.pop()
    rows.tree = frontier(row.leaf_hash for row in rows.kept)
    assert verify(rows).intact  # nothing in the database contradicts it
    assert "1 entries that were known are gone" in says(rows, receipts[5])


def test_a_log_rewritten_from_the_start_is_found_with_a_head_from_before() -> None:
    _, rows, receipts = written()
    _, forged, _ = written()  # the same entries, other salts
    rows.kept, rows.tree = forged.kept, forged.tree
    assert verify(rows).intact
    assert "not the one that was known" in says(rows, receipts[2])


def test_an_outcome_whose_decision_was_cut_out_with_a_new_tree() -> None:
    made, rows, _ = log()
    made.record(decided("a"))
    made.record(done("a"))
    rows.kept = [replace(rows.kept[1], position=0)]
    rows.tree = frontier([rows.kept[0].leaf_hash])
    assert "an exchange has one decision" in says(rows)


def test_a_leaf_of_another_log() -> None:
    made, rows, _ = log()
    made.record(decided("a"))
    foreign = MemoryRows("other")
    foreign.kept, foreign.tree = rows.kept, rows.tree
    assert "belongs to another log" in says(foreign)


@pytest.mark.parametrize("leaf", [b"", b"{}", b"[]", b"\xff", b'{"kind":"decision"}', b'{"kind":[]}'])
def test_a_leaf_that_is_no_entry(leaf: bytes) -> None:
    rows = MemoryRows()
    rows.kept = [Row(0, "decision", "a", "", "", "", "", "", b"", leaf, leaf_hash(leaf), b"")]
    rows.tree = Frontier().add(leaf_hash(leaf))
    assert "the leaf is not a log entry" in says(rows)


def test_a_head_that_cannot_be_read() -> None:
    class Broken(MemoryRows):
        def head(self) -> Frontier:
            raise Fault(Issue("fatal", "security", "the tree head is gone"))

    assert says(Broken()) == "the tree head is gone"


def test_the_commitment_hides_the_person() -> None:
    assert commitment(BERT, b"1") != commitment(BERT, b"2")
    assert commitment("", b"") == ""
