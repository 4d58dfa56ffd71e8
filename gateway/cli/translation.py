"""The work of `zibpoort translate`: one document, or many on all cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from gateway.cli.ending import fault_text
from gateway.codecs import ada
from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.elements import Version
from gateway.errors import ContentError, GatewayError, InputError, Issue
from gateway.mapping import Context, Read, Translator, Written, bundle
from gateway.mapping.results import message

POOL_FROM = 8
"""From how many documents on starting processes is worth it."""

SUFFIXES = (".xml", ".json")
VERSIONS: dict[str, Version] = {"fhir-r4": "r4", "fhir-stu3": "stu3"}

State = Literal["translated", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of every document.  `source` "": as its bytes say.  `syntax` is json or xml."""

    to: str
    now: datetime
    source: str = ""
    syntax: str = "json"
    beside: tuple[Path, ...] = ()
    accounts: bool = False

    @property
    def suffix(self) -> str:
        """What the name of a translation ends with."""
        return f".{self.syntax}" if self.to in VERSIONS else ".xml"


@dataclass(frozen=True, slots=True)
class Job:
    """A document and where its translation goes, and its account (None: nowhere)."""

    file: Path
    target: Path
    account: Path | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A translation: its bytes, its account when asked for, and what was remarkable."""

    output: bytes
    account: bytes
    issues: tuple[Issue, ...]
    blocks: int


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one job; `text` says why it did not succeed."""

    file: Path
    state: State
    text: str = ""
    blocks: int = 0
    warnings: int = 0


class Worker:
    """Translates documents one after another; reads the documents beside them once."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._translator = Translator()
        self._context = Context(order.now)
        self._beside = [read for path in order.beside if (read := self._neighbour(path))]

    def translate(self, data: bytes) -> Done:
        """The translation of a document.  Raises `InputError` when it cannot be taken for true."""
        read = self._translator.read(data, self._context, self._order.source)
        if faults := [issue for issue in read.issues if issue.severity in ("error", "fatal")]:
            raise ContentError(*faults)
        beside = [each for each in self._beside if each.seed != read.seed]
        written = self._translator.write(read, self._order.to, self._context, beside)
        return Done(
            output=self._encoded(written),
            account=written.account.dump() if self._order.accounts else b"",
            issues=(*read.issues, *written.issues),
            blocks=len(read.blocks),
        )

    def run(self, job: Job) -> Row:
        """Do a job, and say what became of it; what it cannot translate it leaves unwritten."""
        try:
            done = self.translate(job.file.read_bytes())
            _write(job.target, done.output)
            if job.account is not None:
                _write(job.account, done.account)
        except InputError as error:
            return Row(job.file, "refused", error.diagnostics())
        except GatewayError as error:
            return Row(job.file, "failed", error.diagnostics())
        except Exception as error:  # noqa: BLE001 - one document must not end the others
            return Row(job.file, "failed", fault_text(error))
        return Row(job.file, "translated", blocks=done.blocks, warnings=len(done.issues))

    def _encoded(self, written: Written) -> bytes:
        if self._order.to == "ada":
            return ada.encode(written.root)
        if self._order.to not in VERSIONS:
            return message(written)
        encode = fhir_xml.encode if self._order.syntax == "xml" else fhir_json.encode
        return encode(bundle(written.resources, self._context.base), VERSIONS[self._order.to])

    def _neighbour(self, path: Path) -> Read | None:
        """A document of `--with`; one that cannot be read has nothing to refer to."""
        try:
            return self._translator.read(path.read_bytes(), self._context)
        except InputError:
            return None


def documents_in(path: Path) -> list[Path]:
    """The file itself, or the documents in a folder and below, by name."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())


def plan(paths: Sequence[Path], out: Path, accounts: Path | None, suffix: str) -> list[Job]:
    """The jobs for files and folders; what lies below a folder keeps its place there under `out`."""
    jobs = []
    for path in paths:
        for file in documents_in(path):
            name = (file.relative_to(path) if path.is_dir() else Path(file.name)).with_suffix("")
            target = out / name.with_name(name.name + suffix)
            account = accounts / name.with_name(f"{name.name}.json") if accounts else None
            jobs.append(Job(file, target, account))
    return jobs


def run_all(jobs: Sequence[Job], order: Order) -> Iterator[Row]:
    """What became of each job, as they finish; on all cores when there are many."""
    if len(jobs) < POOL_FROM:
        worker = Worker(order)
        yield from (worker.run(job) for job in jobs)
        return
    processes = min(os.cpu_count() or 1, len(jobs))
    # Fresh processes: a forked one would inherit the threads of the progress bar half-way.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _start, (order,)) as pool:
        yield from pool.map(_run, jobs, chunksize=max(1, len(jobs) // (processes * 16)))


_worker: Worker | None = None


def _start(order: Order) -> None:
    global _worker  # noqa: PLW0603 - one worker a process, made when the process starts
    _worker = Worker(order)


def _run(job: Job) -> Row:
    assert _worker is not None  # noqa: S101 - `_start` ran before
    return _worker.run(job)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
