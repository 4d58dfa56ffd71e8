"""Where what was delivered came from, as FHIR resources: one Provenance for a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.codecs.fhir.elements import Version
from gateway.exchange.changes.answers import instant
from gateway.storage import StoredDocument

SHA_256 = "urn:oid:2.16.840.1.101.3.4.2.1"
"""The hash algorithm, as the system of an identifier (NIST, Computer Security Objects Register)."""

URIS = "urn:ietf:rfc:3986"
ROLES: dict[Version, str] = {
    "r4": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "stu3": "http://hl7.org/fhir/provenance-participant-role",
}


def provenance(delivered: StoredDocument, targets: Sequence[str], fhir: Version) -> dict[str, Any]:
    """The Provenance of a delivery: which resources came of it, when, from whom, and from which bytes.

    `targets` are references to them in the FHIR version that is written.  Its id is that of the document, the
    same in every version.  The organisation is named by its identifier, a URI; the source by its SHA-256.
    """
    who = {"identifier": {"system": URIS, "value": delivered.sender}}
    source = {"system": SHA_256, "value": delivered.content_hash}
    role = {"coding": [{"system": ROLES[fhir], "code": "author"}]}
    return {
        "resourceType": "Provenance",
        "id": delivered.id,
        "meta": {"lastUpdated": instant(delivered.received)},
        "target": [{"reference": each} for each in targets],
        "recorded": instant(delivered.received),
        "agent": [{"type": role, "who": who} if fhir == "r4" else {"role": [role], "whoReference": who}],
        "entity": [
            {"role": "source", "what": {"identifier": source}}
            if fhir == "r4"
            else {"role": "source", "whatIdentifier": source}
        ],
    }
