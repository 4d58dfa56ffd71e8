"""`zibpoort check-config`: what is wrong is named, what is right is not, and no secret is shown."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.check_config import CHECKS
from gateway.errors import Fault
from gateway.exchange import open_pipeline
from gateway.policy.register import REGISTER
from gateway.settings import load_settings
from tests.cli.command import Ended, command
from tests.exchange.house import House

Run = Callable[..., Ended]
SECRET = base64.b64encode(b"another key than that of before.").decode()


@pytest.fixture
def check(house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, in the environment of a house in which something was delivered."""
    house.deliver()
    house.pipeline.books.database.close()
    for name, value in house.stage.environment.items():
        if name.startswith("ZIBPOORT_"):
            monkeypatch.setenv(name, value)
    return lambda *words: command(capsys, monkeypatch, "check-config", *words)


def parts(done: Ended) -> set[str]:
    """The parts that will do."""
    return {line.removeprefix("ok: ") for line in done.out.splitlines() if line.startswith("ok: ")}


def test_a_good_configuration_has_warnings_only(check: Run) -> None:
    done = check()
    assert (done.code, done.err) == (0, "")
    assert parts(done) == CHECKS.keys()
    assert "error" not in done.out
    assert "not confirmed by a jurist" in done.out


@pytest.mark.parametrize(
    ("name", "value", "part", "told"),
    [
        ("ZONE", "Europe/Atlantis", "settings and keys", "ZIBPOORT_ZONE"),
        ("KEK", "c2hvcnQ=", "settings and keys", "ZIBPOORT_KEK: does not hold 32 bytes"),
        ("METRICS_TOKEN_FILE", "absent", "settings and keys", "ZIBPOORT_METRICS_TOKEN_FILE"),
        ("PARTIES_FILE", "absent.yaml", "callers", "absent.yaml"),
        ("TOKEN_KEYS_FILE", "absent.json", "callers", "ZIBPOORT_TOKEN_KEYS_FILE"),
        ("REGISTER_FILE", "absent.yaml", "processing register", "absent.yaml"),
        ("HMAC_KEY", SECRET, "database", "the pseudonym key is not the one of this database"),
        ("KEK", SECRET, "database", "a key-encryption key of this database is not configured"),
        ("DATABASE_URL", "nonsense", "database", "ZIBPOORT_DATABASE_URL"),
        ("DATABASE_URL", "sqlite:////dev/null/no.db", "database", "has no tables yet"),
    ],
)
def test_what_is_wrong_is_named(
    check: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, part: str, told: str
) -> None:
    monkeypatch.setenv(f"ZIBPOORT_{name}", value)
    done = check()
    assert told in done.out
    assert done.err == ""
    assert (done.code, part in parts(done)) in {(1, False), (0, True)}
    assert SECRET not in done.out + done.err


def test_a_register_that_withholds_what_is_not_there_is_wrong_and_does_not_serve(
    check: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "register.yaml"
    own.write_bytes(REGISTER.read_bytes().replace(b"[PatientIdentificationNumber]", b"[PatientNumber]"))
    monkeypatch.setenv("ZIBPOORT_REGISTER_FILE", str(own))
    done = check()
    told = "person-reads-own-record: Patient.PatientNumber: is no concept"
    assert f"error: {told}" in done.out
    assert (done.code, "processing register" in parts(done)) == (1, False)
    with pytest.raises(Fault, match=told):
        open_pipeline(load_settings())


def test_a_value_of_the_wrong_kind_ends_at_once(check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIBPOORT_PORT", "hunter2")
    done = check()
    assert done.code == 1
    assert "ZIBPOORT_PORT" in done.err
    assert "hunter2" not in done.out + done.err


@pytest.mark.parametrize(
    ("statement", "code", "told"),
    [
        ("UPDATE alembic_version SET version_num = 'r9999'", 1, "made by a newer version"),
        ("DELETE FROM alembic_version", 0, "has no tables yet"),
        ("UPDATE log_heads SET size = 9", 1, "log zibpoort"),
        ("DELETE FROM log_entries WHERE position = 1", 1, "head of the exchange log"),
    ],
)
def test_the_state_of_the_database(check: Run, house: House, statement: str, code: int, told: str) -> None:
    with sqlite3.connect(house.settings.data_folder / "zibpoort.db") as database:
        database.execute(statement)
    database.close()
    done = check()
    assert (done.code, told in done.out) == (code, True), done.out


def test_looking_makes_nothing(check: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZIBPOORT_DATA_FOLDER", str(tmp_path / "absent"))
    done = check()
    assert done.code == 0
    assert "has no tables yet" in done.out
    assert not (tmp_path / "absent").exists()


def test_a_private_key_among_those_of_the_issuers(check: Run, house: House) -> None:
    file = house.settings.token_keys_file
    assert file is not None
    keys = json.loads(file.read_bytes())
    keys["keys"][0]["d"] = SECRET
    file.write_text(json.dumps(keys))
    done = check()
    assert done.code == 1
    assert "holds a private key" in done.out
    assert SECRET not in done.out
