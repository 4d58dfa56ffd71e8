"""Whatever is done to a document, it is read or refused, and a block holds what its profile says."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.blocks.profiles import Concept, load_profiles
from gateway.blocks.values import (
    Absent,
    Blob,
    Boolean,
    Code,
    Identifier,
    Integer,
    Moment,
    Quantity,
    Ref,
    Text,
)
from gateway.errors import InputError
from tests.mapping.ada.documents import FIXTURES, read

FILES = sorted(FIXTURES.glob("*.xml"))
TYPES: dict[str, type] = {
    "code": Code,
    "quantity": Quantity,
    "moment": Moment,
    "text": Text,
    "boolean": Boolean,
    "integer": Integer,
    "identifier": Identifier,
    "blob": Blob,
    "reference": Ref,
}
ATTRIBUTES = st.sampled_from(
    ["value", "code", "codeSystem", "nullFlavor", "datatype", "unit", "root", "id", "hidden", "originalText"]
)
TEXTS = st.sampled_from(
    ["", "x", "1", "true", "T-3D", "DOB+1Y", "reference", "quantity", "OTH", "NI", "2.16.840.1.113883.5.1008"]
)
SPOTS = st.integers(0, 400)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["drop", "set", "rename", "copy", "empty", "move"]), SPOTS, SPOTS, ATTRIBUTES, TEXTS
    ),
    min_size=1,
    max_size=8,
)


def change(root: etree._Element, what: str, here: int, there: int, name: str, text: str) -> None:
    """One change; elements are counted in the order of the document."""
    elements = list(root.iter("*"))
    one, other = elements[here % len(elements)], elements[there % len(elements)]
    parent = one.getparent()
    match what:
        case "drop" if parent is not None:
            parent.remove(one)
        case "set":
            one.set(name, text)
        case "rename":
            one.tag = other.tag
        case "copy":
            other.append(copy.deepcopy(one))
        case "empty":
            one[:] = []
        case "move":
            one[:] = [*one][::-1]


def fits(values: Any, concepts: Mapping[str, Concept], release: str) -> bool:
    """True when every value is of the type of its concept, or says why there is none."""
    profiles = load_profiles()
    basics = profiles.basics(release)
    for name, value in values.items():
        concept = concepts.get(name) or (basics.concepts[name] if basics else None)
        assert concept is not None
        assert isinstance(value, list) == concept.many
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                assert fits(each, profiles.inside(release, concept), release)
            elif concept.type != "any":
                assert type(each) in (TYPES[concept.type], Absent)
    return True


@settings(max_examples=300)
@given(st.sampled_from(FILES), CHANGES)
def test_a_changed_document_is_read_or_refused(file: Any, changes: list[Any]) -> None:
    root = etree.fromstring(file.read_bytes(), etree.XMLParser(remove_comments=True))
    for each in changes:
        change(root, *each)
    try:
        found = read(etree.tostring(root))
    except InputError:
        return
    for block in found.blocks.values():
        profile = load_profiles().get(block.release, block.type)
        assert profile is not None
        assert block.values
        assert fits(block.values, profile.concepts, block.release)
