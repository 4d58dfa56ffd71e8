"""One parameter as a test of a resource: types, modifiers, escapes, chains."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.fhir.elements import Version
from gateway.errors import InputError
from gateway.exchange.search import Resource
from gateway.exchange.search.values import PREFIXES, alternatives, split, unescape
from tests.exchange.search.records import BASE, RECORD, ids, observation, search, to

MMHG = {"system": "http://unitsofmeasure.org", "code": "mm[Hg]", "unit": "mmHg"}


def finds(resource: Resource, name: str, value: str, version: Version = "r4") -> bool:
    return bool(search(resource["resourceType"], (name, value), version=version).run([resource]).total)


def patient(**more: Any) -> Resource:
    return {"resourceType": "Patient", "id": "fenna", **more}


PATIENT = patient(
    active=True,
    gender="female",
    name=[{"family": "Bäcker-de Vries", "given": ["Fenna", "Maria"], "text": "F.M. Bäcker"}],
    telecom=[{"system": "phone", "value": "+31101234567"}, {"system": "email", "value": "f@example.org"}],
    address=[{"use": "home", "city": "Emmen", "line": ["Dorpsstraat 1"], "postalCode": "7811 AB"}],
    identifier=[{"system": "urn:oid:1.2", "value": "77", "type": {"text": "Dossier"}}],
    birthDate="1958-11",
    generalPractitioner=[to("Practitioner/dr"), {"identifier": {"system": "urn:agb", "value": "01"}}],
    meta={"profile": ["http://example.org/profile|2.0"], "tag": [{"system": "urn:t", "code": "x"}]},
)
PRESSURE = observation(
    "p",
    "85354-9",
    component=[
        {"code": {"coding": [{"code": "high"}]}, "valueQuantity": {"value": Decimal("120.0"), **MMHG}},
        {"code": {"coding": [{"code": "low"}]}, "valueQuantity": {"value": 80, **MMHG}},
        {"code": {"coding": [{"code": "none"}]}, "dataAbsentReason": {"text": "not measured"}},
    ],
    performer=[to("Practitioner/dr")],
    hasMember=[to(f"{BASE}/Observation/m/_history/3")],
)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("active", "true", True),
        ("active", "false", False),
        ("gender", "female", True),
        ("gender", "Female", False),
        ("gender", "http://hl7.org/fhir/administrative-gender|female", True),
        ("gender", "http://hl7.org/fhir/administrative-gender|", True),
        ("gender", "http://hl7.org/fhir/administrative-gender|male", False),
        ("gender", "http://example.org/gender|female", False),
        ("gender:not", "http://hl7.org/fhir/administrative-gender|female", False),
        ("address-use", "http://hl7.org/fhir/address-use|home", True),
        ("address-use", "http://hl7.org/fhir/address-use|work", False),
        ("gender:not", "male", True),
        ("gender:not", "male,female", False),
        ("active:missing", "false", True),
        ("active:missing", "true", False),
        ("death-date:missing", "true", True),
        ("identifier", "77", True),
        ("identifier", "urn:oid:1.2|77", True),
        ("identifier", "urn:oid:1.3|77", False),
        ("identifier", "|77", False),
        ("identifier", "urn:oid:1.2|", True),
        ("identifier:text", "doss", True),
        ("phone", "+31101234567", True),
        ("email", "+31101234567", False),
        ("email", "f@example.org", True),
        ("telecom", "f@example.org", True),
        ("family", "bac", True),
        ("family", "BÄCKER-DE", True),
        ("family", "vries", False),
        ("family:contains", "VRIES", True),
        ("family:contains", "vrijs", False),
        ("family:exact", "Bäcker-de Vries", True),
        ("family:exact", "Bäcker-de vries", False),
        ("given", "mar", True),
        ("given", "x,fen", True),
        ("name", "f.m.", True),
        ("name", "fenna", True),
        ("name:exact", "female", False),
        ("address", "dorps", True),
        ("address", "7811  ab", True),
        ("address-city", "dorps", False),
        ("birthdate", "1958", True),
        ("birthdate", "ge1958-12", False),
        ("general-practitioner", "dr", True),
        ("general-practitioner", "Practitioner/dr", True),
        ("general-practitioner", f"{BASE}/Practitioner/dr", True),
        ("general-practitioner", "https://elsewhere.example/Practitioner/dr", False),
        ("general-practitioner", "Organization/dr", False),
        ("general-practitioner:Practitioner", "dr", True),
        ("general-practitioner:Organization", "dr", False),
        ("general-practitioner:identifier", "urn:agb|01", True),
        ("general-practitioner:identifier", "urn:agb|02", False),
        ("_profile", "http://example.org/profile|2.0", True),
        ("_profile", "http://example.org/profile", False),
        ("_tag", "urn:t|x", True),
        ("_tag", "urn:t|y", False),
        ("_lastUpdated", "ge2000", False),
    ],
)
def test_what_finds_a_patient(name: str, value: str, found: bool) -> None:
    assert finds(PATIENT, name, value) is found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("component-value-quantity", "120", True),
        ("component-value-quantity", "120.4", False),
        ("component-value-quantity", "120|http://unitsofmeasure.org|mm[Hg]", True),
        ("component-value-quantity", "120|http://unitsofmeasure.org|kPa", False),
        ("component-value-quantity", "120|urn:other|mm[Hg]", False),
        ("component-value-quantity", "120||mm[Hg]", True),
        ("component-value-quantity", "120||mmHg", True),
        ("component-value-quantity", "gt120", False),
        ("component-value-quantity", "ge120", True),
        ("component-value-quantity", "lt80", False),
        ("component-value-quantity", "le80", True),
        ("component-value-quantity", "ap130", True),
        ("component-value-quantity", "1.2e2", True),
        ("component-value-quantity", "ne80", True),
        ("component-value-quantity", "eq79.6", False),
        ("component-code-value-quantity", "high$gt100", True),
        ("component-code-value-quantity", "low$gt100", False),
        ("component-code-value-quantity", "low$gt100,low$80", True),
        ("component-code", "low", True),
        ("component-data-absent-reason:text", "not", True),
        ("combo-code", "none", True),
        ("has-member", "m", True),
        ("has-member", "Observation/m", True),
        ("has-member", "Observation/n", False),
        ("encounter:missing", "true", True),
    ],
)
def test_what_finds_a_blood_pressure(name: str, value: str, found: bool) -> None:
    assert finds(PRESSURE, name, value) is found


@pytest.mark.parametrize(
    ("asked", "found"),
    [("5", False), ("lt5", True), ("lt1", True), ("gt4", True), ("gt5", False), ("ge5", True), ("le4", True)],
)
def test_a_quantity_with_a_comparator_is_all_that_it_may_be(asked: str, found: bool) -> None:
    below = observation("q", "1", valueQuantity={"value": 5, "comparator": "<"})
    assert finds(below, "value-quantity", asked) is found


@pytest.mark.parametrize(
    ("asked", "value", "found"),
    [
        ("5.4", "5.35", True),
        ("5.4", "5.4499", True),
        ("5.4", "5.45", False),
        ("5.40", "5.41", False),
        ("100", "100.4", True),
        ("1e2", "149", True),
        ("1e2", "150", False),
        ("-5.4", "-5.4", True),
        ("0", "0.4", True),
    ],
)
def test_a_number_is_what_rounds_to_it(asked: str, value: str, found: bool) -> None:
    assert (
        finds(observation("q", "1", valueQuantity={"value": Decimal(value)}), "value-quantity", asked)
        is found
    )


@pytest.mark.parametrize(
    "value", ["", "x", "gt", "1|2", "1|2|3|4", "1e999", "NaN", "Infinity", "1_0", "9" * 50, "0x1"]
)
def test_what_is_no_number_is_refused_or_ignored(value: str) -> None:
    if not value:
        assert search("Observation", ("value-quantity", value)).handled == ()
        return
    with pytest.raises(InputError):
        search("Observation", ("value-quantity", value))


@pytest.mark.parametrize("value", ["high", "high$1$2", "$", "high$x"])
def test_a_composite_has_all_its_parts(value: str) -> None:
    with pytest.raises(InputError):
        search("Observation", ("component-code-value-quantity", value))


def test_what_is_not_of_the_type_of_its_element_is_not_found() -> None:
    odd = observation("o", "1", valueQuantity="5", effectiveDateTime={"x": 1}, performer="x", subject=[None])
    for name in ("value-quantity", "date", "performer"):
        assert not finds(odd, name, "5" if name == "value-quantity" else "2024")


def test_a_narrow_parameter_sees_only_its_own_target() -> None:
    visit = {"resourceType": "Observation", "id": "o", "context": to("EpisodeOfCare/1")}
    assert finds(visit, "context", "1", "stu3")
    assert not finds(visit, "encounter", "1", "stu3")


def test_a_marked_value_is_escaped() -> None:
    odd = patient(identifier=[{"system": "urn:x|y", "value": "a,b$c\\"}])
    assert finds(odd, "identifier", r"urn:x\|y|a\,b\$c\\")
    assert not finds(odd, "identifier", "a,b$c\\")


plain = st.text(st.sampled_from("ab,|$\\"), min_size=1, max_size=6)


def escape(text: str) -> str:
    return "".join("\\" + each if each in ",|$\\" else each for each in text)


@given(st.lists(plain, min_size=1, max_size=4), st.sampled_from(",|$"))
def test_splitting_is_the_inverse_of_joining(parts: list[str], mark: str) -> None:
    joined = mark.join(map(escape, parts))
    assert [unescape(each) for each in split(joined, mark)] == parts


def test_empty_values_are_no_values() -> None:
    assert alternatives(",a,,b,") == ["a", "b"]
    assert split("|a|", "|") == ["", "a", ""]


CHAINED: list[Resource] = [
    *RECORD,
    {"resourceType": "MedicationRequest", "id": "m", "medicationReference": to("Medication/x")},
    {"resourceType": "MedicationRequest", "id": "n", "medicationReference": to("Medication/gone")},
    {"resourceType": "Medication", "id": "x", "code": {"coding": [{"system": "urn:g", "code": "1"}]}},
    {"resourceType": "Encounter", "id": "v", "location": [{"location": to("Location/l")}]},
    {"resourceType": "Location", "id": "l", "name": "Ward", "managingOrganization": to("Organization/o")},
    {"resourceType": "Organization", "id": "o", "name": "Duinrand"},
    observation("w", "1", encounter=to("Encounter/v"), performer=[to("Organization/o")]),
]


@pytest.mark.parametrize(
    ("kind", "name", "value", "found"),
    [
        ("MedicationRequest", "medication.code", "urn:g|1", ["m"]),
        ("MedicationRequest", "medication.code", "urn:g|2", []),
        ("MedicationRequest", "medication.code:not", "urn:g|2", ["m"]),
        ("MedicationRequest", "medication:Medication.code", "1", ["m"]),
        ("Observation", "performer:Organization.name", "duin", ["w"]),
        ("Observation", "performer.name", "duin", ["w"]),
        ("Observation", "encounter.location.organization.name", "duin", ["w"]),
        ("Observation", "encounter.location.name", "nowhere", []),
    ],
)
def test_a_chain_stays_within_the_record(kind: str, name: str, value: str, found: list[str]) -> None:
    assert ids(search(kind, (name, value), strict=True).run(CHAINED))[0] == found


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Observation", "patient.identifier"),
        ("Observation", "patient.birthdate"),
        ("Observation", "subject:Patient.identifier"),
        ("Observation", "subject.name"),
        ("Observation", "performer:Patient.name"),
        ("Observation", "performer:RelatedPerson.patient.name"),
        ("Observation", "encounter.subject.name"),
        ("Coverage", "beneficiary.name"),
    ],
)
def test_a_chain_to_a_person_is_refused(kind: str, name: str) -> None:
    with pytest.raises(InputError) as caught:
        search(kind, (name, "x"))
    assert caught.value.issues[0].code == "security"


@pytest.mark.parametrize(
    "name", ["code.x", "performer.nothing", "performer:not.name", "date.x", "performer."]
)
def test_a_chain_that_leads_nowhere_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        search("Observation", (name, "x"))
    assert caught.value.issues[0].code == "not-supported"


digits = st.decimals(min_value=-1000, max_value=1000, places=2)


@given(digits, digits)
def test_the_prefixes_of_a_number_agree_with_each_other(has: Decimal, asked: Decimal) -> None:
    held = observation("q", "1", valueQuantity={"value": has})
    holds = {prefix: finds(held, "value-quantity", f"{prefix}{asked}") for prefix in PREFIXES}
    assert holds["gt"] == holds["sa"] == (has > asked)
    assert holds["lt"] == holds["eb"] == (has < asked)
    assert holds["ge"] == (has >= asked)
    assert holds["le"] == (has <= asked)
    assert holds["eq"] == (has == asked)  # both have two places
    assert holds["ne"] == (not holds["eq"])
    assert holds["ap"] == (abs(has - asked) <= abs(asked) / 10)
