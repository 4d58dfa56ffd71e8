"""Kill the gateway in the middle of posts, and count what is lost (`make crash ROUNDS=50`).

First on SQLite, then on PostgreSQL, where the database stays and only the gateway is killed.  A round: the
gateway starts on what the round before left; some callers post documents, each about a person of its own;
after a while the gateway is killed (SIGKILL).  Then the database is opened as a restart would, and

    lost      counts documents that were acknowledged and are not there whole, or not in the log with
              decision and outcome
    partial   counts whatever is there by half: a document without all its rows or without its outcome,
              an outcome without its document, a log or record store that does not verify

The last line of each database is `DATABASE rounds R lost L partial P`; exit code 0 when all are 0.  SEED
repeats the moments, SECONDS ends it early: then R is the number of rounds that there were.
"""

from __future__ import annotations

import http.client
import itertools
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import select

from conformance.postgres import cluster
from conformance.stage import DOCUMENT, EPD, Stage
from gateway.errors import Fault, NotFound
from gateway.exchangelog import verify
from gateway.settings import Settings
from gateway.storage import Transaction, document, open_database, verify_records
from gateway.storage.tables import documents

CALLERS = 4
FRESH = 25
"""After how many rounds an empty database is begun: each round verifies all that is in it."""

DATABASE = "ZIBPOORT_DATABASE_URL"
SHORTEST, LONGEST = 0.02, 0.6
"""Seconds between the first acknowledgement of a round and the kill."""

WAIT_SECONDS = 30
"""Longest wait for the first acknowledgement."""


@dataclass(slots=True)
class Count:
    """What was found."""

    lost: int = 0
    partial: int = 0
    notes: list[str] = field(default_factory=list)


class Target(NamedTuple):
    """A database to try: its URL, "" for SQLite in the folder of the gateway, and how to make it empty."""

    name: str
    url: str = ""
    empty: Callable[[str], None] = lambda _: None


class Course(NamedTuple):
    """How the rounds go: how many, until when (monotonic seconds), by chance, about whom."""

    rounds: int
    end: float
    chance: random.Random
    people: Iterator[str]

    def over(self) -> bool:
        """True when time is up."""
        return time.monotonic() >= self.end


def main(rounds: int, seed: int, seconds: float) -> int:
    """Run the rounds on each database; 0 when nothing was lost and nothing is partial."""
    print(f"seed {seed}")
    chance, people = random.Random(seed), bsns()
    with cluster() as server, server.database() as url:
        targets = (Target("sqlite"), Target("postgresql", url, server.empty))
        counts = [
            run(target, Course(rounds, time.monotonic() + seconds, chance, people)) for target in targets
        ]
    return 1 if any(count.lost or count.partial for count in counts) else 0


def run(target: Target, course: Course) -> Count:
    """The rounds on one database; after each few of them it is begun anew."""
    count, done = Count(), 0
    while done < course.rounds and not course.over():
        with begun(target) as stage:
            acknowledged = set[str]()
            for _ in range(min(FRESH, course.rounds - done)):
                done += 1
                play(f"{target.name} round {done}", stage, course, acknowledged, count)
                if course.over():
                    break
    print(f"{target.name} rounds {done} lost {count.lost} partial {count.partial}", flush=True)
    return count


@contextmanager
def begun(target: Target) -> Iterator[Stage]:
    """A gateway, not yet started, on an empty database."""
    target.empty(target.url)
    with tempfile.TemporaryDirectory(prefix="zibpoort-crash-") as folder, Stage(Path(folder)) as stage:
        stage.settings = {DATABASE: target.url} if target.url else {}
        stage.prepare()
        yield stage


def play(title: str, stage: Stage, course: Course, acknowledged: set[str], count: Count) -> None:
    """One round; what it acknowledges comes to what was acknowledged before."""
    stage.start()
    fresh = attack(stage, course.chance, course.people)
    acknowledged |= fresh
    inspect(stage, acknowledged, count)
    print(f"{title}: acknowledged {len(fresh)}, in all {len(acknowledged)}", flush=True)
    for note in count.notes:
        print(f"  {note}")
    count.notes.clear()


def attack(stage: Stage, chance: random.Random, people: Iterator[str]) -> set[str]:
    """Post from several threads, and kill the server; the ids of what was acknowledged."""
    content, token = DOCUMENT.read_text(), stage.token(EPD)
    found: set[str] = set()
    refused: list[str] = []
    first, lock = threading.Event(), threading.Lock()

    def call() -> None:
        while True:
            with lock:
                bsn = next(people)
            try:
                reply = stage.post(of_person(content, bsn), token)
            except (OSError, http.client.HTTPException):
                return  # the server is dead, and so is this caller
            if reply.status != 201:
                refused.append(f"{reply.status} {reply.body[:300].decode()}")
                return
            found.add(reply.headers["Location"].split("/")[-2])
            first.set()

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        if not first.wait(WAIT_SECONDS):
            raise RuntimeError(f"the server acknowledges nothing: {refused}")
        time.sleep(chance.uniform(SHORTEST, LONGEST))
    finally:
        stage.kill()
        for caller in callers:
            caller.join()
    return found


def inspect(stage: Stage, acknowledged: set[str], count: Count) -> None:
    """Open what the killed server left, and count."""
    url = stage.settings.get(DATABASE)
    database = open_database(
        Settings(data_folder=stage.folder / "data", database_url=SecretStr(url) if url else None)
    )
    try:
        with database.read() as transaction:
            report = verify(transaction.log.store)
            faults = [*report.problems, *verify_records(transaction)]
            stored = {row.id for row in transaction.connection.execute(select(documents.c.id))}
            logged = outcomes(transaction)
            whole = {each for each in stored if _opens(transaction, each)}
    finally:
        database.close()
    for text, halves in (
        ("does not verify", [fault.diagnostics() for fault in faults]),
        ("stored without outcome", stored - logged),
        ("outcome without document", logged - stored),
        ("does not open", stored - whole),
    ):
        count.partial += len(halves)
        count.notes += (f"partial: {each} {text}" for each in halves)
    missing = acknowledged - (whole & logged)
    count.lost += len(missing)
    count.notes += (f"lost: {each}" for each in missing)


def outcomes(transaction: Transaction) -> set[str]:
    """The documents that completed exchanges in the log are about; each has its decision before it."""
    found, decided = set(), set()
    for row in transaction.log.store.rows():
        if row.kind == "decision":
            decided.add(row.exchange)
            continue
        entry = transaction.log.opened(row)
        if entry["status"] == "completed" and entry["document"] and row.exchange in decided:
            found.add(str(entry["document"]))
    return found


def bsns() -> Iterator[str]:
    """BSNs of the test range that pass the eleven test, each once."""
    for number in itertools.chain(range(999_900_000, 1_000_000_000), range(900_000_000, 999_900_000)):
        digits = [int(digit) for digit in str(number)]
        if (
            sum(weight * digit for weight, digit in zip((9, 8, 7, 6, 5, 4, 3, 2, -1), digits, strict=True))
            % 11
            == 0
        ):
            yield str(number)


def of_person(content: str, bsn: str) -> bytes:
    """The synthetic document, about somebody else."""
    return content.replace("999980014", bsn).replace('id="bgz-duinkerk-1"', f'id="bgz-{bsn}"').encode()


def _opens(transaction: Transaction, document_id: str) -> bool:
    try:
        return document(transaction, document_id).id == document_id
    except (Fault, NotFound):
        return False


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ROUNDS", "50")
    seconds = float(os.environ.get("SECONDS") or 3600)
    sys.exit(main(int(wanted), int(os.environ.get("SEED") or random.randrange(2**32)), seconds))
