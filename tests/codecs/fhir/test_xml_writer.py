"""What a tree holds and FHIR XML cannot is refused with its path; text stays text."""

from decimal import Decimal

import pytest
from lxml import etree

from gateway.codecs.fhir import fhir_xml
from gateway.codecs.fhir.elements import Tree
from gateway.errors import ContentError
from tests.codecs.hostile import SECRET
from tests.codecs.trees import DIV


def extension(value: object) -> Tree:
    return {"extension": [{"url": "urn:a", "valueDecimal": value}]}


@pytest.mark.parametrize(
    ("members", "place", "words"),
    [
        ({"Wieke": 1}, "Patient", "a member that FHIR 4.0.1 does not have"),
        ({"comment": "a"}, "Patient", "comment is not an element of FHIR 4.0.1 here"),
        ({"_name": []}, "Patient", "_name is not an element"),
        ({"name": {}}, "Patient.name", "an array"),
        ({"name": "Wieke"}, "Patient.name", "an array"),
        ({"name": [{"family": "a"}, {}]}, "Patient.name[1]", "an object"),
        ({"name": [{"given": "Wieke"}]}, "Patient.name[0].given", "an array"),
        ({"name": [{"given": ""}]}, "Patient.name[0].given", "an array"),
        ({"name": [{"given": ["a", None]}]}, "Patient.name[0].given[1]", "a string"),
        ({"name": [{"_given": {"id": "a"}}]}, "Patient.name[0]._given", "an array"),
        ({"name": [{"given": ["a"], "_given": [None, {"x": 1}]}]}, "Patient.name[0].given[1]", "a member"),
        ({"active": "Wieke"}, "Patient.active", "true or false"),
        ({"active": None}, "Patient.active", "true or false"),
        ({"active": 1}, "Patient.active", "true or false"),
        ({"multipleBirthInteger": True}, "Patient.multipleBirthInteger", "an integer"),
        ({"multipleBirthInteger": Decimal(1)}, "Patient.multipleBirthInteger", "an integer"),
        ({"birthDate": 1970}, "Patient.birthDate", "a string"),
        ({"birthDate": None, "_birthDate": None}, "Patient.birthDate", "a string"),
        ({"_birthDate": {}}, "Patient._birthDate", "an object"),
        ({"gender": "\x00"}, "Patient.gender", "a character"),
        ({"gender": "é\ufffe"}, "Patient.gender", "a character"),
        ({"gender": "\ud800"}, "Patient.gender", "a character"),
        ({"extension": [{"url": 1}]}, "Patient.extension[0]", "a string"),
        (extension(1.5), "Patient.extension[0].valueDecimal", "a number"),
        (extension(Decimal("NaN")), "Patient.extension[0].valueDecimal", "a number"),
        (extension(True), "Patient.extension[0].valueDecimal", "a number"),
        ({"contained": [{"id": "a"}]}, "Patient.contained[0]", "not a resource"),
        ({"contained": [{"resourceType": "Sequence"}]}, "Patient.contained[0]", "is one of FHIR 3.0.2"),
        ({"contained": [{"resourceType": "Basic", "code": {}}]}, "Patient.contained[0].code", "an object"),
        ({"text": {"div": "Wieke"}}, "Patient.text.div", "not well-formed XHTML"),
        ({"text": {"div": "<div>Wieke</div>"}}, "Patient.text.div", "not a div"),
        ({"text": {"div": 1}}, "Patient.text.div", "a string"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_path(members: Tree, place: str, words: str) -> None:
    with pytest.raises(ContentError) as caught:
        fhir_xml.encode({"resourceType": "Patient"} | members, "r4")
    (issue,) = caught.value.issues
    assert issue.place == place
    assert words in issue.text
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", [None, 1, "Wieke", "Element"])
def test_what_is_no_resource_is_not_written(name: object) -> None:
    with pytest.raises(ContentError) as caught:
        fhir_xml.encode({"resourceType": name}, "stu3")
    (issue,) = caught.value.issues
    assert issue.place == "resourceType"
    assert SECRET not in issue.text


def test_text_cannot_break_out_of_its_element() -> None:
    values = ['"/><active value="true', "<!-- ", "]]>", "&lt;", "&#0;", "\t\n\r", "'", "\x7f\x85\u2028"]
    tree = {"resourceType": "Patient", "text": {"div": DIV}, "name": [{"given": values}]}
    written = fhir_xml.encode(tree, "r4")
    assert fhir_xml.decode(written, "r4") == tree
    assert [etree.QName(child).localname for child in etree.fromstring(written)] == ["text", "name"]


def test_a_value_and_what_is_beside_it_are_one_element() -> None:
    tree = {"resourceType": "Patient", "_birthDate": {"id": "b"}, "birthDate": "1970", "name": [{}]}
    tree["name"] = [{"_given": [None, {"id": "g"}], "given": ["a"]}]
    written = fhir_xml.encode(tree, "r4").decode()
    assert '<given value="a"/><given id="g"></given>' in written
    assert '<birthDate value="1970" id="b"></birthDate>' in written
