"""Names of a register, held against the profiles."""

from __future__ import annotations

import pytest

from gateway.exchange.withholding import name_faults
from gateway.mapping import Translator
from gateway.policy import load_register, parse_register
from gateway.policy.register import REGISTER


def told(translator: Translator, row: str, *, instead: bytes = b"Client: [Bsn]") -> list[str]:
    """What is said of a register that withholds something else of a client."""
    text = REGISTER.read_bytes()
    assert instead in text
    found = name_faults(parse_register(text.replace(instead, row.encode()), "own.yaml"), translator)
    return [
        f"{issue.severity} {issue.place.partition(': ')[2]}: {issue.text.split(':')[0]}" for issue in found
    ]


def test_the_register_of_the_gateway_names_what_there_is(translator: Translator) -> None:
    assert list(name_faults(load_register(), translator)) == []


@pytest.mark.parametrize(
    ("row", "faults"),
    [
        ("Problem: [ProblemName]", []),
        ("Problem: [Subject]", []),
        ("HealthProfessional: [NameInformation.FirstNames]", []),
        ("Task: [Owner]", ["error Task.Owner: is no concept"]),
        ("Problm: [ProblemName]", ["error Problm: is no building block, and no resource type"]),
        ("Problem: [Naam]", ["error Problem.Naam: is no concept"]),
        ("Problem: [ProblemName.Code]", ["error Problem.ProblemName.Code: is no concept"]),
        (
            "Problem: [ProblemLaterality]",
            ["warning Problem.ProblemLaterality: is no concept of release 2020"],
        ),
        (
            "Problem: [ProblemAnatomicalLocation.Laterality, ProblemLaterality]",
            [
                "warning Problem.ProblemAnatomicalLocation.Laterality: is no concept of release 2017",
                "warning Problem.ProblemLaterality: is no concept of release 2020",
            ],
        ),
        ("MUSTScore: [Comment]", ["warning MUSTScore: is MUSTscore in another release"]),
        ("MUSTScore: [Comment]\n        MUSTscore: [Comment]", []),
    ],
)
def test_a_name_that_withholds_nothing_somewhere_is_told(
    translator: Translator, row: str, faults: list[str]
) -> None:
    assert told(translator, row) == faults


def test_what_is_listed_must_be_there_too(translator: Translator) -> None:
    listed = told(translator, 'allow: {Problem: [Naam, ProblemLaterality], Task: "*"}', instead=b'allow: "*"')
    assert set(listed) == {"error Problem.Naam: is no concept"}
