"""A query string on the record of one person: what is found, ignored, refused and repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Denied, InputError
from gateway.exchange.search.scope import MAX_COUNT, MAX_INCLUDES, MAX_VALUES
from tests.exchange.search.records import BASE, FENNA, RECORD, SCT, Pairs, ids, search
from tests.steps import calls


@pytest.mark.parametrize(
    ("kind", "pairs", "found"),
    [
        ("Observation", [], "abc"),
        ("Observation", [("code", "85354-9")], "ac"),
        ("Observation", [("code", "http://loinc.org|85354-9")], "ac"),
        ("Observation", [("code", "http://loinc.org|85354-9,http://loinc.org|29463-7")], "abc"),
        ("Observation", [("code", f"{SCT}|85354-9")], ""),
        ("Observation", [("code", "|85354-9")], ""),
        ("Observation", [("code", f"{SCT}|")], "abc"),
        ("Observation", [("_id", "|")], ""),
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
        ("Observation", [("patient:Patient", "fenna")], "abc"),
        ("Observation", [("subject", f"{BASE}/Patient/fenna")], "abc"),
        ("Observation", [("_format", "xml"), ("_pretty", "true")], "abc"),
    ],
)
def test_what_matches(kind: str, pairs: Pairs, found: str) -> None:
    assert ids(search(kind, *pairs).run(RECORD))[0] == list(found)


@pytest.mark.parametrize(
    "value",
    [
        "bram",
        "Patient/bram",
        "fenna,bram",
        "https://elsewhere.example/fhir/r4/Patient/fenna",
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


def test_a_subject_that_is_never_a_person_is_matched_like_any_reference() -> None:
    notice = {
        "resourceType": "MedicinalProductIndication",
        "id": "m",
        "subject": [{"reference": "Medication/x"}],
    }
    asked = [search("MedicinalProductIndication", ("subject", value)) for value in ("Medication/x", "y")]
    assert [each.run([notice]).total for each in asked] == [1, 0]


def test_any_patient_is_refused_when_there_is_no_record() -> None:
    with pytest.raises(Denied):
        search("Observation", ("patient", "fenna")).run([])


UNKNOWN = [
    ("_sort", "x"),
    ("_sort", "date,x"),
    ("_sort", ""),
    ("_elements", ""),
    ("_text", "x"),
    ("_content", "x"),
    ("name", "x"),
    ("x.code", "x"),
    ("medication", "x"),
    ("code", ""),
    ("code", ","),
    ("_include:iterate", "x"),
    ("_include", "Patient:organization"),
    ("_include", "Observation:nothing"),
    ("_include", "Observation"),
    ("_include", "Observation:performer:Nonsense"),
    ("_include:backwards", "Observation:performer"),
    ("_revinclude", "*"),
    ("_revinclude", "Provenance:nothing"),
    ("_revinclude", "Provenance:target:Patient"),
]


@pytest.mark.parametrize(("name", "value"), UNKNOWN)
def test_an_unknown_parameter_is_ignored_or_refused_as_asked(name: str, value: str) -> None:
    lenient = search("Observation", (name, value), ("code", "1"))
    assert lenient.handled == (("code", "1"),)
    assert (lenient.includes, lenient.order) == ((), ())
    with pytest.raises(InputError) as caught:
        search("Observation", (name, value), ("code", "1"), strict=True)
    assert [(issue.code, issue.place) for issue in caught.value.issues] == [("not-supported", name)]


REFUSED = [
    ("_has:Provenance:target:agent", "x", "_has"),
    ("code:in", "x", "code:in"),
    ("code:below", "x", "code:below"),
    ("_id:exact", "x", "_id:exact"),
    ("date", "yesterday", "date"),
    ("date:exact", "2024", "date:exact"),
    ("value-quantity", "much", "value-quantity"),
    ("_count", "-1", "_count"),
    ("_count", "ten", "_count"),
    ("_count", "1e9", "_count"),
    ("_summary", "some", "_summary"),
    ("_total", "x", "_total"),
    ("code:missing", "perhaps", "code:missing"),
]


@pytest.mark.parametrize(("name", "value", "place"), REFUSED)
def test_what_is_known_and_cannot_be_met_is_refused_also_when_lenient(
    name: str, value: str, place: str
) -> None:
    with pytest.raises(InputError) as caught:
        search("Observation", (name, value))
    assert [issue.place for issue in caught.value.issues] == [place]


def test_all_faults_are_said_together() -> None:
    with pytest.raises(InputError) as caught:
        search("Observation", ("date", "x"), ("code:in", "y"), ("nonsense", "z"), strict=True)
    assert [issue.place for issue in caught.value.issues] == ["date", "code:in", "nonsense"]


def test_a_parameter_must_be_one_of_the_type() -> None:
    assert search("MedicationRequest", ("clinical-status", "1")).handled == ()
    assert search("Organization", ("patient", "x")).handled == ()
    assert search("Patient", ("patient", "x")).handled == ()


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
        ("identifier", "999980026"),
        ("identifier", "|999980026"),
        ("performer:identifier", "999980026"),
        ("identifier:not", "999980026"),
        ("identifier:text", "999980026"),
        ("performer", "Patient/999980026"),
        ("performer", "x,https://example.org/fhir/Patient/999980026"),
        ("patient.identifier", "999980026"),
        ("patient.identifier", "urn:oid:2.16.840.1.113883.2.4.6.3|999980026"),
        ("subject:Patient.identifier", "http://fhir.nl/fhir/NamingSystem/bsn|999980026"),
        ("name", "999 98 00 14"),
        ("name", "9999.80.014"),
        (FENNA, "x"),
    ],
)
def test_a_bsn_in_a_query_is_refused_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        search("Observation", (name, value))
    assert caught.value.issues[0].code == "security"
    assert value not in caught.value.diagnostics()
    assert FENNA not in caught.value.diagnostics()


def test_a_name_that_may_be_a_number_of_a_person_is_not_repeated() -> None:
    for name in ("999980026", "code:999980026", "performer.999980026", "x" * 1000):
        with pytest.raises(InputError) as caught:
            search("Observation", (name, "x"), strict=True)
        assert name not in caught.value.diagnostics()


def test_other_numbers_may_be_asked_for() -> None:
    asked = search("Patient", ("identifier", "urn:oid:2.16.528.1.1007.3.3|999980026"), strict=True)
    assert asked.run(RECORD).total == 0


@pytest.mark.parametrize(
    "pairs",
    [
        [("code", "," * (MAX_VALUES + 1))],
        [("code", ",".join(["1"] * 10_000))],
        [("code", "1")] * (MAX_VALUES + 1),
        [("x", "1")] * 300,
        [("_count", "1000000000")],
        [("_count", str(MAX_COUNT + 1))],
        [("_include", "*")] * (MAX_INCLUDES + 1),
        [(".".join(["has-member"] * 20), "1")],
        [(".".join(["has-member"] * 20_000), "1")],
    ],
)
def test_what_is_too_much_is_refused_in_few_steps(pairs: Pairs) -> None:
    def refuse() -> None:
        with pytest.raises(InputError) as caught:
            search("Observation", *pairs)
        assert caught.value.issues[0].code == "too-costly"
        assert len(caught.value.diagnostics()) < 200

    assert calls(refuse) < 3000


def test_a_search_in_a_log_or_trace_does_not_show_the_bsn() -> None:
    assert FENNA not in repr(search("Observation", ("code", "1")))


def test_the_query_repeats_what_was_handled_and_only_that() -> None:
    asked = search("Observation", ("code", "http://loinc.org|85354-9,a b&c"), ("x", "1"), ("status", "final"))
    assert asked.query() == "code=http://loinc.org%7C85354-9,a%20b%26c&status=final"


RESULTS = {
    "_count": "2",
    "_elements": "code",
    "_include": "Observation:performer",
    "_include:iterate": "Observation:performer",
    "_include:recurse": "Observation:performer",
    "_revinclude": "Provenance:target",
    "_sort": "-date,code",
    "_summary": "data",
    "_total": "none",
}
"""The parameters about the answer, each with a value."""


@pytest.mark.parametrize(("name", "value"), RESULTS.items())
def test_a_parameter_about_the_answer_is_handled(name: str, value: str) -> None:
    assert search("Observation", (name, value), strict=True).handled == ((name, value),)


@pytest.mark.parametrize(
    ("pairs", "found", "total"),
    [
        ([], 3, 3),
        ([("_total", "accurate")], 3, 3),
        ([("_total", "none")], 3, None),
        ([("_summary", "count")], 0, 3),
        ([("_summary", "count"), ("_total", "none")], 0, 3),
        ([("_count", "0")], 0, 3),
        ([("_count", "2")], 2, 3),
    ],
)
def test_the_total_counts_the_matches_of_all_pages(pairs: Pairs, found: int, total: int | None) -> None:
    answer = search("Observation", *pairs, strict=True).run(RECORD)
    assert (len(answer.matches), answer.total) == (found, total)


texts = st.text(st.sampled_from("ab1|,\\:/ $-"), max_size=8)
names = st.sampled_from(
    [
        "code",
        "_id",
        "status",
        "category",
        "_include",
        "x",
        "code:not",
        "subject",
        "date",
        "_sort",
        "performer",
    ]
)


@given(st.lists(st.tuples(names, texts), max_size=4))
def test_a_search_never_gives_more_than_no_search(pairs: Pairs) -> None:
    try:
        found = search("Observation", *pairs).run(RECORD)
    except (InputError, Denied):
        return
    whole = search("Observation").run(RECORD).matches
    assert all(each in whole for each in found.matches)
    assert all(each in RECORD for each in found.included)
