"""The order of two moments of FHIR, as far as both say (datatypes.html#dateTime).

Two with a time and a zone are compared as instants.  Of others the part that both have is compared, as it
is written; what is finer in one alone decides nothing.
"""

from __future__ import annotations

import datetime


def is_after(first: str, second: str) -> bool:
    """True when the first moment is certainly after the second."""
    one, other = _instant(first), _instant(second)
    if one is not None and other is not None:
        return one > other
    shared = min(len(first.partition("T")[0]), len(second.partition("T")[0]))
    return first[:shared] > second[:shared]


def _instant(text: str) -> datetime.datetime | None:
    """The instant of a moment with time and zone."""
    if "T" not in text:
        return None
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
