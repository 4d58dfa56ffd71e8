"""Code systems and identifier systems: OID (ADA, HL7v3) and URI (FHIR), per FHIR version.

The table is `mappings/codesystems.yaml`.  Inside blocks a system is its OID where one is known, else
its URI; FHIR writes the URI, and `urn:oid:` for an OID that has no other.  A family is a publisher's code
lists without OIDs, whose URIs others spell in several ways: blocks hold the one that is its own.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from gateway.errors import AuthoringError
from gateway.resources import MAPPINGS

Version = Literal["r4", "stu3"]
URN = "urn:oid:"


class CodeSystems:
    """Look-ups over the table; every look-up is one or two dictionary reads."""

    __slots__ = ("_names", "_oids", "_uris", "identifiers")

    def __init__(self, rows: list[dict[str, str]], families: list[dict[str, Any]] | None = None) -> None:
        self._names: dict[str, str] = {}
        self._oids: dict[str, str] = {}
        self._uris: dict[str, dict[str, str]] = {"r4": {}, "stu3": {}}
        self.identifiers: frozenset[str] = frozenset(r["oid"] for r in rows if r.get("kind") == "identifier")
        for row in rows:
            oid = row["oid"]
            uri = row.get("uri", URN + oid)
            stu3 = row.get("stu3", uri)
            self._names[oid] = row["name"]
            self._uris["r4"][oid] = uri
            self._uris["stu3"][oid] = stu3
            for written in (uri, stu3, URN + oid):
                self._oids[written] = oid
        for family in families or ():
            self._add(family)

    def _add(self, family: dict[str, Any]) -> None:
        """The lists of a family: each under its own URI, and under every other way to write it."""
        for number, name in family["members"].items():
            own = family["uri"] + number
            self._names[own] = name
            for beginning in (family["uri"], *family["also"]):
                for written in (number, number.lower()):
                    self._oids[beginning + written] = self._oids[f"{beginning}{written}/"] = own

    @classmethod
    def load(cls, file: Path | None = None) -> CodeSystems:
        """Read the table; the project's own when no file is named.  Raises `AuthoringError`."""
        return _load(file or MAPPINGS / "codesystems.yaml")

    def uri(self, system: str, version: Version) -> str:
        """The URI that FHIR of this version writes for an OID, or for the URI of another version."""
        uris = self._uris[version]
        found = uris.get(system)
        if found is not None:
            return found
        known = self._oids.get(system)
        if known is not None:
            return uris.get(known, known)
        return URN + system if is_oid(system) else system

    def system(self, uri: str) -> str:
        """What a block holds for a system that a format wrote: its OID where known, else its URI."""
        found = self._oids.get(uri)
        if found is not None:
            return found
        return uri.removeprefix(URN)

    def oid(self, uri: str) -> str | None:
        """The OID of a URI or of an OID itself; None when the system has none that we know."""
        found = self.system(uri)
        return found if is_oid(found) else None

    def name(self, system: str) -> str:
        """What people call the system; the system itself when it is not listed."""
        return self._names.get(self.system(system), system)


def is_oid(text: str) -> bool:
    """True when a text looks like an object identifier: digits and dots, beginning with 0, 1 or 2."""
    return text[:2] in ("0.", "1.", "2.") and text.replace(".", "").isdigit()


@cache
def _load(file: Path) -> CodeSystems:
    try:
        data: Any = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise AuthoringError(f"not YAML: {error.problem}", file.name, mark.line + 1 if mark else 0) from None
    rows: list[dict[str, str]] = []
    owners: dict[str, str] = {}
    for row in data["systems"]:
        oid = row.get("oid", "")
        if not is_oid(oid) or "name" not in row:
            raise AuthoringError(f"a system needs an oid and a name: {row}", file.name)
        if URN + oid in owners:
            raise AuthoringError(f"system {oid} stands here twice", file.name)
        for uri in (URN + oid, row.get("uri", URN + oid), row.get("stu3", URN + oid)):
            if owners.setdefault(uri, oid) != oid:
                raise AuthoringError(f"{uri} stands for two systems", file.name)
        rows.append(row)
    return CodeSystems(rows, data.get("families"))
