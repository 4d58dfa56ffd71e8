"""What holds for every mapping that comes with the gateway, whichever zib it is."""

import datetime
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from conformance import roundtrip
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle, tools
from gateway.mapping.recognition import FOLDERS
from gateway.mapping.results import Read, Written

NOON = Context(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def test_every_file_is_right() -> None:
    assert [fault.diagnostics() for fault in tools.check()] == []


def test_every_concept_comes_back_from_every_format(translator: Translator) -> None:
    """A made-up block for each concept of each block; what cannot come back is listed with the reason."""
    known = roundtrip.listed()
    lost = {(loss.way, loss.concept): loss.value for loss in roundtrip.specimen_trips(translator, NOON)}
    assert {place: value for place, value in lost.items() if place not in known} == {}
    stale = {place for place in known if place[0].startswith("specimen")} - lost.keys()
    assert stale == set(), "listed as lost, but they come back"


def test_every_listed_loss_has_a_reason() -> None:
    assert all(len(reason) > 10 for reason in roundtrip.listed().values())


def test_coverage_names_the_directions_of_every_concept() -> None:
    rows = list(tools.coverage())
    assert {state for row in rows for state in row.formats.values()} <= {"both", "read", "write", ""}
    pressure = {row.concept: row.formats for row in rows if row.block == "BloodPressure"}
    assert (
        pressure["SystolicBloodPressure"] == {"fhir-r4": "both"}
        or "both" in pressure["SystolicBloodPressure"].values()
    )


@pytest.mark.parametrize("form", FOLDERS)
@pytest.mark.parametrize("day", roundtrip.DAYS)
def test_what_was_read_once_stays_what_it_is(translator: Translator, form: str, day: str) -> None:
    """A document with every concept of every block: once read, it neither loses nor gains a value."""
    blocks = roundtrip.whole(translator, form, day)
    first = again(translator, translator.write_blocks(blocks, form, NOON, "whole"))
    assert {block.type for block in first.blocks} >= {
        profile.block for profile in roundtrip.mapped_blocks(translator, form)
    }
    second = again(translator, translator.write(first, form, NOON))
    assert list(roundtrip.losses(form, "whole", first.blocks, second.blocks)) == []
    assert said(second) == said(first)


def again(translator: Translator, written: Written) -> Read:
    """A document that was written, read."""
    version = translator.loaded(written.format).compiled.version
    data = fhir_json.encode(bundle(written.resources, NOON.base), version)
    return translator.read(data, NOON, written.format)


def said(read: Read) -> Counter[roundtrip.Leaf]:
    return sum(map(roundtrip.values_of, read.blocks), Counter())
