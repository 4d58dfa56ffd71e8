"""Published documents, translated: nothing fails, nothing is lost in silence, the output is FHIR."""

import datetime
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from lxml import etree

from conformance import examples, roundtrip, score
from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.account import STATES

NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
NOON = Context(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
SETS = [
    ("zib2020-pairs/ada", "fhir-r4"),
    ("zib2020-pairs/ada", "fhir-stu3"),
    ("bgz-msz-1.2/ada", "fhir-stu3"),
    ("bgz-msz-1.2/ada", "fhir-r4"),
    ("bgz-msz-2.0/ada", "fhir-stu3"),
    ("bgz-msz-2.0/ada", "fhir-r4"),
    ("bgz-medmij-3.1/ada_processed", "fhir-stu3"),
    ("bgz-medmij-3.1/ada_processed", "fhir-r4"),
]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def documents(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.xml")):
        if b"nictiz.nl/mappings" not in path.read_bytes()[:500]:  # a list of other files, not a document
            yield path


@pytest.mark.parametrize(("folder", "form"), SETS)
def test_every_value_has_one_line(testdata: Path, translator: Translator, folder: str, form: str) -> None:
    """The account against an independent count of elements with a value, a code or a reason."""
    for path in documents(testdata / folder):
        read = translator.read(path.read_bytes(), NOON)
        lines = list(translator.write(read, form, NOON).account.lines())
        assert all(line.state in STATES for line in lines)
        assert all(line.rule or line.reason for line in lines), path.name
        with_value = [
            element
            for element in etree.fromstring(path.read_bytes()).iter(etree.Element)
            if {"value", "code", "nullFlavor"} & set(element.keys())
        ]
        counted = sum(1 for line in lines if not line.place.endswith("//"))
        assert counted >= len(with_value), path.name


@pytest.mark.parametrize(("folder", "form"), SETS)
def test_the_same_input_gives_the_same_bytes(
    testdata: Path, translator: Translator, folder: str, form: str
) -> None:
    path = next(documents(testdata / folder))

    def once() -> bytes:
        read = translator.read(path.read_bytes(), NOON)
        return score.dumps(bundle(translator.write(read, form, NOON).resources, NOON.base))

    assert once() == once()


@pytest.mark.parametrize(("folder", "form"), SETS)
def test_no_id_holds_a_bsn(testdata: Path, translator: Translator, folder: str, form: str) -> None:
    for path in documents(testdata / folder):
        read = translator.read(path.read_bytes(), NOON)
        bsns = {bsn for bsn, _ in read.persons()}
        for resource in translator.write(read, form, NOON).resources:
            assert not any(bsn in resource["id"] for bsn in bsns)


@pytest.mark.parametrize(("folder", "form"), SETS)
def test_references_resolve_inside_the_document(
    testdata: Path, translator: Translator, folder: str, form: str
) -> None:
    for path in documents(testdata / folder):
        resources = translator.write(translator.read(path.read_bytes(), NOON), form, NOON).resources
        there = {f"{each['resourceType']}/{each['id']}" for each in resources}
        assert len(there) == len(resources), path.name
        for reference in references(resources):
            assert "://" in reference or reference in there, (path.name, reference)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.mark.parametrize(("folder", "form"), SETS)
def test_the_output_is_fhir_for_an_independent_reader(
    testdata: Path, translator: Translator, folder: str, form: str
) -> None:
    """fhir.resources has no R4 4.0.1; R4B differs in nothing that these resources use."""
    module = "fhir.resources.STU3" if form == "fhir-stu3" else "fhir.resources.R4B"
    faults = []
    for path in documents(testdata / folder):
        for resource in translator.write(translator.read(path.read_bytes(), NOON), form, NOON).resources:
            kind = resource["resourceType"]
            model = getattr(importlib.import_module(f"{module}.{kind.lower()}"), kind)
            try:
                data = fhir_json.encode(modelled(resource), translator.loaded(form).compiled.version)
                model.model_validate_json(data)
            except ValueError as error:
                faults.append(f"{path.name} {kind}: {str(error).splitlines()[1:3]}")
    assert faults == []


def modelled(value: Any) -> Any:
    """Without reasons for absence inside extensions, as published ones have and the models of STU3 forget."""
    if isinstance(value, dict):
        inside = {name: modelled(each) for name, each in value.items() if not name.startswith("_value")}
        return {**inside, "valueBoolean": True} if len(inside) == 1 and "url" in inside else inside
    return [modelled(each) for each in value] if isinstance(value, list) else value


def test_round_trips_lose_only_what_is_listed(testdata: Path, translator: Translator) -> None:
    del testdata
    known = roundtrip.listed()
    lost = {(loss.way, loss.concept): loss.document for loss in roundtrip.trips(translator, NOON)}
    assert {place: document for place, document in lost.items() if place not in known} == {}


@pytest.mark.parametrize("version", examples.PUBLISHED)
def test_examples_are_themselves_again(testdata: Path, translator: Translator, version: Version) -> None:
    """FHIR → blocks → FHIR, and R4 → ADA → R4; the account has a line for every element."""
    del testdata
    sent = examples.examples(version)
    assert len(sent) > 200
    found = list(examples.differences(translator, NOON, sent, version))
    assert examples.unexplained(found, version) == ([], [])
    assert examples.unaccounted(translator, NOON, sent, version) == []


def test_few_examples_of_r4_differ(testdata: Path, translator: Translator) -> None:
    del testdata
    sent = examples.examples()
    found = list(examples.differences(translator, NOON, sent))
    for way in examples.PUBLISHED["r4"].ways:
        assert len({each.resource for each in found if each.way == way}) < len(sent) / 20


@pytest.mark.parametrize("version", examples.PUBLISHED)
def test_an_example_is_read_by_the_mapping_of_its_profile(
    testdata: Path, translator: Translator, version: Version
) -> None:
    """Each alone is read as the block whose part has the profile that it claims, when one has it."""
    del testdata
    form = examples.PUBLISHED[version].form
    profiled = translator.loaded(form).by_profile
    wrong = []
    for resource in examples.examples(version):
        urls = resource.get("meta", {}).get("profile", ())
        expected = {part.block for url in urls for part in profiled.get(url, ()) if part.primary}
        read = translator.read(fhir_json.encode(bundle([resource], examples.BASE), version), NOON, form)
        if expected and not expected & {block.type for block in read.blocks}:
            wrong.append(resource["id"])
    assert wrong == []


NURSING = {
    "AbilityToDressOneSelf": "AbilityToDressOneself",
    "AbilityToDrink": "AbilityToDrink",
    "AbilityToEat": "AbilityToEat",
    "AbilityToGroome": "AbilityToGroom",
    "AbilityToPerformMouthcareActivities": "AbilityToPerformMouthcareActivities",
    "AbilityToUseToilet": "AbilityToUseToilet",
    "AbilityToWashOneSelf": "AbilityToWashOneself",
    "BowelFunction": "BowelFunction",
    "BurnWound": "Burnwound",
    "DevelopmentChild": "DevelopmentChild",
    "FeedingPatternInfant": "FeedingPatternInfant",
    "HearingFunction": "HearingFunction",
    "Mobility": "Mobility",
    "Pregnancy": "Pregnancy",
    "PressureUlcer": "PressureUlcer",
    "SkinDisorder": "SkinDisorder",
    "Stoma": "Stoma",
    "VisualFunction": "VisualFunction",
    "Wound": "Wound",
}
PRELIMINARY = {"DevelopmentChild", "FeedingPatternInfant"}
"""Their examples of STU3 are preliminary: a status that no zib has, so that they cross nowhere."""


def test_nursing_crosses_between_the_releases(testdata: Path, translator: Translator) -> None:
    """Every published example of one FHIR version comes out as the profile of the other."""
    del testdata
    found = {version: crossing(translator, version) for version in examples.PUBLISHED}
    assert {f"nl-core-{new}" for old, new in NURSING.items() if old not in PRELIMINARY} <= found["stu3"]
    sent = {url for resource in examples.examples() for url in resource["meta"]["profile"]}
    there = [old for old, new in NURSING.items() if f"{NICTIZ}nl-core-{new}" in sent]
    assert len(there) > 10
    assert {f"zib-{old}".lower() for old in there} <= {each.lower() for each in found["r4"]}


def crossing(translator: Translator, version: Version) -> set[str]:
    """The profiles of what the examples of one version are in the other."""
    read = translator.read(
        fhir_json.encode(bundle(examples.examples(version), examples.BASE), version),
        NOON,
        examples.PUBLISHED[version].form,
    )
    form = "fhir-r4" if version == "stu3" else "fhir-stu3"
    resources = translator.write(read, form, NOON).resources
    return {url.rpartition("/")[2] for each in resources for url in each["meta"].get("profile", ())}


def test_scores_of_laboratory_exchange(testdata: Path) -> None:
    del testdata
    total = score.score("lab-l2z-3.0.0", "", 0)
    recall, precision = score.summary("lab-l2z-3.0.0", total)
    assert total["failed"] == 0
    assert recall >= 0.81
    assert precision >= 0.92


def test_scores_of_the_bgz(testdata: Path) -> None:
    del testdata
    total = score.score("bgz-1.2", "", 0) + score.score("bgz-2.0", "", 0)
    recall, precision = score.summary("bgz", total)
    assert total["failed"] == 0
    assert recall >= 0.90
    assert precision >= 0.95


def test_decimals_keep_their_digits(testdata: Path, translator: Translator) -> None:
    """0.50 in a document of 2.0 is 0.50 in FHIR."""
    path = testdata / "bgz-msz-2.0/ada/BgZ-msz-tst-patD-SLB.xml"
    assert b'value="0.50"' in path.read_bytes()
    resources = translator.write(translator.read(path.read_bytes(), NOON), "fhir-stu3", NOON).resources
    assert b'"value":0.50' in orjson.dumps(
        resources, default=lambda value: orjson.Fragment(str(value).encode())
    )
