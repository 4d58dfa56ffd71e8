"""Purposes of use: HL7 v3 ActReason, the branch PurposeOfUse.

A purpose is always the bare code, and only `purpose_code` makes one from what a token says: the right
code in another system is no purpose.
"""

from __future__ import annotations

SYSTEMS = (
    "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "http://hl7.org/fhir/v3/ActReason",  # the same system, as FHIR STU3 calls it
    "urn:oid:2.16.840.1.113883.5.8",
)

# Codes of http://terminology.hl7.org/ValueSet/v3-PurposeOfUse that a register may name.
PURPOSES = frozenset(
    {
        "TREAT",  # treatment
        "ETREAT",  # emergency treatment
        "BTG",  # break the glass
        "CAREMGT",  # care management
        "COVERAGE",  # coverage under policy or program
        "PATRQT",  # the person asks
        "FAMRQT",  # family asks
        "SUPNWK",  # support network
        "HPAYMT",  # payment
        "HOPERAT",  # health care operations
        "HCOMPL",  # compliance: supervision of lawfulness
        "HSYSADMIN",  # system administration
        "HLEGAL",  # legal
        "HQUALIMP",  # quality improvement
        "PATADMIN",  # patient administration
        "PATSFTY",  # patient safety
        "RECORDMGT",  # records management
        "HRESCH",  # research
        "CLINTRCH",  # clinical trial
        "PUBHLTH",  # public health
    }
)


def purpose_code(text: str) -> str | None:
    """The code of a purpose written as `CODE`, `system|CODE` or `system#CODE`; None when not one of ours.

    Codes are case-sensitive, as in the code system.
    """
    for system in SYSTEMS:
        for mark in "|#":
            text = text.removeprefix(system + mark)
    return text if text in PURPOSES else None
