"""Every error of the gateway.  Imports nothing of ours.

    GatewayError
    ├── InputError            the caller's fault; carries all issues found, each with its place
    │   ├── SyntaxFault       the bytes: not well-formed, DOCTYPE, character set, size, depth
    │   └── ContentError      the meaning: unknown zib or code, BSN, two persons, dangling reference
    ├── Unauthenticated       no caller that we know
    ├── Denied                a caller that we know, who may not
    ├── NotFound              nothing there (or nothing that this caller may know of)
    │   └── Gone              there was something, that this caller itself has deleted
    ├── Conflict              what is there now is not what the caller expected
    │   └── Taken             an id that is somebody else's
    ├── AuthoringError        a mapping or profile file is wrong; shows the line with a caret
    └── Fault                 ours: a promise of the gateway is broken

`diagnostics()` is the text for people; command line, API and console only render it.  No text here
ever holds a value of a patient: an issue names the place, the concept and the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong, in the terms of an OperationOutcome.

    `code` is a FHIR issue-type (http://hl7.org/fhir/issue-type); `line` and `column` count from 1
    and are 0 when unknown; `rule` is the row of a mapping or profile (`file:line`) or the clause.
    """

    severity: Severity
    code: str
    text: str
    place: str = ""
    concept: str = ""
    rule: str = ""
    line: int = 0
    column: int = 0

    def diagnostics(self) -> str:
        """`place (concept): text · line 14, column 9 · rule file:11`, leaving out what is unknown."""
        head = f"{self.place} ({self.concept})" if self.place and self.concept else self.place or self.concept
        parts = [f"{head}: {self.text}" if head else self.text]
        if self.line:
            parts.append(f"line {self.line}, column {self.column}" if self.column else f"line {self.line}")
        if self.rule:
            parts.append(f"rule {self.rule}")
        return " · ".join(parts)


class GatewayError(Exception):
    """Base of all; holds one or more issues."""

    def __init__(self, *issues: Issue) -> None:
        self.issues: list[Issue] = list(issues)
        super().__init__(self.diagnostics())

    def diagnostics(self) -> str:
        """All issues for a person, one a line."""
        return "\n".join(issue.diagnostics() for issue in self.issues)


class InputError(GatewayError):
    """The caller's fault; the document is refused whole."""

    @classmethod
    def of(cls, issues: Iterable[Issue]) -> InputError:
        """An error of this class from collected issues."""
        return cls(*issues)


class SyntaxFault(InputError):
    """The bytes cannot be read safely."""


class ContentError(InputError):
    """The document can be read, but not taken for true."""


class Unauthenticated(GatewayError):
    """The caller is not known: no token, or one that fails a check."""


class Denied(GatewayError):
    """The caller is known and may not do this."""


class NotFound(GatewayError):
    """There is no such thing for this caller."""


class Gone(NotFound):
    """What was there has been deleted."""


class Conflict(GatewayError):
    """What is there now is not what the caller expected, or may replace; nothing was changed."""


class Fault(GatewayError):
    """Our own fault; a caller sees an id, the log has the rest."""


class Taken(Conflict):
    """The id is that of a resource of another person or sender; its place is `Type/id`, "" when not known."""


class AuthoringError(GatewayError):
    """A mapping or profile file is wrong.  `line` and `column` count from 1."""

    def __init__(self, text: str, file: str, line: int = 0, column: int = 0, source_line: str = "") -> None:
        self.file, self.line, self.column, self.source_line = file, line, column, source_line
        super().__init__(Issue("error", "structure", text, place=file, line=line, column=column))

    def diagnostics(self) -> str:
        """The error, then the line of the file with a caret under the column."""
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{where}: {self.issues[0].text}"
        if self.source_line:
            caret = " " * max(self.column - 1, 0) + "^"
            text += f"\n  {self.line:>4} | {self.source_line}\n       | {caret}"
        return text
