"""The CapabilityStatement of a version, made from what is really there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.codecs.fhir.elements import Version, types
from gateway.exchange import Pipeline
from gateway.exchange.changes.single import NOT_KEPT
from gateway.exchange.renditions import FORMATS
from gateway.exchange.search import operations_of, searchable

DATE = "2026-11-27"
"""When what is said here last changed."""

BINARY = {
    "type": "Binary",
    "interaction": [
        {"code": code} for code in ("read", "vread", "history-instance", "create", "update", "delete")
    ],
    "versioning": "versioned",
    "readHistory": True,
    "updateCreate": True,
    "conditionalCreate": False,
    "conditionalUpdate": False,
    "conditionalDelete": "not-supported",
}
"""A Binary is found by its name alone."""

INTERACTIONS = ("read", "search-type", "vread", "history-instance", "create", "update", "delete")
"""What can be done with a resource type: a PGO reads and searches, an EPD writes and reads back."""

KEPT = tuple(each for each in INTERACTIONS if each != "search-type")
"""What can be done with a type that no mapping reads: an EPD writes it and reads it back."""

WHOLE = ("transaction", "batch")
"""What can be done with many resources at once."""

WRITES = {
    "versioning": "versioned",
    "readHistory": True,
    "updateCreate": True,
    "conditionalCreate": True,
    "conditionalUpdate": True,
    "conditionalDelete": "single",
}
"""How a resource is written: the elements of `CapabilityStatement.rest.resource` for it."""


def capability_statement(pipeline: Pipeline, version: Version, base: str) -> dict[str, Any]:
    """What the gateway does in a FHIR version, for the person's own record."""
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "url": f"{base}/fhir/{version}/metadata",
        "name": "Zibpoort",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": {"name": "Zibpoort"},
        "implementation": {
            "description": "The record of one person, translated from what care providers delivered"
        },
        "fhirVersion": types(version).release,
        "format": ["application/fhir+json", "application/fhir+xml"],
        "rest": [_rest(pipeline, version)],
    }
    if version == "r4":
        statement["implementation"]["url"] = f"{base}/fhir/{version}"
    else:
        statement["acceptUnknown"] = "no"
    return statement


def _rest(pipeline: Pipeline, version: Version) -> dict[str, Any]:
    text = (
        "OAuth 2.0 bearer token, a JSON Web Token signed with ES256, of a registered client for one person."
    )
    served = pipeline.served(version)
    return {
        "mode": "server",
        "security": {"description": text},
        "resource": [
            BINARY,
            *(_resource(pipeline, version, kind) for kind in served),
            *(_kept(kind) for kind in sorted(types(version).resources - NOT_KEPT - {"Binary", *served})),
        ],
        "interaction": [{"code": code} for code in WHOLE],
        **_operations_of_stu3(version, served),
    }


def _operations_of_stu3(version: Version, served: Sequence[str]) -> dict[str, Any]:
    """STU3 lists operations for the whole server; R4 has them with their resource type."""
    found = [row for kind in served for row in operations_of(kind, version)] if version == "stu3" else []
    rows = [row for i, row in enumerate(found) if row not in found[:i]]
    return {"operation": rows} if rows else {}


def _kept(kind: str) -> dict[str, Any]:
    return {"type": kind, "interaction": [{"code": code} for code in KEPT], **WRITES}


def _resource(pipeline: Pipeline, version: Version, kind: str) -> dict[str, Any]:
    parts = pipeline.translator.loaded(FORMATS[version]).parts.values()
    profiles = sorted({url for part in parts if part.type == kind for url in part.profiles})
    row: dict[str, Any] = {"type": kind, "interaction": [{"code": code} for code in INTERACTIONS], **WRITES}
    if profiles and version == "r4":
        row["supportedProfile"] = profiles
    if (operations := operations_of(kind, version)) and version == "r4":
        row["operation"] = operations
    return row | searchable(kind, version, pipeline.served(version))
