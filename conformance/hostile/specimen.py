"""An ordinary document, to be spoilt: a transaction about one made-up person, as FHIR R4 and as STU3."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from gateway.codecs.fhir import fhir_xml

Tree = dict[str, Any]

BSN: Final = "999980014"
"""Of the test range; `conformance/demo/bgz-synthetic.xml` is about the same person."""

SECRET: Final = "Wieke-Hostile"
"""Stands in every document; an answer that repeats it quotes content."""

PATIENT: Final[Tree] = {
    "resourceType": "Patient",
    "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": BSN}],
    "name": [{"use": "official", "family": SECRET, "given": ["Fenna"]}],
    "gender": "female",
    "birthDate": "1970-02-03",
}
PRESSURE: Final[Tree] = {
    "resourceType": "Observation",
    "status": "final",
    "category": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "vital-signs",
                }
            ]
        }
    ],
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    "effectiveDateTime": "2026-03-04T10:00:00+01:00",
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {
                "value": 128,
                "unit": "mmHg",
                "system": "http://unitsofmeasure.org",
                "code": "mm[Hg]",
            },
        }
    ],
}


def patient(**changes: Any) -> Tree:
    """The Patient, with other members."""
    return copy.deepcopy(PATIENT) | changes


def pressure(**changes: Any) -> Tree:
    """A blood pressure, with other members."""
    return copy.deepcopy(PRESSURE) | changes


def bundle(*resources: Tree, **changes: Any) -> Tree:
    """A transaction of the Patient and what is given; each resource that is about somebody is about her.

    Every resource is created under a `fullUrl` of its own, `urn:uuid:…0001` and on.
    """
    about = {"reference": uuid(1)}
    entries = [entry(patient(), 1)]
    for number, each in enumerate(resources, 2):
        kind = each["resourceType"]
        entries.append(entry({"subject": about} | each if kind == "Observation" else each, number))
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries} | changes


def entry(resource: Tree, number: int) -> Tree:
    """One entry of a transaction."""
    kind = resource["resourceType"]
    return {"fullUrl": uuid(number), "resource": resource, "request": {"method": "POST", "url": kind}}


def uuid(number: int) -> str:
    """The `fullUrl` of an entry."""
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def as_json(tree: Tree) -> bytes:
    """FHIR JSON over several lines, so that a place has a line."""
    return json.dumps(tree, indent=1).encode()


def as_xml(tree: Tree) -> bytes:
    """FHIR XML."""
    return fhir_xml.encode(tree, "r4")
