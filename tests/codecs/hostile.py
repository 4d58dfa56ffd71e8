"""How a hostile document is met: with a SyntaxFault, soon, that quotes nothing of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import SyntaxFault

SECRET = "Wieke"  # stands in documents wherever content may stand
MOST_SECONDS = 10.0  # of processor time, on a slow machine; measured: under 2


def refusal(read: Callable[..., Any], *arguments: Any) -> SyntaxFault:
    """The fault that reading gives."""
    start = time.process_time()
    with pytest.raises(SyntaxFault) as caught:
        read(*arguments)
    assert time.process_time() - start < MOST_SECONDS
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown.rpartition("SyntaxFault")[2]
    assert SECRET not in caught.value.diagnostics()
    return caught.value
