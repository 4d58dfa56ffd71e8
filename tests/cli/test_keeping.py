"""Looking after the database: keys, backup, restore."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.settings import Settings, new_key_file
from tests.cli.command import Ended, command
from tests.exchange.house import House

Run = Callable[..., Ended]


@pytest.fixture
def zibpoort(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return lambda *words: command(capsys, monkeypatch, *words)


@pytest.fixture
def kept(house: House, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a house with a record in it, also in the environment."""
    house.deliver()
    for name, value in house.stage.environment.items():
        if name.startswith("ZIBPOORT_"):
            monkeypatch.setenv(name, value)
    return house.settings


def test_a_rotation_from_beginning_to_end(kept: Settings, zibpoort: Run, tmp_path: Path) -> None:
    file = kept.default_kek_file
    old, new = file.read_text(), tmp_path / "new"
    new_key_file(new)
    assert [line.split("\t")[1:] for line in zibpoort("keys", "status").out.splitlines()] == [
        ["2 keys", "current"]
    ]
    assert zibpoort("keys", "rotate").code == 1

    file.write_text(new.read_text() + old)
    rows = [line.split("\t") for line in zibpoort("keys", "status").out.splitlines()]
    assert [row[1:] for row in rows] == [["0 keys", "current"], ["2 keys", "to be rotated"]]
    assert zibpoort("keys", "rotate").out == f"2 keys are wrapped anew by {rows[0][0]}\n"
    assert zibpoort("keys", "rotate").out == f"0 keys are wrapped anew by {rows[0][0]}\n"
    done = zibpoort("keys", "status").out
    assert [line.split("\t")[1:] for line in done.splitlines()] == [
        ["2 keys", "current"],
        ["0 keys", "may be removed"],
    ]
    for key in (old, new.read_text()):
        assert key.strip() not in done
        assert base64.b64decode(key).hex() not in done

    file.write_text(new.read_text())
    assert "0 problems" in zibpoort("log", "verify").out


def test_a_backup_is_restored_into_an_empty_folder(
    kept: Settings, zibpoort: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, log = str(tmp_path / "backup"), zibpoort("log", "verify").out
    written = zibpoort("backup", file)
    assert written.code == 0
    assert "1 documents" in written.out
    assert zibpoort("backup", file).err == "backup: the backup cannot be written: File exists\n"

    monkeypatch.setenv("ZIBPOORT_DATA_FOLDER", str(tmp_path / "empty"))
    assert "ZIBPOORT_KEK_FILE" in zibpoort("restore", file).err
    monkeypatch.setenv("ZIBPOORT_KEK_FILE", str(kept.default_kek_file))
    monkeypatch.setenv("ZIBPOORT_HMAC_KEY_FILE", str(kept.default_hmac_key_file))
    assert zibpoort("restore", file) == written
    assert zibpoort("log", "verify").out == log
    assert zibpoort("restore", file).err == "backup: the database is not empty\n"


def test_there_is_nothing_to_keep_without_a_database(
    zibpoort: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZIBPOORT_DATA_FOLDER", str(tmp_path / "absent"))
    for words in (("keys", "status"), ("keys", "rotate"), ("backup", str(tmp_path / "backup"))):
        done = zibpoort(*words)
        assert done.code == 1
        assert "ZIBPOORT_DATA_FOLDER" in done.err
    assert list(tmp_path.iterdir()) == []
