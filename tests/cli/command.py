"""The command line, in the process of the test or as a command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from conformance.stage import zibpoort
from gateway.cli.app import run


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> Ended:
    """Run a command in this process."""
    monkeypatch.setattr("sys.argv", ["zibpoort", *words])
    try:
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    told = capsys.readouterr()
    return Ended(code, told.out, told.err)


def process(*words: str, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command as a process of its own."""
    done = subprocess.run(
        zibpoort(*words), capture_output=True, text=True, check=False, env=environment or dict(os.environ)
    )
    return Ended(done.returncode, done.stdout, done.stderr)
