"""The fields of an entry are those of NEN 7513, each in its place."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchangelog import FIELDS, DecisionEntry, OutcomeEntry, stamp
from gateway.exchangelog.entry import NOBODY, Kind, canonical, part
from gateway.policy import Caller, Request, decide, load_register
from tests.exchangelog.fakes import ANNA, NOW, decided

# NEN 7513:2018 chapter 7, mandatory; 7.4.2 and the like only say how a field is coded.
MANDATORY = {"7.2.1", "7.2.2", "7.2.3", "7.3.1", "7.3.4", "7.4.1", "7.4.3", "7.4.6", "7.5.2"}


@pytest.mark.parametrize(("kind", "entry"), [("decision", DecisionEntry), ("outcome", OutcomeEntry)])
def test_the_table_lists_every_field_once(
    kind: Kind, entry: type[DecisionEntry] | type[OutcomeEntry]
) -> None:
    listed = [field.name for field in FIELDS if field.kind == kind]
    assert sorted(listed) == sorted(field.name for field in dataclasses.fields(entry))


def test_every_mandatory_field_is_there() -> None:
    assert {field.clause for field in FIELDS if field.kind == "decision" and field.need == "M"} == MANDATORY


def test_a_decision_fills_every_mandatory_field() -> None:
    caller = Caller("pgo-1", "pgo", "PGO", frozenset({"PATRQT"}), frozenset({"PATRQT"}))
    request = Request(caller, "read", "PATRQT", ANNA, ANNA)
    entry = DecisionEntry.of(
        request, decide(request, load_register()), exchange="x", time=NOW, source="zibpoort"
    )
    empty = [
        field.name
        for field in FIELDS
        if field.kind == "decision" and field.need == "M" and not getattr(entry, field.name)
    ]
    assert empty == []
    assert (entry.event, entry.action, entry.effect) == ("transfer-to-other-system", "R", "permit-with-less")
    assert entry.permitted


def test_who_is_responsible_or_why_nobody_is() -> None:
    def entry(user: str) -> DecisionEntry:
        request = Request(Caller("a", "auditor", "FG", user=user), "audit", "HCOMPL")
        return DecisionEntry.of(request, decide(request, load_register()), exchange="x", time=NOW, source="z")

    assert (entry("j.fg").responsible, entry("j.fg").responsible_absent) == ("j.fg", "")
    assert (entry("").responsible, entry("").responsible_absent) == ("", NOBODY)


def test_an_unknown_action_is_logged_as_such() -> None:
    request = Request(Caller("", "", ""), "conquer", "")
    entry = DecisionEntry.of(request, decide(request, load_register()), exchange="x", time=NOW, source="z")
    assert (entry.event, entry.effect, entry.permitted) == ("unknown", "deny", False)


def test_what_tells_of_health_is_sealed_and_the_person_is_in_neither_part() -> None:
    entry = decided("x")
    leaf, sealed = part(entry, "leaf"), part(entry, "sealed")
    assert {"query", "blocks", "content_hash", "request_id", "responsible"} <= set(sealed)
    assert not set(leaf) & set(sealed)
    assert "person" not in leaf | sealed
    assert ANNA not in json.dumps([leaf, sealed])


zones = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-5))])
times = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=zones)  # noqa: DTZ001


@given(times, times)
def test_text_order_of_times_is_time_order(one: datetime, other: datetime) -> None:
    assert (stamp(one) < stamp(other)) == (one < other)
    assert len(stamp(one)) == 27


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        stamp(datetime(2026, 7, 1))  # noqa: DTZ001


def test_canonical_json_is_that_of_rfc_8785() -> None:
    value = {"b": ['é"\\\n\x1f\u2028/'], "a": {"y": 1, "x": True, "z": None}}
    expected = '{"a":{"x":true,"y":1,"z":null},"b":["é\\"\\\\\\n\\u001f\u2028/"]}'
    assert canonical(value) == expected.encode()
