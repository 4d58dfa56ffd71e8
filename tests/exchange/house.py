"""A gateway without a server, in a folder of the test: real keys, register, database and translator."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from conformance.postgres import Cluster
from conformance.stage import DOCUMENT, EPD, ISSUER, PGO, Client, Stage
from gateway.cli.token import PUBLIC
from gateway.exchange import Answer, Call, Delivery, Pipeline, Question, Sent
from gateway.exchange.parties import load_parties
from gateway.exchange.recording import Books, Exchange
from gateway.exchangelog import Entry, OutcomeEntry
from gateway.mapping import Translator
from gateway.policy import load_register
from gateway.settings import Settings
from gateway.storage import open_database
from gateway.storage.tables import documents, persons, versions
from tests.storage.stores import Place, everything

FENNA, BRAM = "999980014", "999980026"
"""Persons of the test range; the synthetic BgZ is about the first."""

BGZ = DOCUMENT.read_bytes()

__all__ = ["BGZ", "BRAM", "EPD", "FENNA", "PGO", "House", "address", "each_address", "house", "translator"]


@dataclass
class House:
    """A pipeline with its stage; `now` can be moved."""

    stage: Stage
    settings: Settings
    pipeline: Pipeline
    shift: timedelta = field(default_factory=timedelta)

    def call(self, client: Client, person: str = "", **claims: Any) -> Call:
        """A call with a fresh token of a client."""
        return Call(self.stage.token(client, person, **claims), access_point="192.0.2.1")

    def deliver(self, content: bytes = BGZ, client: Client = EPD, form: str = "") -> Delivery:
        """What delivering a document gives."""
        return self.pipeline.deliver(self.call(client), lambda: Sent(content, form))

    def ask(self, question: Question, person: str = FENNA, client: Client = PGO) -> Answer:
        """The answer to a question of a person's PGO."""
        answers: list[Answer] = []
        self.pipeline.query(self.call(client, person), question, answers.append)
        return answers[0]

    def search(self, version: Any, query: str, person: str = FENNA) -> Any:
        """The Bundle of a FHIR query such as `Observation?code=x`."""
        kind, _, rest = query.partition("?")
        pairs = tuple(tuple(pair.split("=", 1)) for pair in rest.split("&") if pair)
        return json.loads(self.ask(Question(version, kind, pairs), person).body)  # type: ignore[arg-type]

    def rows(self) -> dict[str, int]:
        """How many rows there are of what a delivery stores."""
        with self.pipeline.books.database.read() as transaction:
            count = {
                table.name: transaction.connection.execute(
                    select(func.count()).select_from(table)
                ).scalar_one()
                for table in (persons, documents, versions)
            }
        return {name: int(number) for name, number in count.items()}

    def log(self) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Decision and outcome of each exchange, oldest first, as the log has them."""
        with self.pipeline.books.database.read() as transaction:
            opened = [transaction.log.opened(row) for row in transaction.log.store.rows()]
        outcomes = {entry["exchange"]: entry for entry in opened if entry["kind"] == "outcome"}
        return [(entry, outcomes.get(entry["exchange"])) for entry in opened if entry["kind"] == "decision"]

    def stored(self) -> bytes:
        """All that is in the database, to look for what must not stand there."""
        data = self.stage.folder / "data"
        return everything(Place(data, self.stage.settings.get("ZIBPOORT_DATABASE_URL", "")))


@pytest.fixture(scope="session")
def translator() -> Translator:
    """The real translator, loaded once."""
    return Translator()


@pytest.fixture
def address() -> str:
    """The URL of the database: of SQLite in the folder, where a test does not say otherwise."""
    return ""


@pytest.fixture(params=["sqlite", "postgresql"])
def each_address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database of each kind; for modules that run on both, as their `address`."""
    if request.param == "sqlite":
        yield ""
        return
    postgres: Cluster = request.getfixturevalue("postgres")
    with postgres.database() as url:
        yield url


@pytest.fixture
def house(tmp_path: Path, translator: Translator, address: str) -> Iterator[House]:
    """A gateway in which nothing has happened yet."""
    stage = Stage(tmp_path)
    stage.prepare()
    if address:
        stage.settings["ZIBPOORT_DATABASE_URL"] = address
    settings = Settings(
        data_folder=tmp_path / "data",
        database_url=SecretStr(address) if address else None,
        token_issuers=(ISSUER,),
        token_keys_file=tmp_path / PUBLIC,
        parties_file=tmp_path / "parties.yaml",
        base_url="https://gateway.example",
    )
    database = open_database(settings)
    made = House(stage, settings, None)  # type: ignore[arg-type]
    books = Books(database, load_register(), "test", lambda: datetime.now(UTC) + made.shift)
    made.pipeline = Pipeline(books, load_parties(settings), translator, settings)
    yield made
    database.close()


def without_outcomes(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the log take decisions only: any outcome raises this."""
    write = Exchange._write

    def decisions(exchange: Exchange, *entries: Entry, **options: Any) -> None:
        if isinstance(entries[-1], OutcomeEntry):
            raise error
        write(exchange, *entries, **options)

    monkeypatch.setattr(Exchange, "_write", decisions)


def kinds(bundle: dict[str, Any]) -> Counter[str]:
    """The resource types in a Bundle."""
    return Counter(entry["resource"]["resourceType"] for entry in bundle.get("entry", ()))
