"""OIDs and URIs, by themselves and against what was published."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.errors import AuthoringError
from gateway.resources import MAPPINGS
from gateway.terminology.systems import CodeSystems, Version, is_oid

SYSTEMS = CodeSystems.load()
TABLE = yaml.safe_load((MAPPINGS / "codesystems.yaml").read_text(encoding="utf-8"))
ROWS = TABLE["systems"]
VERSIONS: tuple[Version, ...] = ("r4", "stu3")


def test_the_table_follows_its_schema() -> None:
    schema = json.loads((MAPPINGS / "codesystems.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(TABLE)


@pytest.mark.parametrize(
    ("oid", "r4", "stu3"),
    [
        ("2.16.840.1.113883.6.96", "http://snomed.info/sct", "http://snomed.info/sct"),
        ("2.16.840.1.113883.6.1", "http://loinc.org", "http://loinc.org"),
        ("2.16.840.1.113883.2.4.6.3", *["http://fhir.nl/fhir/NamingSystem/bsn"] * 2),
        ("2.16.840.1.113883.2.4.15.111", *["http://fhir.nl/fhir/NamingSystem/uzi-rolcode"] * 2),
        (
            "2.16.840.1.113883.5.1119",
            "http://terminology.hl7.org/CodeSystem/v3-AddressUse",
            "http://hl7.org/fhir/v3/AddressUse",
        ),
        (
            "2.16.840.1.113883.12.78",
            "http://terminology.hl7.org/CodeSystem/v2-0078",
            "http://hl7.org/fhir/v2/0078",
        ),
        ("1.3.160", "https://www.gs1.org/gtin", "https://www.gs1.org/gtin"),
        ("1.0.3166.1.2.2", "urn:iso:std:iso:3166", "urn:iso:std:iso:3166"),
        ("1.2.3.4", "urn:oid:1.2.3.4", "urn:oid:1.2.3.4"),
    ],
)
def test_an_oid_has_a_uri_in_each_version(oid: str, r4: str, stu3: str) -> None:
    assert (SYSTEMS.uri(oid, "r4"), SYSTEMS.uri(oid, "stu3")) == (r4, stu3)
    assert SYSTEMS.system(r4) == SYSTEMS.system(stu3) == oid


def test_a_uri_of_one_version_becomes_that_of_the_other() -> None:
    old, new = "http://hl7.org/fhir/v3/NullFlavor", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
    assert SYSTEMS.uri(old, "r4") == new
    assert SYSTEMS.uri(new, "stu3") == old


def test_a_system_without_an_oid_keeps_its_uri() -> None:
    uri = "http://example.org/codes"
    assert SYSTEMS.uri(uri, "r4") == SYSTEMS.system(uri) == uri
    assert SYSTEMS.oid(uri) is None
    assert SYSTEMS.name(uri) == uri


@pytest.mark.parametrize("family", TABLE["families"], ids=lambda family: family["name"])
def test_a_list_without_an_oid_has_one_uri_however_it_is_spelled(family: dict[str, Any]) -> None:
    for number, name in family["members"].items():
        own = family["uri"] + number
        for spelled in (
            each + end for each in [family["uri"], *family["also"]] for end in (number, number.lower())
        ):
            for written in (spelled, spelled + "/"):
                assert SYSTEMS.system(written) == own
                assert [SYSTEMS.uri(written, version) for version in VERSIONS] == [own, own]
                assert (SYSTEMS.oid(written), SYSTEMS.name(written)) == (None, name)
    assert SYSTEMS.system(family["uri"] + "NONE") == family["uri"] + "NONE"


def test_names_and_kinds() -> None:
    assert SYSTEMS.name("http://snomed.info/sct") == "SNOMED CT"
    assert "2.16.840.1.113883.2.4.6.3" in SYSTEMS.identifiers
    assert "2.16.840.1.113883.6.96" not in SYSTEMS.identifiers


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_comes_back_as_itself(version: Version) -> None:
    assert [r["oid"] for r in ROWS if SYSTEMS.system(SYSTEMS.uri(r["oid"], version)) != r["oid"]] == []
    uris = [SYSTEMS.uri(r["oid"], version) for r in ROWS]
    assert len(set(uris)) == len(uris)


@given(
    st.lists(st.integers(0, 99999), min_size=2, max_size=9), st.sampled_from("012"), st.sampled_from(VERSIONS)
)
def test_any_oid_comes_back_as_itself(arcs: list[int], first: str, version: Version) -> None:
    oid = ".".join([first, *map(str, arcs)])
    assert is_oid(oid)
    assert SYSTEMS.system(SYSTEMS.uri(oid, version)) == oid


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("{oid: 2.16.840.1.113883.6.96, name: Twice}", "stands here twice"),
        ("{oid: sct, name: No OID}", "needs an oid and a name"),
        ("{oid: 1.2.3}", "needs an oid and a name"),
        (
            "{oid: 1.2.3, name: A, uri: http://snomed.info/sct}",
            "http://snomed.info/sct stands for two systems",
        ),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, row: str, text: str) -> None:
    good = "{oid: 2.16.840.1.113883.6.96, name: SNOMED CT, uri: http://snomed.info/sct}"
    file = tmp_path / "codesystems.yaml"
    file.write_text(f"systems:\n  - {good}\n", encoding="utf-8")
    assert CodeSystems.load(file).oid("http://snomed.info/sct") == "2.16.840.1.113883.6.96"
    other = tmp_path / "wrong.yaml"
    other.write_text(f"systems:\n  - {good}\n  - {row}\n", encoding="utf-8")
    with pytest.raises(AuthoringError, match=text):
        CodeSystems.load(other)


FHIR = "{http://hl7.org/fhir}"
# Systems for which the publisher wrote the OID in one resource and the URI in all others.
SLIPS: dict[Version, set[str]] = {"r4": set(), "stu3": {"urn:oid:2.16.840.1.113883.5.2", "urn:oid:1.3.160"}}
PUBLISHED: list[tuple[Version, str, str]] = [
    ("r4", "zib2020-pairs/ada", "zib2020-pairs/fhir"),
    ("r4", "lab-l2z-3.0.0/*/ada", "lab-l2z-3.0.0/*/fhir-r4"),
    ("r4", "mp-9.3.0/*/ada", "mp-9.3.0/*/fhir-r4"),
    ("stu3", "bgz-msz-1.2/ada", "bgz-msz-1.2/fhir-stu3"),
    ("stu3", "bgz-msz-2.0/ada", "bgz-msz-2.0/fhir-stu3"),
    ("stu3", "bgz-medmij-3.1/ada_processed", "bgz-medmij-3.1/fhir_instance_resources"),
]


@pytest.mark.parametrize(("version", "ada", "fhir"), PUBLISHED)
def test_published_resources_write_the_uri_of_the_table(
    testdata: Path, version: Version, ada: str, fhir: str
) -> None:
    oids = {o for root in roots(testdata, ada) for e in root.iter(etree.Element) for o in systems_of(e)}
    expected = {SYSTEMS.uri(oid, version) for oid in oids if is_oid(oid)}
    written = {e.get("value", "") for root in roots(testdata, fhir) for e in root.iter(FHIR + "system")}
    assert len(expected & written) > 5
    assert {uri for uri in written if SYSTEMS.uri(uri, version) != uri} == SLIPS[version] & written


def roots(folder: Path, pattern: str) -> Iterator[etree._Element]:
    for file in sorted(folder.glob(f"{pattern}/*.xml")):
        yield etree.parse(file).getroot()


def systems_of(element: etree._Element) -> list[str]:
    return [value for name in ("codeSystem", "root") if (value := element.get(name)) is not None]
