"""A gateway to show and to try: a folder with keys and registrations, made-up callers, and the real server.

Everything is on the loopback address and in one folder; nothing of it is meant to outlive the run.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Self

import yaml

from gateway.cli.token import PRIVATE, PUBLIC, mint, new_keys
from gateway.resources import CONFORMANCE

ISSUER = "https://authorization.zibpoort.example"
DOCUMENT = CONFORMANCE / "demo" / "bgz-synthetic.xml"
START_SECONDS = 60
TOKEN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Client:
    """A registered caller."""

    id: str
    role: str
    organisation: str
    name: str
    purpose: str


EPD = Client(
    "epd-duinrand", "care-provider", "urn:oid:2.16.528.1.1007.3.3.90000042", "Ziekenhuis Duinrand", "TREAT"
)
PGO = Client("pgo-strandjutter", "pgo", "urn:oid:2.16.528.1.1007.3.3.90000043", "PGO Strandjutter", "PATRQT")
AUDITOR = Client(
    "fg-duinrand", "auditor", "urn:oid:2.16.528.1.1007.3.3.90000042", "Ziekenhuis Duinrand", "HCOMPL"
)
CLIENTS = (EPD, PGO, AUDITOR)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    headers: Message[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Stage:
    """One gateway in one folder.  As a context it stops the server at the end."""

    folder: Path
    port: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    workers: int = 1
    server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the gateway, as environment variables."""
        own = {
            "ZIBPOORT_DATA_FOLDER": str(self.folder / "data"),
            "ZIBPOORT_TOKEN_ISSUERS": ISSUER,
            "ZIBPOORT_TOKEN_KEYS_FILE": str(self.folder / PUBLIC),
            "ZIBPOORT_PARTIES_FILE": str(self.folder / "parties.yaml"),
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZIBPOORT_")}
        if cache := os.environ.get("ZIBPOORT_CACHE"):
            inherited["ZIBPOORT_CACHE"] = cache
        return inherited | own | self.settings

    def prepare(self) -> None:
        """Make the keys and the registrations."""
        kid = new_keys(self.folder)
        rows = [
            {
                "id": client.id,
                "role": client.role,
                "organisation": client.organisation,
                "name": client.name,
                "purposes": [client.purpose],
                "issuer": ISSUER,
                "keys": [kid],
            }
            for client in CLIENTS
        ]
        (self.folder / "parties.yaml").write_text(yaml.safe_dump({"version": 1, "clients": rows}))

    def token(self, client: Client, person: str = "", **claims: Any) -> str:
        """An access token of a client; `claims` replace the usual ones."""
        usual = {
            "iss": ISSUER,
            "aud": "zibpoort",
            "client_id": client.id,
            "role": client.role,
            "organisation": client.organisation,
            "purpose": client.purpose,
        }
        own = {"person": person} if person else {}
        return mint(self.folder / PRIVATE, usual | own | claims, TOKEN_SECONDS)

    def start(self) -> None:
        """Start the server, and wait until it is ready.  Raises `RuntimeError` when it does not come up."""
        self.port = self.port or free_port()
        command = zibpoort("serve", "--port", str(self.port), "--workers", str(self.workers))
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.server.poll() is None:
            try:
                if self.ask("GET", "/health/ready").status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{(self.folder / 'server.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop the server, if it runs, as an operator would."""
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                self.server.kill()
        self._reap()

    def kill(self) -> None:
        """End the server at once, with no chance to finish anything."""
        if self.server is not None:
            self.server.send_signal(signal.SIGKILL)
        self._reap()

    def _reap(self) -> None:
        if self.server is not None:
            self.server.wait()
            self.server = None

    def ask(
        self,
        method: str,
        path: str,
        token: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; an error status is a reply as well.  Raises `OSError` when there is no answer."""
        own = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.base + path, body, own | dict(headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Reply(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers, error.read())

    def post(self, document: bytes, token: str, media: str = "application/xml") -> Reply:
        """Deliver a document."""
        return self.ask("POST", "/documents", token, document, {"Content-Type": media})


def zibpoort(*arguments: str) -> list[str]:
    """The command line of `zibpoort` in this environment."""
    return [sys.executable, "-c", "from gateway.cli import main; main()", *arguments]


def free_port() -> int:
    """A port of the loopback address that nobody listens on at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
