"""Published ADA documents: everything in them is read, or listed here with the reason."""

from pathlib import Path
from typing import Any

import pytest

from gateway.blocks.values import Ref
from gateway.errors import ContentError
from tests.mapping.ada.documents import plain, read, written

SETS = {
    "zib2020": "zib2020-pairs/ada",
    "bgz 1.2": "bgz-msz-1.2/ada",
    "bgz 2.0": "bgz-msz-2.0/ada",
    "bgz 3.1": "bgz-medmij-3.1/ada_processed",
    "laboratory 3.0": "lab-l2z-3.0.0/sturen_laboratoriumresultaten/ada",
}
# Element to the reason why it is no value.
EXCEPTIONS = {
    "planned_care_activity_referenced": "a mark of the test set of MedMij BgZ 3.1",
    "test_identificatie": "laboratory exchange adds it to the zib",
    "is_uitbesteed": "laboratory exchange adds it to the zib",
    "is_point_of_care_test": "laboratory exchange adds it to the zib",
    "kopie_indicator": "laboratory exchange adds it to the zib",
    "edifact_referentienummer": "laboratory exchange adds it to the zib",
}
# Not ADA, though they lie there: lists of files.
LISTS = frozenset(("Patient-complete-bundled", "Verrichting-bundled", "nl-core-Patient-01-bundled"))


def documents(testdata: Path, name: str) -> list[Path]:
    found = [file for file in sorted((testdata / SETS[name]).glob("*.xml")) if file.stem not in LISTS]
    assert found
    return found


def references(value: Any) -> list[Ref]:
    if isinstance(value, dict):
        return [ref for each in value.values() for ref in references(each)]
    if isinstance(value, list):
        return [ref for each in value for ref in references(each)]
    return [value] if type(value) is Ref else []


@pytest.mark.parametrize("name", SETS)
def test_everything_is_read_or_listed(testdata: Path, name: str) -> None:
    for file in documents(testdata, name):
        document = read(file.read_bytes())
        assert document.blocks, file.name
        for leaf in document.lost():
            top = leaf.place.partition("//")[0]
            named = [step.partition("[")[0] for step in top.split("/")]
            assert set(named) & set(EXCEPTIONS), f"{file.name}: {leaf.place}: {leaf.reason}"


def test_no_exception_is_listed_in_vain(testdata: Path) -> None:
    lost = {
        step.partition("[")[0]
        for name in SETS
        for file in documents(testdata, name)
        for leaf in read(file.read_bytes()).lost()
        for step in leaf.place.split("/")
    }
    assert set(EXCEPTIONS) <= lost


@pytest.mark.parametrize("name", SETS)
def test_nothing_is_wrong_with_what_is_published(testdata: Path, name: str) -> None:
    for file in documents(testdata, name):
        assert read(file.read_bytes()).issues() == [], file.name


@pytest.mark.parametrize("name", SETS)
def test_every_reference_finds_its_block(testdata: Path, name: str) -> None:
    for file in documents(testdata, name):
        blocks = read(file.read_bytes()).blocks
        for block in blocks.values():
            for ref in references(block.values):
                assert ref.key in blocks or (not ref.key and ref.identifier is not None), file.name


@pytest.mark.parametrize("name", ["bgz 1.2", "bgz 2.0", "bgz 3.1"])
def test_every_block_of_a_bgz_is_about_its_patient(testdata: Path, name: str) -> None:
    for file in documents(testdata, name):
        blocks = read(file.read_bytes()).blocks
        (patient,) = (key for key, block in blocks.items() if block.type == "Patient")
        for key, block in blocks.items():
            assert key == patient or block.values["Subject"].key == patient, f"{file.name}: {key}"
            assert not any(part.isdigit() and len(part) == 9 for part in key.split("/")), file.name


# A dose in units of the G-Standaard keeps its number and the unit's name; a form has no place for the code.
ONE_WAY = frozenset(("BgZ-msz-kwa-patA-SLB", "BgZ-msz-tst-patD-SLB"))


# Ids in the laboratory documents hold a slash, which becomes another character in the id of a form.
@pytest.mark.parametrize("name", [name for name in SETS if name != "laboratory 3.0"])
def test_ada_to_blocks_to_ada_to_blocks(testdata: Path, name: str) -> None:
    for file in documents(testdata, name):
        document = read(file.read_bytes())
        blocks = list(document.blocks.values())
        found = read(written(blocks, len(document.state.taken))[0])
        assert list(found.blocks) == list(document.blocks), file.name
        assert found.lost() == []
        if file.stem not in ONE_WAY:
            assert [plain(block) for block in found.blocks.values()] == plain(blocks), file.name


def test_every_value_of_zib_2020_is_written(testdata: Path) -> None:
    for file in documents(testdata, "zib2020"):
        document = read(file.read_bytes())
        taken = len(document.state.taken)
        _, state = written(list(document.blocks.values()), taken)
        assert all(state.used[:taken]), file.name


def test_a_list_of_files_is_refused(testdata: Path) -> None:
    for name in LISTS:
        with pytest.raises(ContentError):
            read((testdata / SETS["zib2020"] / f"{name}.xml").read_bytes())
