"""Callers of a running gateway: a few, each on a connection that it keeps, and how long they wait."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from conformance.bench import seconds
from conformance.stage import Stage

CALLERS = 2
"""As many as cores: more would only wait for each other."""

LONGEST = 30.0
"""Seconds after which no more jobs are begun."""


class Caller:
    """One kept connection to the gateway."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, token: str, body: bytes | None = None, media: str = "") -> bytes:
        """The body of the answer.  Raises `RuntimeError` for any status but 200 and 201."""
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
    values = _told(stage, "stat").rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def memory(stage: Stage) -> float:
    """MB that the gateway holds now (proc(5), statm: resident pages)."""
    return int(_told(stage, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _told(stage: Stage, name: str) -> str:
    if stage.server is None:
        raise RuntimeError("the gateway does not run")
    return Path(f"/proc/{stage.server.pid}/{name}").read_text()
