"""The record of a person: keys, references, and no BSN anywhere."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.blocks import Block, Identifier, Origin, Ref, Text, dump
from gateway.exchange.person import BSN
from gateway.exchange.record import whole
from gateway.mapping import Read, carrying
from gateway.storage import Record, StoredBlock

FENNA = "999980014"


def no_resources(_data: bytes, _form: str) -> Read:
    raise AssertionError("there are no resources")


def blocks_of(record: Record) -> list[Block]:
    return whole(record, no_resources).blocks


def stored(document: str, block: Block) -> StoredBlock:
    return StoredBlock(document, "2026-07-01T10:00:00.000000Z", "urn:x", block)


def block(kind: str, key: str, **values: Any) -> Block:
    return Block(kind, "2020", key, values)


def test_equal_keys_of_two_documents_stay_apart() -> None:
    names = {("d1", "k"): ("d1", "k"), ("d2", "k"): ("d2", "k")}
    record = Record((stored("d1", block("Problem", "k")), stored("d2", block("Alert", "k"))), names)
    assert [each.key for each in blocks_of(record)] == ["d1/k", "d2/k"]


def test_a_block_keeps_the_name_under_which_it_was_first_received() -> None:
    """So its resources keep their ids, and a reference to the old one leads to the new one."""
    names = {("d1", "dr"): ("d2", "arts"), ("d1", "p"): ("d1", "p"), ("d2", "arts"): ("d2", "arts")}
    old = block("Problem", "p", Author=Ref("dr"))
    record = Record((stored("d1", old), stored("d2", block("HealthProfessional", "arts"))), names)
    problem, professional = blocks_of(record)
    assert professional.key == "d1/dr"
    assert problem.values["Author"] == Ref("d1/dr")


def test_a_reference_out_of_the_record_keeps_what_was_sent() -> None:
    sent = Ref("gone", display="S. Baken", literal="Practitioner/7")
    record = Record((stored("d", block("Problem", "p", Author=sent)),), {("d", "p"): ("d", "p")})
    (problem,) = blocks_of(record)
    assert problem.values["Author"] == Ref("", "S. Baken", "Practitioner/7")


def test_what_is_carried_along_goes_out_without_a_bsn_and_without_the_senders_id() -> None:
    numbered = {"identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": FENNA}]}
    rest = carrying.pack({"link": [{"other": numbered}], "active": True}, {"link": True, "active": True})
    sent = Block("Patient", "2020", "p", {}, origins=(Origin("fhir-r4", "Patient", "p1", rest=rest),))
    (patient,) = blocks_of(Record((stored("d", sent),), {("d", "p"): ("d", "p")}))
    assert patient.origins == (
        Origin("fhir-r4", "Patient", rest=carrying.pack({"active": True}, {"active": True})),
    )


def test_a_subject_known_by_bsn_becomes_the_patient_of_the_record() -> None:
    names = {("d1", "p"): ("d1", "p"), ("d2", "o"): ("d2", "o")}
    by_number = block("BodyWeight", "o", Subject=Ref(identifier=Identifier(FENNA, BSN)))
    record = Record((stored("d1", block("Patient", "p")), stored("d2", by_number)), names)
    assert blocks_of(record)[1].values["Subject"] == Ref("d1/p")


def test_a_subject_known_by_bsn_only_goes_when_there_is_no_patient() -> None:
    by_number = block("BodyWeight", "o", Subject=Ref(identifier=Identifier(FENNA, BSN)), Comment=Text("x"))
    record = Record((stored("d", by_number),), {("d", "o"): ("d", "o")})
    assert blocks_of(record)[0].values == {"Comment": Text("x")}


def test_a_reference_by_number_loses_the_number() -> None:
    sent = Ref(display="F.", literal=f"Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn|{FENNA}")
    record = Record((stored("d", block("Problem", "p", Author=sent)),), {("d", "p"): ("d", "p")})
    assert blocks_of(record)[0].values == {"Author": Ref(display="F.")}


def test_other_identifiers_stay() -> None:
    numbers = [Identifier(FENNA, BSN), Identifier("7", "urn:local")]
    record = Record(
        (stored("d", block("Patient", "p", PatientIdentificationNumber=numbers)),), {("d", "p"): ("d", "p")}
    )
    assert blocks_of(record)[0].values == {"PatientIdentificationNumber": [Identifier("7", "urn:local")]}


values = st.recursive(
    st.sampled_from(
        [
            Identifier(FENNA, BSN),
            Ref(identifier=Identifier(FENNA, BSN)),
            Ref("k", identifier=Identifier(FENNA, BSN)),
            Ref(display="x", identifier=Identifier(FENNA, BSN)),
            Identifier("1", "urn:x"),
            Text("text"),
        ]
    ),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.sampled_from(["A", "B", "C"]), inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["Subject", "X", "Y"]), values, max_size=3))
def test_no_bsn_is_left_wherever_it_stood(content: dict[str, Any]) -> None:
    record = Record((stored("d", block("Problem", "k", **content)),), {("d", "k"): ("d", "k")})
    (found,) = blocks_of(record)
    assert FENNA.encode() not in dump(found)
    assert (b"text" in dump(found)) == (b"text" in dump(block("Problem", "k", **content)))
