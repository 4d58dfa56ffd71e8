"""Readiness says which component is down, and nothing else of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.exchange.readiness import COMPONENTS
from gateway.mapping import Translator
from gateway.resources import MAPPINGS
from tests.api.client import Door
from tests.exchange.house import House


def sql(statement: str) -> Callable[[House], None]:
    def damage(house: House) -> None:
        with house.pipeline.books.database.write() as transaction:
            transaction.connection.exec_driver_sql(statement)

    return damage


def no_file(house: House) -> None:
    """The database is gone, and cannot come back."""
    house.pipeline.books.database.close()
    shutil.rmtree(house.settings.data_folder)


def no_mapping(house: House) -> None:
    """One of the mappings is no YAML."""
    folder = house.stage.folder / "mappings"
    shutil.copytree(MAPPINGS, folder)
    next(folder.glob("fhir-r4-nl-core/*.yaml")).write_text("{")
    house.pipeline.translator = Translator(folder)


def no_register(house: House) -> None:
    books = house.pipeline.books
    house.pipeline.books = replace(books, register=replace(books.register, activities=()))


DAMAGE: list[tuple[str, Callable[[House], None], set[str]]] = [
    ("older tables", sql("UPDATE alembic_version SET version_num = 'older'"), {"database"}),
    ("no tables", sql("DELETE FROM alembic_version"), {"database"}),
    ("another key", sql("UPDATE facts SET value = 'x'"), {"keys"}),
    ("a head beyond the log", sql("UPDATE log_heads SET size = 9"), {"log"}),
    ("a log without its last entry", sql("DELETE FROM log_entries WHERE position = 1"), {"log"}),
    ("a mapping that is none", no_mapping, {"mappings"}),
    ("an empty register", no_register, {"register"}),
]


def test_all_is_well(door: Door) -> None:
    door.post()
    answer = door.get("/health/ready", None)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "components": dict.fromkeys(COMPONENTS, "up")}
    assert door.get("/health/live", None).json() == {"status": "live"}


@pytest.mark.parametrize(("damage", "down"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_what_is_down_is_named(door: Door, damage: Callable[[House], None], down: set[str]) -> None:
    assert_down(door, damage, down)


@pytest.mark.parametrize("address", [""], ids=["sqlite"])
def test_a_database_whose_file_is_gone_is_down(door: Door) -> None:
    assert_down(door, no_file, {"database", "keys", "log"})


def assert_down(door: Door, damage: Callable[[House], None], down: set[str]) -> None:
    """After the damage these components are down, and the answer and the log name them and nothing else."""
    door.post()
    damage(door.house)
    with capture_logs() as logs:
        answer = door.get("/health/ready", None)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json"
    assert {name for name, state in answer.json()["components"].items() if state == "down"} == down
    assert {line["component"] for line in logs if line["event"] == "component down"} == down
    for secret in ("SELECT", "sqlite", ".yaml", str(Path.cwd()), str(door.house.stage.folder)):
        assert secret not in answer.text
    assert door.get("/health/live", None).status_code == 200
