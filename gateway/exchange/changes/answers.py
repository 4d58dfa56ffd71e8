"""What is answered to a change: entity tags, resources as they are kept, Bundles of responses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Literal

from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.errors import GatewayError, Issue
from gateway.exchange.answers import OWN, Answer
from gateway.exchange.changes.asked import Asked, Kind
from gateway.exchange.changes.keeping import Done, Kept

Tree = dict[str, Any]

PHRASES = {200: "200 OK", 201: "201 Created", 204: "204 No Content"}
_ENTRY = re.compile(r"Bundle\.entry\[\d+\]\.resource")


Row = tuple[Done, list[Issue]] | Answer | GatewayError
"""What became of an entry: what was done, with the warnings about it; an answer; or why not."""


@dataclass(frozen=True, slots=True)
class Together:
    """What became of a Bundle: of each entry, and of all that it changed in one exchange."""

    kind: Kind | Literal["batch"]
    rows: tuple[Row, ...]
    changed: Changed | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of an exchange that changes.

    `values` are counts of leaves by what became of them, per format; `issues` are the warnings.
    """

    kept: Kept
    asked: Asked
    values: Mapping[str, Mapping[str, int]]
    issues: tuple[Issue, ...]

    def apart(self) -> Iterator[tuple[Done, list[Issue]]]:
        """What became of each interaction, with the warnings about it."""
        found: dict[str, list[Issue]] = {}
        for issue in self.issues:
            entry = _ENTRY.match(issue.place)
            found.setdefault(entry[0] if entry else "", []).append(issue)
        for done, one in zip(self.kept.done, self.asked.interactions, strict=True):
            yield done, found.get(one.place, [])


def etag(version: int) -> str:
    """The entity tag of a version (http.html#versioning)."""
    return f'W/"{version}"'


def validators(version: int, received: str) -> dict[str, str]:
    """The headers of a version: its entity tag and when it was last updated."""
    return {"ETag": etag(version), "Last-Modified": format_datetime(_moment(received), usegmt=True)}


def validators_of(resource: Tree) -> dict[str, str]:
    """The headers of a resource of a record, by what its meta says; none for one without a version."""
    meta = resource.get("meta", {})
    return validators(int(meta["versionId"]), meta["lastUpdated"]) if "versionId" in meta else {}


def served_back(content: bytes, version: int, received: str, fhir: Version) -> Tree:
    """A resource as it is kept, with what the store says of its version."""
    tree = fhir_json.decode(content, fhir, OWN)
    meta = {"versionId": str(version), "lastUpdated": instant(received), **tree.get("meta", {})}
    return {"resourceType": tree["resourceType"], "id": tree["id"], "meta": meta, **_without_meta(tree)}


def location(done: Done) -> str:
    """Where a version stands, under the base of its FHIR version."""
    return f"{done.name.type}/{done.name.id}/_history/{done.version}"


def response(done: Done, outcome: Tree | None, fhir: Version, *, whole: bool) -> Tree:
    """The entry of a response Bundle for what was done; `whole` with the resource."""
    told: Tree = {"status": PHRASES[done.status]}
    if done.status != 204:
        told["location"] = location(done)
    if done.version:
        told |= {"etag": etag(done.version), "lastModified": instant(done.received)}
    if outcome is not None:
        told["outcome"] = outcome
    entry: Tree = {}
    if whole and done.content:
        entry["resource"] = served_back(done.content, done.version, done.received, fhir)
    return {**entry, "response": told}


def looked(answer: Answer, fhir: Version) -> Tree:
    """The entry of a response Bundle for a question; its answer is FHIR JSON."""
    tree = fhir_json.decode(answer.body, fhir, OWN)
    told = {"status": PHRASES[200]}
    if "ETag" in answer.headers:
        told |= {"etag": answer.headers["ETag"], "lastModified": tree["meta"]["lastUpdated"]}
    return {"resource": tree, "response": told}


def _without_meta(tree: Tree) -> Tree:
    return {name: value for name, value in tree.items() if name not in ("resourceType", "id", "meta")}


def _moment(received: str) -> datetime:
    return datetime.fromisoformat(received)


def instant(received: str) -> str:
    """A time of the store as an instant, in milliseconds."""
    return _moment(received).isoformat(timespec="milliseconds")
