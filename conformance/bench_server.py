"""Speed of a running gateway on SQLite and on PostgreSQL: `make bench-server`, one figure a line.

A real server in a process of its own takes in BgZ documents, each about a person of its own, and answers
searches about these persons.  Every commit is durable.  `CALLERS` callers keep their connections; they and
the server, and the database where it is a server itself, share the cores of the machine.  So there are two
kinds of figures:

    per second           by the clock: what this machine gives with all of them on it
    per second per core  by the CPU time of the process of the gateway: what one core gives to it alone

A resource is a row of the store: one building block of a document.  `bgz` is what a PGO asks for one person
(`conformance.bgz`), on one connection, of a record that nobody asked for before.  A `floor` is what the same
bytes cost to parse and to dump again, in the process of the caller (see `conformance.bench`).
"""

from __future__ import annotations

import http.client
import itertools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from conformance.bench import floor, seconds
from conformance.bgz import QUERIES
from conformance.crash import DATABASE, bsns, of_person
from conformance.postgres import cluster
from conformance.score import NOW
from conformance.stage import DOCUMENT, EPD, PGO, Stage
from gateway.mapping import Context, Translator, bundle

CALLERS = 2
POSTS, SEARCHES, RECORDS = 300, 1000, 40
"""How many of each are measured, at most."""

LONGEST = 30.0
"""Seconds after which no more are begun, of each."""

FLOORS = 50
BASE = "/fhir/stu3/"


class Caller:
    """One kept connection to the gateway."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, token: str, body: bytes | None = None, media: str = "") -> bytes:
        """The body of the answer.  Raises `RuntimeError` when it is no success."""
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": media} if media else {})
        self._connection.request(method, path, body, headers)
        with self._connection.getresponse() as answer:
            content = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300].decode()}")
        return content

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


Job = Callable[[Caller], object]


@dataclass(slots=True)
class Course:
    """How jobs went: seconds of each, by the clock in all, and of CPU time of the gateway."""

    each: list[float] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0

    def at(self, share: float) -> float:
        """The time within which this share of the jobs was done, in ms."""
        ordered = sorted(self.each)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


def run(stage: Stage, jobs: Iterable[Job], callers: int = CALLERS) -> Course:
    """Do the jobs, each once, as many at a time as there are callers.  Raises what a job raised."""
    course, shared, lock = Course(), iter(jobs), threading.Lock()
    faults: list[BaseException] = []
    begun, spent = time.perf_counter(), cpu(stage)

    def call() -> None:
        caller = Caller(stage.port)
        try:
            while time.perf_counter() - begun < LONGEST and not faults:
                with lock:
                    job = next(shared, None)
                if job is None:
                    return
                course.each.append(seconds(partial(job, caller)))
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            faults.append(error)
        finally:
            caller.close()

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    course.wall, course.cpu = time.perf_counter() - begun, cpu(stage) - spent
    return course


def cpu(stage: Stage) -> float:
    """Seconds of CPU time that the gateway has had, in all its threads (proc(5), utime and stime)."""
    if stage.server is None:
        raise RuntimeError("the gateway does not run")
    values = Path(f"/proc/{stage.server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


class Bench(NamedTuple):
    """What is measured with: a running gateway, the name of its database, and people nobody knows yet."""

    name: str
    stage: Stage
    people: Iterator[str]

    def say(self, figure: str, value: float, unit: str) -> None:
        """Print a figure of this database."""
        print(f"{self.name} {figure}: {value:.4g} {unit}", flush=True)

    def say_pace(self, what: str, course: Course, each: int = 1) -> None:
        """Print how many a second there were."""
        count = len(course.each) * each
        self.say(f"{what} per second", count / course.wall, "1/s")
        self.say(f"{what} per second per core", count / course.cpu, "1/s")

    def say_times(self, what: str, course: Course) -> None:
        """Print how long one took."""
        self.say(f"{what} p50", course.at(0.50), "ms")
        self.say(f"{what} p99", course.at(0.99), "ms")


def posts(bench: Bench, blocks: int) -> list[str]:
    """Documents that an EPD delivers; the people that they are about."""
    token, content = bench.stage.token(EPD), DOCUMENT.read_text()
    people = list(itertools.islice(bench.people, POSTS))
    course = run(bench.stage, [partial(_post, of_person(content, bsn), token) for bsn in people])
    bench.say_pace("posts", course)
    bench.say_pace("stored resources", course, blocks)
    bench.say_times("post", course)
    return people[: len(course.each)]


def _post(document: bytes, token: str, caller: Caller) -> bytes:
    return caller.ask("POST", "/documents", token, document, "application/xml")


def records(bench: Bench, people: Sequence[str], queries: Sequence[str]) -> list[bytes]:
    """The BgZ of one person after another; the answers of the last."""
    answers: list[bytes] = []

    def ask(token: str, caller: Caller) -> None:
        answers[:] = [caller.ask("GET", query, token) for query in queries]

    tokens = [bench.stage.token(PGO, bsn) for bsn in people]
    bench.say_times(
        f"bgz of {len(queries)} searches", run(bench.stage, [partial(ask, token) for token in tokens], 1)
    )
    return answers


def searches(bench: Bench, people: Sequence[str], queries: Sequence[str]) -> None:
    """Searches of several callers, about people whose records were asked for before."""
    tokens = [bench.stage.token(PGO, bsn) for bsn in people]
    jobs = itertools.cycle(_search(query, token) for query in queries for token in tokens)
    course = run(bench.stage, itertools.islice(jobs, SEARCHES))
    bench.say_pace("searches", course)
    bench.say_times("search", course)


def _search(query: str, token: str) -> Job:
    return lambda caller: caller.ask("GET", query, token)


def addresses(stage: Stage) -> list[str]:
    """The searches of the BgZ as this gateway serves them, by its CapabilityStatement."""
    (rest,) = stage.ask("GET", f"{BASE}metadata").json["rest"]
    operations = {each["name"] for row in (rest, *rest["resource"]) for each in row.get("operation", ())}
    asked = QUERIES if "lastn" in operations else [query.without_operation() for query in QUERIES]
    return [BASE + query.address for query in asked]


def measure(bench: Bench, blocks: int) -> list[bytes]:
    """Print the figures of one database; the answers of one BgZ."""
    queries = addresses(bench.stage)
    warm = list(itertools.islice(bench.people, 3))
    document, token = DOCUMENT.read_text(), bench.stage.token(EPD)
    run(bench.stage, [partial(_post, of_person(document, bsn), token) for bsn in warm], 1)
    run(bench.stage, [_search(query, bench.stage.token(PGO, warm[0])) for query in queries], 1)
    people = posts(bench, blocks)
    answers = records(bench, people[:RECORDS], queries)
    searches(bench, people[:CALLERS], queries)
    return answers


@contextmanager
def started(url: str) -> Iterator[Stage]:
    """A gateway that runs on an empty database; "" for SQLite in its folder."""
    with tempfile.TemporaryDirectory(prefix="zibpoort-bench-") as folder, Stage(Path(folder)) as stage:
        stage.settings = {DATABASE: url} if url else {}
        stage.prepare()
        stage.start()
        yield stage


def median(action: Callable[[], Any]) -> float:
    """How long an action takes in the middle of many, in ms."""
    return sorted(seconds(action) for _ in range(FLOORS))[FLOORS // 2] * 1000


def main() -> int:
    """All figures."""
    data, context, translator = DOCUMENT.read_bytes(), Context(NOW), Translator()
    read = translator.read(data, context)
    produced = bundle(translator.write(read, "fhir-r4", context).resources, context.base)
    with cluster() as server, server.database() as url:
        for name, address in (("sqlite", ""), ("postgresql", url)):
            with started(address) as stage:
                answers = measure(Bench(name, stage, bsns()), len(read.blocks))
    print(f"floor post: {median(lambda: floor(data, produced)):.4g} ms")
    print(f"floor bgz: {median(lambda: [orjson.dumps(orjson.loads(each)) for each in answers]):.4g} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
