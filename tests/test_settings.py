"""Settings: every option documented, no secret shown, problems named."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import Fault
from gateway.settings import PREFIX, Settings, load_settings, new_key_file, problems

KEY = base64.b64encode(b"s" * 32).decode()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def said(settings: Settings, severity: str = "error", environment: dict[str, str] | None = None) -> list[str]:
    return [
        f"{issue.place.removeprefix(PREFIX)} {issue.text}"
        for issue in problems(settings, environment or {})
        if issue.severity == severity
    ]


def key_set(tmp_path: Path, *keys: dict[str, Any]) -> Path:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": keys}))
    return file


def test_every_option_is_documented() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_defaults_start_on_this_machine_only(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path)
    assert (settings.host, settings.port, settings.zone) == ("127.0.0.1", 8080, "Europe/Amsterdam")
    assert settings.database == f"sqlite:///{tmp_path}/zibpoort.db"
    assert said(settings) == []


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "9090",
        "TOKEN_ISSUERS": "https://one, https://two ,",
        "BASE_URL": "https://poort.example/",
        "KEK": KEY,
        "LOG_SHARD": "",
    }.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings = load_settings()
    assert settings.port == 9090
    assert settings.token_issuers == ("https://one", "https://two")
    assert settings.base_url == "https://poort.example"
    assert settings.key_encryption_keys() == [b"s" * 32]
    assert settings.log_shard == "zibpoort"  # empty is not set


def test_a_wrong_value_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIBPOORT_PORT", "hunter2")
    monkeypatch.setenv("ZIBPOORT_LOG_SHARD", "No Spaces")
    with pytest.raises(Fault) as caught:
        load_settings()
    assert {issue.place for issue in caught.value.issues} == {"ZIBPOORT_PORT", "ZIBPOORT_LOG_SHARD"}
    assert "hunter2" not in caught.value.diagnostics()


def test_no_secret_is_shown() -> None:
    settings = Settings(kek=KEY, hmac_key=KEY, database_url="postgresql://u:hunter2@db/x")
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert KEY not in shown
        assert "hunter2" not in shown


def test_the_url_of_a_database_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"sqlite:///{tmp_path}/elsewhere.db\n")
    settings = Settings(data_folder=tmp_path, database_url_file=file)
    assert settings.database == f"sqlite:///{tmp_path}/elsewhere.db"
    assert said(settings) == []


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_several_key_encryption_keys_and_one_pseudonym_key(tmp_path: Path) -> None:
    both = f"{KEY}\n{base64.b64encode(b't' * 32).decode()}\n"
    file = tmp_path / "keys"
    file.write_text(both)
    assert Settings(kek_file=file).key_encryption_keys() == [b"s" * 32, b"t" * 32]
    with pytest.raises(Fault, match="more than one key"):
        Settings(hmac_key_file=file).pseudonym_key()


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "does not hold 32"), ("c2hvcnQ=", "does not hold 32"), ("no base64!", "not base64")],
)
def test_a_malformed_key(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    for read in (Settings(kek_file=file).key_encryption_keys, Settings(hmac_key_file=file).pseudonym_key):
        with pytest.raises(Fault, match=says):
            read()
    with pytest.raises(Fault, match="cannot be read"):
        Settings(kek_file=tmp_path / "none").key_encryption_keys()


def test_a_new_key_never_replaces_one(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "kek"
    new_key_file(file)
    first = file.read_bytes()
    assert len(base64.b64decode(first)) == 32
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        new_key_file(file)
    assert file.read_bytes() == first


PUBLIC = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"zone": "Europe/Atlantis"}, "ZONE is not a time zone"),
        ({"zone": "../etc/passwd"}, "ZONE is not a time zone"),
        ({"base_url": "poort.example"}, "BASE_URL is not an http(s) address"),
        ({"base_url": "https://poort.example?a=b"}, "BASE_URL is not an http(s) address"),
        ({"kek": KEY, "kek_file": Path("kek")}, "KEK is set and so is ZIBPOORT_KEK_FILE"),
        ({"hmac_key": "c2hvcnQ="}, "HMAC_KEY does not hold 32 bytes"),
        ({"kek_file": Path("no-such-file")}, "KEK_FILE cannot be read"),
        ({"database_url": "sqlite://"}, "DATABASE_URL is in memory"),
        ({"database_url": "mysql://x"}, "DATABASE_URL is neither SQLite nor PostgreSQL"),
        (
            {"database_url": "sqlite:///x", "database_url_file": Path(__file__)},
            "DATABASE_URL is set and so is",
        ),
        ({"database_url_file": Path("no-such-file")}, "DATABASE_URL_FILE cannot be read"),
        ({"metrics_token_file": Path("no-such-file")}, "METRICS_TOKEN_FILE cannot be read"),
        ({"metrics_token_file": Path(os.devnull)}, "METRICS_TOKEN_FILE holds less than 32 characters"),
        ({"token_keys_file": Path("no-such-file")}, "TOKEN_KEYS_FILE cannot be read"),
        ({"parties_file": Path("no-such-file")}, "PARTIES_FILE cannot be read"),
        ({"register_file": Path("no-such-file")}, "REGISTER_FILE cannot be read"),
        ({"data_folder": Path(__file__) / "below-a-file"}, "DATA_FOLDER cannot be written"),
    ],
)
def test_problems_are_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    found = said(Settings(**{"data_folder": tmp_path} | changes))
    assert [text for text in found if text.startswith(says)], found


@pytest.mark.parametrize(
    ("url", "secured"),
    [
        ("postgresql://u:p@db.example/zibpoort", False),
        ("postgresql+psycopg://u:p@db.example/zibpoort?sslmode=prefer", False),
        ("postgresql://u:p@db.example/zibpoort?sslmode=verify-full", True),
        ("postgresql://u:p@127.0.0.1/zibpoort", True),
        ("postgresql:///zibpoort?host=/var/run/postgresql", True),
        ("sqlite:///zibpoort.db", True),
    ],
)
def test_a_database_elsewhere_needs_tls(tmp_path: Path, url: str, secured: bool) -> None:
    settings = Settings(data_folder=tmp_path, database_url=SecretStr(url))
    assert said(settings) == []
    warned = [text for text in said(settings, "warning") if "DATABASE_URL" in text]
    assert len(warned) == (0 if secured else 1)
    assert not any("u:p" in text for text in warned)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ([], "holds no key"),
        ([{"kty": "RSA", "crv": "", "n": "n"}], "not P-256"),
        ([PUBLIC | {"d": "secret"}], "private key"),
        ([{"x": 1}], "cannot be read as a JSON Web Key Set"),
        (["text"], "cannot be read as a JSON Web Key Set"),
    ],
)
def test_token_keys_that_will_not_do(tmp_path: Path, keys: list[Any], says: str) -> None:
    (found,) = said(Settings(data_folder=tmp_path, token_keys_file=key_set(tmp_path, *keys)))
    assert says in found


def test_what_is_unwise_is_a_warning(tmp_path: Path) -> None:
    kek = tmp_path / "kek"
    kek.write_text(KEY)
    kek.chmod(0o644)
    settings = Settings(data_folder=tmp_path, kek_file=kek, host="::", base_url="http://poort.example")
    found = said(settings, "warning", {"ZIBPOORT_DATABSE_URL": "x", "ZIBPOORT_TESTDATA": "y", "HOME": "z"})
    assert [text.split()[0] for text in found] == [
        "DATABSE_URL",
        "BASE_URL",
        "HOST",
        "KEK_FILE",
        "HMAC_KEY",
        "TOKEN_ISSUERS",
        "TOKEN_KEYS_FILE",
    ]


def test_a_good_configuration_has_no_problems(tmp_path: Path) -> None:
    settings = Settings(
        data_folder=tmp_path,
        kek=KEY,
        hmac_key=KEY,
        token_issuers=("https://issuer.example",),
        token_keys_file=key_set(tmp_path, PUBLIC),
        base_url="https://poort.example",
    )
    assert problems(settings, {}) == []
