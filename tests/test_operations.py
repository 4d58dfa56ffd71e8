"""docs/operations.md says what is there: every setting, command, figure and component."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic.fields import FieldInfo

from gateway.api.exchanging import AT_WORK
from gateway.api.metrics import SECONDS, Metrics
from gateway.exchange.readiness import COMPONENTS
from gateway.settings import PREFIX, Settings
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = [
    [line[4:] for line in block.splitlines()] for block in re.findall(r"(?:^ {4}\S.*\n)+", PAGE, re.MULTILINE)
]
COMMANDS = [line for block in BLOCKS for line in block]
TARGETS = {
    f"make {name}" for name in re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
}


def rows(heading: str) -> list[list[str]]:
    """The rows of the table with this heading, cell by cell."""
    lines = PAGE[PAGE.index(f"\n{heading}\n") + 1 :].splitlines()[2:]
    end = next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]


def row_of(name: str, field: FieldInfo) -> list[str]:
    """What the table must say of a setting."""
    default: Any = field.default
    shown = "" if default in (None, ()) else f"`{default}`"
    return [f"`{PREFIX}{name.upper()}`", shown, " ".join((field.description or "").split())]


def test_every_setting_is_in_the_table_as_it_is() -> None:
    wanted = [row_of(name, field) for name, field in Settings.model_fields.items()]
    assert rows("| setting | default | meaning |") == wanted


def test_every_component_and_no_other_is_explained() -> None:
    told = {name.strip("` ") for name, _ in rows("| component | down when |")}
    assert told == COMPONENTS.keys()


def test_every_figure_and_its_labels_are_in_the_table() -> None:
    metrics = Metrics()
    metrics.ended("a", "permit", "completed")
    for kind, (_, _, labels) in SECONDS.items():
        with metrics.timed(kind, "x" if labels else ""):
            pass
    there: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            name = re.sub("_(bucket|count|sum|created)$", "", sample.name)
            there.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    there.pop("zibpoort_exchanges", None)  # when the counter was made
    table = rows("| figure | labels | |")
    assert {name.strip("` "): set(re.findall(r"\w+", labels)) for name, labels, _ in table} == there


def test_the_number_of_threads_is_as_told() -> None:
    assert f"handles {AT_WORK} exchanges at a time" in PAGE


def zibpoort_commands() -> list[str]:
    """Every use of the command: in a block, in a line for Docker, or within a sentence."""
    inline = re.findall(r"`(zibpoort [^`]+)`", PAGE)
    return sorted(
        {line[line.index("zibpoort ") :] for line in COMMANDS if re.search(r"(^|gateway )zibpoort ", line)}
        | set(inline)
    )


@pytest.mark.parametrize("line", zibpoort_commands())
def test_every_command_is_one_with_these_options(line: str) -> None:
    words = re.findall(r"^zibpoort((?: [a-z][a-z-]*)+)", line)[0].split()
    told = subprocess.run(
        [Path(sys.executable).with_name("zibpoort"), *words, "--help"],
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    for option in re.findall(r"--[a-z-]+", line):
        assert option in told.stdout


def test_what_is_not_ours_is_docker_a_secret_or_make() -> None:
    others = [line for line in COMMANDS if not line.startswith("zibpoort ")]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for line in others:
        if line.startswith("docker compose "):
            named = set(re.findall(r" (?:run --rm|exec) (\w+)", line))
            assert named <= services.keys(), line
        else:
            assert line in secrets_block() or line in TARGETS, line


def secrets_block() -> list[str]:
    (found,) = [block for block in BLOCKS if block[0].startswith("umask")]
    return found


def test_the_secrets_that_it_makes_will_do(tmp_path: Path) -> None:
    subprocess.run(["bash", "-euc", "\n".join(secrets_block())], cwd=tmp_path, check=True)
    made = tmp_path / "secrets"
    wanted = yaml.safe_load((ROOT / "compose.yaml").read_text())["secrets"]
    assert {path.name for path in made.iterdir()} == set(wanted)
    assert {path.stat().st_mode & 0o077 for path in made.iterdir()} == {0}
    settings = Settings(
        kek_file=made / "kek",
        hmac_key_file=made / "hmac-key",
        metrics_token_file=made / "metrics-token",
        database_url_file=made / "database-url",
    )
    assert len(settings.key_encryption_keys()[0]) == len(settings.pseudonym_key()) == 32
    assert len(base64.b64decode(settings.metrics_token())) == 32
    password = (made / "database-password").read_text()
    assert re.fullmatch("[0-9a-f]{48}", password)
    assert settings.database == f"postgresql+psycopg://zibpoort:{password}@database/zibpoort"
