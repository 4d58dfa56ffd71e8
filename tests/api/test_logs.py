"""The log of the server: one JSON object a line, and no text of an exception."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import logging, structlog
from gateway.api.logs import configure
configure()
structlog.get_logger("api").info("request", id="1")
structlog.get_logger("api").debug("too much")
logging.getLogger("uvicorn.error").warning("odd %s", "thing")
logging.getLogger("uvicorn.error").info("too much")
try:
    raise ValueError("999980014")
except ValueError:
    logging.getLogger("asyncio").exception("it broke")
"""


def test_every_line_is_an_object_and_none_holds_what_an_exception_said() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("request", "info"),
        ("odd thing", "warning"),
        ("it broke", "error"),
    ]
    assert lines[2]["type"] == "ValueError"
    assert "999980014" not in done.stderr + done.stdout
    assert all(line["timestamp"].endswith("Z") for line in lines)
