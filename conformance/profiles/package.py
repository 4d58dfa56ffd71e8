"""A FHIR package on disk: its profiles by URL, with all that they derive from, and its value sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree

from conformance.profiles.elements import FHIR, Node, derived, value
from conformance.profiles.valuesets import ValueSets
from gateway.codecs.fhir import elements
from gateway.codecs.fhir.elements import Version

CORE = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile: of which type, derived from which others (nearest first), and what it says."""

    url: str
    type: str
    bases: tuple[str, ...]
    root: Node

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return self.url.rpartition("/")[2]


class Package:
    """All XML definitions below a folder, of one FHIR version."""

    def __init__(self, folder: Path, version: Version = "r4") -> None:
        self.types = elements.types(version)
        self._read: dict[str, Profile] = {}
        self._roots: dict[str, list[etree._Element]] = {}
        for path in sorted(folder.rglob("*.xml")):
            root = etree.parse(path).getroot()
            self._roots.setdefault(str(root.tag).removeprefix(FHIR), []).append(root)
        self._structures = {value(root, "url"): root for root in self._roots.get("StructureDefinition", ())}

    @cached_property
    def value_sets(self) -> ValueSets:
        """The value sets and code systems."""
        return ValueSets(self._roots.get("ValueSet", ()), self._roots.get("CodeSystem", ()))

    def __iter__(self) -> Iterator[Profile]:
        return (self.profile(url) for url in self._structures)

    def __contains__(self, url: str) -> bool:
        return url in self._structures

    def profile(self, url: str) -> Profile:
        """The profile with that URL.  Raises `KeyError`."""
        found = self._read.get(url)
        if found is None:
            found = self._read[url] = self._derived(self._structures[url], url)
        return found

    def _derived(self, structure: etree._Element, url: str) -> Profile:
        above = value(structure, "baseDefinition")
        base = self.profile(above) if above in self else None
        differential = structure.find(f"{FHIR}differential")
        assert differential is not None, url  # these packages publish every difference
        bases = (above, *base.bases) if base else (above,)
        return Profile(
            url,
            value(structure, "type"),
            bases,
            derived(base.root if base else None, differential, self.types),
        )

    def claimed(self, resource: dict[str, Any]) -> list[Profile]:
        """The profiles that a resource names and this package has."""
        urls = resource.get("meta", {}).get("profile", ())
        return [self.profile(url) for url in urls if url in self]

    def satisfies(self, resource: dict[str, Any], targets: tuple[str, ...]) -> bool:
        """True when a resource is of one of these types or profiles, by what it says itself."""
        kinds = {CORE + resource["resourceType"], CORE + "Resource"}
        for profile in self.claimed(resource):
            kinds |= {profile.url, *(base for base in profile.bases if not base.startswith(CORE))}
        return bool(kinds.intersection(targets))
