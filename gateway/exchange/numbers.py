"""The BSN in what leaves: found however it is written, and covered where texts have it.

Identifiers are withheld as concepts.  But anybody can write a number into a remark, a narrative or an
identifier without a system, and that must neither leave nor keep all else of an answer from leaving.
"""

from __future__ import annotations

import binascii
import re
from typing import Any

from gateway.exchange.person import BSN_SYSTEMS

COVER = "*********"
"""Stands for a number, and for the system of one."""

_BYTES = "data"
"""The member of an Attachment with its bytes, in base64."""

_MASKED = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    ]
}

_BETWEEN = " .-"
"""What is written between the digits of a number."""

_MEANING = ("system", "reference")
"""Members that make an element a BSN when its system stands there; elsewhere that is talk about it."""


def holds_number(content: bytes, bsn: str) -> bool:
    """True when a person's number can be read in bytes: with marks between its digits or none, in UTF-16 too.

    In what is compressed, as the pages of most PDFs, it cannot.
    """
    plain = content.translate(None, f"{_BETWEEN}\0".encode())
    if not bsn or bsn.lstrip("0").encode() not in plain:
        return False  # as nearly always
    return _is_in(content, _spelled(bsn))


def holds_bytes(body: bytes) -> bool:
    """True for FHIR that may have an Attachment with its bytes in it."""
    return f'"{_BYTES}":'.encode() in body or f"<{_BYTES} ".encode() in body


def names_bsn(text: str) -> bool:
    """True for a text in which the system of a BSN stands."""
    return any(system in text for system in BSN_SYSTEMS)


def covered(element: Any, bsn: str) -> Any:
    """An element in which no text has the number, nor the system of a BSN but where that makes it one.

    Of an Attachment in whose bytes the number can be read these are gone, and it says that they are masked.
    """
    return _covered(element, _spelled(bsn)) if bsn else element


def _covered(element: Any, spelled: re.Pattern[str]) -> Any:
    if isinstance(element, dict):
        clean = {
            name: value if name in _MEANING and names_bsn(str(value)) else _covered(value, spelled)
            for name, value in element.items()
        }
        if _tells(clean.get(_BYTES), spelled):
            del clean[_BYTES]
            clean[f"_{_BYTES}"] = _MASKED
        return clean
    if isinstance(element, list):
        return [_covered(each, spelled) for each in element]
    if not isinstance(element, str):
        return element
    for system in BSN_SYSTEMS:
        element = element.replace(system, COVER)
    return spelled.sub(COVER, element)


def _tells(encoded: Any, spelled: re.Pattern[str]) -> bool:
    """True for base64 in which the number can be read; what is no base64, as SampledData, is text."""
    try:
        return isinstance(encoded, str) and _is_in(binascii.a2b_base64(encoded), spelled)
    except ValueError:
        return False


def _is_in(content: bytes, spelled: re.Pattern[str]) -> bool:
    return spelled.search(content.replace(b"\0", b"").decode("latin-1")) is not None


def _spelled(bsn: str) -> re.Pattern[str]:
    digits = f"[{_BETWEEN}]?".join(bsn.lstrip("0"))
    return re.compile(rf"(?<![0-9])0?{digits}(?![0-9])")
