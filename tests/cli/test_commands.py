"""The other commands, and what all have in common."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

import gateway
from conformance.stage import AUDITOR, EPD, ISSUER, PGO, Stage
from gateway.cli.token import PRIVATE, PUBLIC
from gateway.exchange.parties import load_parties
from gateway.settings import Settings
from tests.cli.command import Ended, command, process
from tests.exchange.house import BGZ, FENNA, House

Run = Callable[..., Ended]


@pytest.fixture
def zibpoort(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *words: command(capsys, monkeypatch, *words)


@pytest.fixture
def served(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house with some exchanges, and the environment of its gateway."""
    house.deliver()
    house.search("r4", "Condition")
    for name, value in house.stage.environment.items():
        if name.startswith("ZIBPOORT_"):
            monkeypatch.setenv(name, value)
    return house


def test_the_version(zibpoort: Run) -> None:
    assert zibpoort("--version") == Ended(0, f"zibpoort {gateway.__version__}\n", "")


@pytest.mark.parametrize("words", [("nonsense",), ("--nonsense",), ("log",), ("log", "nonsense"), ()])
def test_wrong_usage(zibpoort: Run, words: tuple[str, ...]) -> None:
    done = zibpoort(*words)
    assert done.code in ((2,) if words and words != ("log",) else (0, 2))
    assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize(
    "words",
    [
        ("translate",),
        ("serve",),
        ("check-config",),
        ("log", "list"),
        ("log", "verify"),
        ("mapping", "show-code"),
        ("mapping", "check"),
        ("mapping", "coverage"),
        ("token", "keys"),
        ("token", "mint"),
    ],
)
def test_every_command_explains_itself(zibpoort: Run, words: tuple[str, ...]) -> None:
    done = zibpoort(*words, "--help")
    assert done.code == 0
    assert "Usage:" in done.out
    if words[0] == "token":
        assert "FOR DEVELOPMENT ONLY" in zibpoort("token", "--help").out


def test_the_log_as_lines(served: House, zibpoort: Run) -> None:
    done = zibpoort("log", "list")
    assert done.code == 0, done.err
    head, *lines = [line.split("\t") for line in done.out.splitlines()]
    assert head[:3] == ["time", "caller", "purpose"]
    assert [line[1] for line in lines] == ["zibpoort log", PGO.id, EPD.id]
    assert [line[5] for line in lines] == ["permit", "permit-with-less", "permit"]
    assert FENNA not in done.out
    person = served.pipeline.books.database.pseudonym(FENNA)
    assert lines[1][4] == person[:8]


def test_the_log_as_json(served: House, zibpoort: Run) -> None:
    done = zibpoort("log", "list", "--json", "--caller", PGO.id)
    (found,) = json.loads(done.out)["exchanges"]
    assert found["decision"]["articles"]
    assert found["outcome"]["counts"] == {"Condition": 2}
    assert FENNA not in done.out


def test_reading_the_log_is_in_the_log(served: House, zibpoort: Run) -> None:
    zibpoort("log", "list", "--last", "1")
    decision, outcome = served.log()[-1]
    assert (decision["caller"], decision["activity"]) == ("zibpoort log", "auditor-reads-log")
    assert decision["responsible"]
    assert outcome is not None


def test_the_log_verifies_and_says_so(served: House, zibpoort: Run) -> None:
    done = zibpoort("log", "verify")
    assert done.code == 0
    assert "4 entries, root " in done.out
    assert "0 decisions without an outcome" in done.out
    assert done.out.endswith("0 problems\n")


def test_a_log_that_was_changed_does_not_verify(served: House, zibpoort: Run) -> None:
    with served.pipeline.books.database.write() as transaction:
        transaction.connection.exec_driver_sql("UPDATE log_entries SET caller = 'nobody' WHERE position = 2")
    done = zibpoort("log", "verify")
    assert done.code == 1
    assert "log entry 2: 'caller' is not what the leaf says" in done.out


def test_a_record_that_was_removed_does_not_verify(served: House, zibpoort: Run) -> None:
    with served.pipeline.books.database.write() as transaction:
        transaction.connection.exec_driver_sql("DELETE FROM versions WHERE position = 0")
    assert zibpoort("log", "verify").code == 1


def test_looking_makes_no_database(zibpoort: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZIBPOORT_DATA_FOLDER", str(tmp_path / "absent"))
    for words in (("log", "list"), ("log", "verify")):
        done = zibpoort(*words)
        assert done.code == 1
        assert "ZIBPOORT_DATA_FOLDER" in done.err
    assert not (tmp_path / "absent").exists()


def test_keys_are_made_once_and_the_private_one_is_for_its_owner(zibpoort: Run, tmp_path: Path) -> None:
    assert zibpoort("token", "keys", str(tmp_path / "keys")).code == 0
    private, public = tmp_path / "keys" / PRIVATE, tmp_path / "keys" / PUBLIC
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert ECKey.import_key(json.loads(private.read_bytes())).is_private
    assert '"d"' not in public.read_text()
    before = private.read_bytes()
    assert zibpoort("token", "keys", str(tmp_path / "keys")).code == 1
    assert private.read_bytes() == before


def test_a_minted_token_is_one(zibpoort: Run, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.prepare()
    words = ["--issuer", ISSUER, "--client", PGO.id, "--role", PGO.role, "--organisation", PGO.organisation]
    done = zibpoort(
        "token", "mint", "--key", str(tmp_path / PRIVATE), *words, "--purpose", "PATRQT", "--person", FENNA
    )
    assert done.code == 0, done.err
    parties = load_parties(
        Settings(
            token_issuers=(ISSUER,),
            token_keys_file=tmp_path / PUBLIC,
            parties_file=tmp_path / "parties.yaml",
        )
    )
    assert parties.identify(done.out.strip(), datetime.now(UTC)).bsn == FENNA


def test_serving_with_a_wrong_configuration_ends_with_a_reason(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.prepare()
    (tmp_path / "parties.yaml").write_text("version: 1\nclients: [{id: x}]\n")
    done = process("serve", environment=stage.environment)
    assert done.code == 1
    assert "parties.yaml:2" in done.err
    assert "Traceback" not in done.err


def test_serving_on_a_port_that_is_taken_ends(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.prepare()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = process("serve", "--port", str(taken.getsockname()[1]), environment=stage.environment)
    assert done.code != 0
    assert "Traceback" not in done.err


def test_code_coverage_and_check_of_the_mappings(zibpoort: Run) -> None:
    code = zibpoort("mapping", "show-code", "BloodPressure", "--format", "fhir-r4")
    assert code.code == 0
    assert "def write_BloodPressure" in code.out
    covered = zibpoort("mapping", "coverage", "--only", "^BloodPressure$")
    assert covered.code == 0
    assert "NL-CM:12.4.2" in covered.out
    assert zibpoort("mapping", "check").code == 0
    assert zibpoort("mapping", "coverage", "--only", "(").code == 2


@pytest.mark.parametrize("words", [("Nonsense",), ("BloodPressure", "--format", "pdf")])
def test_code_of_what_is_not_there(zibpoort: Run, words: tuple[str, ...]) -> None:
    done = zibpoort("mapping", "show-code", *words)
    assert done.code == 3
    assert "Traceback" not in done.err


def test_the_roles_of_the_stage_are_those_of_the_register() -> None:
    assert {client.role for client in (EPD, PGO, AUDITOR)} == {"care-provider", "pgo", "auditor"}
    assert BGZ.startswith(b"<?xml")


def test_any_fault_ends_without_a_traceback(zibpoort: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("999980014")

    monkeypatch.setattr("gateway.settings.load_settings", fail)
    done = zibpoort("check-config")
    assert done.code == 1
    assert "a fault of zibpoort: RuntimeError" in done.err
    assert "999980014" not in done.err
