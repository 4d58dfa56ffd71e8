"""`zibpoort translate`: a document, or a folder of them, to another format."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.ending import OK, OURS, REFUSED

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.cli.translation import Job, Order, Row


class Format(StrEnum):
    """What a document may be in, and become."""

    R4 = "fhir-r4"
    STU3 = "fhir-stu3"
    ADA = "ada"
    IWMO_301 = "iwmo-301"


class Syntax(StrEnum):
    """How FHIR is written."""

    JSON = "json"
    XML = "xml"


Paths = Annotated[
    list[Path], typer.Argument(help="A document; or with --out several, or folders.", exists=True)
]
To = Annotated[Format, typer.Option(help="Format to translate to.")]
From = Annotated[Format | None, typer.Option("--from", help="Their format; unset: as their bytes say.")]
Account = Annotated[Path | None, typer.Option(help="File for the account; with --out a folder.")]
Now = Annotated[str, typer.Option(help="What counts as now, ISO 8601 with a zone; unset: the clock.")]
With = Annotated[
    list[Path] | None,
    typer.Option("--with", help="File or folder that references may lead to; not put out.", exists=True),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the translations.")]
As = Annotated[Syntax, typer.Option("--format", help="How FHIR is written.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No warnings, progress or table.")]


def translate(
    paths: Paths,
    to: To,
    source: From = None,
    account: Account = None,
    now: Now = "",
    beside: With = None,
    out: Out = None,
    syntax: As = Syntax.JSON,
    quiet: Quiet = False,
) -> None:
    """Translate a document to standard output; several, or a folder, to --out.

    Exit code 0: translated.  1: a fault of ours.  2: wrong usage.  3: a document was refused.
    """
    from gateway.cli.translation import Order, documents_in, plan

    order = Order(
        to=to.value,
        now=_moment(now),
        source=source.value if source else "",
        syntax=syntax.value,
        beside=tuple(file for path in beside or () for file in documents_in(path)),
        accounts=account is not None,
    )
    if out is not None:
        raise typer.Exit(_many(plan(paths, out, account, order.suffix), order, quiet=quiet))
    if len(paths) != 1 or paths[0].is_dir():
        raise typer.BadParameter("several documents need --out", param_hint="PATHS")
    _one(paths[0], account, order, quiet=quiet)


def _moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("not a time in ISO 8601", param_hint="--now") from None
    if moment.tzinfo is None:
        raise typer.BadParameter("a time has a zone, such as +01:00", param_hint="--now")
    return moment


def _one(file: Path, account: Path | None, order: Order, *, quiet: bool) -> None:
    from gateway.cli.translation import Worker

    done = Worker(order).translate(file.read_bytes())
    for issue in () if quiet else done.issues:
        typer.echo(f"{issue.severity}: {issue.diagnostics()}", err=True)
    if account is not None:
        account.write_bytes(done.account)
    typer.echo(done.output, nl=not done.output.endswith(b"\n"))


def _many(jobs: list[Job], order: Order, *, quiet: bool) -> int:
    from rich.console import Console
    from rich.progress import track

    from gateway.cli.translation import run_all

    console = Console(stderr=True, quiet=quiet)
    rows = list(track(run_all(jobs, order), "translating", len(jobs), console=console))
    _summarise(rows, console)
    states = {row.state for row in rows}
    return OURS if "failed" in states else REFUSED if "refused" in states else OK


def _summarise(rows: list[Row], console: Console) -> None:
    """A line for each document that was not translated, and what was done in all."""
    from rich.table import Table

    for row in rows:
        if row.state != "translated":
            console.print(
                f"{row.state}: {row.file}: {row.text}", soft_wrap=True, markup=False, highlight=False
            )
    good = [row for row in rows if row.state == "translated"]
    table = Table("translated", "building blocks", "warnings", "refused", "failed", header_style="bold")
    table.add_row(
        f"{len(good)} of {len(rows)}",
        str(sum(row.blocks for row in good)),
        str(sum(row.warnings for row in good)),
        str(sum(row.state == "refused" for row in rows)),
        str(sum(row.state == "failed" for row in rows)),
    )
    console.print(table)
