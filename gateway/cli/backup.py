"""`zibpoort backup` and `zibpoort restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.storage.backup import Backup

Target = Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")]
Source = Annotated[Path, typer.Argument(help="A file that `zibpoort backup` wrote.")]


def backup(target: Target) -> None:
    """Write everything in the database to one file, as it is at one moment.  The gateway may run.

    The file holds no key: without the keys, which are to be kept elsewhere, nobody can read it.
    """
    from gateway.cli.opened import opened
    from gateway.storage.backup import write_backup

    with opened() as database:
        _say(write_backup(database, target))


def restore(source: Source) -> None:
    """Restore a backup into an empty database, SQLite or PostgreSQL, and verify all of it.

    The settings name the database and the keys that it had.  Nothing is restored when anything is wrong.
    """
    from gateway.settings import load_settings
    from gateway.storage.backup import restore_backup

    _say(restore_backup(load_settings(), source))


def _say(what: Backup) -> None:
    typer.echo(f"{what.rows.total()} rows: {', '.join(f'{n} {name}' for name, n in what.rows.items())}")
    for shard, (size, root) in what.logs.items():
        typer.echo(f"log {shard}: {size} entries, root {root}")
    typer.echo(f"sha256 {what.digest}")
