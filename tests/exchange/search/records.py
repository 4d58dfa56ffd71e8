"""A small record of one person, and searches on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.codecs.fhir.elements import Version, types
from gateway.exchange.search import Found, Resource, Scope, Search, parse

BASE = "https://gateway.example/fhir/r4"
FENNA = "999980014"
SCT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)

Pairs = Sequence[tuple[str, str]]


def scope(version: Version = "r4", *, strict: bool = False) -> Scope:
    return Scope(types(version), BASE, FENNA, NOW, ZONE, strict)


def search(kind: str, *pairs: tuple[str, str], version: Version = "r4", strict: bool = False) -> Search:
    return parse(kind, pairs, scope(version, strict=strict))


def ids(found: Found) -> tuple[list[str], list[str]]:
    """Ids of the matches and of the included."""
    return [each["id"] for each in found.matches], [each["id"] for each in found.included]


def observation(number: str, code: str, status: str = "final", **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": number,
        "status": status,
        "code": {"coding": [{"system": LOINC, "code": code}, {"system": SCT, "code": "1"}]},
        **more,
    }


def to(name: str) -> dict[str, str]:
    """A Reference."""
    return {"reference": name}


RECORD: list[Resource] = [
    {"resourceType": "Patient", "id": "fenna"},
    observation("a", "85354-9", performer=[to("Practitioner/dr")]),
    observation("b", "29463-7", status="amended", subject=to("Patient/fenna")),
    observation("c", "85354-9", specimen=to("Specimen/s")),
    {"resourceType": "Practitioner", "id": "dr"},
    {"resourceType": "Specimen", "id": "s"},
    {"resourceType": "Encounter", "id": "e", "class": {"system": "urn:class", "code": "AMB"}},
    {"resourceType": "AllergyIntolerance", "id": "y", "category": ["food", "medication"]},
]
