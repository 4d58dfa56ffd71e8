"""A fault has line and column, in JSON and in XML."""

import json

import pytest

from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.base import faults_of
from gateway.codecs.fhir.elements import types
from gateway.codecs.fhir.kinds import check_kinds
from gateway.codecs.fhir.places import placed
from gateway.errors import Issue, SyntaxFault

TREE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "gender": "female"}},
        {
            "resource": {
                "resourceType": "Observation",
                "status": "nee",
                "_issued": {"extension": [{"url": "a"}]},
                "component": [{"code": {"text": "x"}}, {"valueString": "x"}],
            }
        },
    ],
}
XML = fhir_xml.encode(TREE, "r4").replace(b"><", b">\n<")
JSON = json.dumps(TREE, indent=1).encode()


@pytest.mark.parametrize(
    "data", [JSON, b"\xef\xbb\xbf" + JSON, XML, XML.decode().replace("UTF-8", "UTF-16").encode("utf-16")]
)
def test_a_fault_is_where_its_element_begins(data: bytes) -> None:
    codec = fhir_xml if b"<" in data[:4] or b"\x00" in data[:6] else fhir_json
    faults = faults_of(codec.decode(data, "r4"), "r4", data)
    text = data.decode("utf-16" if b"\x00" in data[:6] else "utf-8-sig").split("\n")
    begins = {fault.place: text[fault.line - 1][fault.column - 1 :] for fault in faults}
    wanted = {
        "Bundle.entry[1].resource": ('"resource"', "<resource>"),
        "Bundle.entry[1].resource.status": ('"status"', "<status "),
        "Bundle.entry[1].resource.issued.extension[0]": ("{", "<extension "),
        "Bundle.entry[1].resource.component[1]": ("{", "<component>"),
    }
    assert begins.keys() == wanted.keys()
    for place, words in wanted.items():
        assert begins[place].startswith(words[codec is fhir_xml]), place


def test_what_is_no_element_is_placed_at_the_one_around_it() -> None:
    data = b'<Patient xmlns="http://hl7.org/fhir">\n<name id="a"><family value="x"/></name></Patient>'
    (issue,) = placed([Issue("error", "value", "x", "Patient.name[0].id")], data)
    assert (issue.line, issue.column) == (2, 1)


def test_what_has_a_line_keeps_it_and_without_a_document_there_is_none() -> None:
    known = Issue("error", "value", "x", "Patient", line=7, column=3)
    assert placed([known], b"{}") == [known]
    assert placed([Issue("error", "value", "x", "Patient")], b"")[0].line == 0
    assert placed([], b"{}") == []


def test_a_value_of_another_kind_has_line_and_column_in_xml_too() -> None:
    data = b'<Patient xmlns="http://hl7.org/fhir">\n <birthDate value="1970-02-31"/></Patient>'
    with pytest.raises(SyntaxFault) as caught:
        check_kinds(fhir_xml.decode(data, "r4"), types("r4"), data)
    assert [(issue.line, issue.column) for issue in caught.value.issues] == [(2, 2)]
