"""Every difference from what is published has a reason, and every reason a difference."""

from collections import Counter
from pathlib import Path

import pytest

from conformance import differences, reasons, score
from conformance.profiles import exceptions
from conformance.profiles.package import Package
from conformance.reasons import Difference, Reason

INPUTS = [
    "nl-core-AlcoholUse-01",
    "nl-core-AlcoholUse-02",
    "nl-core-ApgarScore-01",
    "nl-core-MedicalDevice-03",
    "nl-core-BowelFunction-01",
    "nl-core-BowelFunction-02",
    "whole-message",
]


@pytest.mark.parametrize(
    ("expected", "input_"),
    [
        ("nl-core-AlcoholUse-02", "nl-core-AlcoholUse-02"),
        ("nl-core-ApgarScore-5Minute-01", "nl-core-ApgarScore-01"),
        ("nl-core-MedicalDevice-03-Condition-01", "nl-core-MedicalDevice-03"),
        ("nl-core-MedicalDevice.Product-03", "nl-core-MedicalDevice-03"),
        ("nl-core-MedicalDevice.Product-04", ""),
        ("nl-core-AlcoholUseOfOthers-01", ""),
        ("nl-core-BowelFunction.Frequency-01", "nl-core-BowelFunction-01"),
        (
            "nl-core-BowelFunction.FecalContinence-01",
            "nl-core-BowelFunction-02",
        ),  # listed: its number misleads
        ("whole-message", "whole-message"),
    ],
)
def test_an_expected_file_is_of_the_input_whose_name_and_number_it_shares(expected: str, input_: str) -> None:
    assert score.owner(expected, INPUTS) == input_


def test_a_reason_explains_its_files_at_and_below_its_places() -> None:
    reason = Reason("sent", "a test", ("a",), ("- Patient.name",))
    assert reason.explains(Difference("a", "-", "Patient.name", "x"))
    assert reason.explains(Difference("a", "-", "Patient.name.family", "x"))
    assert not reason.explains(Difference("a", "+", "Patient.name", "x"))
    assert not reason.explains(Difference("b", "-", "Patient.name", "x"))
    assert not reason.explains(Difference("a", "-", "Patient.nameless", "x"))


def test_reasons_are_stale_when_nothing_differs() -> None:
    files = {file for reason in reasons.reasons() for file in reason.files}
    assert {line.partition(":")[0] for line in reasons.stale([])} >= files


def test_what_has_no_source_counts_only_where_it_is_asked_for() -> None:
    total = Counter({"want": 100, "got": 90, "shared": 80, "-source": 10, "-version": 10, "+version": 5})
    assert score.measures(total) == {
        "all": (80 / 100, 80 / 90),
        "with a source": (80 / 90, 80 / 90),
        "of this version": (80 / 80, 80 / 85),
    }


@pytest.fixture(scope="module")
def zib(testdata: Path) -> list[score.Result]:
    del testdata
    return list(score.results(score.SETS["zib2020"]))


@pytest.fixture(scope="module")
def found(zib: list[score.Result]) -> list[Difference]:
    return [each for result in zib for each in result.differences()]


def test_every_difference_has_a_reason(found: list[Difference]) -> None:
    assert [each for each in found if reasons.reason_of(each) is None] == []


def test_every_reason_has_a_difference(found: list[Difference]) -> None:
    assert reasons.stale(found) == []


def test_the_package_shows_what_is_of_another_version(testdata: Path, zib: list[score.Result]) -> None:
    package = Package(testdata / exceptions.PROOFS["r4"].package)
    wanted = {each.file: each for result in zib for each in result.expected}
    found = [each for result in zib for each in result.differences()]
    of_version = [each for each in found if (reason := reasons.reason_of(each)) and reason.cause == "version"]
    assert of_version
    assert [e for e in of_version if not differences.confirmed(wanted[e.file], e, package)] == []


def test_the_scores_of_all_of_zib_2020(zib: list[score.Result]) -> None:
    total = differences.total(zib)
    recall, precision = score.measures(total)["of this version"]
    assert total["failed"] == 0
    assert min(recall, precision) >= 0.985
    assert total["equal"] >= 0.84 * total["expected"]


@pytest.mark.slow
def test_the_page_is_what_the_command_writes(zib: list[score.Result]) -> None:
    assert differences.PAGE.read_text(encoding="utf-8") == "\n".join(differences.page(zib)) + "\n"
