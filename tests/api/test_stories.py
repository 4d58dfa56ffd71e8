"""The demo and the crash test, as `make demo EXIT=1` and `make crash` run them."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys

import pytest

from conformance import crash, demo
from conformance.stage import Stage
from gateway.storage import normalise_bsn
from tests.exchange.house import House


def run(module: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"conformance.{module}", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_the_demo_tells_its_story() -> None:
    done = run("demo", EXIT="1")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("An EPD delivers", "PGO pulls STU3", "PGO pulls R4", "refused", "The log shows it"):
        assert word in done.stdout
    assert "999980014" not in done.stdout


def test_a_demo_that_does_not_go_as_told_fails_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Stage) -> None:
        demo.check(False, "the log is empty")

    monkeypatch.setattr(demo, "tell", fail)
    monkeypatch.setenv("EXIT", "1")
    assert demo.main() == 1
    assert "the log is empty" in capsys.readouterr().out


@pytest.mark.slow
def test_nothing_is_lost_when_the_server_is_killed() -> None:
    done = run("crash", "2", SEED="7")
    assert done.returncode == 0, done.stdout + done.stderr
    for database in ("sqlite", "postgresql"):
        assert f"\n{database} rounds 2 lost 0 partial 0\n" in done.stdout
        shown = re.findall(rf"{database} round \d: acknowledged ([1-9]\d*),", done.stdout)
        assert shown, "nothing was acknowledged: nothing was shown"


def counted(house: House, *acknowledged: str) -> tuple[int, int]:
    """What the crash test finds lost and partial in a house."""
    count = crash.Count()
    crash.inspect(house.stage, set(acknowledged), count)
    assert len(count.notes) == count.lost + count.partial
    return count.lost, count.partial


def test_what_is_whole_is_neither_lost_nor_partial(house: House) -> None:
    assert counted(house) == (0, 0)
    assert counted(house, house.deliver().id) == (0, 0)


def test_an_acknowledged_document_that_is_not_there_is_lost(house: House) -> None:
    house.deliver()
    assert counted(house, "0" * 32) == (1, 0)


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ("DELETE FROM versions WHERE position = 3", 0),
        ("DELETE FROM log_entries WHERE kind = 'outcome'", 1),
        ("UPDATE documents SET sender = 'nobody'", 1),
        ("UPDATE log_heads SET size = 1", 0),
    ],
)
def test_what_is_there_by_half_is_partial(house: House, damage: str, lost: int) -> None:
    document = house.deliver().id
    with house.pipeline.books.database.write() as transaction:
        transaction.connection.exec_driver_sql(damage)
    found = counted(house, document)
    assert found[0] == lost
    assert found[1] >= 1


def test_the_people_of_the_crash_test_are_valid_and_different() -> None:
    people = list(itertools.islice(crash.bsns(), 2000))
    assert len(set(people)) == 2000
    assert all(normalise_bsn(bsn) == bsn for bsn in people)
    assert all(bsn.startswith("9999") for bsn in people)
