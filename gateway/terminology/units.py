"""Units of measure: text as people and ADA write it, and the UCUM code that FHIR asks for.

The table is `mappings/units.yaml`.  What is in no table is judged by the grammar of UCUM: a valid code
stands for itself, anything else becomes an annotation in braces.

Source: The Unified Code for Units of Measure, specification §2 (grammar) and tables 1–5 (atoms).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import AuthoringError
from gateway.resources import MAPPINGS

UCUM = "2.16.840.1.113883.6.8"
G_STANDAARD = "2.16.840.1.113883.2.4.4.1.900.2"

_PREFIX = "(?:da|[YZEPTGMkhdcmunpfazy]|[KMGT]i)"
# Atoms that take a prefix (UCUM §27, metric) and those that do not; the ones that care uses.
_METRIC = (
    r"m|g|s|l|L|mol|K|A|cd|rad|sr|Hz|N|Pa|J|W|V|C|F|Ohm|S|Wb|T|H|lm|lx|Bq|Gy|Sv|Cel|eV|bar|t|u|cal|eq|osm|kat|U"
    r"|\[iU\]|\[IU\]|\[Cal\]|m\[Hg\]|m\[H2O\]|B|bit|By"
)
_PLAIN = (
    r"%|d|h|min|wk|mo|a|deg|'|''|\[pH\]|\[drp\]|\[diop\]|\[p'diop\]|\[arb'U\]|\[CFU\]|\[PFU\]|\[in_i\]|\[ft_i\]"
    r"|\[lb_av\]|\[oz_av\]|\[degF\]|\[ppth\]|\[ppm\]|\[ppb\]|\[pptr\]|\[tb'U\]|\[USP'U\]|\[Ch\]|gf|10\*|10\^"
)
_ANNOTATION = r"\{[!-z|~]*\}"
_SIMPLE = rf"(?:{_PREFIX}?(?:{_METRIC})|{_PLAIN})(?:[+-]?\d+)?"
_COMPONENT = rf"(?:{_SIMPLE}(?:{_ANNOTATION})?|{_ANNOTATION}|\d+)"
_FLAT = rf"/?{_COMPONENT}(?:[./]{_COMPONENT})*"
_TERM = re.compile(rf"/?(?:{_COMPONENT}|\({_FLAT}\))(?:[./](?:{_COMPONENT}|\({_FLAT}\)))*")


_MOLAR = ("M", "mM")
"""Moles per litre, which UCUM has no sign for; in other case a length."""


class Units:
    """Look-ups over the table; every look-up is a dictionary read or remembered."""

    __slots__ = ("_called", "_from_g", "_inside", "_show", "_show_g", "_to_g", "_words")

    def __init__(self, units: list[dict[str, Any]], g_standaard: list[dict[str, str]]) -> None:
        self._words: dict[str, str] = {}
        self._show: dict[str, str] = {}
        for row in units:
            code = row["ucum"]
            self._show[code] = row.get("show", code)
            for word in (self._show[code], *row.get("words", ())):
                self._words.setdefault(word.lower(), code)
        self._inside = {word: row["ucum"] for row in units for word in row.get("inside", ())}
        self._from_g = {row["code"]: row["ucum"] for row in g_standaard}
        self._show_g = {row["code"]: row["show"] for row in g_standaard}
        self._called = {(row["ucum"], row["show"].lower()): row["code"] for row in g_standaard}
        self._to_g: dict[str, str] = {}
        for row in g_standaard:
            self._to_g.setdefault(row["ucum"], row["code"])

    @classmethod
    def load(cls, file: Path | None = None) -> Units:
        """Read the table; the project's own when no file is named.  Raises `AuthoringError`."""
        return _load(file or MAPPINGS / "units.yaml")

    def ucum(self, text: str) -> str:
        """The UCUM code for a unit as written: `dag` → d, `mg/dag` → mg/d, `sigaretten` → {sigaretten}."""
        text = text.strip()
        if text in self._show or not text:
            return text
        found = self._words.get(text.lower()) if text not in _MOLAR else None
        if found is not None:
            return found
        code = "/".join(self._inside.get(part, part) for part in text.split("/"))
        return code if is_ucum(code) else annotation(text)

    def text(self, code: str) -> str:
        """What to write for a UCUM code where a text is asked for: d → `dag`, {glas}/wk → itself."""
        found = self._show.get(code)
        if found is not None:
            return found
        inner = code[1:-1]
        return inner if code.startswith("{") and code.endswith("}") and "}" not in inner else code

    def from_g_standaard(self, code: str) -> str | None:
        """The UCUM code for a basic unit of the G-Standaard (245 → 1), or None."""
        return self._from_g.get(code)

    def to_g_standaard(self, ucum: str, text: str = "") -> str | None:
        """The basic unit of the G-Standaard for a UCUM code (g → 215), of several the one called so."""
        called = self._called.get((ucum, text.lower()))
        return called if called is not None else self._to_g.get(ucum)

    def g_standaard_text(self, code: str) -> str:
        """The name of a basic unit of the G-Standaard; the code itself when it is not listed."""
        return self._show_g.get(code, code)


def annotation(text: str) -> str:
    """A text as a UCUM annotation: braces, and nothing inside that would end it."""
    return "{" + re.sub(r"[{}]", "", text) + "}"


@lru_cache(maxsize=4096)
def is_ucum(text: str) -> bool:
    """True when the text is a code in the grammar of UCUM, with the atoms that health care uses."""
    return bool(text) and _TERM.fullmatch(text) is not None


@cache
def _load(file: Path) -> Units:
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise AuthoringError(f"not YAML: {error.problem}", file.name, mark.line + 1 if mark else 0) from None
    words: dict[str, str] = {}
    for row in data["units"]:
        if not is_ucum(row["ucum"]):
            raise AuthoringError(f"'{row['ucum']}' is no code of UCUM", file.name)
        for word in {row.get("show", row["ucum"]), *row.get("words", ())} - {row["ucum"]}:
            if words.setdefault(word.lower(), row["ucum"]) != row["ucum"]:
                raise AuthoringError(f"'{word}' stands for two units", file.name)
    return Units(data["units"], data["g_standaard"])
