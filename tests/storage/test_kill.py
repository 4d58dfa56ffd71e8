"""kill -9 in the middle of writing: what was acknowledged is there, the rest wholly absent."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from gateway.exchangelog import verify
from gateway.storage import record_of
from tests.conftest import ROOT
from tests.storage.stores import ANNA_BSN, Place, faults, opened

ROUNDS = 6
BLOCKS = 20


def start(place: Place, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.storage.crashing", str(place.folder), place.url, *words]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Every line that it got out."""
    process.kill()
    lines, _ = process.communicate(timeout=30)
    return lines.split()


def stored(place: Place) -> tuple[set[str], int, int]:
    """Exchange ids in the log, size of the log, blocks of the person."""
    with opened(place) as database:
        assert faults(database) == []
        with database.read() as transaction:
            ids = [row.exchange for row in transaction.log.store.rows()]
            blocks = record_of(transaction, database.pseudonym(ANNA_BSN)).blocks
            assert verify(transaction.log.store).gaps == 0
    return set(ids), len(ids), len(blocks)


def test_killed_before_commit_leaves_nothing(place: Place) -> None:
    process = start(place, "stop")
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"
    kill(process)
    assert stored(place) == (set(), 0, 0)


@pytest.mark.slow
def test_killed_at_any_moment_loses_nothing_that_was_acknowledged(place: Place) -> None:
    acknowledged: set[str] = set()
    for number in range(ROUNDS):
        process = start(place)
        assert process.stdout is not None
        acknowledged |= {f"exchange-{process.stdout.readline().strip()}" for _ in range(2)}
        time.sleep(0.013 * number)
        acknowledged |= {f"exchange-{line}" for line in kill(process)}
        ids, entries, blocks = stored(place)
        assert acknowledged <= ids
        assert (entries, blocks) == (2 * len(ids), BLOCKS * len(ids))
    assert len(acknowledged) > ROUNDS
