"""Value sets of a package: which codings may belong to them.

Source: FHIR R4, ValueSet.compose (https://hl7.org/fhir/R4/valueset.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from conformance.profiles.elements import FHIR, value


class ValueSets:
    """Look-ups by the URL of a value set."""

    def __init__(self, sets: Iterable[etree._Element], systems: Iterable[etree._Element]) -> None:
        self._sets = {value(root, "url"): root for root in sets}
        self._complete = {
            value(root, "url"): set(_codes(root, f".//{FHIR}concept"))
            for root in systems
            if value(root, "content") == "complete"
        }

    def __contains__(self, url: str) -> bool:
        return url in self._sets

    def admits(self, url: str, system: str, code: str) -> bool:
        """False when a value set certainly does not hold a coding; a code alone comes without a system.

        One that is not here, and codes chosen by a filter over a system that is not here, are not judged.
        """
        root = self._sets.get(url)
        return root is None or any(
            self._included(include, system, code) for include in root.iterfind(f"{FHIR}compose/{FHIR}include")
        )

    def _included(self, include: etree._Element, system: str, code: str) -> bool:
        others = [each.get("value", "").partition("|")[0] for each in include.iterfind(f"{FHIR}valueSet")]
        if others:
            return any(self.admits(other, system, code) for other in others)
        if system and value(include, "system") != system:
            return False
        listed = set(_codes(include, f"{FHIR}concept"))
        if listed:
            return code in listed
        return include.find(f"{FHIR}filter") is not None or code in self._complete.get(system, {code})


def _codes(root: etree._Element, path: str) -> Iterator[str]:
    for concept in root.iterfind(path):
        yield value(concept, "code")
