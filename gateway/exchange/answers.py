"""What goes out: FHIR in the version and syntax asked for, checked before it is released."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.elements import Version
from gateway.codecs.limits import Limits
from gateway.errors import Fault, Issue
from gateway.exchange.numbers import covered, holds_bytes, holds_number
from gateway.exchange.search import Found, Resource, Search

Syntax = Literal["json", "xml"]
RELEASES: dict[Version, str] = {"r4": "4.0", "stu3": "3.0"}
"""The value of the media type parameter `fhirVersion` (FHIR R4 §3.1.0.1.10)."""

OWN = Limits(max_bytes=2**32, max_nodes=10**9, max_items=10**6)
"""What the gateway wrote itself is not too large for it."""

BSN_SYSTEMS = (b"fhir.nl/fhir/NamingSystem/bsn", b'2.16.840.1.113883.2.4.6.3"')


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes to release, with their media type, and how many resources there are of each type.

    `headers` are those of HTTP that say more of it.
    """

    body: bytes
    media: str
    counts: Counter[str]
    headers: Mapping[str, str] = field(default_factory=dict)


def encode(tree: Resource, version: Version, syntax: Syntax) -> bytes:
    """A FHIR resource in a syntax."""
    return fhir_json.encode(tree, version) if syntax == "json" else fhir_xml.encode(tree, version)


def media_type(version: Version, syntax: Syntax) -> str:
    """The media type of an answer."""
    return f"application/fhir+{syntax}; fhirVersion={RELEASES[version]}; charset=utf-8"


def answer(tree: Resource, version: Version, syntax: Syntax, bsn: str) -> Answer:
    """A resource ready to go to the person of this number, which is covered wherever a text has it.

    Raises `Fault` when it holds the system of a BSN all the same: then nothing goes.
    """
    body = encode(tree, version, syntax)
    if _names_bsn(body) or holds_number(body, bsn) or holds_bytes(body):
        tree = covered(tree, bsn)
        body = encode(tree, version, syntax)
        if _names_bsn(body):
            raise Fault(Issue("fatal", "security", "an answer with a BSN was stopped", place="release"))
    entries = [entry["resource"] for entry in tree.get("entry", ())] if _is_bundle(tree) else [tree]
    return Answer(body, media_type(version, syntax), Counter(each["resourceType"] for each in entries))


def _names_bsn(body: bytes) -> bool:
    return any(system in body for system in BSN_SYSTEMS)


def searchset(search: Search, base: str, found: Found, now: datetime, bundle_id: str) -> Resource:
    """The Bundle of a search: matches and what they include, under the self link of what was handled."""
    bundle: Resource = {
        "resourceType": "Bundle",
        "id": bundle_id,
        "meta": {"lastUpdated": now.isoformat(timespec="milliseconds")},
        "type": "searchset",
    }
    if found.total is not None:
        bundle["total"] = found.total
    bundle["link"] = [_link("self", base, search.path, search.query())]
    if found.next:
        bundle["link"].append(_link("next", base, search.path, found.next))
    entries = [_entry(each, base, "match") for each in found.matches]
    entries += [_entry(each, base, "include") for each in found.included]
    if entries:
        bundle["entry"] = entries
    return bundle


def _link(relation: str, base: str, path: str, query: str) -> dict[str, str]:
    return {"relation": relation, "url": f"{base}/{path}" + (f"?{query}" if query else "")}


def _entry(resource: Resource, base: str, mode: str) -> dict[str, Any]:
    return {
        "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
        "resource": resource,
        "search": {"mode": mode},
    }


def _is_bundle(tree: Resource) -> bool:
    return bool(tree["resourceType"] == "Bundle")
