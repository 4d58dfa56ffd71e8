"""Search in the resources of one person."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.fhir_types import types
from gateway.errors import Denied, InputError
from gateway.exchange.search import MAX_VALUES, Search, parameters_of, parse

BASE = "https://gateway.example/fhir/r4"
FENNA = "999980014"
SCT = "http://snomed.info/sct"


def observation(number: str, code: str, status: str = "final", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": number,
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}, {"system": SCT, "code": "1"}]},
        **more,
    }


RECORD: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "fenna"},
    observation("a", "85354-9", performer=[{"reference": "Practitioner/dr"}]),
    observation("b", "29463-7", status="amended", subject={"reference": "Patient/fenna"}),
    observation("c", "85354-9", specimen={"reference": "Specimen/s"}),
    {"resourceType": "Practitioner", "id": "dr"},
    {"resourceType": "Specimen", "id": "s"},
    {"resourceType": "Encounter", "id": "e", "class": {"system": "urn:class", "code": "AMB"}},
    {"resourceType": "AllergyIntolerance", "id": "y", "category": ["food", "medication"]},
]


def search(kind: str, *pairs: tuple[str, str], version: Any = "r4", strict: bool = False) -> Search:
    return parse(kind, pairs, types(version), BASE, FENNA, strict=strict)


def found(kind: str, *pairs: tuple[str, str]) -> tuple[str, str]:
    """Ids of the matches and of the included, as texts."""
    matches, included = search(kind, *pairs).run(RECORD)
    return "".join(each["id"] for each in matches), "".join(each["id"] for each in included)


@pytest.mark.parametrize(
    ("kind", "pairs", "ids"),
    [
        ("Observation", [], "abc"),
        ("Observation", [("code", "85354-9")], "ac"),
        ("Observation", [("code", "http://loinc.org|85354-9")], "ac"),
        ("Observation", [("code", "http://loinc.org|85354-9,http://loinc.org|29463-7")], "abc"),
        ("Observation", [("code", f"{SCT}|85354-9")], ""),
        ("Observation", [("code", "|85354-9")], ""),
        ("Observation", [("code", f"{SCT}|")], "abc"),
        ("Observation", [("code", "85354-9"), ("status", "amended")], ""),
        ("Observation", [("code", "29463-7"), ("status", "amended,final")], "b"),
        ("Observation", [("code", "")], "abc"),
        ("Observation", [("_id", "a,b")], "ab"),
        ("Observation", [("_id", "a"), ("_id", "b")], ""),
        ("Encounter", [("class", "AMB,IMP")], "e"),
        ("Encounter", [("class", "urn:class|AMB")], "e"),
        ("Encounter", [("class", "IMP")], ""),
        ("AllergyIntolerance", [("category", "medication")], "y"),
        ("Procedure", [], ""),
        ("Observation", [("patient", "fenna")], "abc"),
        ("Observation", [("patient", "Patient/fenna")], "abc"),
        ("Observation", [("subject", f"{BASE}/Patient/fenna")], "abc"),
    ],
)
def test_what_matches(kind: str, pairs: list[tuple[str, str]], ids: str) -> None:
    assert found(kind, *pairs)[0] == ids


@pytest.mark.parametrize(
    ("include", "ids"),
    [
        ("Observation:performer", "dr"),
        ("Observation:performer:Practitioner", "dr"),
        ("Observation:performer:Organization", ""),
        ("Observation:specimen", "s"),
        ("Observation:patient", "fenna"),
    ],
)
def test_what_is_included(include: str, ids: str) -> None:
    assert found("Observation", ("_include", include)) == ("abc", ids)


def test_a_match_is_not_included_as_well() -> None:
    record = [observation("a", "1", hasMember=[{"reference": "Observation/b"}]), observation("b", "2")]
    matches, included = search("Observation", ("_include", "Observation:has-member")).run(record)
    assert ([each["id"] for each in matches], included) == (["a", "b"], [])


def test_an_include_is_only_of_what_matched() -> None:
    assert found("Observation", ("_id", "b"), ("_include", "Observation:performer")) == ("b", "")


@pytest.mark.parametrize(
    "value",
    [
        "bram",
        "Patient/bram",
        "fenna,bram",
        "https://elsewhere.example/fhir/r4/Patient/fenna",
        "Patient/fenna/_history/1",
        "Practitioner/fenna",
        "",
        "Patient/",
        "FENNA",
    ],
)
def test_another_patient_is_refused_whoever_it_is(value: str) -> None:
    with pytest.raises(Denied) as caught:
        search("Observation", ("patient", value)).run(RECORD)
    assert value not in caught.value.diagnostics() or not value


def test_any_patient_is_refused_when_there_is_no_record() -> None:
    with pytest.raises(Denied):
        search("Observation", ("patient", "fenna")).run([])


@pytest.mark.parametrize("name", ["code:not", "code:text", "_id:missing", "patient:Patient", "status:below"])
def test_a_modifier_is_refused_also_when_lenient(name: str) -> None:
    with pytest.raises(InputError) as caught:
        search("Observation", (name, "fenna"))
    assert caught.value.issues[0].place == name


UNKNOWN = [
    "_sort",
    "_has:Provenance:target:agent",
    "name",
    "date",
    "_include:iterate",
    "_revinclude",
    "medication",
]


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_parameter_is_ignored_or_refused_as_asked(name: str) -> None:
    lenient = search("Observation", (name, "x"), ("code", "1"))
    assert lenient.handled == (("code", "1"),)
    with pytest.raises(InputError) as caught:
        search("Observation", (name, "x"), ("code", "1"), strict=True)
    assert [(issue.code, issue.place) for issue in caught.value.issues] == [("not-supported", name)]


@pytest.mark.parametrize(
    "include", ["Patient:organization", "Observation:nothing", "Observation", "*", "Observation:*", ""]
)
def test_an_include_of_what_is_not_there_is_unknown(include: str) -> None:
    assert search("Observation", ("_include", include)).includes == ()
    with pytest.raises(InputError):
        search("Observation", ("_include", include), strict=True)


def test_a_parameter_must_be_one_of_the_type() -> None:
    assert search("MedicationRequest", ("code", "1")).handled == ()
    assert search("Organization", ("patient", "x")).handled == ()
    assert search("Patient", ("patient", "x")).handled == ()


@pytest.mark.parametrize(
    ("version", "kind", "names"),
    [
        ("r4", "Observation", ["_id", "category", "code", "status", "patient"]),
        ("stu3", "Encounter", ["_id", "class", "status", "type", "patient"]),
        ("r4", "Practitioner", ["_id"]),
        ("r4", "Coverage", ["_id", "class", "status", "type", "patient"]),
    ],
)
def test_the_parameters_of_a_type(version: Any, kind: str, names: list[str]) -> None:
    assert parameters_of(kind, types(version)) == names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patient", FENNA),
        ("_id", FENNA),
        ("_id", "999980026"),
        ("patient", "Patient/999980026"),
        ("subject", "x,999980026"),
        ("identifier", f"http://fhir.nl/fhir/NamingSystem/bsn|{FENNA}"),
        ("identifier", "http://fhir.nl/fhir/NamingSystem/bsn|123"),
        ("patient.identifier", "urn:oid:2.16.840.1.113883.2.4.6.3|999980026"),
        ("name", "999 98 00 14"),
        ("name", "9999.80.014"),
    ],
)
def test_a_bsn_in_a_query_is_refused_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        search("Observation", (name, value))
    assert caught.value.issues[0].code == "security"
    assert value not in caught.value.diagnostics()


@pytest.mark.parametrize(
    "pairs", [[("code", "," * (MAX_VALUES + 1))], [("code", "1")] * (MAX_VALUES + 1), [("x", "1")] * 300]
)
def test_too_many_values_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InputError) as caught:
        search("Observation", *pairs)
    assert caught.value.issues[0].code == "too-costly"


def test_the_query_repeats_what_was_handled_and_only_that() -> None:
    asked = search("Observation", ("code", "http://loinc.org|85354-9,a b&c"), ("x", "1"), ("status", "final"))
    assert asked.query() == "code=http://loinc.org|85354-9,a%20b%26c&status=final"


texts = st.text(st.sampled_from("ab1|,\\:/ "), max_size=8)
names = st.sampled_from(["code", "_id", "status", "category", "_include", "x", "code:not", "subject"])


@given(st.lists(st.tuples(names, texts), max_size=4))
def test_a_search_never_gives_more_than_no_search(pairs: list[tuple[str, str]]) -> None:
    try:
        matches, included = search("Observation", *pairs).run(RECORD)
    except (InputError, Denied):
        return
    whole = search("Observation").run(RECORD)[0]
    assert all(each in whole for each in matches)
    assert all(each in RECORD for each in included)
