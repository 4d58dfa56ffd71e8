"""Names and addresses of senders that do not tell their parts apart: the text is there in every format."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Translator

FORM: dict[Version, str] = {"r4": "fhir-r4", "stu3": "fhir-stu3"}


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def values(translator: Translator, noon: Context, version: Version, **members: Any) -> dict[str, Any]:
    """What the Patient block has of a resource with these members."""
    tree = {"resourceType": "Patient", "id": "a", **members}
    (block,) = translator.read(fhir_json.encode(tree, version), noon, FORM[version]).blocks
    return block.values


@pytest.mark.parametrize("version", FORM)
@pytest.mark.parametrize(
    ("name", "last", "first"),
    [
        ({"family": "van Beek", "given": ["Fenna"]}, "van Beek", "Fenna"),
        ({"text": "mevrouw F. van Beek"}, "mevrouw F. van Beek", ""),
        ({"family": "Beek", "text": "Beek"}, "Beek", ""),
    ],
)
def test_a_name_without_extensions_is_a_name(
    translator: Translator, noon: Context, version: Version, name: Any, last: str, first: str
) -> None:
    found = values(translator, noon, version, name=[name])["NameInformation"]
    assert found["LastName"]["LastName"].value == last
    assert (found["FirstNames"].value if first else "") == first


@pytest.mark.parametrize("version", FORM)
def test_lines_without_extensions_are_the_street(
    translator: Translator, noon: Context, version: Version
) -> None:
    address = {"line": ["Dorpsstraat 12", "2e etage"], "city": "Ede"}
    (found,) = values(translator, noon, version, address=[address])["AddressInformation"]
    assert found["Street"].value == "Dorpsstraat 12 2e etage"
    assert found["PlaceOfResidence"].value == "Ede"


def test_a_text_that_says_something_else_is_accounted_for(translator: Translator, noon: Context) -> None:
    own = {"url": "http://hl7.org/fhir/StructureDefinition/humanname-own-name", "valueString": "Beek"}
    name = {"family": "Beek", "_family": {"extension": [own]}, "text": "Beek, genoemd Jansen"}
    tree = {"resourceType": "Patient", "id": "a", "name": [name]}
    read = translator.read(fhir_json.encode(tree, "r4"), noon, "fhir-r4")
    states = {line.place: line.state for line in translator.write(read, "fhir-stu3", noon).account.lines()}
    assert states["Patient.name[0].family"] == "used"
    assert states["Patient.name[0].text"] == "not representable"
    (again,) = translator.write(read, "fhir-r4", noon).resources
    assert again["name"][0]["text"] == "Beek, genoemd Jansen"
