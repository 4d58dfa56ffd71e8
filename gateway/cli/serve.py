"""`zibpoort serve`: the gateway as a server."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.ending import OK

if TYPE_CHECKING:
    from gateway.settings import Settings

EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 - what an operator may say, not what we choose
Host = Annotated[str, typer.Option(help="Address to listen on; unset: ZIBPOORT_HOST.", show_default=False)]
Port = Annotated[
    int, typer.Option(help="Port to listen on; unset: ZIBPOORT_PORT.", min=0, max=65535, show_default=False)
]


Workers = Annotated[int, typer.Option(help="Processes that share the address; needs PostgreSQL.", min=1)]


def serve(host: Host = "", port: Port = 0, workers: Workers = 1) -> None:
    """Run the gateway until it is stopped.  Listens on this machine only, unless told otherwise.

    Settings come from environment variables ZIBPOORT_…; `zibpoort check-config` looks them over.  On SIGTERM
    it takes no new requests, finishes those under way for ZIBPOORT_GRACE_SECONDS at most, and ends with 0.
    """
    from gateway.api.serving import run

    settings = _settings(host, port)
    if workers > 1 and settings.database.startswith("sqlite"):
        text = "SQLite has one writer: several workers need PostgreSQL (ZIBPOORT_DATABASE_URL)"
        raise typer.BadParameter(text, param_hint="--workers")
    signal.signal(signal.SIGTERM, _end)
    typer.echo(f"Zibpoort listens on http://{settings.host}:{settings.port}; Ctrl-C stops it", err=True)
    run(settings, workers)


def _end(_number: int, _frame: FrameType | None) -> None:
    """The server raises the signal again when it has stopped in order; that is how it was meant to end."""
    sys.exit(OK)


def _settings(host: str, port: int) -> Settings:
    """The settings, looked over.  Raises `Fault` when something in them is wrong; warnings are only said."""
    from gateway.errors import Fault
    from gateway.settings import load_settings, problems

    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value}
    settings = settings.model_copy(update=given)
    if "base_url" not in settings.model_fields_set:
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        name = "127.0.0.1" if name in EVERYWHERE else name
        settings = settings.model_copy(update={"base_url": f"http://{name}:{settings.port}"})
    found = problems(settings)
    if wrong := [issue for issue in found if issue.severity in ("error", "fatal")]:
        raise Fault(*wrong)
    for issue in found:
        typer.echo(f"{issue.severity}: {issue.diagnostics()}", err=True)
    return settings
