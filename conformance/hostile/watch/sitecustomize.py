"""Loaded by the server's interpreter at start: notes every address that Python code looks up or connects to.

Runs before anything else of the server, and only when HOSTILE_NOTES names a file.
"""

import os
import sys

EVENTS = frozenset(
    ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "subprocess.Popen")
)


def _watch(file: str) -> None:
    notes = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(event: str, _: object) -> None:
        if event in EVENTS:
            os.write(notes, event.encode() + b"\n")

    sys.addaudithook(note)


if "HOSTILE_NOTES" in os.environ:
    _watch(os.environ["HOSTILE_NOTES"])
