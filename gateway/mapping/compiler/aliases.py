"""The short names that mappings use for code systems, as URIs of a FHIR version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from gateway import documents
from gateway.terminology.systems import CodeSystems, is_oid

Version = Literal["r4", "stu3"]
_TABLE = re.compile(r"v([23])-(.+)")


class Aliases:
    """`aliases.yaml`, over the table of code systems."""

    def __init__(self, rows: dict[str, Any], systems: CodeSystems) -> None:
        self._rows, self._systems = rows, systems

    @classmethod
    def load(cls, file: Path, systems: CodeSystems) -> Aliases:
        """Read the table.  Raises `AuthoringError`."""
        return cls(documents.load(file).data, systems)

    def uri(self, name: str, version: Version) -> str:
        """The URI that FHIR of this version writes.  Raises `LookupError` for a name that nothing knows."""
        row = self._rows.get(name)
        if isinstance(row, dict):
            return str(row[version])
        if row is not None:
            return self._systems.uri(row, version)
        if is_oid(name) or ":" in name:
            return self._systems.uri(name, version)
        match = _TABLE.fullmatch(name)
        if match is None:
            raise LookupError(name)
        if version == "r4":
            return f"http://terminology.hl7.org/CodeSystem/{name}"
        return f"http://hl7.org/fhir/v{match[1]}/{match[2]}"
