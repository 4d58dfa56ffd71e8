"""What was worked out before and need not be again: files in the user's own cache folder.

A cache is a convenience.  What cannot be read or written is worked out anew, and what somebody else could
have written is not read.  A name holds a hash of everything that the content depends on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def folder() -> Path:
    """Where the files lie: `ZIBPOORT_CACHE`, else below the user's home."""
    return Path(os.environ.get("ZIBPOORT_CACHE") or Path.home() / ".cache" / "zibpoort")


def stamp(files: Iterable[Path]) -> str:
    """Changes when one of the files does, by path, size and time of change: cheaper than reading them."""
    key = hashlib.sha256()
    for file in files:
        about = file.stat()
        key.update(f"{file}\0{about.st_mtime_ns}\0{about.st_size}\n".encode())
    return key.hexdigest()


def get(name: str) -> bytes | None:
    """The content of a file that only this user can have written; None when there is none."""
    path = folder() / name
    try:
        about = path.stat()
        if about.st_uid != os.getuid() or about.st_mode & 0o022:
            return None
        return path.read_bytes()
    except OSError:
        return None


def put(name: str, data: bytes) -> None:
    """Keep content under a name, whole or not at all."""
    path = folder() / name
    part = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.touch(mode=0o600)
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
