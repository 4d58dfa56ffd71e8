"""Overlays: what they say, and how a wrong one is shown to its author."""

import pytest

from gateway import documents
from gateway.blocks.profiles import load_profiles
from gateway.blocks.values import Quantity
from gateway.errors import AuthoringError
from gateway.mapping.ada import overlays
from gateway.mapping.ada.compiling import spelled
from gateway.mapping.ada.reading import AdaReader
from gateway.resources import MAPPINGS
from tests.mapping.ada.documents import read

HEAD = """application: test
release: "2017"
language: en
recognise: {root: [test]}
"""
SCHEMA = MAPPINGS / "ada" / "schema.json"


def overlay(text: str) -> overlays.Overlay:
    """An overlay with a head that is right."""
    document = documents.parse(HEAD + text, "test.yaml")
    document.check(documents.grammar(SCHEMA))
    return overlays.parse(document)


@pytest.mark.parametrize("file", sorted((MAPPINGS / "ada").glob("*.yaml")), ids=lambda file: file.stem)
def test_an_overlay_bears_the_name_of_its_application(file: object) -> None:
    names = {each.application for each in overlays.load(MAPPINGS / "ada")}
    assert str(file).rpartition("/")[2].removesuffix(".yaml") in names


def test_no_two_overlays_claim_the_same_documents() -> None:
    claims = [name for each in overlays.load(MAPPINGS / "ada") for name in (*each.apps, *each.roots)]
    assert len(claims) == len(set(claims))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("language: fr\n", "'language' stands here twice"),
        ("sectoins: [a]\n", "sectoins"),
        ("blocks: {x: 7}\n", "is not of type 'string'"),
        ("elements: {Problem: {x: {via: unit, leave: because}}}\n", "leave"),
        ("elements: {Problem: {x: problemName}}\n", "problemName"),
    ],
)
def test_an_overlay_outside_the_grammar(text: str, words: str) -> None:
    with pytest.raises(AuthoringError, match=words) as caught:
        overlay(text)
    assert "test.yaml:" in caught.value.diagnostics()


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("elements:\n  Problem:\n    x: ProblemTitle\n", "no concept 'ProblemTitle' in release 2017", 7),
        ("elements:\n  Problem:\n    x: {via: magic}\n", "no function 'magic'", 7),
        ("elements:\n  Problem:\n    x: {block: Elixir, concept: Strength}\n", "no profile 'Elixir'", 1),
        ("elements:\n  Problem.Detail:\n    x: Comment\n", "has no 'Problem.Detail'", 6),
        ("blocks:\n  x: Elixir\n", "no profile 'Elixir'", 5),
    ],
)
def test_an_overlay_that_does_not_fit_the_profiles(text: str, words: str, line: int) -> None:
    with pytest.raises(AuthoringError, match=words) as caught:
        AdaReader(load_profiles(), [overlay(text)]).check()
    assert caught.value.file == "test.yaml"
    assert line == 1 or caught.value.line == line
    assert "^" in caught.value.diagnostics() or line == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ProbleemNaam", "probleem_naam"),
        ("SystolischeBloeddruk", "systolische_bloeddruk"),
        ("ProductID", "product_id"),
        ("MUSTScore", "mustscore"),
        ("SNAQrcScore", "snaqrc_score"),
        ("SNAQ65+Score", "snaq65score"),
        ("O2Saturatie", "o2saturatie"),
        ("Kalmte/Agitatie", "kalmte_agitatie"),
        ("Identificatienummer", "identificatienummer"),
        ("PatiëntNaam", "patient_naam"),
    ],
)
def test_the_spelling_of_names(name: str, expected: str) -> None:
    assert spelled(name) == expected


def test_every_kind_of_alias() -> None:
    reader = AdaReader(
        load_profiles(),
        [
            overlay(
                "sections: [test]\nblocks: {klacht: Problem, problem: ''}\nelements:\n"
                "  Problem:\n    title: ProblemName\n    box:\n    mark: {leave: a mark}\n"
                "    state: {block: MaritalStatus, concept: MaritalStatus}\n"
                "  MedicationAgreement:\n    days: PeriodOfUse.Duration\n"
            )
        ],
    )
    reader.check()
    assert "problem" not in reader._applications["test"].blocks
    source = reader.source("test", "Problem")
    assert 'case "title": put(v, "ProblemName", code, kid, c, ALIAS_' in source
    assert 'case "box": read_Problem(kid, v, c)' in source
    assert 'case "mark": c.leave(kid, "unknown", \'a mark\')' in source
    assert 'case "state": c.beside("MaritalStatus", "MaritalStatus", code, kid, ALIAS_' in source
    assert "within(v, 'PeriodOfUse')" in reader.source("test", "MedicationAgreement")


def test_an_overlay_can_take_a_name_away() -> None:
    assert list(read(b'<bundle><contact id="1"><relationship code="X"/></contact></bundle>').blocks) == [
        "ContactPerson/1"
    ]


@pytest.mark.parametrize(
    ("element", "block"),
    [
        ("medicatieafspraak", "MedicationAgreement"),
        ("toedieningsafspraak", "AdministrationAgreement"),
        ("medicatie_gebruik", "MedicationUse"),
    ],
)
def test_a_period_of_use_in_days(element: str, block: str) -> None:
    """BgZ 2.0 sends a number of days where the zib has a period; the overlay says which part that is."""
    text = f'<{element} id="m"><gebruiksperiode value="10" unit="dag"/></{element}>'
    found = read(f'<sturen app="bgz2017-2.0">{text}</sturen>'.encode())
    assert found.values(f"{block}/m") == {"PeriodOfUse": {"Duration": Quantity("10", "dag", "d")}}
