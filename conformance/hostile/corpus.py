"""All thirty, in order."""

from __future__ import annotations

from conformance.hostile import fhir_cases, http_cases, json_cases, xml_cases
from conformance.hostile.case import Case


def corpus() -> list[Case]:
    """The cases 1 to 30, with their bodies: some 100 MB."""
    found = [
        *xml_cases.cases(),
        *json_cases.cases(),
        *http_cases.bodies(),
        *fhir_cases.cases(),
        http_cases.searches(),
        http_cases.strayed(),
    ]
    return sorted(found, key=lambda case: case.number)
