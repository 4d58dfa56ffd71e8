"""`zibpoort log`: the exchange log, on the machine itself."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from gateway.cli.ending import OURS

if TYPE_CHECKING:
    from gateway.exchange import Answer, Pipeline

app = typer.Typer(help="Read and check the exchange log.  Reading it is in the log as well.")

PURPOSE = "HCOMPL"
SHOWN = 8
"""How much of an id or pseudonym a table shows."""

Caller = Annotated[str, typer.Option(help="Only this client.")]
Effect = Annotated[str, typer.Option(help="Only this decision: permit, permit-with-less or deny.")]
Last = Annotated[int, typer.Option(help="At most so many, newest first.", min=1)]
Json = Annotated[bool, typer.Option("--json", help="Everything that is known, as JSON.")]


@app.command("list")
def list_exchanges(caller: Caller = "", effect: Effect = "", last: Last = 100, as_json: Json = False) -> None:
    """Show exchanges: who, for whom (a pseudonym), why, on which article, what came of it."""
    from gateway.exchange import Call
    from gateway.exchangelog import Search

    pages: list[Answer] = []
    pipeline = _opened()
    try:
        search = Search(caller=caller, effect=effect, limit=last)
        pipeline.read_log(Call(party=_operator()), search, pages.append)
    finally:
        pipeline.books.database.close()
    if as_json:
        typer.echo(pages[0].body)
    else:
        show(orjson.loads(pages[0].body)["exchanges"])


@app.command("verify")
def verify_log() -> None:
    """Check that nothing in the log or the records was altered or removed.

    Exit code 1 when something was.
    """
    from gateway.exchangelog import verify
    from gateway.storage import verify_records

    pipeline = _opened()
    try:
        with pipeline.books.database.read() as transaction:
            report = verify(transaction.log.store)
            problems = [*report.problems, *verify_records(transaction)]
    finally:
        pipeline.books.database.close()
    for problem in problems:
        typer.echo(problem.diagnostics())
    typer.echo(f"{report.size} entries, root {report.root.hex()}")
    typer.echo(f"{report.gaps} decisions without an outcome")
    typer.echo(f"{len(problems)} problems")
    if problems:
        raise typer.Exit(OURS)


def show(exchanges: Iterable[dict[str, Any]]) -> None:
    """A table of exchanges; tab-separated lines where there is no terminal."""
    from rich.console import Console
    from rich.table import Table

    names = ("time", "caller", "purpose", "activity", "person", "decision", "outcome", "counts")
    rows = [line(each) for each in exchanges]
    console = Console()
    if not console.is_terminal:
        for row in (names, *rows):
            typer.echo("\t".join(row))
        return
    table = Table(*names, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def line(exchange: dict[str, Any]) -> tuple[str, ...]:
    """What a table shows of an exchange."""
    decision, outcome = exchange["decision"], exchange["outcome"] or {}
    counts = outcome.get("counts") or {}
    ended = " ".join(filter(None, (outcome.get("status", "none: a gap"), outcome.get("code", ""))))
    reasons = "" if decision["effect"] != "deny" else f" ({', '.join(decision['reasons'])})"
    return (
        decision["time"][:19],
        decision["caller"],
        decision["purpose"],
        decision["activity"],
        decision["person"][:SHOWN],
        decision["effect"] + reasons,
        ended,
        ", ".join(f"{number} {name}" for name, number in sorted(counts.items())),
    )


def _opened() -> Pipeline:
    """The pipeline of the settings, when there is a database: reading must not make one."""
    from gateway.errors import Fault, Issue
    from gateway.exchange import open_pipeline
    from gateway.settings import load_settings

    settings = load_settings()
    if settings.database_url is None and not settings.data_folder.is_dir():
        raise Fault(Issue("error", "not-found", "there is no such data folder", place="ZIBPOORT_DATA_FOLDER"))
    return open_pipeline(settings)


def _operator() -> Any:
    """Whoever can run this command has the keys: an auditor by the organisation's own rules."""
    from gateway.exchange import Party
    from gateway.policy import Caller as Named

    purposes = frozenset({PURPOSE})
    caller = Named(
        "zibpoort log", "auditor", "operator of this gateway", purposes, purposes, getpass.getuser()
    )
    return Party(caller, PURPOSE, "operator")
