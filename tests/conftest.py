"""What every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from conformance.postgres import Cluster, cluster

ROOT = Path(__file__).resolve().parent.parent

# Reproducible runs on slow machines: the same examples every time, and no wall-clock limit for one.
settings.register_profile("zibpoort", deadline=None, derandomize=True)
settings.load_profile("zibpoort")


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The folder of published material, which is never part of the repository; skips where it is absent."""
    folder = Path(os.environ.get("ZIBPOORT_TESTDATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no published test material: set ZIBPOORT_TESTDATA to its folder")
    return folder


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The project's own documents, synthetic persons only."""
    return ROOT / "tests" / "fixtures"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A real PostgreSQL server, started when the first test needs it and stopped at the end."""
    with cluster() as running:
        yield running
