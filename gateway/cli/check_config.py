"""`zibpoort check-config`: what is wrong or unwise in the configuration, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from gateway.cli.ending import OURS

if TYPE_CHECKING:
    from gateway.errors import Issue
    from gateway.settings import Settings


def check_config() -> None:
    """Look over settings, keys, callers, register, mappings and database; change nothing, show no secret.

    A line for each thing that is wrong or unwise, and one for each part that will do.  Exit code 0 when there
    are at most warnings, 1 when something is wrong.
    """
    from gateway.settings import load_settings

    settings = load_settings()
    told = [_told(name, check, settings) for name, check in CHECKS.items()]
    if not all(told):
        raise typer.Exit(OURS)


def _told(name: str, check: Callable[[Settings], Iterable[Issue]], settings: Settings) -> bool:
    """Say what a check finds; True when the part will do."""
    from gateway.errors import GatewayError

    good = True
    try:
        for issue in check(settings):
            good = good and issue.severity not in ("error", "fatal")
            typer.echo(f"{issue.severity}: {issue.diagnostics()}")
    except GatewayError as error:
        typer.echo(f"error: {error.diagnostics()}")
        good = False
    except OSError as error:
        typer.echo(f"error: {name}: {error.filename}: {error.strerror}")
        good = False
    if good:
        typer.echo(f"ok: {name}")
    return good


def _settings(settings: Settings) -> Iterable[Issue]:
    from gateway.settings import problems

    return problems(settings)


def _callers(settings: Settings) -> Iterable[Issue]:
    from gateway.exchange.parties import load_parties

    load_parties(settings)
    return ()


def _register(settings: Settings) -> Iterator[Issue]:
    from gateway.errors import Issue
    from gateway.exchange.withholding import name_faults
    from gateway.mapping import Translator
    from gateway.policy import load_register

    register = load_register(settings.register_file)
    yield from name_faults(register, Translator())
    for activity, article in register.unconfirmed():
        text = f"{article} is not confirmed by a jurist ({article.what})"
        yield Issue("warning", "informational", text, place=activity)


def _mappings(_: Settings) -> Iterable[Issue]:
    from gateway.exchange.renditions import FORMATS
    from gateway.mapping import Translator

    translator = Translator()
    for form in FORMATS.values():
        translator.loaded(form)
    return ()


def _database(settings: Settings) -> Iterator[Issue]:
    """Reached, migrated, of these keys, with a log that holds together."""
    from gateway.errors import Issue
    from gateway.storage import DATABASE_CHECKS, open_database, schema_of

    state = schema_of(settings)
    if state == "current":
        database = open_database(settings)
        try:
            for check in DATABASE_CHECKS.values():
                check(database)
        finally:
            database.close()
    else:
        text = {"absent": "has no tables yet", "behind": "has the tables of an older version"}[state]
        yield Issue("information", "informational", f"{text}; the next start makes them", place="database")


CHECKS: dict[str, Callable[[Settings], Iterable[Issue]]] = {
    "settings and keys": _settings,
    "callers": _callers,
    "processing register": _register,
    "mappings": _mappings,
    "database": _database,
}
