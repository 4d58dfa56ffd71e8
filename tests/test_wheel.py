"""The wheel works in an empty environment, from any folder."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import gateway
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run without anything of this checkout on the module path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel and what it depends on."""
    home = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(home, symlinks=True)
    pip = (sys.executable, "-m", "pip", "--python", home / "bin" / "python")
    installed = run(*pip, "install", "-q", "-c", ROOT / "requirements.lock", wheel, cwd=home.parent)
    assert installed.returncode == 0, installed.stderr
    return home / "bin"


def test_the_wheel_carries_the_data_and_none_of_the_runners(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name.split("/")[0] for name in names}
    assert inside == {"gateway", f"zibpoort-{gateway.__version__}.dist-info"}
    for folder in ("mappings", "zib_profiles"):
        packed = {name for name in names if name.startswith(f"gateway/_data/{folder}/")}
        here = {f"gateway/_data/{p.relative_to(ROOT)}" for p in (ROOT / folder).rglob("*") if p.is_file()}
        assert packed == here
        assert packed, f"{folder} is empty"
    assert not [name for name in names if "/_data/" in name and name.endswith(".py")]


def test_the_command_tells_its_version(scripts: Path, tmp_path: Path) -> None:
    told = run(scripts / "zibpoort", "--version", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert gateway.__version__ in told.stdout


def test_the_command_translates(scripts: Path, tmp_path: Path, fixtures: Path) -> None:
    document = fixtures / "ada" / "blood_pressure.xml"
    told = run(scripts / "zibpoort", "translate", document, "--to", "fhir-r4", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    bundle = json.loads(told.stdout)
    assert bundle["resourceType"] == "Bundle"
    resources = {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}
    assert resources.keys() == {"Patient", "Observation"}
    values = {part["valueQuantity"]["value"] for part in resources["Observation"]["component"]}
    assert values == {142, 88}
