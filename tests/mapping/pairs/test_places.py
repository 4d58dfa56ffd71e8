"""Where the project's own mappings put concepts."""

from pathlib import Path

import pytest

from gateway.blocks.profiles import load_profiles
from gateway.mapping.pairs.package import read_package
from gateway.mapping.pairs.places import Place, Places
from gateway.mapping.recognition import FOLDERS
from gateway.resources import MAPPINGS

BASE = "http://nictiz.nl/fhir/StructureDefinition/"


@pytest.fixture(scope="module")
def places() -> list[Place]:
    return list(Places(MAPPINGS / FOLDERS["fhir-r4"], load_profiles()).all())


def paths(places: list[Place], profile: str, concept: str, direction: str) -> set[str]:
    return {
        ".".join(step.variant or step.name for step in place.steps)
        for place in places
        if (place.profile, place.direction, place.implied) == (BASE + profile, direction, False)
        and concept in place.own
    }


@pytest.mark.parametrize(
    ("profile", "concept", "expected"),
    [
        ("nl-core-BloodPressure", "NL-CM:12.4.2", {"component.valueQuantity"}),
        # a code that was translated stays beside it
        ("nl-core-TextResult", "NL-CM:13.2.6", {"status", "status.extension.value[x]"}),
        # a partial zib, by the mapping of its own
        ("nl-core-Wound", "NL-CM:20.7.3", {"bodySite.extension.valueCodeableConcept"}),
        # another block that the resource carries
        ("nl-core-Patient", "NL-CM:7.9.2", {"maritalStatus"}),
        # what a converter fills beside the element of its row
        (
            "nl-core-NursingIntervention",
            "NL-CM:14.2.3",
            {
                f"activity.detail.scheduledTiming.repeat.{name}"
                for name in ("period", "periodUnit", "frequency")
            },
        ),
        # a reference that points back stands in the other resource
        ("nl-core-Wound.Drain", "NL-CM:19.2.17", {"reasonReference"}),
        # of another the resource as a whole is what it means
        ("nl-core-AbilityToPerformMouthcareActivities.Prosthesis", "NL-CM:4.13.4", {""}),
        # what a linked resource says
        ("nl-core-wounds.WoundCharacteristics", "NL-CM:19.2.4", {"hasMember"}),
    ],
)
def test_the_paths_of_a_concept_in_a_profile(
    places: list[Place], profile: str, concept: str, expected: set[str]
) -> None:
    assert paths(places, profile, concept, "write") == expected
    assert paths(places, profile, concept, "read") == expected


def test_a_row_of_one_direction_has_a_place_in_that_alone(places: list[Place]) -> None:
    profile, titles = "nl-core-NameInformation", "NL-CM:20.4.12"
    assert paths(places, profile, titles, "read") == {"prefix", "suffix"}
    assert paths(places, profile, titles, "write") == {"prefix"}


def test_every_published_profile_has_a_mapping(places: list[Place], testdata: Path) -> None:
    stated = {url for url in read_package(testdata / "nictiz-r4-zib2020").bases if f"{BASE}nl-core-" in url}
    assert len(stated) > 150
    assert stated - {place.profile for place in places} == set()
