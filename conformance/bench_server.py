"""Speed of a running gateway on SQLite and on PostgreSQL: `make bench-server`, one figure a line.

A real server in a process of its own takes in BgZ documents, each about a person of its own, and answers
searches about these persons.  Every commit is durable.  Two callers keep their connections; they and
the server, and the database where it is a server itself, share the cores of the machine.  So there are two
kinds of figures:

    per second           by the clock: what this machine gives with all of them on it
    per second per core  by the CPU time of the process of the gateway: what one core gives to it alone

A resource is a row of the store: one building block of a document.  `bgz` is what a PGO asks for one person
(`conformance.bgz`), on one connection, of a record that nobody asked for before; its `cpu` is how long the
gateway was at work on it.  A `floor` is what the same bytes cost to parse and to dump again, in the process
of the caller (see `conformance.bench`), or what as many requests take that ask for no work.  Memory is that
of the gateway: at rest when it has handled a few requests.
"""

from __future__ import annotations

import itertools
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import psycopg

from conformance.bench import floor, seconds
from conformance.bgz import QUERIES
from conformance.crash import DATABASE, bsns, of_person
from conformance.load import CALLERS, Caller, Course, Job, memory, run
from conformance.postgres import cluster
from conformance.score import NOW, dumps
from conformance.stage import DOCUMENT, EPD, PGO, Stage
from gateway.mapping import Context, Translator, bundle

POSTS, SEARCHES, RECORDS = 300, 1000, 40
"""How many of each are measured, at most."""

FLOORS = 50
BASES = {"r4": "/fhir/r4", "stu3": "/fhir/stu3"}


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


class Document(NamedTuple):
    """The document that is delivered, about one person after another: its blocks, and its FHIR resources."""

    content: str
    blocks: int
    resources: list[dict[str, Any]]

    @classmethod
    def read(cls) -> Document:
        """The made-up BgZ of the demo, in FHIR R4 as well."""
        context, translator = Context(NOW), Translator()
        read = translator.read(DOCUMENT.read_bytes(), context)
        written = translator.write(read, "fhir-r4", context)
        return cls(DOCUMENT.read_text(), len(read.blocks), written.resources)

    def about(self, bsn: str) -> bytes:
        """The document itself, about somebody."""
        return of_person(self.content, bsn)

    def transaction(self, bsn: str) -> bytes:
        """Its resources as one transaction that creates them, about somebody."""
        tree = bundle(self.resources, "https://epd.example/fhir", "transaction")
        for entry in tree["entry"]:
            entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
        return of_person(dumps(tree).decode(), bsn)


def posts(bench: Bench, document: Document) -> list[str]:
    """Documents that an EPD delivers; the people that they are about."""
    people = list(itertools.islice(bench.people, POSTS))
    before = stored(bench.stage)
    course = run(bench.stage, [_deliver(bench.stage, document.about(bsn)) for bsn in people])
    came_in = len(document.about(people[0])) * len(course.each)
    bench.say("stored bytes per posted byte", (stored(bench.stage) - before) / came_in, "x")
    bench.say("memory after posts", memory(bench.stage), "MB")
    bench.say_pace("posts", course)
    bench.say_pace("stored resources", course, document.blocks)
    bench.say_times("post", course)
    return people[: len(course.each)]


def transactions(bench: Bench, document: Document) -> None:
    """FHIR resources that an EPD delivers, those of one person together."""
    token = bench.stage.token(EPD)

    def job(body: bytes) -> Job:
        return lambda caller: caller.ask("POST", BASES["r4"], token, body, "application/fhir+json")

    people = itertools.islice(bench.people, POSTS)
    course = run(bench.stage, [job(document.transaction(bsn)) for bsn in people])
    bench.say_pace("transactions", course)
    bench.say_pace("stored resources of transactions", course, len(document.resources))
    bench.say_times("transaction", course)


def records(bench: Bench, people: Sequence[str], queries: Sequence[str]) -> list[bytes]:
    """The BgZ of one person after another; the answers of the last."""
    answers: list[bytes] = []

    def ask(token: str, caller: Caller) -> None:
        answers[:] = [caller.ask("GET", query, token) for query in queries]

    jobs = [partial(ask, bench.stage.token(PGO, bsn)) for bsn in people]
    course = run(bench.stage, jobs, callers=1)
    bench.say_times(f"bgz of {len(queries)} searches", course)
    bench.say(f"bgz of {len(queries)} searches cpu", course.cpu / len(course.each) * 1000, "ms")
    return answers


def requests(bench: Bench, people: Sequence[str], count: int) -> None:
    """As many requests as a BgZ has that ask for no work: what HTTP takes on this machine now."""

    def ask(caller: Caller) -> None:
        for _ in range(count):
            caller.ask("GET", "/health/live", "")

    course = run(bench.stage, [ask for _ in people], callers=1)
    bench.say(f"floor {count} requests", course.at(0.50), "ms")


def searches(bench: Bench, people: Sequence[str], queries: Sequence[str]) -> None:
    """Searches of several callers, about people whose records were asked for before."""
    tokens = [bench.stage.token(PGO, bsn) for bsn in people]
    jobs = itertools.cycle(_search(query, token) for query in queries for token in tokens)
    course = run(bench.stage, itertools.islice(jobs, SEARCHES))
    bench.say_pace("searches", course)
    bench.say_times("search", course)


def measure(bench: Bench, document: Document) -> list[bytes]:
    """Print the figures of one database; the answers of one BgZ."""
    queries = addresses(bench.stage)
    first = list(itertools.islice(bench.people, 3))
    warming = [_deliver(bench.stage, document.about(bsn)) for bsn in first]
    run(
        bench.stage,
        warming + [_search(query, bench.stage.token(PGO, first[0])) for query in queries],
        callers=1,
    )
    bench.say("memory at rest", memory(bench.stage), "MB")
    people = posts(bench, document)
    if "transaction" in _named("interaction", "code", [_rest(bench.stage, "r4")]):
        transactions(bench, document)
    answers = records(bench, people[:RECORDS], queries)
    requests(bench, people[:RECORDS], len(queries))
    searches(bench, people[:CALLERS], queries)
    return answers


def stored(stage: Stage) -> int:
    """Bytes of the database: documents, accounts, log and indexes."""
    if url := stage.settings.get(DATABASE):
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    else:
        with closing(sqlite3.connect(stage.folder / "data" / "zibpoort.db")) as file:
            row = file.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).fetchone()
    if row is None:
        raise RuntimeError("the database does not tell its size")
    return int(row[0])


def addresses(stage: Stage) -> list[str]:
    """The searches of the BgZ as this gateway serves them."""
    rest = _rest(stage, "stu3")
    last = "lastn" in _named("operation", "name", [rest, *rest["resource"]])
    asked = QUERIES if last else [query.without_operation() for query in QUERIES]
    return [f"{BASES['stu3']}/{query.address}" for query in asked]


def _rest(stage: Stage, version: str) -> Any:
    (rest,) = stage.ask("GET", f"{BASES[version]}/metadata").json["rest"]
    return rest


def _named(kind: str, name: str, rows: Sequence[Any]) -> set[str]:
    return {each[name] for row in rows for each in row.get(kind, ())}


def _deliver(stage: Stage, document: bytes) -> Job:
    token = stage.token(EPD)
    return lambda caller: caller.ask("POST", "/documents", token, document, "application/xml")


def _search(query: str, token: str) -> Job:
    return lambda caller: caller.ask("GET", query, token)


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
    document = Document.read()
    with cluster() as server, server.database() as url:
        for name, address in (("sqlite", ""), ("postgresql", url)):
            with started(address) as stage:
                answers = measure(Bench(name, stage, bsns()), document)
    data, produced = DOCUMENT.read_bytes(), bundle(document.resources, "https://zibpoort.example")
    print(f"floor post: {median(lambda: floor(data, produced)):.4g} ms")
    print(f"floor bgz: {median(lambda: [orjson.dumps(orjson.loads(each)) for each in answers]):.4g} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
