"""`zibpoort mapping`: for who writes mappings."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from gateway.cli.ending import OURS

app = typer.Typer(help="Look into the mappings: what they become, whether they are right, what is missing.")

Block = Annotated[str, typer.Argument(help="Building block, such as BloodPressure.")]
Form = Annotated[str, typer.Option("--format", help="fhir-r4, fhir-stu3, or ada with its application.")]
Only = Annotated[str, typer.Option(help="Only blocks whose name matches this regular expression.")]


@app.command("show-code")
def show_code(block: Block, form: Form = "fhir-r4") -> None:
    """Print the Python that a mapping is compiled to."""
    from gateway.mapping import tools

    typer.echo(tools.show_code(block, form))


@app.command("check")
def check() -> None:
    """Check every profile, mapping, bridge and table; show each fault with its line."""
    from gateway.mapping import tools

    faults = tools.check()
    for fault in faults:
        typer.echo(fault.diagnostics())
    if faults:
        raise typer.Exit(OURS)
    typer.echo("all mappings are right")


@app.command("coverage")
def coverage(only: Only = "") -> None:
    """Print for each concept of each block in which formats it is mapped, and in which direction."""
    from gateway.mapping import tools

    try:
        wanted = re.compile(only)
    except re.error:
        raise typer.BadParameter("not a regular expression", param_hint="--only") from None
    rows = [row for row in tools.coverage() if wanted.search(row.block)]
    formats = sorted({name for row in rows for name in row.formats})
    _print(
        ("release", "block", "concept", "id", *formats),
        [
            (row.release, row.block, row.concept, row.id, *(row.formats.get(name, "") for name in formats))
            for row in rows
        ],
    )
    for name in formats:
        known = [row.formats[name] for row in rows if name in row.formats]
        typer.echo(f"{name}: {sum(map(bool, known))} of {len(known)} concepts mapped")


def _print(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table; tab-separated lines where there is no terminal."""
    from rich.console import Console
    from rich.table import Column, Table

    console = Console()
    if not console.is_terminal:
        for row in (names, *rows):
            typer.echo("\t".join(row))
        return
    table = Table(*(Column(name, overflow="fold") for name in names), header_style="bold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
