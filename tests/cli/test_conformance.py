"""`zibpoort conformance`."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.command import command

COLUMNS = {"verdict", "profile", "element", "concept", "name", "rows", "why"}


@pytest.fixture
def package(fixtures: Path) -> str:
    return str(fixtures / "pairs")


def test_a_package_that_is_not_accounted_for_fails(
    package: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command(capsys, monkeypatch, "conformance", "zib2020", "--package", package, "--only", "none")
    *lines, last = done.out.splitlines()
    assert done.code == 1
    assert len(lines) == 4
    assert {line.split("\t")[0] for line in lines} == {"none"}
    assert last == "both 11 one-way 0 none 4 of 15"
    assert "no reason is given for zib-BloodPressure Observation.value[x] NL-CM:12.4.2" in done.err


def test_the_pairs_as_json(
    package: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command(capsys, monkeypatch, "conformance", "zib2020", "--package", package, "--json")
    rows = json.loads(done.out)
    assert len(rows) == 15
    assert all(row.keys() == COLUMNS for row in rows)
    site = next(row for row in rows if row["concept"] == "NL-CM:19.4.12")
    assert re.fullmatch(
        r"fhir-r4-nl-core/Burnwound\.yaml:\d+ \S+/AnatomicalLocation\.yaml:\d+,\d+", site["rows"]
    )
    assert done.err.splitlines()[-1] == "both 11 one-way 0 none 4 of 15"


@pytest.mark.parametrize("words", [("--only", "perhaps"), ("--package", "nowhere")])
def test_wrong_usage(
    package: str, words: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(capsys, monkeypatch, "conformance", "zib2020", "--package", package, *words).code == 2


def test_the_published_package_is_accounted_for(
    testdata: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(testdata / "nictiz-r4-zib2020")
    done = command(capsys, monkeypatch, "conformance", "zib2020", "--package", folder)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1].endswith(" of 833")
