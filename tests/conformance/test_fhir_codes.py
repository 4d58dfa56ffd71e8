"""The tool that reads bindings and codes: from packages made here, of each version's kind."""

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from conformance.tools import fhir_codes
from gateway.codecs.fhir import fhir_xml

URL = "http://hl7.org/fhir/ValueSet/"
CONCEPTS = [
    {
        "code": "top",
        "property": [{"code": "abstract", "valueBoolean": True}],
        "concept": [{"code": "in", "concept": [{"code": "deep"}]}],
    },
    {"code": "out"},
]


def element(
    path: str, kind: str, value_set: str, strength: str = "required", base: str = ""
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "path": path,
        "type": [{"code": kind}],
        "binding": {"strength": strength, "valueSet": URL + value_set},
    }
    return made | ({"base": {"path": base}} if base else {})


def resources() -> list[dict[str, Any]]:
    elements = [
        element("Box.status", "code", "listed|4.0.1"),
        element("Box.kind", "CodeableConcept", "narrowed"),
        element("Box.all", "code", "whole"),
        element("Box.again", "code", "other"),
        element("Box.media", "code", "endless"),
        element("Box.free", "code", "listed", "example"),
        element("Box.language", "code", "listed", base="Resource.language"),
        element("Box.words", "string", "listed"),
    ]
    includes: dict[str, Any] = {
        "listed": {"system": "urn:own", "concept": [{"code": "b"}, {"code": "a"}]},
        "narrowed": {"system": "urn:s", "filter": [{"property": "concept", "op": "is-a", "value": "top"}]},
        "whole": {"system": "urn:s"},
        "other": {"valueSet": [URL + "listed"]},
        "endless": {"system": "urn:ietf:bcp:13"},
    }
    return [
        {
            "resourceType": "StructureDefinition",
            "kind": "resource",
            "type": "Box",
            "snapshot": {"element": elements},
        },
        {
            "resourceType": "StructureDefinition",
            "kind": "resource",
            "derivation": "constraint",
            "snapshot": {"element": [element("Box.profiled", "code", "listed")]},
        },
        {"resourceType": "CodeSystem", "url": "urn:s", "content": "complete", "concept": CONCEPTS},
        *(
            {"resourceType": "ValueSet", "url": URL + name, "compose": {"include": [each]}}
            for name, each in includes.items()
        ),
    ]


WANTED = {
    "bindings": {"Box.again": "other", "Box.all": "whole", "Box.kind": "narrowed", "Box.status": "listed"},
    "open": {"Box.media": URL + "endless"},
    "sets": {
        "listed": {"urn:own": ["a", "b"]},
        "narrowed": {"urn:s": ["deep", "in"]},
        "other": {"urn:own": ["a", "b"]},
        "whole": {"urn:s": ["deep", "in", "out", "top"]},
    },
}


def test_a_package_of_r4_becomes_a_table(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        for number, made in enumerate(resources()):
            data = json.dumps(made).encode()
            info = tarfile.TarInfo(f"package/{made['resourceType']}-{number}.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    fhir_codes.main("r4", tmp_path / "package.tgz", tmp_path / "table.json")
    table = json.loads((tmp_path / "table.json").read_text())
    assert {name: table[name] for name in WANTED} == WANTED
    assert (table["fhir"], table["licence"]) == ("4.0.1", "CC0-1.0")


def test_the_bundles_of_stu3_become_a_table(tmp_path: Path) -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in stu3()],
    }
    with zipfile.ZipFile(tmp_path / "archive.jar", "w") as archive:
        for name in fhir_codes.STU3_FILES:
            archive.writestr(fhir_codes.STU3_FOLDER + name, fhir_xml.encode(bundle, "stu3"))
    fhir_codes.main("stu3", tmp_path / "archive.jar", tmp_path / "table.json")
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["bindings"] == {"Box.status": "listed"}
    assert table["fhir"] == "3.0.2"


def stu3() -> list[dict[str, Any]]:
    status = element("Box.status", "code", "listed")
    status["binding"] = {"strength": "required", "valueSetReference": {"reference": URL + "listed"}}
    structure, *_ = resources()
    return [
        structure | {"snapshot": {"element": [status]}},
        *(each for each in resources() if each.get("url") == URL + "listed"),
    ]


@pytest.mark.parametrize("filters", [[{"property": "concept", "op": "regex", "value": "t"}], [{}, {}]])
def test_codes_that_cannot_be_listed_are_left_open(filters: Any) -> None:
    assert fhir_codes.filtered(CONCEPTS, filters) is None


def test_what_is_below_a_concept_may_be_meant_alone() -> None:
    below = [{"property": "concept", "op": "descendent-of", "value": "top"}]
    assert fhir_codes.filtered(CONCEPTS, below) == ["in", "deep"]
