"""Value sets of a package: which codings may belong to them.

Source: FHIR R4, ValueSet.compose (https://hl7.org/fhir/R4/valueset.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from conformance.profiles.elements import FHIR, value


@dataclass(frozen=True, slots=True)
class Include:
    """Codings of one system (all, when no codes are listed), or what other value sets hold."""

    system: str
    codes: frozenset[str]
    filtered: bool
    others: tuple[str, ...]


class ValueSets:
    """Look-ups by the URL of a value set."""

    def __init__(self, sets: Iterable[etree._Element], systems: Iterable[etree._Element]) -> None:
        self._sets = {value(root, "url"): list(_includes(root)) for root in sets}
        self._complete = {
            value(root, "url"): frozenset(_codes(root, f".//{FHIR}concept"))
            for root in systems
            if value(root, "content") == "complete"
        }

    def admits(self, url: str, system: str, code: str) -> bool:
        """False when a value set certainly does not hold a coding; a code alone comes without a system.

        One that is not here, and codes chosen by a filter over a system that is not here, are not judged.
        """
        return url not in self._sets or any(self._has(each, system, code) for each in self._sets[url])

    def _has(self, include: Include, system: str, code: str) -> bool:
        if include.others:
            return any(self.admits(other, system, code) for other in include.others)
        if system and include.system != system:
            return False
        if include.codes:
            return code in include.codes
        return include.filtered or code in self._complete.get(system, {code})


def _includes(root: etree._Element) -> Iterator[Include]:
    for each in root.iterfind(f"{FHIR}compose/{FHIR}include"):
        others = tuple(other.get("value", "").partition("|")[0] for other in each.iterfind(f"{FHIR}valueSet"))
        codes = frozenset(_codes(each, f"{FHIR}concept"))
        yield Include(value(each, "system"), codes, each.find(f"{FHIR}filter") is not None, others)


def _codes(root: etree._Element, path: str) -> Iterator[str]:
    for concept in root.iterfind(path):
        yield value(concept, "code")
