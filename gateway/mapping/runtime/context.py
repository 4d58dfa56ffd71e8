"""What a translation may know of the world: the clock, the zone, and how ids are made.

Everything that could differ from run to run comes in through one `Context`; the same input, context
and mappings give the same bytes.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

DEFAULT_BASE = "https://zibpoort.example/fhir"


@dataclass(frozen=True, slots=True)
class Context:
    """`now` is aware; `zone` gives an offset to times that were sent without; `base` begins full URLs.

    `persons` maps a normalised BSN to the id that the patient has outside (never the BSN itself).
    """

    now: datetime.datetime
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Amsterdam"))
    base: str = DEFAULT_BASE
    persons: Mapping[str, str] = field(default_factory=dict)

    @property
    def local_now(self) -> str:
        """Now in the zone, in ISO 8601 without the offset, to be compared with times as sent."""
        return self.now.astimezone(self.zone).replace(tzinfo=None).isoformat()

    def local(self, moment: str) -> str:
        """A date or time as the clock in the zone shows it; what has no offset is taken to be of the zone."""
        if len(moment) <= 19:
            return moment
        try:
            known = datetime.datetime.fromisoformat(moment).astimezone(self.zone)
        except (ValueError, OverflowError):
            return moment[:19]
        return known.replace(tzinfo=None).isoformat()[:19]

    def identity(self, *parts: str) -> str:
        """A FHIR id (32 hex digits) that the same parts always give."""
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
