"""FHIR XML and JSON are two spellings of one tree."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.elements import Tree, Version, types
from tests.codecs.trees import Trees

PAIRS: list[tuple[Version, str]] = [
    ("r4", "r4_patient_primitive_extensions"),
    ("r4", "r4_bundle_decimals_keep_digits"),
    ("stu3", "stu3_claim_element_called_resource_type"),
]
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize(("version", "name"), PAIRS)
def test_either_syntax_gives_the_same_tree(version: Version, name: str, fixtures: Path) -> None:
    from_xml = fhir_xml.decode((fixtures / "codecs" / f"{name}.xml").read_bytes(), version)
    from_json = fhir_json.decode((fixtures / "codecs" / f"{name}.json").read_bytes(), version)
    assert from_xml == from_json
    assert fhir_xml.encode(from_json, version) == fhir_xml.encode(from_xml, version)
    assert fhir_xml.decode(fhir_xml.encode(from_json, version), version) == from_json


def test_a_number_keeps_its_digits(fixtures: Path) -> None:
    document = (fixtures / "codecs" / "r4_bundle_decimals_keep_digits.xml").read_bytes()
    tree = fhir_xml.decode(document, "r4")
    assert fhir_xml.encode(tree, "r4") + b"\n" == DECLARATION + document
    assert fhir_json.encode(tree, "r4").count(b":1.10}") == 1
    value = tree["entry"][0]["resource"]["valueQuantity"]["value"]
    assert isinstance(value, Decimal)
    assert str(value) == "1.10"


def test_a_narrative_keeps_its_white_space() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"> <b>a</b> <i>b</i>\n</div>'
    document = (
        f'<Basic xmlns="http://hl7.org/fhir">\n <text>\n <status value="empty"/> {div}\n</text>\n</Basic>'
    )
    tree = fhir_xml.decode(document.encode(), "r4")
    assert tree["text"] == {"status": "empty", "div": div}


@given(st.data())
@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_a_tree_comes_out_of_either_syntax(version: Version, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(types(version).resources)))
    tree = Trees(version, data.draw).resource(name, room=3)
    assert fhir_xml.decode(fhir_xml.encode(tree, version), version) == tree
    assert fhir_json.decode(fhir_json.encode(tree, version), version) == tree


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_every_element_of_every_resource_comes_out_in_order(version: Version) -> None:
    known = types(version)
    for name in sorted(known.resources):
        tree: Tree = {"resourceType": name}
        for element in reversed(known.children(name)):
            value = sample(element.type, version)
            tree[element.name] = [value, value] if element.many else value
        written = fhir_xml.encode(tree, version)
        assert fhir_xml.decode(written, version) == tree
        order = [etree.QName(child).localname for child in etree.fromstring(written)]
        assert order == [e.name for e in known.children(name) for _ in range(2 if e.many else 1)]


def sample(code: str, version: Version) -> Any:
    """Some value of a type."""
    if code == "Resource":
        return {"resourceType": "Basic", "id": "b"}
    if not types(version).is_primitive(code):
        return {"extension": [{"url": "urn:x", "valueBoolean": False}]}
    numbers = {"decimal": Decimal("1.0"), "integer": -1, "positiveInt": 1, "unsignedInt": 0}
    return {"boolean": True, **numbers}.get(code, "é")


def test_elements_in_another_order_are_read_and_put_in_order() -> None:
    name = '<name><given value="b"/><family value="a"/></name>'
    document = f'<Patient xmlns="http://hl7.org/fhir">{name}<active value="true"/></Patient>'
    tree = fhir_xml.decode(document.encode(), "r4")
    assert tree == {"resourceType": "Patient", "name": [{"given": ["b"], "family": "a"}], "active": True}
    name = '<name><family value="a"/><given value="b"/></name>'
    document = f'<Patient xmlns="http://hl7.org/fhir"><active value="true"/>{name}</Patient>'
    assert fhir_xml.encode(tree, "r4") == DECLARATION + document.encode()
