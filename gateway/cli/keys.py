"""`zibpoort keys`: the key-encryption keys (KEK) that wrap the data keys."""

from __future__ import annotations

import typer

from gateway.cli.ending import OURS

app = typer.Typer(help="Show and rotate the key-encryption keys.  A key itself is never shown.")

BATCH = 500
"""How many data keys are wrapped anew in one transaction."""


@app.command("status")
def status() -> None:
    """Show which key-encryption keys there are, and how many data keys each of them wraps."""
    from gateway.cli.opened import opened

    with opened() as database, database.read() as transaction:
        usage, current = transaction.vault.usage(), database.kek.current()
        for kek in sorted(database.kek.held(), key=lambda kek: (kek != current, kek)):
            role = "current" if kek == current else "to be rotated" if usage[kek] else "may be removed"
            typer.echo(f"{kek}\t{usage[kek]} keys\t{role}")


@app.command("rotate")
def rotate() -> None:
    """Wrap all data keys with the current key-encryption key: the first one of ZIBPOORT_KEK or its file.

    Put a new key on the first line, keep the old one below it, restart the gateway, and rotate.  When
    `keys status` says that the old one may be removed, remove it.  With several gateways, add the new key
    below the old one everywhere first, so that each of them can read what another writes.

    A rotation that is broken off is continued by the next one.  The gateway may run meanwhile.
    """
    from gateway.cli.opened import opened

    total = 0
    with opened() as database:
        if len(database.kek.held()) == 1:
            typer.echo("there is no other key: put a new one on the first line of the key file", err=True)
            raise typer.Exit(OURS)
        while True:
            with database.write() as transaction:
                count = transaction.vault.rewrap(BATCH)
            total += count
            if count < BATCH:
                break
        typer.echo(f"{total} keys are wrapped anew by {database.kek.current()}")
