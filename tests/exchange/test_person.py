"""Whose record a document is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.blocks import Block, Identifier, Ref
from gateway.errors import ContentError
from gateway.exchange.person import BSN, whose
from gateway.mapping import Context, Read
from gateway.mapping.account import Leaf
from gateway.mapping.runtime.state import Reading

FENNA, BRAM = "999980014", "999980026"


def patient(*numbers: str, key: str = "p", system: str = BSN, kind: str = "Patient") -> Block:
    concept = "Bsn" if kind == "Client" else "PatientIdentificationNumber"
    found: Any = [Identifier(number, system, at=i) for i, number in enumerate(numbers)]
    if kind == "Client":
        found = found[0] if found else None
    return Block(kind, "2020", key, {concept: found} if found else {}, line=12)


def observation(subject: Ref | None, key: str = "o") -> Block:
    return Block("BodyWeight", "2020", key, {"Subject": subject} if subject else {}, line=30)


def read(*blocks: Block) -> Read:
    state = Reading(Context(datetime.now(UTC)))
    leaves = [Leaf("/adaxml/data/form/patient/identificatienummer", 0, "mappings/ada/x.yaml:3", line=14)]
    return Read("ada", "2020", list(blocks), state, lambda: leaves, "seed")


@pytest.mark.parametrize(
    "blocks",
    [
        [patient(FENNA)],
        [patient("999 980.014")],
        [patient(FENNA), observation(Ref("p"))],
        [patient(FENNA), observation(None)],
        [patient(FENNA), patient("9999 80 014", key="q")],
        [patient(FENNA), observation(Ref(identifier=Identifier(FENNA, BSN)))],
        [observation(Ref(identifier=Identifier(FENNA, BSN)))],
        [patient(FENNA, kind="Client")],
        [patient(FENNA), Block("ContactPerson", "2020", "c", {}), observation(Ref("c"))],
    ],
)
def test_one_person_is_found(blocks: list[Block]) -> None:
    assert whose(read(*blocks)) == FENNA


@pytest.mark.parametrize(
    ("blocks", "code", "concept"),
    [
        ([], "required", "NL-CM:0.1.7"),
        ([observation(None)], "required", "NL-CM:0.1.7"),
        ([patient()], "required", "NL-CM:0.1.7"),
        ([patient("12345", system="urn:local")], "required", "NL-CM:0.1.7"),
        ([patient("123456789")], "value", "NL-CM:0.1.7"),
        ([patient("geheim")], "value", "NL-CM:0.1.7"),
        ([patient("")], "value", "NL-CM:0.1.7"),
        ([patient("000000000")], "value", "NL-CM:0.1.7"),
        ([patient(FENNA), patient(BRAM, key="q")], "invalid", "NL-CM:0.1.7"),
        ([patient(FENNA, BRAM)], "invalid", "NL-CM:0.1.7"),
        ([patient(FENNA), patient(key="q")], "required", "NL-CM:0.1.7"),
        ([patient(FENNA), observation(Ref(identifier=Identifier(BRAM, BSN)))], "invalid", "NL-CM:0.0.11"),
        ([patient(FENNA), observation(Ref("nobody"))], "not-found", "NL-CM:0.0.11"),
        ([patient(FENNA), observation(Ref(literal="Patient/7"))], "not-found", "NL-CM:0.0.11"),
        ([patient(FENNA), observation(Ref(display="Bram"))], "not-found", "NL-CM:0.0.11"),
        (
            [patient(FENNA), observation(Ref(identifier=Identifier("7", "urn:x")))],
            "not-found",
            "NL-CM:0.0.11",
        ),
        ([patient(kind="Client")], "required", "WMO.Client.Bsn"),
    ],
)
def test_a_document_that_is_not_of_one_person_is_refused(
    blocks: list[Block], code: str, concept: str
) -> None:
    with pytest.raises(ContentError) as caught:
        whose(read(*blocks))
    assert (code, concept) in {(issue.code, issue.concept) for issue in caught.value.issues}
    assert all(issue.place and issue.rule for issue in caught.value.issues)
    for number in (FENNA, BRAM, "123456789", "geheim"):
        assert number not in caught.value.diagnostics()


def test_a_fault_names_the_place_in_the_document() -> None:
    with pytest.raises(ContentError) as caught:
        whose(read(patient("123456789")))
    (issue,) = caught.value.issues
    assert (issue.place, issue.line) == ("/adaxml/data/form/patient/identificatienummer", 14)
    assert "eleven test" in issue.rule


def test_a_fault_without_a_value_names_the_block_and_its_line() -> None:
    with pytest.raises(ContentError) as caught:
        whose(read(patient()))
    (issue,) = caught.value.issues
    assert (issue.place, issue.line) == ("Patient.PatientIdentificationNumber", 12)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ContentError) as caught:
        whose(read(patient("1"), patient(key="q"), observation(Ref("nobody"))))
    assert [issue.code for issue in caught.value.issues] == ["value", "required", "not-found"]
