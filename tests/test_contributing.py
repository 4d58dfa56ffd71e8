"""CONTRIBUTING shows every file that a new zib takes: with these and no others, its zib works."""

import datetime
import re
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from conformance import roundtrip
from gateway.blocks.values import Code, Moment, Quantity, Text
from gateway.codecs import ada
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle, tools
from gateway.resources import MAPPINGS, ZIB_PROFILES
from tests.conftest import ROOT

NOON = Context(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
MAPPING = "mappings/fhir-r4-nl-core/GripStrength.yaml"
BLOCK = re.compile(r"^```yaml\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENT = b"""
<adaxml><data><knijpkracht_registratie app="zib2020-nl">
  <knijpkracht id="k-1">
    <onderwerp><patient-id value="999900006" root="2.16.840.1.113883.2.4.6.3"/></onderwerp>
    <kracht value="31.50" unit="kg"/>
    <hand code="left" codeSystem="2.999.11" displayName="links"/>
    <meet_status code="definitief" codeSystem="2.999.12"/>
    <knijpkracht_datum_tijd value="2026-05-06T09:15:00" datatype="datetime"/>
    <toelichting value="Twee keer gemeten"/>
  </knijpkracht>
</knijpkracht_registratie></data></adaxml>
"""
SAYS = {
    "Strength": Quantity("31.50", "kg", "kg"),
    "Hand": Code("left", "2.999.11", "links"),
    "MeasuringStatus": Code("definitief", "2.999.12"),
    "GripStrengthDateTime": Moment("2026-05-06T09:15:00"),
    "Comment": Text("Twee keer gemeten"),
}


def page() -> dict[str, str]:
    """File name to content, of every file that the page shows."""
    return dict(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mappings and profiles of the project, with the files of the page added."""
    monkeypatch.setenv("ZIBPOORT_CACHE", str(tmp_path / "cache"))
    shutil.copytree(MAPPINGS, tmp_path / "mappings")
    shutil.copytree(ZIB_PROFILES, tmp_path / "zib_profiles")
    for name, text in page().items():
        file = tmp_path / name
        if file.exists():  # a table that every zib has its line in
            key, _, line = text.partition("\n")
            known = file.read_text(encoding="utf-8")
            assert f"\n{key}\n" in known
            text = known.replace(f"\n{key}\n", f"\n{key}\n{line}")
        file.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_shows_data_only() -> None:
    assert MAPPING in page()
    assert {Path(name).suffix for name in page()} == {".yaml"}


def test_its_files_have_no_fault(folder: Path) -> None:
    faults = tools.check(folder / "mappings", folder / "zib_profiles")
    assert [fault.diagnostics() for fault in faults] == []


@pytest.mark.parametrize("name", sorted(page().keys() - {MAPPING}))
def test_the_check_tells_which_file_is_missing(folder: Path, name: str) -> None:
    if (ROOT / name).exists():
        shutil.copy(ROOT / name, folder / name)
    else:
        (folder / name).unlink()
    assert tools.check(folder / "mappings", folder / "zib_profiles")


def test_its_zib_goes_to_fhir_and_back(folder: Path) -> None:
    translator = Translator(folder / "mappings", folder / "zib_profiles")
    sent = translator.read(DOCUMENT, NOON)
    assert sent.issues == []
    written = translator.write(sent, "fhir-r4", NOON)
    assert {line.state for line in written.account.lines()} == {"used"}
    (observation,) = [each for each in written.resources if each["resourceType"] == "Observation"]
    assert observation["status"] == "final"
    assert str(observation["valueQuantity"]["value"]) == "31.50"

    returned = translator.read(fhir_json.encode(bundle(written.resources, NOON.base), "r4"), NOON, "fhir-r4")
    assert returned.issues == []
    form = translator.write(returned, "ada", NOON)
    assert {line.state for line in form.account.lines()} == {"used"}
    again = translator.read(ada.encode(form.root), NOON, "ada")
    (block,) = [each for each in again.blocks if each.type == "GripStrength"]
    says = roundtrip.values_of(block)
    assert not {(f"GripStrength.{name}", roundtrip.says(value)) for name, value in SAYS.items()} - says.keys()
