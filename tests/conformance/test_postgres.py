"""A server for tests leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import time
from conformance.postgres import cluster
with cluster() as server:
    print(server.address, flush=True)
    time.sleep(600)
"""


def runs(number: int) -> bool:
    """True while there is a process of this number."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_whose_program_was_killed_ends_and_its_folder_goes() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        data = Path(program.stdout.readline().strip().partition("host=")[2])
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        assert runs(postmaster)
        program.kill()
    end = time.monotonic() + 30
    while (runs(postmaster) or data.parent.exists()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not runs(postmaster)
    assert not data.parent.exists()
