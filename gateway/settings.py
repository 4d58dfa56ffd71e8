"""Every option of the gateway, read from environment variables `ZIBPOORT_<NAME>`.

Secrets are given as a file or in the environment and never appear in `repr`, errors or dumps.
`problems` lists what is wrong or unwise in a configuration; it changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.errors import Fault, Issue

PREFIX = "ZIBPOORT_"
KEY_BYTES = 32
"""Length of every secret key: AES-256 and HMAC-SHA256."""

TOKEN_CHARACTERS = 32
"""Least length of the token of /metrics."""

_NOT_OURS = {"ZIBPOORT_CACHE", "ZIBPOORT_TESTDATA"}  # the folder of compiled mappings; the test suite's own


class Settings(BaseSettings):
    """The configuration of one gateway process; immutable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=1, le=65535, description="TCP port to listen on.")
    base_url: str = Field(
        "http://127.0.0.1:8080",
        description="Address by which callers know the gateway: in fullUrl, self links and the log's source.",
    )
    zone: str = Field("Europe/Amsterdam", description="Time zone of dates without one (IANA name).")

    data_folder: Path = Field(
        Path("zibpoort-data"), description="Folder of the embedded database and its keys."
    )
    database_url: SecretStr | None = Field(
        None,
        description="URL of the database: postgresql://user:password@host/name or sqlite:///file; "
        "unset: SQLite in the data folder.",
    )

    database_url_file: Path | None = Field(
        None, description="File with the URL of the database, when that holds a password."
    )

    kek: SecretStr | None = Field(
        None, description="Key-encryption key: 32 bytes in base64.  Several, one a line: the first one wraps."
    )
    kek_file: Path | None = Field(None, description="File with the key-encryption key, written as for KEK.")
    hmac_key: SecretStr | None = Field(
        None, description="Key of the pseudonyms by which persons are found: 32 bytes in base64."
    )
    hmac_key_file: Path | None = Field(
        None, description="File with the pseudonym key, written as for HMAC_KEY."
    )

    token_issuers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Issuers (`iss`) whose tokens are accepted, separated by commas."
    )
    token_audience: str = Field("zibpoort", description="The audience (`aud`) that a token must name.")
    token_keys_file: Path | None = Field(
        None, description="JSON Web Key Set (RFC 7517) with the issuers' public keys, P-256."
    )
    parties_file: Path | None = Field(
        None, description="Registrations of callers: role, organisation and purposes of each client id."
    )
    register_file: Path | None = Field(
        None, description="Processing register (AVG art. 30); unset: the one that comes with the gateway."
    )

    log_shard: str = Field(
        "zibpoort",
        pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$",
        description="Name of the exchange log that this gateway writes: one Merkle tree, one writer.",
    )
    source: str = Field(
        "zibpoort", min_length=1, description="Name of this system in the log (NEN 7513 7.5.2)."
    )

    max_bytes: int = Field(20 * 1024 * 1024, ge=1, description="Largest document accepted, in bytes.")
    max_depth: int = Field(64, ge=1, description="Deepest nesting of a document.")
    max_nodes: int = Field(2_000_000, ge=1, description="Most elements and attributes in a document.")

    record_cache_seconds: int = Field(
        60, ge=0, description="How long a record stays in memory for the next search of it; 0: not at all."
    )
    grace_seconds: int = Field(
        30, ge=1, description="How long a stopping server waits for exchanges that are under way."
    )
    metrics_token_file: Path | None = Field(
        None, description="File with the bearer token that opens /metrics; unset: there is no /metrics."
    )
    traces: bool = Field(
        False,
        description="Send traces by OpenTelemetry (extra `otel`) to OTEL_EXPORTER_OTLP_ENDPOINT.",
    )

    @field_validator("token_issuers", mode="before")
    @classmethod
    def _split_issuers(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database.  May hold a password: never log it.  Raises `Fault`."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        if self.database_url_file is not None:
            return _text_of("DATABASE_URL_FILE", self.database_url_file)
        return f"sqlite:///{self.data_folder / 'zibpoort.db'}"

    @property
    def default_kek_file(self) -> Path:
        """Where the key-encryption key is made when none is configured."""
        return self.data_folder / "keys" / "kek"

    @property
    def default_hmac_key_file(self) -> Path:
        """Where the pseudonym key is made when none is configured."""
        return self.data_folder / "keys" / "hmac"

    def key_encryption_keys(self) -> list[bytes]:
        """The key-encryption keys, current one first.  Raises `Fault` when one is missing or malformed."""
        return _keys("KEK", self.kek, self.kek_file or self.default_kek_file)

    def pseudonym_key(self) -> bytes:
        """The key of the pseudonyms.  Raises `Fault` when there is none or it is malformed."""
        keys = _keys("HMAC_KEY", self.hmac_key, self.hmac_key_file or self.default_hmac_key_file)
        if len(keys) > 1:
            raise Fault(_issue("HMAC_KEY", "holds more than one key; pseudonyms have exactly one"))
        return keys[0]

    def metrics_token(self) -> str:
        """The token of /metrics, "" when there is none.  Raises `Fault` when its file does not hold one."""
        if self.metrics_token_file is None:
            return ""
        token = _text_of("METRICS_TOKEN_FILE", self.metrics_token_file)
        if len(token) < TOKEN_CHARACTERS:
            raise Fault(_issue("METRICS_TOKEN_FILE", f"holds less than {TOKEN_CHARACTERS} characters"))
        return token


def load_settings() -> Settings:
    """The settings of the environment.  Raises `Fault` with an issue for each wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise Fault(
            *(_issue(str(e["loc"][0]).upper(), e["msg"]) for e in error.errors(include_input=False))
        ) from None


def new_key_file(path: Path) -> None:
    """Make a random key in a new file that only its owner can read, durable before this returns.

    Raises `FileExistsError` rather than replace a key.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name must survive a crash as well, or the data is lost with it
    finally:
        os.close(folder)


def problems(settings: Settings, environment: Mapping[str, str] | None = None) -> list[Issue]:
    """What is wrong (error) or unwise (warning) in a configuration; empty when all is well.

    Reads the files that it names.  `environment` defaults to that of the process.
    """
    names = os.environ if environment is None else environment
    return [
        *_unknown_names(names),
        *_network_problems(settings),
        *_key_problems(settings),
        *_token_problems(settings),
        *_metrics_problems(settings),
        *_storage_problems(settings),
    ]


def _unknown_names(environment: Mapping[str, str]) -> Iterator[Issue]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _NOT_OURS
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield _issue(name.removeprefix(PREFIX), "is not a setting; is it misspelt?", "warning")


def _network_problems(settings: Settings) -> Iterator[Issue]:
    try:
        ZoneInfo(settings.zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield _issue("ZONE", "is not a time zone of the IANA database")
    url = urlsplit(settings.base_url)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        yield _issue("BASE_URL", "is not an http(s) address without query")
    elif url.scheme == "http" and not _loopback(url.hostname):
        yield _issue("BASE_URL", "is not https: records would travel in the clear", "warning")
    if not _loopback(settings.host):
        yield _issue("HOST", "listens beyond this machine: put TLS in front of it", "warning")


def _key_problems(settings: Settings) -> Iterator[Issue]:
    for name, value, file, default in (
        ("KEK", settings.kek, settings.kek_file, settings.default_kek_file),
        ("HMAC_KEY", settings.hmac_key, settings.hmac_key_file, settings.default_hmac_key_file),
    ):
        if value is not None and file is not None:
            yield _issue(name, f"is set and so is {PREFIX}{name}_FILE: give one of them")
        if value is None and file is None:
            text = "is not set: the key lies in the data folder, so a copy of that folder can be read"
            yield _issue(name, text, "warning")
            if not default.exists():
                continue  # made at first start
        try:
            _keys(name, value, file or default)
        except Fault as fault:
            yield from fault.issues
            continue
        if value is None and stat.S_IMODE((file or default).stat().st_mode) & 0o077:
            yield _issue(f"{name}_FILE", "can be read by others: chmod 600", "warning")


def _token_problems(settings: Settings) -> Iterator[Issue]:
    if not settings.token_issuers:
        yield _issue("TOKEN_ISSUERS", "is empty: no caller can be known, every request is refused", "warning")
    if settings.token_keys_file is None:
        yield _issue("TOKEN_KEYS_FILE", "is not set: no token can be checked", "warning")
        return
    try:
        keys = json.loads(settings.token_keys_file.read_bytes())["keys"]
        curves = [(key["kty"], key["crv"], "d" in key) for key in keys]
    except (OSError, ValueError, KeyError, TypeError):
        yield _issue("TOKEN_KEYS_FILE", "cannot be read as a JSON Web Key Set")
        return
    if not curves:
        yield _issue("TOKEN_KEYS_FILE", "holds no key")
    if any((kind, curve) != ("EC", "P-256") for kind, curve, _ in curves):
        yield _issue("TOKEN_KEYS_FILE", "holds a key that is not P-256: only ES256 is accepted")
    if any(private for *_, private in curves):
        yield _issue("TOKEN_KEYS_FILE", "holds a private key: only public keys belong there")


def _metrics_problems(settings: Settings) -> Iterator[Issue]:
    try:
        settings.metrics_token()
    except Fault as fault:
        yield from fault.issues


def _storage_problems(settings: Settings) -> Iterator[Issue]:
    if settings.database_url is not None and settings.database_url_file is not None:
        yield _issue("DATABASE_URL", f"is set and so is {PREFIX}DATABASE_URL_FILE: give one of them")
    try:
        yield from _database_problems(settings.database)
    except Fault as fault:
        yield from fault.issues
    folder = settings.data_folder
    nearest = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        yield _issue("DATA_FOLDER", "cannot be written")
    for name, file in (("PARTIES_FILE", settings.parties_file), ("REGISTER_FILE", settings.register_file)):
        if file is not None and not os.access(file, os.R_OK):
            yield _issue(name, "cannot be read")


def _database_problems(database: str) -> Iterator[Issue]:
    kind, _, rest = database.partition(":")
    if kind.partition("+")[0] not in ("sqlite", "postgresql"):
        yield _issue("DATABASE_URL", "is neither SQLite nor PostgreSQL")
    elif kind == "sqlite" and rest in ("//", "///:memory:"):
        yield _issue("DATABASE_URL", "is in memory: nothing would be durable")
    elif kind != "sqlite":
        url = urlsplit(database)
        secured = parse_qs(url.query).get("sslmode", [""])[0] in ("require", "verify-ca", "verify-full")
        if url.hostname and not _loopback(url.hostname) and not secured:
            text = "is on another machine without sslmode=verify-full: its traffic can be read on the way"
            yield _issue("DATABASE_URL", text, "warning")


def _keys(name: str, value: SecretStr | None, file: Path) -> list[bytes]:
    if value is not None:
        text, place = value.get_secret_value(), name
    else:
        place = f"{name}_FILE"
        text = _text_of(place, file)
    try:
        keys = [base64.b64decode(line, validate=True) for line in text.split()]
    except binascii.Error:
        raise Fault(_issue(place, "is not base64")) from None
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise Fault(_issue(place, f"does not hold {KEY_BYTES} bytes in base64"))
    return keys


def _text_of(name: str, file: Path) -> str:
    """The text of a file, without the space around it."""
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Fault(_issue(name, "cannot be read")) from None


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _issue(name: str, text: str, severity: Any = "error") -> Issue:
    return Issue(severity, "invalid", text, place=PREFIX + name)
