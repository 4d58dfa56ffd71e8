"""A purpose is a code of v3-ActReason, and nothing else passes for one."""

import pytest

from gateway.policy import purpose_code


@pytest.mark.parametrize(
    "text",
    [
        "PATRQT",
        "http://terminology.hl7.org/CodeSystem/v3-ActReason|PATRQT",
        "http://terminology.hl7.org/CodeSystem/v3-ActReason#PATRQT",
        "http://hl7.org/fhir/v3/ActReason|PATRQT",
        "urn:oid:2.16.840.1.113883.5.8|PATRQT",
    ],
)
def test_the_ways_to_write_a_purpose(text: str) -> None:
    assert purpose_code(text) == "PATRQT"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "patrqt",
        " PATRQT",
        "PATRQT ",
        "PATRQT TREAT",
        "NOSUCH",
        "PurposeOfUse",
        "http://terminology.hl7.org/CodeSystem/v3-ActCode|PATRQT",
        "http://snomed.info/sct|PATRQT",
        "|PATRQT",
        "http://terminology.hl7.org/CodeSystem/v3-ActReason|",
    ],
)
def test_what_is_no_purpose(text: str) -> None:
    assert purpose_code(text) is None
