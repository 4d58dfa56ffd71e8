"""The record of a person as resources of one FHIR version, as far as a decision lets it through.

A PGO asks for one record in dozens of searches, one after another.  What was made for the first is kept for a
minute for the next, in memory, for few persons; it is made anew as soon as the record has grown or the
decision is another.  Every search is decided and logged all the same.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.codecs.fhir.elements import Version
from gateway.exchange.changes.answers import instant
from gateway.exchange.provenance import provenance
from gateway.exchange.record import Source, whole
from gateway.exchange.search import Resource
from gateway.mapping import Context, Translator
from gateway.policy import Decision, minimise_all
from gateway.storage import Database, FhirForm, Record, StoredDocument, documents_of, record_of

FORMATS: Mapping[Version, FhirForm] = {"r4": "fhir-r4", "stu3": "fhir-stu3"}

MOST = 32
"""How many records are kept."""


class Rendition(NamedTuple):
    """Resources, which nobody changes, and how many concepts and blocks a decision withheld."""

    resources: Sequence[Resource]
    withheld: int


class _Key(NamedTuple):
    person: str
    revision: int
    version: Version
    policy: str
    activity: str
    blocks: frozenset[str] | None


class Renditions:
    """Makes renditions and keeps the newest for `seconds`, 0: not at all; safe to share between threads."""

    def __init__(self, database: Database, translator: Translator, seconds: int) -> None:
        self._database, self._translator, self._seconds = database, translator, seconds
        self._kept: OrderedDict[_Key, tuple[float, Rendition]] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, person: str, revision: int, version: Version, decision: Decision, context: Context
    ) -> Rendition:
        """The record of a person (a pseudonym), of this revision or a newer one.

        Raises `Fault` when anything stored of it was altered.
        """
        key = _Key(person, revision, version, decision.policy, decision.activity, decision.blocks)
        found = self._get(key)
        if found is None:
            with self._database.read() as transaction:
                record = record_of(transaction, person)
                # who delivered is told to whom all of the record is open
                delivered = documents_of(transaction, person) if decision.blocks is None else ()
            found = self._make(record, delivered, person, version, decision, context)
            self._put(key._replace(revision=record.revision), found)
        return found

    def _make(
        self,
        record: Record,
        delivered: Sequence[StoredDocument],
        person: str,
        version: Version,
        decision: Decision,
        context: Context,
    ) -> Rendition:
        made = whole(record, lambda data, form: self._translator.read(data, context, form))
        own, withheld = minimise_all(made.blocks, decision)
        # A register may name what is withheld as the release that is written calls it.
        blocks, more = minimise_all(self._translator.crossed(own, FORMATS[version], context), decision)
        written = self._translator.write_blocks(blocks, FORMATS[version], context, person)
        sources = {name: made.sources[key] for name, key in written.keys.items() if key in made.sources}
        stamped = [_stamped(each, sources.get(_name(each))) for each in written.resources]
        return Rendition(stamped + _provenances(delivered, sources, version), len(withheld) + len(more))

    def _get(self, key: _Key) -> Rendition | None:
        with self._lock:
            made, found = self._kept.get(key, (0.0, None))
            if found is None or time.monotonic() - made > self._seconds:
                return None
            self._kept.move_to_end(key)
            return found

    def _put(self, key: _Key, found: Rendition) -> None:
        now = time.monotonic()
        with self._lock:
            for old in [old for old, (made, _) in self._kept.items() if self._is_over(old, made, key, now)]:
                del self._kept[old]
            if self._seconds:
                self._kept[key] = now, found
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def _is_over(self, old: _Key, made: float, new: _Key, now: float) -> bool:
        """True for what is too old, or of a record that has grown since."""
        return now - made > self._seconds or (old.person == new.person and old.revision < new.revision)


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _stamped(resource: Resource, source: Source | None) -> Resource:
    """A resource that says when, and as which version, it was received."""
    if source is None or not source.received:
        return resource
    meta = {"versionId": str(source.version), "lastUpdated": instant(source.received)}
    return resource | {"meta": meta | resource.get("meta", {})}


def _provenances(
    delivered: Sequence[StoredDocument], sources: Mapping[str, Source], version: Version
) -> list[Resource]:
    """Where the resources came from: one Provenance for each delivery that any of them is of."""
    targets: dict[str, list[str]] = {}
    for name, source in sources.items():
        targets.setdefault(source.document, []).append(name)
    return [provenance(each, targets[each.id], version) for each in delivered if each.id in targets]
