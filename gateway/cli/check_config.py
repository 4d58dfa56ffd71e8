"""`zibpoort check-config`: what is wrong or unwise in the configuration."""

from __future__ import annotations

import typer

from gateway.cli.ending import OURS


def check_config() -> None:
    """Look over the settings, keys, registrations and processing register; change nothing.

    Exit code 0 when there are at most warnings, 1 when something is wrong.
    """
    from gateway.errors import AuthoringError
    from gateway.exchange.registrations import load_registrations
    from gateway.policy import load_register
    from gateway.settings import load_settings, problems

    settings = load_settings()
    found = problems(settings)
    for issue in found:
        typer.echo(f"{issue.severity}: {issue.diagnostics()}")
    wrong = any(issue.severity in ("error", "fatal") for issue in found)
    try:
        if settings.parties_file is not None:
            load_registrations(settings.parties_file)
        for activity, article in load_register(settings.register_file).unconfirmed():
            typer.echo(f"warning: {activity}: {article} is not confirmed by a jurist ({article.what})")
    except AuthoringError as error:
        typer.echo(error.diagnostics())
        wrong = True
    if wrong:
        raise typer.Exit(OURS)
