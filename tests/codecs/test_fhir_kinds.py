"""Members of another kind than FHIR says are faults of the sender, with their place."""

import json
from typing import Any

import pytest

from gateway.codecs import fhir_json, fhir_xml
from gateway.codecs.fhir_kinds import check_kinds, is_moment
from gateway.codecs.fhir_types import types
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


def test_what_fhir_says_passes_also_names_that_it_does_not_know() -> None:
    assert decode({**PATIENT, "shoeSize": [[{}]]})["shoeSize"] == [[{}]]


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
    ],
)
def test_another_kind_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        decode({**PATIENT, **change})
    assert [issue.place for issue in caught.value.issues] == [place]
    assert "ago" not in caught.value.diagnostics()


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
