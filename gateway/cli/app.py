"""The commands, and how their errors end: as text for people, never as a traceback."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway.cli import backup, check_config, conformance, keys, log, mapping, serve, token, translate
from gateway.cli.ending import OURS, REFUSED, fault_text
from gateway.errors import GatewayError, InputError

app = typer.Typer(
    name="zibpoort",
    help="Translate between Dutch health records, and run the gateway between them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("translate")(translate.translate)
app.command("serve")(serve.serve)
app.command("check-config")(check_config.check_config)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.add_typer(conformance.app, name="conformance")
app.add_typer(keys.app, name="keys")
app.add_typer(log.app, name="log")
app.add_typer(mapping.app, name="mapping")
app.add_typer(token.app, name="token")


def run() -> None:
    """Run the command line and exit."""
    try:
        app()
    except GatewayError as error:
        _say(error.diagnostics())
        sys.exit(REFUSED if isinstance(error, InputError) else OURS)
    except Exception as error:  # noqa: BLE001 - the last one who can keep it from the user
        _say(fault_text(error))
        sys.exit(OURS)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        import gateway

        typer.echo(f"zibpoort {gateway.__version__}")
        raise typer.Exit


def _say(text: str) -> None:
    typer.echo(text, err=True)
