"""The `zibpoort` command.  What it needs it imports when it runs, so that it starts quickly."""

from __future__ import annotations


def main() -> None:
    """Run the command line, and end the process with its exit code.

    0: done.  1: a fault of ours or of the configuration.  2: wrong usage.  3: the document was refused.
    """
    from gateway.cli.app import run

    run()
