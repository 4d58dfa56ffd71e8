"""Every verdict on a made-up package, and on the published one."""

from pathlib import Path

import pytest

from gateway.errors import AuthoringError, ContentError
from gateway.mapping.pairs.verdicts import Verdict, examine

NONE = "same: {}\nreasons: {}\n"
UNNEEDED = "which is mapped both ways or is no pair of the package"
PUBLISHED = "nictiz-r4-zib2020"


@pytest.fixture
def package(fixtures: Path) -> Path:
    return fixtures / "pairs"


@pytest.fixture(scope="module")
def verdicts(fixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    """What is found without any statement."""
    return examine(fixtures / "pairs", statements=stated(tmp_path_factory.mktemp("none"), NONE))[0]


def stated(folder: Path, text: str) -> Path:
    file = folder / "statements.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def found(verdicts: list[Verdict], profile: str, element: str, concept: str) -> Verdict:
    return next(each for each in verdicts if each.pair.key == (profile, element, concept))


@pytest.mark.parametrize(
    ("profile", "element", "concept", "outcome"),
    [
        ("zib-BloodPressure", "Observation", "NL-CM:12.4.1", "both"),
        ("zib-BloodPressure", "Observation.extension:position.value[x]", "NL-CM:12.4.11", "both"),
        ("zib-BloodPressure", "Observation.note.text", "NL-CM:12.4.6", "both"),
        ("zib-BloodPressure", "Observation.method.coding", "NL-CM:12.4.7", "both"),
        ("zib-BloodPressure", "Observation.component:systolic.value[x]", "NL-CM:12.4.2", "both"),
        ("zib-BloodPressure", "Observation.component:mean.value[x]", "NL-CM:12.4.3", "none"),
        ("zib-BloodPressure", "Observation.component:mean.value[x].unit", "NL-CM:12.4.2", "none"),
        ("zib-BloodPressure", "Observation.value[x]", "NL-CM:12.4.2", "none"),
        ("zib-Burnwound", "Condition.bodySite", "NL-CM:19.4.12", "both"),
        ("zib-Burnwound", "Condition.bodySite.extension:laterality.value[x]", "NL-CM:19.4.10", "one-way"),
        ("zib-AnatomicalLocation", "CodeableConcept", "NL-CM:20.7.4", "both"),
        ("ext-AnatomicalLocation.Laterality", "Extension.value[x]", "NL-CM:20.7.3", "both"),
        ("zib-MedicalDevice", "DeviceUseStatement.status", "NL-CM:10.1.11", "both"),
        ("zib-MedicalDevice", "DeviceUseStatement.status", "NL-CM:10.1.10", "none"),
        ("zib-MedicalDevice", "DeviceUseStatement.reasonReference:wound", "NL-CM:19.2.17", "both"),
    ],
)
def test_a_pair_is_mapped_where_a_row_puts_its_concept_at_its_element(
    verdicts: list[Verdict], profile: str, element: str, concept: str, outcome: str
) -> None:
    assert len(verdicts) == 15
    assert found(verdicts, profile, element, concept).outcome == outcome


def test_a_verdict_names_the_rows_and_the_direction(verdicts: list[Verdict]) -> None:
    laterality = "Condition.bodySite.extension:laterality.value[x]"
    burn = found(verdicts, "zib-Burnwound", laterality, "NL-CM:19.4.10")
    assert burn.directions == {"write"}
    assert burn.marks[0].startswith("fhir-r4-nl-core/Burnwound.yaml:")


def test_what_is_not_both_needs_a_reason_and_nothing_else_may_have_one(package: Path, tmp_path: Path) -> None:
    text = """
same:
  NL-CM:19.4.10: {concept: NL-CM:20.7.3, because: it is the same in the package}
  NL-CM:1.2.3: {concept: NL-CM:20.7.3, because: the package does not have it}
reasons:
  zib-BloodPressure:
    Observation.component:mean.value[x]: {NL-CM:12.4.3: the package was made wrong on purpose}
    Observation.note.text: {NL-CM:12.4.6: this one is mapped both ways}
"""
    verdicts, faults = examine(package, statements=stated(tmp_path, text))
    laterality = "Condition.bodySite.extension:laterality.value[x]"
    burn = found(verdicts, "zib-Burnwound", laterality, "NL-CM:19.4.10")
    assert (burn.outcome, burn.reason) == ("both", "as NL-CM:20.7.3: it is the same in the package")
    assert faults == [
        "no reason is given for zib-BloodPressure Observation.component:mean.value[x].unit NL-CM:12.4.2",
        "no reason is given for zib-BloodPressure Observation.value[x] NL-CM:12.4.2",
        "no reason is given for zib-MedicalDevice DeviceUseStatement.status NL-CM:10.1.10",
        f"a reason is given for zib-BloodPressure Observation.note.text NL-CM:12.4.6, {UNNEEDED}",
        "NL-CM:1.2.3 is said to be another concept, and is in no pair of the package",
    ]


def test_statements_are_held_to_their_schema(package: Path, tmp_path: Path) -> None:
    text = "same: {}\nreasons:\n  zib-X:\n    Observation:\n      12.4.2: a concept id begins with NL-CM\n"
    with pytest.raises(AuthoringError) as caught:
        examine(package, statements=stated(tmp_path, text))
    assert caught.value.line == 4


def test_a_folder_without_pairs_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(ContentError):
        examine(tmp_path)


def test_of_the_published_pairs_all_are_accounted_for_and_nearly_all_are_mapped_both_ways(
    testdata: Path,
) -> None:
    verdicts, faults = examine(testdata / PUBLISHED)
    assert faults == []
    assert len(verdicts) == 833
    assert sum(each.outcome == "both" for each in verdicts) >= 815
    assert all(each.reason for each in verdicts if each.outcome != "both")
