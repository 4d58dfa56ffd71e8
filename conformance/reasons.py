"""Why a translation differs from what was published: the reasons in `zib2020.yaml`, and what they explain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "zib2020.yaml"
CAUSES = {
    "source": "The input holds nothing of the kind",
    "clock": "The published value is the moment at which it was made",
    "version": "Published for an earlier nl-core than the package",
    "profile": "The package says otherwise",
    "less": "The published resource leaves out what the input says",
    "sent": "The published resource says otherwise than the input",
    "counting": "Another difference makes the counting pair the wrong resources",
}


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A leaf that only one side has: `-` the published resource of that file, `+` the one written."""

    file: str
    sign: str
    place: str
    value: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some differences are there: those of these files at (or below) these places, with that sign."""

    cause: str
    because: str
    files: tuple[str, ...]
    places: tuple[str, ...]

    def explains(self, found: Difference) -> bool:
        """True for a difference that is one of those."""
        here = f"{found.sign} {found.place}"
        return found.file in self.files and any(
            here == place or here.startswith(f"{place}.") for place in self.places
        )


@cache
def reasons() -> tuple[Reason, ...]:
    """All reasons.  Raises `ValueError` for a cause that there is not."""
    found = []
    for row in _data()["differences"]:
        if row["cause"] not in CAUSES:
            raise ValueError(f"{FILE.name}: no cause '{row['cause']}'")
        found.append(Reason(row["cause"], row["because"], tuple(row["files"]), tuple(row["places"])))
    return tuple(found)


@cache
def owners() -> dict[str, str]:
    """Expected file → the input that it is of, where its number names another."""
    return {file: row["of"] for file, row in _data()["owners"].items()}


def reason_of(found: Difference) -> Reason | None:
    """The first reason that explains a difference."""
    return next((each for each in reasons() if each.explains(found)), None)


def stale(differences: Iterable[Difference]) -> list[str]:
    """The files and places of reasons that explain nothing."""
    found = list(differences)
    lines = []
    for reason in reasons():
        mine = [each for each in found if reason.explains(each)]
        lines += [f"{file}: {reason.because}" for file in reason.files if file not in {m.file for m in mine}]
        for place in reason.places:
            alone = Reason(reason.cause, reason.because, reason.files, (place,))
            if not any(alone.explains(each) for each in mine):
                lines.append(f"{place}: {reason.because}")
    return lines


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found
