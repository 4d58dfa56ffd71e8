"""`zibpoort log`: the exchange log, on the machine itself."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from gateway.cli.ending import OURS

if TYPE_CHECKING:
    from rich.table import Table

    from gateway.exchange import Answer, Pipeline

app = typer.Typer(help="Read and check the exchange log.  Reading it is in the log as well.")

PURPOSE = "HCOMPL"
COLUMNS = ("time", "caller", "purpose", "activity", "person", "decision", "outcome", "counts")
SHOWN = 8
"""How much of a pseudonym is shown."""

KINDS = 3
"""Of how many kinds the counts are shown."""

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

    console = Console()
    if console.is_terminal:
        console.print(table(map(line, exchanges)))
        return
    for row in (COLUMNS, *map(line, exchanges)):
        typer.echo("\t".join(row))


def table(rows: Iterable[tuple[str, ...]], *more: str) -> Table:
    """A table of lines, with more columns behind the usual ones."""
    from rich.table import Column
    from rich.table import Table as RichTable

    columns = (Column(name, overflow="fold") for name in (*COLUMNS, *more))
    found = RichTable(*columns, header_style="bold")
    for row in rows:
        found.add_row(*row)
    return found


def line(exchange: dict[str, Any]) -> tuple[str, ...]:
    """What is shown of an exchange, by `COLUMNS`."""
    decision, outcome = exchange["decision"], exchange["outcome"] or {"status": "none: a gap"}
    reasons = f" ({', '.join(decision['reasons'])})" if decision["effect"] == "deny" else ""
    return (
        decision["time"][:19].replace("T", " "),
        decision["caller"],
        decision["purpose"],
        decision["activity"],
        decision["person"][:SHOWN],
        decision["effect"] + reasons,
        f"{outcome['status']} {outcome.get('code', '')}".strip(),
        counted(outcome.get("counts") or {}),
    )


def counted(counts: dict[str, int]) -> str:
    """`2 Condition, 1 Patient`; of many kinds only how many there are."""
    if len(counts) > KINDS:
        return f"{sum(counts.values())} of {len(counts)} kinds"
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))


def _opened() -> Pipeline:
    """The pipeline of the settings, when there is a database: reading must not make one."""
    from gateway.cli.opened import check_there
    from gateway.exchange import open_pipeline
    from gateway.settings import load_settings

    settings = load_settings()
    check_there(settings)
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
