"""Members of another kind than FHIR says are faults of the sender, with their place."""

import json
from typing import Any

import pytest

from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.elements import types
from gateway.codecs.fhir.kinds import check_kinds, is_moment
from gateway.errors import SyntaxFault

PATIENT = {
    "resourceType": "Patient",
    "name": [{"given": [None, "Fenna"], "_given": [{"id": "g"}, None], "family": "Duinkerk"}],
    "birthDate": "1970-02",
    "multipleBirthInteger": 2,
    "active": True,
}


def decode(tree: Any) -> Any:
    return checked(fhir_json.decode(json.dumps(tree).encode(), "r4"))


def checked(tree: Any) -> Any:
    check_kinds(tree, types("r4"))
    return tree


def test_what_fhir_says_passes() -> None:
    assert decode(PATIENT) == PATIENT


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": "Fenna"}, "Patient.name"),
        ({"name": [None]}, "Patient.name[0]"),
        ({"name": [{"given": "Fenna"}]}, "Patient.name[0].given"),
        ({"name": [{"given": [None]}]}, "Patient.name[0].given[0]"),
        ({"name": [{"family": 5}]}, "Patient.name[0].family"),
        ({"active": "true"}, "Patient.active"),
        ({"multipleBirthInteger": 2.5}, "Patient.multipleBirthInteger"),
        ({"multipleBirthInteger": True}, "Patient.multipleBirthInteger"),
        ({"birthDate": "1970-02-31"}, "Patient.birthDate"),
        ({"birthDate": "long ago"}, "Patient.birthDate"),
        ({"birthDate": None}, "Patient.birthDate"),
        ({"_birthDate": []}, "Patient._birthDate"),
        ({"meta": {"profile": [None]}}, "Patient.meta.profile[0]"),
        ({"contained": [{"resourceType": "Nothing"}]}, "Patient.contained[0]"),
        ({"contained": [{"resourceType": ["Patient"]}]}, "Patient.contained[0]"),
        ({"maritalStatus": []}, "Patient.maritalStatus"),
        ({"maritalStatus": {}}, "Patient.maritalStatus"),
        ({"contact": [{}]}, "Patient.contact[0]"),
        ({"contact": []}, "Patient.contact"),
        ({"name": [{"family": ""}]}, "Patient.name[0].family"),
        ({"name": [{"given": ["F"], "_given": [{"id": "a"}, {"id": "b"}]}]}, "Patient.name[0]._given"),
        ({"multipleBirthInteger": 10**400}, "Patient.multipleBirthInteger"),
        ({"photo": [{"data": "AAAA" * 100_000 + "!"}]}, "Patient.photo[0].data"),
        ({"shoeSize": 43}, "Patient"),
        ({"__proto__": {}}, "Patient"),
        ({"_name": [{"id": "a"}]}, "Patient"),
        ({"name": [{"resourceType": "HumanName"}]}, "Patient.name[0]"),
        ({"telecom": [{"value": "x"}] * 10_001}, "Patient.telecom"),
    ],
)
def test_another_kind_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        decode({**PATIENT, **change})
    assert [issue.place for issue in caught.value.issues] == [place]
    assert "ago" not in caught.value.diagnostics()


def test_a_place_in_a_document_has_its_line_and_column() -> None:
    document = b"""\xef\xbb\xbf{
  "resourceType": "Patient", "text": {"status": "a]}\\"{", "div": "<div/>"},
  "name": [{"given": ["F", 3]}, {"family": "D", "shoe": 1}],
  "gender": ""
}"""
    with pytest.raises(SyntaxFault) as caught:
        check_kinds(fhir_json.decode(document, "r4"), types("r4"), document)
    assert [(issue.place, issue.line, issue.column) for issue in caught.value.issues] == [
        ("Patient.name[0].given[1]", 3, 28),
        ("Patient.name[1]", 3, 33),
        ("Patient.gender", 4, 3),
    ]


DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<h:script xmlns:h='http://www.w3.org/1999/xhtml'/>",
        "<p onclick='go()'>x</p>",
        "<a href='javascript:go()'>x</a>",
        "<a href='java&#10;script:go()'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<iframe src='https://x.example'/>",
        "<svg/>",
        "<script>",
    ],
)
def test_a_narrative_that_does_something_is_refused(inside: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        decode({**PATIENT, "text": {"status": "generated", "div": DIV.format(inside)}})
    assert [issue.place for issue in caught.value.issues] == ["Patient.text.div"]


@pytest.mark.parametrize(
    "inside",
    [
        "on = 3 mg",
        "<a href='https://x.example/?on=1'>on</a>",
        "a&#160;b&nbsp;c",
        "<p>data: none, &lt;script></p>",
    ],
)
def test_a_narrative_that_only_says_something_passes(inside: str) -> None:
    tree = {**PATIENT, "text": {"status": "generated", "div": DIV.format(inside)}}
    assert decode(tree) == tree


def test_xml_is_held_to_the_same() -> None:
    data = b'<Patient xmlns="http://hl7.org/fhir"><birthDate value="1970-02-31"/></Patient>'
    with pytest.raises(SyntaxFault) as caught:
        checked(fhir_xml.decode(data, "r4"))
    assert "Patient.birthDate" in caught.value.diagnostics()


@pytest.mark.parametrize("text", ["2024", "2024-02", "2024-02-29T23:59:59.123Z", "2024-02-29T10:00+02:00"])
def test_moments(text: str) -> None:
    assert is_moment(text)


@pytest.mark.parametrize("text", ["", "24", "2023-02-29", "2024-13", "2024-02-29T24:30", "२०२४"])
def test_no_moments(text: str) -> None:
    assert not is_moment(text)
