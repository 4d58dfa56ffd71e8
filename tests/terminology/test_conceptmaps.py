"""Concept maps: both directions, one-way rows, and against the published ConceptMaps and codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml
from lxml import etree

from gateway.errors import AuthoringError
from gateway.resources import MAPPINGS
from gateway.terminology.conceptmaps import ConceptMap, ConceptMaps, Source, Target
from gateway.terminology.systems import CodeSystems, Version

MAPS = ConceptMaps.load()
SYSTEMS = CodeSystems.load()
SCT = "2.16.840.1.113883.6.96"
ADDRESS_USE = "2.16.840.1.113883.5.1119"
NULL = "2.16.840.1.113883.5.1008"
VERSIONS: tuple[Version, ...] = ("r4", "stu3")


def map_of(name: str) -> ConceptMap:
    found = MAPS.get(name)
    assert found is not None
    return found


@pytest.mark.parametrize("file", sorted((MAPPINGS / "conceptmaps").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_map_follows_the_schema(file: Path) -> None:
    schema = json.loads((MAPPINGS / "conceptmaps" / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def test_a_code_goes_forward_and_back() -> None:
    gender = map_of("AdministrativeGender")
    female = Target("female", "http://hl7.org/fhir/administrative-gender")
    assert gender.forward("F", "2.16.840.1.113883.5.1", "r4") == female
    assert gender.back("female", "r4") == Source("F", "2.16.840.1.113883.5.1")
    assert gender.back("unknown", "stu3") == Source("UNK", NULL)
    assert female.exact


def test_a_narrower_target_is_not_exact() -> None:
    other = map_of("AdministrativeGender").forward("UN", "2.16.840.1.113883.5.1", "r4")
    assert other is not None
    assert (other.code, other.equivalence, other.exact) == ("other", "narrower", False)


def test_the_target_system_differs_between_versions() -> None:
    status = map_of("ConditionClinicalStatus")
    for version, system in (
        ("r4", "http://terminology.hl7.org/CodeSystem/condition-clinical"),
        ("stu3", "http://hl7.org/fhir/condition-clinical"),
    ):
        target = status.forward("55561003", SCT, version)  # type: ignore[arg-type]
        assert target is not None
        assert (target.code, target.system) == ("active", system)


def test_rows_of_one_way_and_of_one_version() -> None:
    status = map_of("ConditionClinicalStatus")
    assert status.back("resolved", "r4") == Source("73425007", SCT, "specializes")
    assert status.back("relapse", "r4") == Source("55561003", SCT, "specializes")
    assert status.back("relapse", "stu3") is None
    address = map_of("AddressType")
    assert [t.code for v in VERSIONS if (t := address.forward("HP", ADDRESS_USE, v))] == ["both", "physical"]
    assert address.back("physical", "stu3") == Source("PHYS", ADDRESS_USE, "equivalent")


def test_the_first_of_several_sources_is_read_back() -> None:
    criticality = map_of("AllergyCriticality")
    assert criticality.back("high", "r4") == Source("24484000", SCT)
    assert criticality.invertible("24484000", SCT, "r4")
    assert not criticality.invertible("399166001", SCT, "r4")
    assert not criticality.invertible("nothing", SCT, "r4")


def test_a_code_without_counterpart_is_known_but_has_no_target() -> None:
    use = map_of("AddressUse")
    assert use.forward("PST", ADDRESS_USE, "r4") is None
    assert use.knows("PST", ADDRESS_USE, "r4")
    assert not use.knows("XX", ADDRESS_USE, "r4")


def test_a_target_in_another_system_is_told_apart() -> None:
    encounter = map_of("EncounterClass")
    null = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
    assert encounter.back("OTH", "r4", null) == Source("OTH", NULL)
    assert encounter.back("OTH", "r4", "http://terminology.hl7.org/CodeSystem/v3-ActCode") is None


@pytest.mark.parametrize("version", VERSIONS)
def test_every_exact_row_comes_back_unless_another_exact_row_has_its_target(version: Version) -> None:
    lost = []
    for name in MAPS.names:
        found = map_of(name)
        exact: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for source in found.sources(version):
            target = found.forward(*source, version)
            assert target is not None
            if target.exact:
                exact.setdefault((target.code, target.system), []).append(source)
        lost += [
            f"{name} {s}" for group in exact.values() for s in group[:1] if not found.invertible(*s, version)
        ]
    assert lost == []


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("{code: A, system: 1.2.3}", "says `to`, or `is: unmatched`"),
        ("{code: A, system: 1.2.3, to: b, is: alike}", "'is' or 'way' of this row is not known"),
        ("{code: A, system: http://snomed.info/sct, to: b}", "system an OID"),
        ("{code: 1, system: 1.2.3, to: b}", "code is text"),
        ("{code: A, to: b}", "a row has code and system"),
        ("{code: A, system: 1.2.3, to: b, why: c}", "a row has code and system"),
    ],
)
def test_a_wrong_map_is_refused(tmp_path: Path, row: str, text: str) -> None:
    head = "name: Thing\ntitle: A thing\nsource: 1.2.3\ntarget: http://example.org\nmap:\n"
    good = tmp_path / "good"
    good.mkdir()
    (good / "Thing.yaml").write_text(head + "  - {code: A, system: 1.2.3, to: b}\n", encoding="utf-8")
    assert ConceptMaps.load(good).names == ("Thing",)
    (tmp_path / "Thing.yaml").write_text(f"{head}  - {row}\n", encoding="utf-8")
    with pytest.raises(AuthoringError, match=text):
        ConceptMaps.load(tmp_path)


FHIR = "{http://hl7.org/fhir}"
PACKAGES: list[tuple[Version, str]] = [
    ("r4", "nictiz-r4-zib2020/resources/zib/terminology/manual"),
    ("stu3", "nictiz-stu3-zib2017/Profiles - ZIB 2017"),
]
# The system of an e-mail address is known without its kind.
LEFT_OUT = {("stu3", "HP", "email"), ("stu3", "WP", "email")}
# The published map of result statuses names the code system of cuff types.
SLIPS = {"urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.15.1": "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.16.1"}


@pytest.mark.parametrize(("version", "folder"), PACKAGES)
def test_every_row_of_the_published_maps_is_there(testdata: Path, version: Version, folder: str) -> None:
    missing = []
    count = 0
    for code, system, target, target_system in published(testdata / folder):
        count += 1
        source = (code, SYSTEMS.system(SLIPS.get(system, system)))
        forward = any(
            (t := map_of(name).forward(*source, version)) is not None and t.code == target
            for name in MAPS.names
        )
        back = any(
            (s := map_of(name).back(target, version)) is not None and (s.code, s.system) == source
            for name in MAPS.names
        )
        if not forward and not back and (version, code, target) not in LEFT_OUT:
            missing.append((code, system, target, target_system))
    assert count > 50
    assert missing == []


def published(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """Source code and system, target code and system of every matched row, from the zib to FHIR."""
    for file in sorted(folder.glob("*.xml")):
        root = etree.parse(file).getroot()
        if root.tag != FHIR + "ConceptMap":
            continue
        for group in root.iterfind(FHIR + "group"):
            if value(group, "target") == "http://snomed.info/sct":
                continue  # from FHIR to the zib
            for element in group.iterfind(FHIR + "element"):
                for target in element.iterfind(FHIR + "target"):
                    if value(target, "code"):
                        yield (
                            value(element, "code"), value(group, "source"),
                            value(target, "code"), value(group, "target"),
                        )  # fmt: skip


def value(element: etree._Element, name: str) -> str:
    found = element.find(FHIR + name)
    return "" if found is None else found.get("value", "")
