"""The server under attack, and what can be seen of it from outside: memory, rows, answers, who it asks.

The server is `zibpoort serve` in a process of its own.  Memory is read from /proc, so this needs Linux.
"""

from __future__ import annotations

import errno
import http.client
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from conformance.hostile.case import Attempt, Bait, Door
from conformance.hostile.specimen import BSN
from conformance.stage import DOCUMENT, EPD, PGO, Reply, Stage

MIB: Final = 1024 * 1024
WATCH: Final = Path(__file__).with_name("watch")
CHUNK: Final = 64 * 1024
ANSWER_SECONDS: Final = 30
"""After this the server is said to hang."""

NOT_COUNTED: Final = ("log_", "data_keys", "sqlite_", "alembic")
"""Tables that a refused exchange may grow: the log of it, and the key of the log."""

ORDINARY: Final = ("/fhir/r4/Patient", "/fhir/r4/Observation?code=http://loinc.org|85354-9")


SELF: Final = "self"
INTERACTIONS: Final = {("POST", 2): "transaction", ("POST", 3): "create", ("PUT", 4): "update"}
"""What a method on a path of so many parts, `/fhir/r4/{type}/{id}`, is called in a CapabilityStatement."""


class Lure:
    """A server on the loopback address that answers nobody, and counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.visits = 0
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return  # closed
            self.visits += 1
            visitor.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


@dataclass(slots=True)
class Target:
    """A running server with a record in it.  As a context it starts, and stops, what it needs."""

    folder: Path
    stage: Stage = field(init=False)
    lure: Lure = field(init=False)
    resting: int = 0
    """Bytes of memory when nothing is asked."""

    served: dict[Door, bool] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.lure = Lure()
        os.mkfifo(self.pipe)
        watched = {"PYTHONPATH": str(WATCH), "HOSTILE_NOTES": str(self.notes)}
        self.stage = Stage(self.folder, settings=watched)
        try:
            self.stage.prepare()
            self.stage.start()
            self._warm_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.stop()
        self.lure.close()

    @property
    def pipe(self) -> Path:
        """A file that nothing may open."""
        return self.folder / "secret"

    @property
    def notes(self) -> Path:
        """What the interpreter of the server noted."""
        return self.folder / "notes"

    @property
    def bait(self) -> Bait:
        """What the attempts tempt with."""
        return Bait(self.lure.url, str(self.pipe))

    def has(self, door: Door) -> bool:
        """True when the CapabilityStatement says so, or an empty request is not answered 404 or 405."""
        if door not in self.served:
            path = door.path.partition("?")[0]
            reply = self.stage.ask(door.method, path, self.token(door))
            self.served[door] = reply.status not in (404, 405) or is_declared(self.statement(), door)
        return self.served[door]

    def statement(self) -> Any:
        """The CapabilityStatement of R4."""
        return self.stage.ask("GET", "/fhir/r4/metadata").json

    def token(self, door: Door) -> str:
        """Of who may use a door: the person's PGO reads, an EPD writes."""
        return self.stage.token(PGO, BSN) if door.method == "GET" else self.stage.token(EPD)

    def send(self, attempt: Attempt, door: Door, content: bytes) -> tuple[Reply, float]:
        """The answer, and the seconds from the first byte of the request to the last of the answer.

        Time in which a thread could run and had no processor is not counted: other processes had the machine.
        Raises `OSError` when there is no answer.
        """
        headers = {"Authorization": f"Bearer {self.token(door)}", **attempt.headers}
        if door.method != "GET":
            headers |= {"Content-Type": attempt.media}
        connection = http.client.HTTPConnection("127.0.0.1", self.stage.port, timeout=ANSWER_SECONDS)
        with closing(connection):
            began, before = time.perf_counter(), self.delays()
            with suppress(BrokenPipeError, ConnectionResetError):  # the answer may be there all the same
                self._request(connection, door, headers, content, chunked=attempt.chunked)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.headers, answer.read())
            spent, after = time.perf_counter() - began, self.delays()
        # The threads of the server take turns, so the longest delay among them is the least that it waited.
        late = {name: after[name] - before.get(name, 0) for name in after}
        return reply, max(spent - late.pop(SELF) - max(late.values()), 0)

    def delays(self) -> dict[str, float]:
        """Seconds that this thread, and each of the server, has waited for a processor until now."""
        found = {SELF: _delay(Path("/proc/thread-self"))}
        for thread in (self._proc / "task").iterdir():
            with suppress(OSError):  # it may just have ended
                found[thread.name] = _delay(thread)
        return found

    def ordinary(self) -> tuple[list[Any], list[Reply]]:
        """The person's record as her PGO sees it, and the answers themselves."""
        token = self.stage.token(PGO, BSN)
        replies = [self.stage.ask("GET", path, token) for path in ORDINARY]
        return [
            each["resource"] for r in replies if r.status == 200 for each in r.json.get("entry", ())
        ], replies

    def rows(self) -> Mapping[str, int]:
        """How many rows each table of records has."""
        file = self.folder / "data" / "zibpoort.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            names = [
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            return {
                name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for name in names
                if not name.startswith(NOT_COUNTED)
            }

    def visits(self) -> int:
        """How often the server looked outside: by a visit to the bait, a noted call, or an open pipe."""
        return self.lure.visits + len(self.notes.read_bytes().splitlines()) + self._pipe_is_open()

    def forget_peak(self) -> None:
        """Begin to measure the peak of memory anew."""
        (self._proc / "clear_refs").write_text("5")

    def memory(self, name: str = "VmHWM") -> int:
        """Bytes of the server: its peak, or what it has now (VmRSS)."""
        for line in self._lines("status"):
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"/proc tells no {name}")

    @property
    def _proc(self) -> Path:
        if self.stage.server is None or self.stage.server.poll() is not None:
            raise RuntimeError("the server is gone")
        return Path("/proc") / str(self.stage.server.pid)

    def _lines(self, name: str) -> Iterator[str]:
        yield from (self._proc / name).read_text().splitlines()

    def _warm_up(self) -> None:
        reply = self.stage.post(DOCUMENT.read_bytes(), self.stage.token(EPD))
        if reply.status != 201:
            raise RuntimeError(f"the ordinary document is answered {reply.status}")
        self.ordinary()
        self.resting = self.memory("VmRSS")

    def _pipe_is_open(self) -> bool:
        """True when somebody reads the pipe: only then can it be opened to write without waiting."""
        try:
            os.close(os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return False
        return True

    @staticmethod
    def _request(
        connection: http.client.HTTPConnection,
        door: Door,
        headers: Mapping[str, str],
        content: bytes,
        *,
        chunked: bool,
    ) -> None:
        if not chunked:
            connection.request(door.method, door.path, content or None, dict(headers))
            return
        parts = (content[at : at + CHUNK] for at in range(0, len(content), CHUNK))
        own = {**headers, "Transfer-Encoding": "chunked"}
        connection.request(door.method, door.path, parts, own, encode_chunked=True)


def _delay(thread: Path) -> float:
    """The second figure of schedstat, in nanoseconds (Documentation/scheduler/sched-stats)."""
    return int((thread / "schedstat").read_text().split()[1]) / 1e9


def is_declared(statement: Any, door: Door) -> bool:
    """True when a CapabilityStatement has what an address of FHIR does."""
    parts = door.path.strip("/").split("/")
    rest = statement["rest"][0]
    if len(parts) > 2:
        rest = next((row for row in rest["resource"] if row["type"] == parts[2]), {})
    codes = {each["code"] for each in rest.get("interaction", ())}
    return INTERACTIONS.get((door.method, len(parts))) in codes
