"""`zibpoort conformance`: what is claimed, held against what others publish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from gateway.cli.ending import OURS

if TYPE_CHECKING:
    from gateway.mapping.pairs.verdicts import Verdict

app = typer.Typer(help="Hold the mappings against what others publish.", no_args_is_help=True)

Package = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="Folder with StructureDefinitions (R4, XML).")
]
Only = Annotated[list[str] | None, typer.Option(help="Only these verdicts: both, one-way, none.")]
Json = Annotated[bool, typer.Option("--json", help="All pairs as JSON.")]


@app.callback()
def _group() -> None:
    """Hold the mappings against what others publish."""


@app.command("zib2020")
def zib2020(package: Package, only: Only = None, as_json: Json = False) -> None:
    """Report for each pair of element and zib concept in a package in which directions it is mapped.

    Exit code 1 when a pair is not mapped both ways and no reason is given for it.
    """
    from gateway.mapping.pairs import verdicts

    if wrong := set(only or ()) - set(verdicts.OUTCOMES):
        raise typer.BadParameter(f"no verdict: {', '.join(sorted(wrong))}", param_hint="--only")
    found, faults = verdicts.examine(package)
    rows = [_row(each) for each in found if not only or each.outcome in only]
    if as_json:
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    else:
        for row in rows:
            typer.echo("\t".join(row.values()))
    for fault in faults:
        typer.echo(fault, err=True)
    counts = Counter(each.outcome for each in found)
    summary = " ".join(f"{name} {counts[name]}" for name in verdicts.OUTCOMES)
    typer.echo(f"{summary} of {len(found)}", err=as_json)
    if faults:
        raise typer.Exit(OURS)


def _row(verdict: Verdict) -> dict[str, str]:
    """What is shown of a verdict; `rows` are those that map it, `why` is empty for most that are both."""
    pair = verdict.pair
    outcome = (
        " ".join((verdict.outcome, *verdict.directions)) if verdict.outcome == "one-way" else verdict.outcome
    )
    return {
        "verdict": outcome,
        "profile": pair.profile,
        "element": pair.element,
        "concept": pair.concept,
        "name": pair.comment,
        "rows": _rows(verdict.marks),
        "why": verdict.reason,
    }


def _rows(marks: Iterable[str]) -> str:
    """Rows by their file: `BloodPressure.yaml:12,14`."""
    lines: dict[str, list[str]] = {}
    for mark in marks:
        file, _, line = mark.rpartition(":")
        lines.setdefault(file, []).append(line)
    return " ".join(f"{file}:{','.join(found)}" for file, found in lines.items())
