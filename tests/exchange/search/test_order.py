"""Order, pages and the shape of an answer."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InputError
from gateway.exchange.search import Resource
from tests.exchange.search.records import FENNA, Pairs, ids, observation, search, to

SORTED: list[Resource] = [
    observation("d", "2", effectiveDateTime="2024-03-01", valueQuantity={"value": 10}),
    observation("a", "1", effectiveDateTime="2024-03", valueQuantity={"value": 9}),
    observation("c", "2", effectivePeriod={"start": "2023", "end": "2025"}),
    observation("b", "1", performer=[to("Practitioner/z"), to("Practitioner/a")]),
]


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("", "abcd"),
        ("_id", "abcd"),
        ("-_id", "dcba"),
        ("date", "cadb"),
        ("-date", "cadb"),
        ("code,-_id", "badc"),
        ("-code,date", "cdab"),
        ("value-quantity", "adbc"),
        ("-value-quantity", "dabc"),
        ("performer", "bacd"),
        ("status,-date", "cadb"),
    ],
)
def test_the_order(sort: str, found: str) -> None:
    asked = search("Observation", ("_sort", sort), strict=bool(sort))
    for seed in range(3):
        shuffled = random.Random(seed).sample(SORTED, len(SORTED))
        assert "".join(ids(asked.run(shuffled))[0]) == found


def test_names_are_sorted_without_accents() -> None:
    people = [
        {"resourceType": "Practitioner", "id": number, "name": [{"family": name}]}
        for number, name in (("1", "Öz"), ("2", "pauw"), ("3", "Olie"))
    ]
    assert ids(search("Practitioner", ("_sort", "family")).run(people))[0] == ["3", "1", "2"]


def page(record: list[Resource], query: str) -> tuple[list[str], str]:
    """Ids of a page, and the cursor of the next."""
    found = search("Observation", *parse_qsl(query), strict=True).run(record)
    return ids(found)[0], found.next


RECORD = [observation(f"{number:02}", "1", performer=[to("Practitioner/dr")]) for number in range(7)]


@given(st.integers(1, 8), st.sampled_from(["_sort=_id", "_sort=-_id", "code=1", "_sort=-code&_total=none"]))
def test_the_pages_together_are_the_answer(size: int, query: str) -> None:
    whole, _ = page(RECORD, query)
    seen: list[str] = []
    following = f"{query}&_count={size}"
    while following:
        found, following = page(RECORD, following)
        assert 1 <= len(found) <= size
        seen += found
    assert seen == whole


def test_a_page_begins_after_the_last_one_whatever_was_written_meanwhile() -> None:
    _, following = page(RECORD, "_count=3")
    before, after = observation("00a", "1"), observation("02a", "1")
    assert page([before, *RECORD, after], following)[0] == ["02a", "03", "04"]
    without_first = [each for each in RECORD if each["id"] != "00"]
    assert page(without_first, following)[0] == ["03", "04", "05"]
    without_last = [each for each in RECORD if each["id"] != "02"]
    assert page(without_last, following)[0] == ["04", "05", "06"]
    assert page(RECORD[:2], following) == ([], "")


def test_the_last_page_has_no_next() -> None:
    assert page(RECORD, "_count=7") == (["00", "01", "02", "03", "04", "05", "06"], "")
    assert page(RECORD, "")[1] == ""
    assert page([], "_count=1") == ([], "")


def test_a_cursor_says_nothing_of_the_person() -> None:
    record = [observation(f"{FENNA}-{number}", "1") for number in range(3)]
    _, following = page(record, "_count=2")
    assert FENNA not in following
    assert page(record, following)[0] == [f"{FENNA}-2"]


@pytest.mark.parametrize("cursor", ["x", "0" * 33, "1" * 10_000, "0" * 32 + "²", "0" * 32 + "-1"])
def test_a_page_of_another_search_is_refused(cursor: str) -> None:
    _, following = page(RECORD, "_count=3")
    own = following.rpartition("=")[2]
    for size, text in (("2", own), ("3", cursor), ("3", own[:-1] + "x")):
        with pytest.raises(InputError) as caught:
            search("Observation", ("_count", size), ("_page", text)).run(RECORD)
        assert caught.value.issues[0].place == "_page"


FULL: Resource = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"profile": ["http://example.org/p"], "tag": [{"code": "own"}]},
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
    "status": "final",
    "_status": {"id": "s"},
    "code": {"text": "c"},
    "valueString": "v",
    "note": [{"text": "n"}],
    "method": {"text": "m"},
    "modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}],
}
ALWAYS = {"resourceType", "id", "meta", "status", "_status", "code", "modifierExtension"}


@pytest.mark.parametrize(
    ("pairs", "names"),
    [
        ([("_summary", "true")], ALWAYS | {"valueString"}),
        ([("_summary", "text")], ALWAYS | {"text"}),
        ([("_summary", "data")], set(FULL) - {"text"}),
        ([("_elements", "note")], ALWAYS | {"note"}),
        ([("_elements", "value,method")], ALWAYS | {"valueString", "method"}),
        ([("_elements", "Observation.note,Patient.name")], ALWAYS | {"note"}),
        ([("_elements", "nonsense")], ALWAYS),
    ],
)
@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_part_of_a_resource_is_marked_as_such(pairs: Pairs, names: set[str], version: Any) -> None:
    before = repr(FULL)
    (found,) = search("Observation", *pairs, version=version, strict=True).run([FULL]).matches
    assert set(found) == names
    assert [tag["code"] for tag in found["meta"]["tag"]] == ["own", "SUBSETTED"]
    assert repr(FULL) == before, "the record is not changed"


@pytest.mark.parametrize("pair", [("_elements", "code"), ("_summary", "text")])
def test_what_denies_a_resource_is_never_cut_off(pair: tuple[str, str]) -> None:
    refuted = {
        "resourceType": "Condition",
        "id": "c",
        "code": {"text": "longkanker"},
        "note": [{"text": "x"}],
    }
    denial = {"clinicalStatus": {"text": "inactive"}, "verificationStatus": {"text": "refuted"}}
    (found,) = search("Condition", pair).run([refuted | denial]).matches
    assert "note" not in found
    assert denial.items() <= found.items()


def test_the_whole_is_the_resource_itself() -> None:
    for pairs in ([], [("_summary", "false")]):
        assert search("Observation", *pairs).run([FULL]).matches[0] is FULL


def test_what_is_included_has_the_same_shape() -> None:
    record = [
        observation("a", "1", performer=[to("Practitioner/dr")]),
        {"resourceType": "Practitioner", "id": "dr", "text": {"status": "empty"}, "photo": [{}]},
    ]
    found = search("Observation", ("_include", "Observation:performer"), ("_summary", "true")).run(record)
    assert set(found.included[0]) == {"resourceType", "id", "meta"}


@pytest.mark.parametrize(
    ("elements", "names"),
    [
        ("status", {"text", "active", "photo"}),
        ("status,Practitioner.active", {"meta", "active"}),
        ("Observation.status", {"text", "active", "photo"}),
    ],
)
def test_elements_are_those_of_the_matches(elements: str, names: set[str]) -> None:
    doctor = {"text": {"status": "empty"}, "active": True, "photo": [{}]}
    record = [
        observation("a", "1", performer=[to("Practitioner/dr")]),
        {"resourceType": "Practitioner", "id": "dr"} | doctor,
    ]
    found = search("Observation", ("_include", "Observation:performer"), ("_elements", elements)).run(record)
    assert set(found.included[0]) == {"resourceType", "id"} | names
    assert "subject" not in found.matches[0]


def test_a_summary_of_text_has_no_includes() -> None:
    with pytest.raises(InputError):
        search("Observation", ("_include", "Observation:performer"), ("_summary", "text"))
