"""The versions of one resource as a Bundle, newest first (http.html#history)."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.codecs.fhir.elements import Version
from gateway.errors import InputError, Issue
from gateway.exchange.answers import Answer, encode, media_type
from gateway.exchange.binaries import BINARY
from gateway.exchange.changes.answers import PHRASES, etag, instant, served_back
from gateway.exchange.questions import Question
from gateway.exchange.search import Resource
from gateway.exchange.search.paging import PAGE
from gateway.storage import ResourceName, StoredResource, Transaction, versions_of

MOST = 50
"""Most versions on a page; of a Binary, which can be as large as a document, one."""

REFUSED = ("_since", "_at", "_list")
"""Parameters that would leave versions out: refused, since the answer would hold more than was asked."""


@dataclass(frozen=True, slots=True)
class Page:
    """So many versions, below a version; 0: from the newest."""

    count: int = MOST
    below: int = 0

    def of(self, transaction: Transaction, name: ResourceName) -> list[StoredResource]:
        """The versions of the page, and one more where there are more."""
        return versions_of(transaction, name, self.count + 1, self.below)


def parse(question: Question) -> Page:
    """The page that is asked for.  Raises `InputError`."""
    found = {"_count": MOST, PAGE: 0}
    for name, value in question.parameters:
        if name in REFUSED or (question.strict and name not in found):
            raise _refused("not-supported", "this parameter is not supported", name)
        if name in found and not (value.isascii() and value.isdigit() and 0 < len(value) < 10 and int(value)):
            raise _refused("value", "a number from 1 is expected here", name)
        if name in found:
            found[name] = int(value)
    return Page(min(found["_count"], 1 if question.type == BINARY else MOST), found[PAGE])


def answer(
    found: Sequence[StoredResource], page: Page, question: Question, base: str, now: datetime
) -> Answer:
    """A page of versions, ready to go; `base` is the address of the FHIR version."""
    shown = found[: page.count]
    older = [*found[1:], None][: len(shown)]
    entries = [
        _entry(each, before, question.version, base) for each, before in zip(shown, older, strict=True)
    ]
    path = f"{base}/{question.type}/{question.id}/_history"
    asked = "&".join(f"{name}={value}" for name, value in question.parameters if name in ("_count", PAGE))
    links = [{"relation": "self", "url": f"{path}?{asked}" if asked else path}]
    if len(found) > len(shown):
        query = f"_count={page.count}&{PAGE}={shown[-1].version}"
        links.append({"relation": "next", "url": f"{path}?{query}"})
    bundle: Resource = {
        "resourceType": "Bundle",
        "id": str(uuid.uuid4()),
        "meta": {"lastUpdated": now.isoformat(timespec="milliseconds")},
        "type": "history",
        "link": links,
        "entry": entries,
    }
    counts = Counter(each.name.type for each in shown if not each.deleted)
    body = encode(bundle, question.version, question.syntax)
    return Answer(body, media_type(question.version, question.syntax), counts)


def _entry(one: StoredResource, before: StoredResource | None, version: Version, base: str) -> Resource:
    """A version; how it came is not kept, so that what made it is shown as an update."""
    name = f"{one.name.type}/{one.name.id}"
    entry: Resource = {"fullUrl": f"{base}/{name}"}
    if not one.deleted:
        entry["resource"] = served_back(one.content, one.version, one.received, version)
    entry["request"] = {"method": "DELETE" if one.deleted else "PUT", "url": name}
    if version == "r4":  # STU3 has none here (bdl-4)
        created = before is None or before.deleted
        status = PHRASES[204 if one.deleted else 201 if created else 200]
        moment = instant(one.received)
        entry["response"] = {"status": status, "etag": etag(one.version), "lastModified": moment}
    return entry


def _refused(code: str, text: str, place: str) -> InputError:
    return InputError(Issue("error", code, text, place=place))
