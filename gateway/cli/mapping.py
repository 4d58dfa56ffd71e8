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
    from rich.console import Console
    from rich.table import Table

    from gateway.mapping import tools

    rows = [row for row in tools.coverage() if re.search(only, row.block)]
    formats = sorted({name for row in rows for name in row.formats})
    table = Table("release", "block", "concept", "id", *formats, header_style="bold")
    for row in rows:
        table.add_row(row.release, row.block, row.concept, row.id, *(row.formats.get(f, "") for f in formats))
    Console().print(table)
    for name in formats:
        mapped = sum(bool(row.formats.get(name)) for row in rows if name in row.formats)
        typer.echo(f"{name}: {mapped} of {sum(name in row.formats for row in rows)} concepts mapped")
