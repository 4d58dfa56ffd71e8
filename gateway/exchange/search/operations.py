"""Operations that are searches of another kind, and the document of a Composition.

Observation/$lastn?max=2&code=…                     the newest of each code, of what the search finds
Patient/{id}/$everything?_type=…&_since=…&start=…   the whole record of the person
Composition/{id}/$document                          a Bundle that can be read by itself
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.codecs.fhir.elements import Version
from gateway.exchange.search import dates
from gateway.exchange.search.definitions import Definition
from gateway.exchange.search.paths import references
from gateway.exchange.search.query import Search, read
from gateway.exchange.search.record import Record, Resource, name_of
from gateway.exchange.search.scope import Parameters, Scope, check
from gateway.exchange.search.values import alternatives, number, refused

MAX_LAST = 1_000
"""Most Observations of one code in a `$lastn`."""

CARE_DATES = (
    "authoredon",
    "date",
    "period",
    "occurrence",
    "effective",
    "whenhandedover",
    "onset-date",
    "created",
)
"""Parameters that say when care was given, the best first: what `start` and `end` of `$everything` test."""


def parse_lastn(parameters: Parameters, scope: Scope) -> Search:
    """The search of `Observation/$lastn`: any search, and `max` for how many of each code (default 1).

    Raises `InputError` as `parse` does.
    """
    start = Search("Observation/$lastn", scope, ("Observation",), last=1)
    return read(start, "Observation", parameters, own=[_max])


def parse_everything(patient: str, parameters: Parameters, scope: Scope) -> Search:
    """The search of `Patient/{id}/$everything`; every resource of the record is the person's.

    `_since` is by `meta.lastUpdated`; `start` and `end` by the day of care, where a resource has one.
    Raises `InputError` as `parse` does; run, it raises `Denied` when the Patient is another one.
    """
    check([("_id", patient)], scope.bsn)
    start = Search(f"Patient/{patient}/$everything", scope, patients=(patient,))
    return read(start, "Resource", parameters, own=[_type, _since, _care])


def document(composition: Resource, resources: Sequence[Resource], scope: Scope) -> Resource:
    """The Bundle of a Composition: it comes first, then all that it refers to, directly or not, each once.

    The id follows from the address of the Composition and the moment.  A reference that leads out of the
    record is left as it is.
    """
    record = Record(resources, scope.base)
    names = {name_of(composition): composition}
    queue = [composition]
    for each in queue:
        for reference in references(each):
            found = record.find(reference)
            if found is not None and name_of(found) not in names:
                names[name_of(found)] = found
                queue.append(found)
    moment = scope.now.isoformat(timespec="milliseconds")
    number = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.base}/{name_of(composition)} {moment}"))
    entries = [{"fullUrl": f"{scope.base}/{name}", "resource": each} for name, each in names.items()]
    return _head(number, moment, scope.types.version) | {"entry": entries}


def _head(number: str, moment: str, version: Version) -> dict[str, Any]:
    """`timestamp` is an element of R4, where a document must have it (bdl-10)."""
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": number,
        "meta": {"lastUpdated": moment},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{number}"},
        "type": "document",
    }
    return head | {"timestamp": moment} if version == "r4" else head


def _max(search: Search, kind: str, name: str, value: str) -> Search | None:
    return replace(search, last=number(name, value, MAX_LAST, 1)) if name == "max" else None


def _type(search: Search, kind: str, name: str, value: str) -> Search | None:
    if name != "_type" or not (kinds := alternatives(value)):
        return None
    if not all(map(search.scope.types.is_resource, kinds)):
        raise refused(name, "no such resource type", "not-supported")
    return replace(search, kinds=tuple(dict.fromkeys(kinds)))


def _since(search: Search, kind: str, name: str, value: str) -> Search | None:
    if name != "_since":
        return None
    definition = search.scope.definitions.of("Resource")["_lastUpdated"]
    test = dates.matching(name, [f"ge{value}"], search.scope.zone, search.scope.now)

    def holds(resource: Resource, _: Record) -> bool:
        return any(test(kind, each) for kind, each in definition.values(resource))

    return replace(search, filters=(*search.filters, holds))


def _care(search: Search, kind: str, name: str, value: str) -> Search | None:
    if name not in ("start", "end"):
        return None
    test = dates.matching(
        name, [("ge" if name == "start" else "le") + value], search.scope.zone, search.scope.now
    )

    def holds(resource: Resource, _: Record) -> bool:
        definition = care_date(resource["resourceType"], search.scope)
        values = list(definition.values(resource)) if definition else []
        return not values or any(test(kind, value) for kind, value in values)

    return replace(search, filters=(*search.filters, holds))


def care_date(kind: str, scope: Scope) -> Definition | None:
    """The parameter that says when care was given; None for a type that has none, like a Patient."""
    known = scope.definitions.of(kind)
    return next((known[name] for name in CARE_DATES if name in known and known[name].type == "date"), None)
