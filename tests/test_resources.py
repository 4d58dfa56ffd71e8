"""The data folders are found, whatever the current folder is."""

from pathlib import Path

import pytest

from gateway import resources
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (resources.MAPPINGS, "mappings"),
        (resources.ZIB_PROFILES, "zib_profiles"),
        (resources.CONFORMANCE, "conformance"),
    ],
)
def test_a_checkout_uses_its_top_level_folders(folder: Path, name: str) -> None:
    assert folder == ROOT / name
    assert folder.is_dir()
