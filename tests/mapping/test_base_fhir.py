"""What is written is what base FHIR asks, whatever the blocks hold."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conformance import roundtrip, specimens
from conformance.profiles import inputs
from gateway.codecs.fhir_base import faults_of
from gateway.codecs.fhir_tolerated import tolerated
from gateway.codecs.fhir_types import Version
from gateway.errors import InputError
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.recognition import FOLDERS

NOON = Context(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
POOR = {
    "org-1": "an organization of which neither name nor number is known",
    "pat-1": "a contact person of whom only the role is known",
    "rat-1": "a concentration without the amount that it is in",
    "MedicationRequest.requester.agent 1..1": "a prescriber of whom nothing is known",
}
"""What a block breaks that lacks what its zib requires."""

CONTRADICTIONS = {("MedicatieContraIndicatie", "per-1"): "its source ends before it begins"}
"""What a published document says itself."""


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def broken(resources: list[Any], form: str) -> Iterator[tuple[str, str]]:
    """Place and rule of each fault, in a Bundle and in each resource by itself; not what may come in."""
    version: Version = "r4" if form == "fhir-r4" else "stu3"
    for tree in [bundle(resources, NOON.base), *resources]:
        for issue in faults_of(tree, version):
            key = issue.rule.split(" ", 2)[2]
            if key not in tolerated():
                yield issue.place, key


@pytest.mark.parametrize("form", FOLDERS)
@pytest.mark.parametrize("day", roundtrip.DAYS)
def test_blocks_with_every_concept(translator: Translator, form: str, day: str) -> None:
    written = translator.write_blocks(roundtrip.whole(translator, form, day), form, NOON, "whole")
    assert list(broken(written.resources, form)) == []


def test_blocks_of_every_kind_of_target_and_code(translator: Translator) -> None:
    for name, tree in inputs.made_up(translator, NOON):
        found = [issue.diagnostics() for issue in faults_of(tree, "r4")]
        assert [each for each in found if not any(f" {key}" in each for key in tolerated())] == [], name


@pytest.mark.parametrize("form", FOLDERS)
def test_blocks_with_one_concept(translator: Translator, form: str) -> None:
    """A required element that the block has no value for says that it is unknown."""
    loaded, met = translator.loaded(form), set()
    for profile in (each for each in roundtrip.mapped_blocks(translator, form) if loaded.writes(each.block)):
        for key, concept in specimens.leaves(translator.profiles, profile):
            made = specimens.fitting(key, concept)
            blocks = specimens.block(profile, key, concept, translator.profiles, made)
            written = translator.write_blocks(blocks, form, NOON, "one")
            met |= {rule for _, rule in broken(written.resources, form)}
    assert met <= POOR.keys()


def test_of_whom_a_resource_is_is_never_said_to_be_unknown(translator: Translator) -> None:
    profile = translator.profiles.get("2020", "Problem")
    assert profile is not None
    (key, concept), *_ = specimens.leaves(translator.profiles, profile)
    blocks = specimens.block(profile, key, concept, translator.profiles, None)[1:]
    del blocks[0].values["Subject"]
    (resource, *_) = translator.write_blocks(blocks, "fhir-r4", NOON, "nobody").resources
    assert ("Condition", "Condition.subject 1..1") in broken([resource], "fhir-r4")


@pytest.mark.parametrize("form", FOLDERS)
def test_published_documents(testdata: Path, translator: Translator, form: str) -> None:
    met = set()
    for path in sorted(testdata.glob("*/ada/*.xml")):
        try:
            written = translator.write(translator.read(path.read_bytes(), NOON), form, NOON)
        except InputError:
            continue  # of an application that no mapping knows
        met |= {(path.stem, rule) for _, rule in broken(written.resources, form)}
    assert met <= CONTRADICTIONS.keys()
