"""Mappings made up for a test, in a folder with the project's own tables beside them."""

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.mapping import Context, Translator
from gateway.resources import MAPPINGS

Draft = Callable[..., Translator]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Compiled mappings of a test stay with the test."""
    monkeypatch.setenv("ZIBPOORT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """A translator whose R4 format holds only the mappings that a test gives, by file name."""

    def make(**files: str) -> Translator:
        folder = tmp_path / "mappings"
        shutil.copytree(MAPPINGS, folder, ignore=shutil.ignore_patterns("fhir-*", "README.md"))
        r4 = folder / "fhir-r4-nl-core"
        r4.mkdir()
        shutil.copy(MAPPINGS / "fhir-r4-nl-core" / "_format.yaml", r4)
        for name, text in files.items():
            (r4 / f"{name}.yaml").write_text(text, encoding="utf-8")
        return Translator(folder)

    return make


@pytest.fixture
def noon() -> Context:
    """Noon of 1 July 2026 in Amsterdam."""
    return Context(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
