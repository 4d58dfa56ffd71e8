"""What a search brings along, and that it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.fhir.elements import Version
from gateway.exchange.search import Resource
from tests.exchange.search.records import BASE, RECORD, Pairs, ids, observation, search, to
from tests.steps import calls


def brought(record: list[Resource], kind: str, *pairs: tuple[str, str], version: Version = "r4") -> str:
    return " ".join(ids(search(kind, *pairs, version=version, strict=True).run(record))[1])


@pytest.mark.parametrize(
    ("include", "found"),
    [
        ("Observation:performer", "dr"),
        ("Observation:performer:Practitioner", "dr"),
        ("Observation:performer:Organization", ""),
        ("Observation:specimen", "s"),
        ("Observation:patient", "fenna"),
        ("Observation:*", "dr fenna s"),
        ("Observation:*:Specimen", "s"),
        ("*", "dr fenna s"),
    ],
)
def test_what_is_included(include: str, found: str) -> None:
    assert sorted(brought(RECORD, "Observation", ("_include", include)).split()) == found.split()


def test_a_match_is_not_included_as_well() -> None:
    record = [observation("a", "1", hasMember=[to("Observation/b")]), observation("b", "2")]
    found = search("Observation", ("_include", "Observation:has-member")).run(record)
    assert ids(found) == (["a", "b"], [])


def test_an_include_is_only_of_what_matched() -> None:
    asked = search("Observation", ("_id", "b"), ("_include", "Observation:performer"))
    assert ids(asked.run(RECORD)) == (["b"], [])


def test_an_include_is_only_of_the_page() -> None:
    asked = search("Observation", ("_count", "1"), ("_include", "Observation:specimen"))
    assert ids(asked.run(RECORD)) == (["a"], [])


ROUND: list[Resource] = [
    observation("a", "1", hasMember=[to("Observation/b")], performer=[to("PractitionerRole/r")]),
    observation("b", "2", hasMember=[to(f"{BASE}/Observation/c")]),
    observation("c", "2", hasMember=[to("Observation/a/_history/2"), to("Observation/c")]),
    {"resourceType": "PractitionerRole", "id": "r", "organization": to("Organization/o")},
    {"resourceType": "Organization", "id": "o", "partOf": to("Organization/p")},
    {"resourceType": "Organization", "id": "p", "partOf": to("Organization/o")},
    {"resourceType": "Provenance", "id": "x", "target": [to("Observation/a")], "agent": [{"who": to("#me")}]},
    {"resourceType": "Provenance", "id": "y", "target": [to("Observation/b"), to("Organization/p")]},
]


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([("_include", "Observation:has-member")], "b"),
        ([("_include:iterate", "Observation:has-member")], "b c"),
        ([("_include:recurse", "Observation:has-member")], "b c"),
        (
            [("_include", "Observation:performer"), ("_include:iterate", "PractitionerRole:organization")],
            "r o",
        ),
        ([("_include", "Observation:performer"), ("_include:iterate", "*")], "r b o c p"),
        ([("_include:iterate", "*")], "b r c o p"),
        ([("_revinclude", "Provenance:target")], "x"),
        ([("_revinclude", "Provenance:target:Observation")], "x"),
        ([("_revinclude", "Observation:has-member")], "c"),
        ([("_revinclude:iterate", "Observation:has-member")], "c b"),
        ([("_include", "Observation:has-member"), ("_revinclude:iterate", "Provenance:target")], "b x y"),
    ],
)
def test_circles_end_and_each_comes_once(pairs: Pairs, found: str) -> None:
    assert sorted(brought(ROUND, "Observation", ("_id", "a"), *pairs).split()) == sorted(found.split())


def test_nothing_outside_the_record_is_brought_along() -> None:
    lost = [
        observation(
            "a",
            "1",
            performer=[
                to("Practitioner/other"),
                to("#dr"),
                to("https://elsewhere.example/Practitioner/dr"),
                {},
            ],
        ),
        {"resourceType": "Practitioner", "id": "dr"},
    ]
    assert brought(lost, "Observation", ("_include", "*")) == ""


@pytest.mark.parametrize(
    ("kind", "include", "resource", "target"),
    [
        ("Observation", "related-target", {"related": [{"target": to("Observation/t")}]}, "Observation"),
        ("Coverage", "payor:Organization", {"payor": [to("Organization/t")]}, "Organization"),
        ("Patient", "general-practitioner", {"generalPractitioner": [to("Practitioner/t")]}, "Practitioner"),
        ("MedicationDispense", "medication", {"medicationReference": to("Medication/t")}, "Medication"),
        ("DeviceRequest", "device", {"codeReference": to("Device/t")}, "Device"),
        ("MedicationDispense", "performer", {"performer": [{"actor": to("Organization/t")}]}, "Organization"),
    ],
)
def test_the_includes_of_medmij_in_stu3(kind: str, include: str, resource: Resource, target: str) -> None:
    record = [{"resourceType": kind, "id": "m", **resource}, {"resourceType": target, "id": "t"}]
    pairs = [("_id", "m"), ("_include", f"{kind}:{include}")]
    assert brought(record, kind, *pairs, version="stu3") == "t"


links = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=15)


@given(links)
def test_iterating_gives_all_that_can_be_reached_and_no_more(edges: list[tuple[int, int]]) -> None:
    record = [
        observation(str(n), "1", hasMember=[to(f"Observation/{b}") for a, b in edges if a == n])
        for n in range(6)
    ]
    reached = {0}
    for _ in range(6):
        reached |= {b for a, b in edges if a in reached}
    found = brought(record, "Observation", ("_id", "0"), ("_include:iterate", "Observation:has-member"))
    assert sorted(found.split()) == sorted(str(n) for n in reached - {0})


@pytest.mark.parametrize("name", ["_include:iterate", "_revinclude:iterate"])
def test_a_chain_takes_no_more_steps_a_link_when_it_is_longer(name: str) -> None:
    def follow(length: int) -> None:
        record = [observation(str(n), "1", hasMember=[to(f"Observation/{n + 1}")]) for n in range(length)]
        begin = "0" if name == "_include:iterate" else str(length - 1)
        found = search("Observation", ("_id", begin), (name, "Observation:has-member")).run(record)
        assert len(found.included) == length - 1

    assert calls(lambda: follow(3_000)) < 3.1 * calls(lambda: follow(1_000))
