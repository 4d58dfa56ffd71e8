"""Every published FHIR example comes out as it went in, from XML and from JSON."""

from collections import Counter
from pathlib import Path

import fhir.resources.STU3
import pytest
from lxml import etree

from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.base import faults_of
from gateway.codecs.fhir.elements import Tree, Version
from gateway.codecs.fhir.shapes import FHIR, XHTML
from gateway.codecs.fhir.tolerated import tolerated
from gateway.errors import InputError

SOURCES: list[tuple[str, Version, int]] = [
    ("nictiz-r4-zib2020/examples", "r4", 209),
    ("nictiz-r4-zib2020/resources", "r4", 752),
    ("nictiz-stu3-zib2017", "stu3", 733),
    ("zib2020-pairs/fhir", "r4", 174),
    ("bgz-msz-1.2/fhir-stu3", "stu3", 151),
    ("bgz-msz-2.0/fhir-stu3", "stu3", 242),
    ("mp-9.3.0", "r4", 182),
    ("lab-l2z-3.0.0", "r4", 31),
    ("ketenzorg-3.0.2/fhir-stu3", "stu3", 17),
    ("nictiz-eoverdracht-stu3", "stu3", 12),
]
TWICE, EMPTY = "it occurs more than once", "Observation.category: it is empty"
# Published, and not FHIR.
INVALID: dict[str, dict[str, str]] = {
    "zib2020-pairs/fhir": {"nl-core-Mobility.ChangingPosition-01.xml": TWICE},
    "bgz-msz-1.2/fhir-stu3": {
        "zib-FunctionalMentalStat-bgz-msz-patA-funcment1.xml": EMPTY,
        "zib-FunctionalMentalStat-bgz-msz-patA-funcment2.xml": EMPTY,
        "zib-FunctionalMentalStat-bgz-msz-patA-funcment3.xml": EMPTY,
        "zib-FunctionalMentalStat-bgz-msz-patB-funcment1.xml": EMPTY,
        "zib-FunctionalMentalStat-bgz-msz-patC-funcment1.xml": EMPTY,
    },
    "bgz-msz-2.0/fhir-stu3": {"zib-ProcedureRequest-msz-c333410e-6b2a-11ec-0000-2.xml": TWICE},
    "dva-mock-fixtures": {
        "zib-vaccinationrecommendation-02.json": "doseSequence: an integer is expected",
        "zib-medicationagreement-02.json": "MedicationRequest.extension[3]: a member that FHIR 3.0.2",
        "zib-laboratorytestresult-observation-02.json": "Observation.basedOn: an array is expected",
        "1-Immunization.json": "occurrenceDateTime is not an element of FHIR 3.0.2 here",
    },
}
PARSER = etree.XMLParser(remove_comments=True, remove_pis=True)


def documents(folder: Path) -> list[Path]:
    if not folder.is_dir():
        pytest.skip(f"the published material has no {folder.name}")
    return [
        file for file in sorted(folder.rglob("*.xml")) if f'"{FHIR}"'.encode() in file.read_bytes()[:2000]
    ]


def canonical(document: bytes) -> bytes:
    """C14N without what says nothing: order among different names, white space, schema locations."""
    root = etree.fromstring(document, PARSER)
    settle(root)
    etree.cleanup_namespaces(root)
    return etree.tostring(root, method="c14n")


def settle(element: etree._Element) -> None:
    for name in [name for name in element.attrib if str(name).endswith("chemaLocation")]:
        del element.attrib[name]
    if element.tag == f"{{{XHTML}}}div":
        element.tail = None
        return
    assert not (element.text or "").strip()
    assert not (element.tail or "").strip()
    element.text = element.tail = None
    for child in element:
        settle(child)
    element[:] = sorted(element, key=lambda child: str(child.tag))


@pytest.mark.parametrize(("folder", "version", "number"), SOURCES)
def test_published_xml_comes_out_as_it_went_in(
    folder: str, version: Version, number: int, testdata: Path
) -> None:
    files = documents(testdata / folder)
    assert len(files) >= number
    refused: dict[str, str] = {}
    for file in files:
        try:
            tree = fhir_xml.decode(file.read_bytes(), version)
        except InputError as fault:
            refused[file.name] = fault.diagnostics()
            continue
        assert canonical(fhir_xml.encode(tree, version)) == canonical(file.read_bytes()), file
        assert fhir_json.decode(fhir_json.encode(tree, version), version) == tree, file
    check_refused(refused, folder)


def check_refused(refused: dict[str, str], folder: str) -> None:
    """Exactly the documents that are known to be no FHIR, each for its own reason."""
    known = INVALID.get(folder, {})
    assert refused.keys() == known.keys()
    for name, words in known.items():
        assert words in refused[name]


def test_published_json_comes_out_as_it_went_in(testdata: Path) -> None:
    folder = testdata / "dva-mock-fixtures"
    if not folder.is_dir():
        pytest.skip("the published material has no dva-mock-fixtures")
    # An index bundles the other files, the invalid ones included.
    files = [file for file in sorted(folder.rglob("*.json")) if file.name != "Index.json"]
    assert len(files) >= 270
    refused: dict[str, str] = {}
    for file in files:
        tree = fhir_json.decode(file.read_bytes(), "stu3")
        assert fhir_json.decode(fhir_json.encode(tree, "stu3"), "stu3") == tree
        try:
            written = fhir_xml.encode(tree, "stu3")
        except InputError as fault:
            refused[file.name] = fault.diagnostics()
            continue
        again = fhir_xml.decode(written, "stu3")
        assert fhir_xml.encode(again, "stu3") == written
        assert without_narratives(again) == without_narratives(tree), file
    check_refused(refused, "dva-mock-fixtures")


def without_narratives(node: object) -> object:
    if isinstance(node, dict):
        return {name: without_narratives(value) for name, value in node.items() if name != "div"}
    return [without_narratives(value) for value in node] if isinstance(node, list) else node


def test_an_independent_reader_accepts_the_json_of_published_xml(testdata: Path) -> None:
    """The models of fhir.resources know cardinality and type of every STU3 element."""
    files = documents(testdata / "nictiz-stu3-zib2017" / "Examples")
    assert len(files) >= 208
    for file in files:
        tree: Tree = fhir_xml.decode(file.read_bytes(), "stu3")
        model = fhir.resources.STU3.get_fhir_model_class(tree["resourceType"])
        model.model_validate_json(fhir_json.encode(tree, "stu3"))


BREAKING: dict[str, dict[str, int]] = {
    "zib2020-pairs/fhir": {"obs-7 between kinds": 1},
    "bgz-msz-1.2/fhir-stu3": {"org-2": 2},
    "ketenzorg-3.0.2/fhir-stu3": {"bdl-7 unreferred": 2},
}
"""The rules of base FHIR that published documents break, and in how many of them; all are tolerated."""


@pytest.mark.parametrize(("folder", "version", "number"), SOURCES)
def test_published_xml_is_what_base_fhir_asks(
    folder: str, version: Version, number: int, testdata: Path
) -> None:
    met: Counter[str] = Counter()
    for file in documents(testdata / folder):
        if file.name not in INVALID.get(folder, {}):
            faults = faults_of(fhir_xml.decode(file.read_bytes(), version), version)
            met.update({issue.rule.split(" ", 2)[2] for issue in faults})
    assert number
    assert met == BREAKING.get(folder, {})
    assert met.keys() <= tolerated().keys()


REFUSED = {
    "MedicationStatement.status = medication-statement-status",  # a status in Dutch
    "Observation.status = observation-status",
    "DocumentReference.status = document-reference-status",  # that of the document, at the reference
    "Immunization.notGiven 1..1",  # an Immunization of R4
    "Immunization.primarySource 1..1",
    "ext-1",
    "Bundle.type = bundle-type",
    "bdl-1",
    "bdl-7 unreferred",
}


def test_published_json_breaks_only_what_is_known(testdata: Path) -> None:
    folder = testdata / "dva-mock-fixtures"
    if not folder.is_dir():
        pytest.skip("the published material has no dva-mock-fixtures")
    faults = {
        file: faults_of(fhir_json.decode(file.read_bytes(), "stu3"), "stu3")
        for file in folder.rglob("*.json")
    }
    assert {issue.rule.split(" ", 2)[2] for found in faults.values() for issue in found} == REFUSED
    assert sum(map(bool, faults.values())) == 13
