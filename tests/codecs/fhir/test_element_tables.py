"""The tool that reads a FHIR package: from a package of one resource, made here."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from conformance.tools import fhir_r4_elements
from conformance.tools.element_tables import Row, TypeTable, write_tables

BASE = "http://hl7.org/fhir/StructureDefinition/"


def element(path: str, card: str, *codes: str, base: str = "", content: str = "") -> dict[str, Any]:
    least, _, most = card.partition("..")
    made: dict[str, Any] = {"path": path, "min": int(least), "max": most, "base": {"path": base or path}}
    if codes:
        made["type"] = [{"code": code} for code in codes]
    if content:
        made["contentReference"] = "#" + content
    return made


def definition(kind: str, name: str, base: str, *elements: dict[str, Any], **more: str) -> dict[str, Any]:
    head = {"kind": kind, "type": name, "snapshot": {"element": [element(name, "0..*"), *elements]}} | more
    return head | ({"baseDefinition": BASE + base} if base else {})


ID = {
    "code": "http://hl7.org/fhirpath/System.String",
    "extension": [{"url": BASE + "structuredefinition-fhir-type", "valueUrl": "string"}],
}
PACKAGE = [
    definition("complex-type", "Element", "", element("Element.id", "0..1") | {"type": [ID]}),
    definition("primitive-type", "string", "Element", element("string.value", "0..1") | {"type": [ID]}),
    definition("primitive-type", "id", "string", element("id.value", "0..1") | {"type": [ID]}),
    definition("resource", "Resource", "", element("Resource.id", "0..1") | {"type": [ID]}),
    definition(
        "resource", "Box", "Resource",
        element("Box.id", "0..1", base="Resource.id") | {"type": [ID]},
        element("Box.part", "1..*", "Element"),
        element("Box.part.id", "0..1", base="Element.id") | {"type": [ID]},
        element("Box.part.value[x]", "0..1", "string", "id", "string"),
        element("Box.part.part", "0..5", content="Box.part"),
    ),
    definition("resource", "Box", "Box", element("Box.profiled", "0..1", "string"), derivation="constraint"),
]  # fmt: skip


def write_package(target: Path) -> None:
    with tarfile.open(target, "w:gz") as archive:
        for number, made in enumerate(PACKAGE):
            data = json.dumps(made).encode()
            info = tarfile.TarInfo(f"package/StructureDefinition-{number}.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def test_a_package_becomes_a_table(tmp_path: Path) -> None:
    write_package(tmp_path / "package.tgz")
    fhir_r4_elements.main(tmp_path / "package.tgz", tmp_path / "table.json")
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["resources"] == ["Box"]
    assert table["primitives"] == ["id", "string"]
    assert table["types"] == {
        "Box": {"base": "Resource", "elements": ["part 1..* Box.part"]},
        "Box.part": {"base": "Element", "elements": ["value[x] 0..1 string|id", "part 0..* Box.part"]},
        "Element": {"base": "", "elements": ["id 0..1 string"]},
        "Resource": {"base": "", "elements": ["id 0..1 id"]},
        "id": {"base": "string", "elements": []},
        "string": {"base": "Element", "elements": []},
    }


def test_a_type_without_a_table_is_refused(tmp_path: Path) -> None:
    types = {"Box": TypeTable("", [Row("lid", 0, "1", ("Lid",))])}
    with pytest.raises(ValueError, match="no table for Lid"):
        write_tables(
            tmp_path / "table.json",
            fhir="0",
            source="",
            licence="",
            primitives=(),
            resources=("Box",),
            types=types,
        )
