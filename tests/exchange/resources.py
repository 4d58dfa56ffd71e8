"""Made-up FHIR resources and Bundles of them."""

from __future__ import annotations

import copy
import json
from typing import Any

from conformance.hostile.specimen import PRESSURE, Tree, uuid

FENNA = "999980014"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
NUMBERS = "http://epd.example/number"
"""A system of identifiers of the sender's own."""


def patient(bsn: str = FENNA, **changes: Any) -> Tree:
    """A Patient with a BSN."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": BSN, "value": bsn}],
        "name": [{"use": "official", "family": "Duinkerk", "given": ["Fenna"]}],
        "gender": "female",
        "birthDate": "1961-03-08",
    } | changes


def pressure(subject: str = "", **changes: Any) -> Tree:
    """A blood pressure of whom `subject` refers to."""
    about = {"subject": {"reference": subject}} if subject else {}
    return copy.deepcopy(PRESSURE) | about | changes


def entry(resource: Tree, number: int, method: str = "POST", **request: Any) -> Tree:
    """An entry that creates or updates."""
    kind = resource["resourceType"]
    url = kind if method == "POST" else f"{kind}/{resource['id']}"
    return {
        "fullUrl": uuid(number),
        "resource": resource,
        "request": {"method": method, "url": url} | request,
    }


def bundle(*entries: Tree, kind: str = "transaction", **changes: Any) -> Tree:
    """A Bundle."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)} | changes


def ordinary(**changes: Any) -> Tree:
    """A transaction of a Patient and a blood pressure of hers."""
    return bundle(entry(patient(), 1), entry(pressure(uuid(1)), 2), **changes)


def as_json(tree: Tree) -> bytes:
    """FHIR JSON."""
    return json.dumps(tree).encode()
