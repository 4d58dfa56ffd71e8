"""One interaction: what the address of a resource or type asks, and what is wrong with it by itself.

Nothing here reads a store.  Every fault is an issue with its place; none repeats a value.  Rules are those of
FHIR R4 (http.html); STU3 has the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.codecs import fhir_json, fhir_xml
from gateway.codecs.fhir_kinds import check_kinds
from gateway.codecs.fhir_types import Version, types
from gateway.codecs.limits import Limits
from gateway.errors import ContentError, InputError, Issue
from gateway.exchange.changes.asked import Asked, Interaction, Posted, Tree
from gateway.exchange.changes.conditions import parse_condition
from gateway.storage import normalise_bsn

ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')

NOT_KEPT = frozenset({"Bundle", "OperationOutcome", "Parameters"})
"""Resources that hold, or tell of, others: nobody's record has them."""


def alone(posted: Posted, version: Version, limits: Limits) -> Asked:
    """What a request at the address of a resource, or of its type, asks.  Raises `InputError`."""
    if not types(version).is_resource(posted.type) or posted.type in NOT_KEPT:
        raise refused("not-supported", "this resource type is not taken here", "")
    asked = Interaction(
        posted.method,
        posted.type,
        posted.id,
        None if posted.method == "DELETE" else decoded(posted, version, limits),
        expected=expected(posted.if_match, "If-Match"),
        condition=parse_condition(posted.type, posted.if_none_exist, "If-None-Exist"),
    )
    content = posted.content or f"DELETE {posted.type}/{posted.id}".encode()
    faults = tuple(faults_of(asked, "resourceType", posted.type))
    return Asked(version, "single", content, (asked,), faults=faults)


def is_bsn_like(text: str) -> bool:
    """True for what may be somebody's number: eight or nine digits that pass the eleven test."""
    try:
        return bool(normalise_bsn(text))
    except ContentError:
        return False


def decoded(posted: Posted, version: Version, limits: Limits) -> Tree:
    """The resource that was posted, found sound.  Raises `InputError`."""
    codec = fhir_json if posted.syntax == "json" else fhir_xml
    tree: Tree = codec.decode(posted.content, version, limits)
    check_kinds(tree, types(version))
    return tree


def faults_of(one: Interaction, place: str, kind: str) -> Iterator[Issue]:
    """What is wrong with an interaction by itself; `kind` is the type in its address."""
    if one.type in NOT_KEPT:
        yield Issue("error", "not-supported", "this resource type is not taken here", place)
    if one.resource is not None and one.resource["resourceType"] != kind:
        yield Issue("error", "invalid", "the resource is not of the type of its address", place)
    if not one.id:
        return
    where = place.replace("resourceType", "id") if one.resource is not None else ""
    if not ID.fullmatch(one.id):
        yield Issue("error", "value", "an id is 1 to 64 letters, digits, dots and dashes", where)
    elif is_bsn_like(one.id):
        yield Issue("error", "security", "an id may not be a citizen service number", where)
    if one.method == "PUT" and one.resource is not None and one.resource.get("id") != one.id:
        yield Issue("error", "invalid", "the id of the resource is not that of its address", where)


def expected(etag: str, place: str) -> int | None:
    """The version of an entity tag (http.html#concurrency); None when there is none."""
    if not etag:
        return None
    found = ETAG.fullmatch(etag.strip())
    if found is None:
        raise refused("value", 'a version is given as W/"1"', place)
    return int(found[1])


def refused(code: str, text: str, place: str) -> InputError:
    """An error of one issue."""
    return InputError(Issue("error", code, text, place=place))
