"""Errors as callers see them: an HTTP status and a FHIR OperationOutcome, that is the same in R4 and STU3.

What is ours (5xx) says no more than an id: the log of the gateway has the rest under that id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gateway.errors import (
    Conflict,
    ContentError,
    Denied,
    GatewayError,
    Gone,
    InputError,
    Issue,
    NotFound,
    SyntaxFault,
    Unauthenticated,
)

MAX_ISSUES = 100
"""Most issues in one answer; a document can have one per value."""

STATUSES: tuple[tuple[type[GatewayError], int], ...] = (
    (SyntaxFault, 400),
    (ContentError, 422),
    (InputError, 400),
    (Unauthenticated, 401),
    (Denied, 403),
    (Gone, 410),
    (NotFound, 404),
    (Conflict, 412),
)
CODES = {"too-long": 413, "timeout": 408}
"""Issue types of an InputError that have a status of their own."""

UNAVAILABLE = frozenset({"no-store", "lock-error", "transient", "timeout"})
"""Issue types of a Fault that may pass."""

LINE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
COLUMN = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col"
_FHIR_PATH = re.compile(r"[A-Z][A-Za-z]*([.\[]\S*)?")


class HttpError(InputError):
    """The caller's fault, in terms of HTTP: a media type, a header, a version."""

    def __init__(self, status: int, code: str, text: str, place: str = "") -> None:
        self.status = status
        super().__init__(Issue("error", code, text, place=place))


def status_of(error: GatewayError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, HttpError):
        return error.status
    code = error.issues[0].code if error.issues else ""
    if isinstance(error, InputError) and code in CODES:
        return CODES[code]
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return status
    return 503 if code in UNAVAILABLE else 500


def shown(error: GatewayError, request_id: str) -> list[Issue]:
    """The issues that the caller may see."""
    status = status_of(error)
    if status == 503:
        text = f"the gateway cannot record or store at the moment; nothing was exchanged (id {request_id})"
        return [Issue("fatal", "transient", text)]
    if status >= 500:
        return [Issue("fatal", "exception", f"a fault of the gateway (id {request_id})")]
    return error.issues or [Issue("error", "processing", "the request cannot be handled")]


def outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """An OperationOutcome; of many issues the first hundred, and how many there are."""
    every = list(issues)
    rows = [_issue(each) for each in every[:MAX_ISSUES]]
    if len(every) > MAX_ISSUES:
        rows.append(_issue(Issue("information", "informational", f"{len(every)} issues in all")))
    return {"resourceType": "OperationOutcome", "issue": rows}


def _issue(issue: Issue) -> dict[str, Any]:
    row: dict[str, Any] = {}
    marks = [(LINE, issue.line), (COLUMN, issue.column)]
    if extensions := [{"url": url, "valueInteger": number} for url, number in marks if number]:
        row["extension"] = extensions
    row |= {"severity": issue.severity, "code": issue.code, "diagnostics": issue.diagnostics()}
    if issue.place.startswith("/"):
        row["location"] = [issue.place]  # XPath
    elif _FHIR_PATH.fullmatch(issue.place):
        row["expression"] = [issue.place]
    return row
