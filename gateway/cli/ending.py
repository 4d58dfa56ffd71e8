"""How a command ends: whose fault it was, and what is said of ours."""

from __future__ import annotations

import traceback

OK, OURS, USAGE, REFUSED = 0, 1, 2, 3
"""Exit codes."""


def fault_text(error: Exception) -> str:
    """What to report of a fault of ours: its kind and place.  Not its text, which may hold a value."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"a fault of zibpoort: {type(error).__name__} in {last.name} ({last.filename}:{last.lineno})"
