"""The benchmark of the server runs to its end against a real one, and its figures are what they say."""

from __future__ import annotations

import itertools
import re

import pytest

from conformance import bench_server, load
from conformance.bench_server import Bench, Document, measure, started
from conformance.crash import bsns
from conformance.load import Course, run
from conformance.score import NOW
from gateway.mapping import Context, Translator
from tests.test_operations import rows

FIGURE = re.compile(r"sqlite ([a-z0-9 ]+): ([0-9.e+]+) (1/s|ms|MB|x)")


def test_every_figure_is_there_and_they_fit_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, few in (("POSTS", 4), ("SEARCHES", 56), ("RECORDS", 2)):
        monkeypatch.setattr(bench_server, name, few)
    document = Document.read()
    with started("") as stage:
        answers = measure(Bench("sqlite", stage, bsns()), document)
    lines = capsys.readouterr().out.splitlines()
    said = {found[1]: float(found[2]) for line in lines if (found := FIGURE.fullmatch(line))}
    assert len(said) == len(lines) >= 12
    told = {name.strip("`") for name, *_ in rows("| `make bench-server` | SQLite | PostgreSQL |")}
    assert {name for name in said if "transaction" not in name} == told
    assert len(answers) == 28
    assert sum(b'"search"' in answer for answer in answers) > 10
    assert said["stored resources per second"] == pytest.approx(
        said["posts per second"] * document.blocks, rel=0.01
    )
    for what in ("post", "search", "bgz of 28 searches"):
        assert 0 < said[f"{what} p50"] <= said[f"{what} p99"]


def test_the_times_are_those_of_the_jobs() -> None:
    course = Course([0.001 * number for number in range(100, 0, -1)])
    assert course.at(0.50) == pytest.approx(51)
    assert course.at(0.99) == pytest.approx(100)


def test_an_answer_that_is_no_success_ends_the_measurement() -> None:
    with started("") as stage, pytest.raises(RuntimeError, match="401"):
        run(stage, [lambda caller: caller.ask("GET", "/fhir/stu3/Patient", "no token")])


def test_no_job_is_begun_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LONGEST", 0.2)
    live = [lambda caller: caller.ask("GET", "/health/ready", "")]
    with started("") as stage:
        assert 0 < len(run(stage, itertools.cycle(live)).each) < 10_000


def test_a_transaction_is_the_document_about_somebody_else() -> None:
    document, bsn = Document.read(), next(bsns())
    read = Translator().read(document.transaction(bsn), Context(NOW))
    assert not [issue for issue in read.issues if issue.severity in ("error", "fatal")]
    told = re.findall(
        rb'"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"([0-9]{9})"', document.transaction(bsn)
    )
    assert told == [bsn.encode()]
    assert document.transaction(bsn).count(b'"method":"POST"') == len(document.resources)
