"""Whether an attempt was survived: each way in which it may not be is a sentence."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from fhir.resources.operationoutcome import OperationOutcome
from pydantic import ValidationError

from conformance.hostile.case import Attempt, Case, Door
from conformance.hostile.specimen import BSN, SECRET
from conformance.hostile.target import MIB, Target
from conformance.stage import Reply

MOST_SECONDS: Final = 1.0
MOST_GROWTH: Final = 200 * MIB
TRIES: Final = 3
"""An answer that is late is asked for again: another process may have had the machine."""

INERT: Final = (("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", "sandbox"))


@dataclass(slots=True)
class Verdict:
    """What became of a case.  `waits` are the attempts whose address the server does not have yet."""

    case: Case
    problems: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    seconds: float = 0
    growth: int = 0
    """Bytes over the resting size, at most."""

    @property
    def survived(self) -> bool:
        """True when every attempt was made, and none found a fault."""
        return not self.problems and not self.waits


def judge(target: Target, case: Case) -> Verdict:
    """Put a case before the server.  An attempt with two doors is made at each that is there."""
    verdict = Verdict(case)
    for attempt in case.attempts:
        doors = [door for door in attempt.doors if target.has(door)]
        if not doors:
            verdict.waits.append(attempt.name)
        for door in doors:
            try:
                found = list(_faults(target, attempt, door, verdict))
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                found = [f"no answer ({type(error).__name__})"]
            verdict.problems += (f"{attempt.name}, {door.method} {door.path[:40]}: {each}" for each in found)
    return verdict


def _faults(target: Target, attempt: Attempt, door: Door, verdict: Verdict) -> Iterator[str]:
    content = attempt.body(target.bait)
    rows, (record, _), visits = target.rows(), target.ordinary(), target.visits()
    target.forget_peak()
    for _ in range(TRIES):
        reply, seconds = target.send(attempt, door, content)
        if seconds <= MOST_SECONDS:
            break
    growth = target.memory() - target.resting
    verdict.seconds, verdict.growth = max(verdict.seconds, seconds), max(verdict.growth, growth)
    if seconds > MOST_SECONDS:
        yield f"answered after {seconds:.1f} s"
    if growth > MOST_GROWTH:
        yield f"took {growth // MIB} MB"
    yield from faults_of_answer(attempt, reply)
    if target.visits() != visits:
        yield "the server looked outside"
    after, replies = target.ordinary()
    if reply.status >= 400 and (target.rows() != rows or after != record):
        yield "something was stored"
    for each in replies:
        yield from _faults_of_next(each)


def faults_of_answer(attempt: Attempt, reply: Reply) -> Iterator[str]:
    """What is wrong with an answer by itself."""
    if reply.status not in attempt.statuses:
        yield f"status {reply.status} {reply.body[:200]!r}"
    if any(word.encode() in reply.body for word in (BSN, SECRET, "Traceback", "SELECT", "root:")):
        yield "the answer quotes the document, or the gateway's inside"
    if reply.status < 400:
        return
    try:
        OperationOutcome.model_validate_json(reply.body)
    except ValidationError:
        yield "the answer is no OperationOutcome"
        return
    issues = reply.json["issue"]
    if not all(issue.get("diagnostics") for issue in issues):
        yield "an issue says nothing"
    if attempt.placed and not any(map(_has_place, issues)):
        yield f"no issue says where: {issues[0]['diagnostics']}"


def _has_place(issue: dict[str, Any]) -> bool:
    lines = (each for each in issue.get("extension", ()) if each["url"].endswith("issue-line"))
    return bool(issue.get("expression") or issue.get("location") or any(lines))


def _faults_of_next(reply: Reply) -> Iterator[str]:
    """The next ordinary answer is there, and nothing in it is to be run."""
    if reply.status != 200:
        yield f"the next ordinary request is answered {reply.status}"
    elif not reply.headers.get("Content-Type", "").startswith("application/fhir+json") or any(
        word not in reply.headers.get(name, "") for name, word in INERT
    ):
        yield "the record is not served as plain data"
