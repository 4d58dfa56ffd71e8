"""Facts from FHIR StructureDefinitions (R4 and STU3, XML): `ElementDefinition.mapping` and its element."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from conformance.tools.zib_facts import PARTIALS, PREFIX, Fact

FHIR = "{http://hl7.org/fhir}"
CONCEPT_MAP = "http://hl7.org/fhir/StructureDefinition/11179-permitted-value-conceptmap"
MODEL = re.compile(r"(?i)(?:zib|HCIM) (?:part\.)?(?P<name>.+?)-v(?P<version>[\d.]+)\((?P<release>\d{4})EN\)")
IDENTITY = re.compile(r"(?i)(?:zib|hcim)-(?P<name>.+)-v(?P<version>[\d.]+)-(?P<release>\d{4})EN")

TYPES = {
    "Quantity": "quantity", "SimpleQuantity": "quantity", "Duration": "quantity", "Age": "quantity",
    "Money": "quantity", "decimal": "quantity", "dateTime": "moment", "date": "moment", "instant": "moment",
    "time": "moment", "string": "text", "markdown": "text", "Annotation": "text", "boolean": "boolean",
    "integer": "integer", "positiveInt": "integer", "unsignedInt": "integer", "CodeableConcept": "code",
    "code": "code", "Coding": "code", "Identifier": "identifier", "Attachment": "blob",
    "base64Binary": "blob", "Reference": "reference",
}  # fmt: skip
# A differential leaves the type out where the base resource fixes it.
BASE_TYPES = (
    (r"\.(note|comment)(\.text)?$|\.text$|\.display$|\.description$|\.name$|\.div$", "text"),
    (r"\.(start|end|date|dateTime|authoredOn|dateAsserted|receivedTime|whenHandedOver)$", "moment"),
    (r"\.identifier(:\w+)?$", "identifier"),
    (r"\.(attachment|content)$", "blob"),
)
SAME_BLOCK = {
    "HealthProfessional-PractitionerRole": "HealthProfessional",
    "HealthProfessional-Practitioner": "HealthProfessional",
    "HealthcareProvider-Organization": "HealthcareProvider",
    "LegalSituation-LegalStatus": "LegalSituation",
    "LegalSituation-Representation": "LegalSituation",
    "Payer-Organization": "Payer",
    "Procedure-event": "Procedure",
    "Procedure-request": "Procedure",
    "ProcedureRequest": "Procedure",
    "Vaccination-event": "Vaccination",
    "Vaccination-request": "Vaccination",
    "Product": "PharmaceuticalProduct",
    "MedicalDeviceProduct": "MedicalDevice",
    "patient": "Patient",
    "practitioner": "HealthProfessional",
    "practitionerrole": "HealthProfessional",
    "organization": "HealthcareProvider",
    "relatedperson": "ContactPerson",
}


@dataclass(frozen=True, slots=True)
class Model:
    """The zib that a StructureDefinition says it maps to."""

    name: str
    version: str
    release: str


def values(node: etree._Element, path: str) -> list[str]:
    """The `value` attributes of the elements at `path` (FHIR names, slashes)."""
    found = node.findall("/".join(FHIR + part for part in path.split("/")))
    return [element.get("value", "") for element in found]


def block_of(profile: str) -> str:
    """The block that a profile URL stands for, or nothing when it is no zib profile."""
    name = profile.rsplit("/", 1)[-1]
    match = re.match(r"(?:zib|nl-core|bgz)-(.+)", name)
    if not match:
        return ""
    return SAME_BLOCK.get(match[1], match[1].split(".")[0])


def models(root: etree._Element) -> dict[str, Model]:
    """Mapping identity to the zib it names."""
    found: dict[str, Model] = {}
    for mapping in root.iterfind(FHIR + "mapping"):
        identity = next(iter(values(mapping, "identity")), "")
        name = next(iter(values(mapping, "name")), "")
        match = MODEL.match(name) or IDENTITY.match(identity)
        if match:
            found[identity] = Model(match["name"], match["version"], match["release"])
    return found


def type_of(element: etree._Element) -> tuple[str, tuple[str, ...]]:
    """The zib type that the FHIR type shows, and the blocks that a reference points to."""
    path = element.get("id", "")
    kinds: set[str] = set()
    targets: list[str] = []
    for entry in element.iterfind(FHIR + "type"):
        code = next(iter(values(entry, "code")), "")
        for profile in values(entry, "profile") + values(entry, "targetProfile"):
            block = block_of(profile)
            if block in PARTIALS:
                return block, ()
            if block and block not in targets and code == "Reference":
                targets.append(block)
        kinds.add(TYPES.get(code, ""))
    kinds.discard("")
    if len(kinds) == 1:
        return kinds.pop(), tuple(sorted(targets))
    if kinds:
        return "any", ()
    if element.find(FHIR + "binding") is not None:
        return "code", ()
    return next((kind for pattern, kind in BASE_TYPES if re.search(pattern, path)), ""), ()


def value_set_of(element: etree._Element, sources: dict[str, str]) -> str:
    """The URL of the zib value set: bound itself, or the source of the ConceptMap that the binding names."""
    for binding in element.iterfind(FHIR + "binding"):
        for node in binding.iter(FHIR + "extension"):
            if node.get("url") == CONCEPT_MAP:
                maps = [n.get("value", "") for n in node.iter() if n.get("value", "").startswith("http")]
                return next((sources[m] for m in maps if m in sources), "")
        bound = values(binding, "valueSet") + values(binding, "valueSetUri")
        bound += values(binding, "valueSetReference/reference")
        own = ("decor.nictiz.nl", "nictiz.nl/fhir/ValueSet")
        return next((url for url in bound if any(part in url for part in own)), "")
    return ""


def concept_map_sources(folder: Path) -> dict[str, str]:
    """ConceptMap URL to the value set that it maps from."""
    found: dict[str, str] = {}
    for file in sorted(folder.rglob("*.xml")):
        root = etree.parse(file).getroot()
        if root.tag == FHIR + "ConceptMap":
            source = values(root, "sourceCanonical") + values(root, "sourceUri")
            source += values(root, "sourceReference/reference")
            for url in values(root, "url"):
                found[url] = next(iter(source), "")
    return found


def maps_to(mapping: etree._Element, known: dict[str, Model], release: str) -> bool:
    """True for a mapping to a concept of that release."""
    model = known.get(values(mapping, "identity")[0])
    return model is not None and model.release == release and values(mapping, "map")[0].startswith(PREFIX)


def facts_of(
    root: etree._Element, release: str, sources: dict[str, str], file: str
) -> Iterator[tuple[Model, Fact]]:
    """Every concept that one StructureDefinition maps, main mappings first."""
    known = models(root)
    late: list[tuple[Model, Fact]] = []
    for element in root.iterfind(f"{FHIR}differential/{FHIR}element"):
        kind, targets = type_of(element)
        shorts = next(iter(values(element, "short")), "").split(" / ")
        aliases = tuple(values(element, "alias"))
        here = [m for m in element.iterfind(FHIR + "mapping") if maps_to(m, known, release)]
        for mapping in here:
            said = next(iter(values(mapping, "comment")), "")
            name = re.split(r"[ .(]", said.split("::")[0])[0]
            fact = Fact(
                id=values(mapping, "map")[0].strip(),
                name=name or (shorts[0] if len(shorts) == 1 else ""),
                nl=aliases[0] if len(aliases) == len(here) == 1 else "",
                type=kind,
                card="0..1" if values(element, "max") == ["1"] else "",
                targets=targets,
                values=value_set_of(element, sources) if kind in {"code", "any"} else "",
                source=file,
                aliases=aliases,
            )
            entry = (known[values(mapping, "identity")[0]], fact)
            if "implicit" in said:  # the status that follows from a date, beside the date itself
                late.append((entry[0], Fact(id=fact.id, name=fact.name)))
            elif said.startswith("Reversed"):  # the reference stands at the other end
                late.append((entry[0], Fact(id=fact.id)))
            else:
                yield entry
    yield from late


def read_structures(folders: list[Path], release: str) -> Iterator[tuple[Model, Fact]]:
    """The facts of every StructureDefinition in the folders (not below them).

    What a profile says of its own zib comes first: MedicalDevice is also mapped in the profile of a
    hearing aid, with the value sets of that.
    """
    sources: dict[str, str] = {}
    for folder in folders:
        sources |= concept_map_sources(folder)
    others: list[tuple[Model, Fact]] = []
    for folder in folders:
        for file in sorted(folder.glob("*.xml")):
            root = etree.parse(file).getroot()
            if root.tag == FHIR + "StructureDefinition":
                block = block_of(file.stem).lower()
                for model, fact in facts_of(root, release, sources, file.name):
                    if model.name.lower() == block:
                        yield model, fact
                    else:
                        others.append((model, fact))
    yield from others
