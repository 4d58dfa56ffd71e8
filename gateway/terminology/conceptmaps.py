"""Translation of codes between the value sets of the zibs and those of FHIR, in both directions.

A map is a file in `mappings/conceptmaps/`: a row a code.  `is` says how the target relates to the source
(FHIR ConceptMapEquivalence; left out: equal), `to` left out that nothing corresponds.  Where two source
codes share a target, the first row is the one that is read back; `way: forward` or `way: back` keeps a
row to one direction, `only` to one FHIR version.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import AuthoringError
from gateway.resources import MAPPINGS
from gateway.terminology.systems import CodeSystems, Version

EQUIVALENCES = frozenset(
    {
        "equal", "equivalent", "wider", "subsumes", "narrower", "specializes", "relatedto", "inexact",
        "unmatched",
    }
)  # fmt: skip
WAYS = frozenset({"both", "forward", "back"})
VERSIONS: tuple[Version, ...] = ("r4", "stu3")


@dataclass(frozen=True, slots=True)
class Target:
    """A code on the FHIR side; `system` is a URI."""

    code: str
    system: str
    display: str = ""
    equivalence: str = "equal"

    @property
    def exact(self) -> bool:
        """True when the target says neither more nor less than the source."""
        return self.equivalence in ("equal", "equivalent")


@dataclass(frozen=True, slots=True)
class Source:
    """A code on the zib's side; `system` is an OID."""

    code: str
    system: str
    equivalence: str = "equal"


class ConceptMap:
    """One map, with a look-up each way per FHIR version."""

    __slots__ = ("_back", "_forward", "_known", "name", "source", "title")

    def __init__(self, data: dict[str, Any]) -> None:
        self.name: str = data["name"]
        self.title: str = data["title"]
        self.source: str = data["source"]
        self._forward: dict[Version, dict[tuple[str, str], Target]] = {v: {} for v in VERSIONS}
        self._back: dict[Version, dict[str, dict[str, Source]]] = {v: {} for v in VERSIONS}
        self._known: dict[Version, set[tuple[str, str]]] = {v: set() for v in VERSIONS}
        for row in data["map"]:
            for version in VERSIONS:
                if row.get("only", version) == version:
                    self._add(row, version, data["target"])

    def _add(self, row: dict[str, Any], version: Version, targets: str | dict[str, str]) -> None:
        key = row["code"], row["system"]
        self._known[version].add(key)
        if "to" not in row:
            return
        system = row.get("target", targets)
        uri: str = system if isinstance(system, str) else system[version]
        how, way = row.get("is", "equal"), row.get("way", "both")
        if way != "back":
            self._forward[version].setdefault(key, Target(row["to"], uri, row.get("display", ""), how))
        if way != "forward":
            self._back[version].setdefault(row["to"], {}).setdefault(uri, Source(*key, how))

    def forward(self, code: str, system: str, version: Version) -> Target | None:
        """The FHIR code for a code of the zib (system: OID); None when nothing corresponds."""
        return self._forward[version].get((code, system))

    def back(self, code: str, version: Version, system: str = "") -> Source | None:
        """The zib's code for a FHIR code; `system` (URI) is needed where the map has targets in several."""
        found = self._back[version].get(code)
        if found is None:
            return None
        return found.get(system) if system else next(iter(found.values()))

    def knows(self, code: str, system: str, version: Version) -> bool:
        """True when the map has a row for this code of the zib, be it that nothing corresponds."""
        return (code, system) in self._known[version]

    def targets(self, version: Version) -> frozenset[str]:
        """The systems (URI) that the codes of FHIR are of."""
        return frozenset(uri for found in self._back[version].values() for uri in found)

    def sources(self, version: Version) -> tuple[tuple[str, str], ...]:
        """Every code of the zib that has a target, with its system."""
        return tuple(self._forward[version])

    def invertible(self, code: str, system: str, version: Version) -> bool:
        """True when the code comes back from its target as itself."""
        target = self.forward(code, system, version)
        back = self.back(target.code, version, target.system) if target else None
        return back is not None and (back.code, back.system) == (code, system)


class ConceptMaps:
    """All maps by name."""

    __slots__ = ("_maps",)

    def __init__(self, maps: list[ConceptMap]) -> None:
        self._maps = {m.name: m for m in maps}

    @classmethod
    def load(cls, folder: Path | None = None) -> ConceptMaps:
        """Read every map; the project's own when no folder is named.  Raises `AuthoringError`."""
        return _load(folder or MAPPINGS / "conceptmaps")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the maps, in order."""
        return tuple(sorted(self._maps))

    def get(self, name: str) -> ConceptMap | None:
        """The map of that name, or None."""
        return self._maps.get(name)


@cache
def _load(folder: Path) -> ConceptMaps:
    return ConceptMaps([_read(file) for file in sorted(folder.glob("*.yaml"))])


def _read(file: Path) -> ConceptMap:
    text = file.read_text(encoding="utf-8")
    try:
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise AuthoringError(f"not YAML: {error.problem}", file.name, mark.line + 1 if mark else 0) from None
    wrong = _fault(data, file.stem)
    if wrong:
        raise AuthoringError(wrong, file.name)
    return ConceptMap(data)


def _fault(data: Any, name: str) -> str:
    """What is wrong with a map, or nothing."""
    if not isinstance(data, dict) or not {"name", "title", "source", "target", "map"} <= data.keys():
        return "a map has name, title, source, target and map"
    if data["name"] != name:
        return f"map '{data['name']}' stands in a file of another name"
    systems = CodeSystems.load()
    for row in data["map"]:
        unknown = row.keys() - {"code", "system", "to", "target", "display", "is", "way", "only"}
        if unknown or not {"code", "system"} <= row.keys():
            return f"a row has code and system, and may have to, target, display, is, way and only: {row}"
        if row.get("is", "equal") not in EQUIVALENCES or row.get("way", "both") not in WAYS:
            return f"'is' or 'way' of this row is not known: {row}"
        if ("to" in row) == (row.get("is") == "unmatched"):
            return f"a row says `to`, or `is: unmatched`: {row}"
        if systems.system(row["system"]) != row["system"] or not isinstance(row["code"], str):
            return f"code is text, system an OID of codesystems.yaml or a URI: {row}"
    return ""
