"""$lastn, $everything and $document."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.codecs.fhir import fhir_json
from gateway.errors import Denied, InputError
from gateway.exchange.search import Resource, document, parse_everything, parse_lastn
from tests.exchange.search.records import BASE, FENNA, LOINC, SCT, Pairs, ids, observation, scope, to


def measured(number: str, code: str, day: str, **more: Any) -> Resource:
    coding = [{"system": LOINC, "code": code}]
    return observation(number, code, **more) | {"code": {"coding": coding}, "effectiveDateTime": day}


MEASURED = [
    measured("w1", "29463-7", "2024-01"),
    measured("w2", "29463-7", "2024-03-01"),
    measured("w3", "29463-7", "2023"),
    measured("h1", "8302-2", "2024-02-01", performer=[to("Practitioner/dr")]),
    measured("h2", "8302-2", "2022"),
    {"resourceType": "Observation", "id": "t1", "code": {"text": "own"}, "effectivePeriod": {"end": "2020"}},
    {"resourceType": "Observation", "id": "t2", "code": {"text": "own"}},
    {"resourceType": "Practitioner", "id": "dr"},
]


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([], "w2 h1 t1"),
        ([("max", "2")], "w2 h1 w1 h2 t1 t2"),
        ([("max", "9")], "w2 h1 w1 w3 h2 t1 t2"),
        ([("code", "29463-7,8302-2")], "w2 h1"),
        ([("code", f"{LOINC}|29463-7"), ("date", "lt2024-02")], "w1"),
        ([("_sort", "date")], "t1 h1 w2"),
        ([("_count", "1")], "w2"),
    ],
)
def test_lastn_gives_the_newest_of_each_code(pairs: Pairs, found: str) -> None:
    assert " ".join(ids(parse_lastn(pairs, scope(strict=True)).run(MEASURED))[0]) == found


def test_lastn_includes_and_repeats_what_was_asked() -> None:
    asked = parse_lastn([("code", "8302-2"), ("_include", "Observation:performer"), ("x", "1")], scope())
    assert ids(asked.run(MEASURED)) == (["h1"], ["dr"])
    assert (asked.path, asked.query()) == (
        "Observation/$lastn",
        "code=8302-2&_include=Observation:performer",
    )


def test_two_codes_with_a_coding_in_common_are_one() -> None:
    both = measured("x", "29463-7", "2025")
    both["code"]["coding"].append({"system": SCT, "code": "27113001"})
    other = measured("y", "1", "2021") | {"code": {"coding": [{"system": SCT, "code": "27113001"}]}}
    assert ids(parse_lastn([], scope()).run([*MEASURED[:3], both, other]))[0] == ["x"]


@pytest.mark.parametrize("most", ["0", "-1", "x", "1001", "", "9" * 5000])
def test_lastn_wants_a_number(most: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_lastn([("max", most)], scope())
    assert caught.value.issues[0].place == "max"


WHOLE: list[Resource] = [
    {"resourceType": "Patient", "id": "fenna", "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}},
    measured("o1", "1", "2024-05-01", meta={"lastUpdated": "2026-03-01T00:00:00Z"}),
    measured("o2", "1", "2023-05-01", meta={"lastUpdated": "2026-02-01T00:00:00Z"}),
    {"resourceType": "Organization", "id": "org"},
    {"resourceType": "MedicationRequest", "id": "m", "authoredOn": "2024-06-01"},
]


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([], {"fenna", "o1", "o2", "org", "m"}),
        ([("_type", "Observation")], {"o1", "o2"}),
        ([("_type", "Observation,Patient")], {"o1", "o2", "fenna"}),
        ([("_since", "2026-02-15T00:00:00Z")], {"o1"}),
        ([("start", "2024")], {"fenna", "o1", "org", "m"}),
        ([("end", "2024-05")], {"fenna", "o1", "o2", "org"}),
        ([("start", "2024"), ("end", "2024-05-15"), ("_type", "Observation")], {"o1"}),
    ],
)
def test_everything_is_the_record_of_the_person(pairs: Pairs, found: set[str]) -> None:
    answer = parse_everything("fenna", pairs, scope(strict=True)).run(WHOLE)
    assert set(ids(answer)[0]) == found
    assert answer.total == len(found)


def test_everything_has_pages() -> None:
    seen: list[str] = []
    pairs: list[tuple[str, str]] = [("_count", "2")]
    while pairs:
        asked = parse_everything("fenna", pairs, scope(strict=True))
        assert asked.path == "Patient/fenna/$everything"
        found = asked.run(WHOLE)
        seen += ids(found)[0]
        pairs = parse_qsl(found.next)
    assert sorted(seen) == sorted(each["id"] for each in WHOLE)


def test_everything_of_another_person_is_refused() -> None:
    with pytest.raises(Denied):
        parse_everything("bram", [], scope()).run(WHOLE)


@pytest.mark.parametrize(
    ("name", "value"),
    [("_type", "Nonsense"), ("_since", "soon"), ("start", "x"), ("end", ""), ("_id", FENNA)],
)
def test_everything_refuses_what_it_cannot_read(name: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_everything("fenna", [(name, value)], scope())
    assert FENNA not in caught.value.diagnostics()
    assert caught.value.issues[0].place == name


COMPOSITION: Resource = {
    "resourceType": "Composition",
    "id": "c",
    "subject": to("Patient/fenna"),
    "author": [to(f"{BASE}/Practitioner/dr")],
    "section": [{"section": [{"entry": [to("Observation/o1"), to("Observation/gone")]}]}],
}
DOCUMENT: list[Resource] = [
    COMPOSITION,
    *WHOLE,
    {"resourceType": "Practitioner", "id": "dr"},
    {"resourceType": "Observation", "id": "loose"},
]


def test_a_document_holds_what_its_composition_refers_to_each_once() -> None:
    record = [
        each | {"performer": [to("Organization/org")]} if each["id"] == "o1" else each for each in DOCUMENT
    ]
    bundle = document(COMPOSITION, record, scope())
    assert [entry["fullUrl"].removeprefix(f"{BASE}/") for entry in bundle["entry"]] == [
        *("Composition/c", "Patient/fenna", "Practitioner/dr", "Observation/o1", "Organization/org")
    ]
    assert bundle["type"] == "document"
    assert bundle == document(COMPOSITION, record, scope()), "the same content, moment and address"


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_a_document_is_a_bundle_of_its_version(version: Any) -> None:
    bundle = document(COMPOSITION, DOCUMENT, scope(version))
    assert ("timestamp" in bundle) == (version == "r4")
    head = {name: value for name, value in bundle.items() if name != "entry"}
    assert fhir_json.decode(fhir_json.encode(head, version), version) == head


def test_a_composition_that_refers_to_itself_ends() -> None:
    circle = COMPOSITION | {"relatesTo": [{"targetReference": to("Composition/c")}]}
    assert len(document(circle, [circle], scope())["entry"]) == 1
