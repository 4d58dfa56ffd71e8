"""One interaction: what the address of a resource or type asks, and what is wrong with it by itself.

Nothing here reads a store.  Every fault is an issue with its place; none repeats a value.  Rules are those of
FHIR R4 (http.html); STU3 has the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.elements import Version, types
from gateway.codecs.fhir.kinds import check_kinds
from gateway.codecs.limits import Limits, check_size
from gateway.errors import ContentError, InputError, Issue
from gateway.exchange.binaries import BINARY, wrapped
from gateway.exchange.binaries import faults_of as faults_of_binary
from gateway.exchange.changes.asked import Asked, Interaction, Posted, Tree
from gateway.exchange.changes.conditions import Condition, is_bsn_system, parse_condition
from gateway.exchange.changes.preconditions import parse_expected
from gateway.exchange.changes.sound import broken
from gateway.storage import normalise_bsn

ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
UNUSABLE = (
    "this id cannot be chosen: it is not free, or could be a citizen service number; "
    "POST lets the gateway choose one"
)
"""One text for both, so that it does not tell whether anybody has a resource with this id."""

NOT_KEPT = frozenset({"Bundle", "OperationOutcome", "Parameters"})
"""Resources that hold, or tell of, others: nobody's record has them."""


def alone(posted: Posted, version: Version, limits: Limits) -> Asked:
    """What a request at the address of a resource, or of its type, asks.  Raises `InputError`."""
    if not types(version).is_resource(posted.type) or posted.type in NOT_KEPT:
        raise refused("not-supported", "this resource type is not taken here", "")
    resource = None if posted.method == "DELETE" else decoded(posted, version, limits)
    asked = Interaction(
        posted.method,
        posted.type,
        posted.id,
        resource,
        expected=parse_expected(posted.if_match, posted.if_none_match, ("If-Match", "If-None-Match")),
        condition=condition_of(
            posted.method, posted.type, (posted.search, "url"), (posted.if_none_exist, "If-None-Exist")
        ),
    )
    content = posted.content or f"DELETE {posted.type}/{posted.id}?{posted.search}".encode()
    faults = list(faults_of(asked, "resourceType", posted.type))
    if posted.method != "POST":
        faults += _address_faults(asked.condition)
    base = broken(resource, posted, version) if resource is not None else ()
    return Asked(version, "single", content, (asked,), faults=tuple(faults), base=base)


def condition_of(
    method: str, kind: str, search: tuple[str, str], if_none_exist: tuple[str, str]
) -> Condition | None:
    """What must be met, or not for a create, from the two texts that may say so, each with its place.

    Raises `InputError`.
    """
    if method == "POST":
        return parse_condition(kind, *if_none_exist)
    if if_none_exist[0]:
        raise refused("not-supported", "If-None-Exist is for a create", if_none_exist[1])
    return parse_condition(kind, *search)


def _address_faults(condition: Condition | None) -> Iterator[Issue]:
    """No BSN stands in an address: those end up in logs along the way."""
    if condition is None:
        return
    numbers = {value for system, value in condition.tokens if not system} | condition.patients
    if condition.bsn or any(map(is_bsn_like, numbers)):
        yield Issue("error", "security", "a BSN may not stand in an address", "url")


def is_bsn_like(text: str) -> bool:
    """True for what may be somebody's number: eight or nine digits that pass the eleven test."""
    try:
        return bool(normalise_bsn(text))
    except ContentError:
        return False


def decoded(posted: Posted, version: Version, limits: Limits) -> Tree:
    """The resource that was posted, found sound.  Raises `InputError`."""
    if posted.media:
        check_size(posted.content, limits)
        return wrapped(posted.content, posted.media, posted.context, version, posted.id)
    codec = fhir_json if posted.syntax == "json" else fhir_xml
    tree: Tree = codec.decode(posted.content, version, limits)
    check_kinds(tree, types(version), posted.content)
    return tree


def faults_of(one: Interaction, place: str, kind: str) -> Iterator[Issue]:
    """What is wrong with an interaction by itself; `kind` is the type in its address."""
    if one.type in NOT_KEPT:
        yield Issue("error", "not-supported", "this resource type is not taken here", place)
    if one.resource is not None and one.resource["resourceType"] != kind:
        yield Issue("error", "invalid", "the resource is not of the type of its address", place)
    if one.type == BINARY and one.resource is not None:
        yield from faults_of_binary(one.resource, one.place)
    yield from _condition_faults(one)
    where = place.replace("resourceType", "id") if one.resource is not None else ""
    if one.chosen and not ID.fullmatch(one.chosen):
        yield Issue("error", "value", "an id is 1 to 64 letters, digits, dots and dashes", where)
    elif is_bsn_like(one.chosen) or is_bsn_system(one.chosen):
        yield unusable(where)
    if one.id and one.resource is not None and one.resource.get("id") != one.id:
        yield Issue("error", "invalid", "the id of the resource is not that of its address", where)


def unusable(place: str) -> Issue:
    """What is said of an id that its sender cannot have."""
    return Issue("error", "business-rule", UNUSABLE, place)


def _condition_faults(one: Interaction) -> Iterator[Issue]:
    """An update or deletion without an id needs a condition; what is created has no version to expect."""
    if one.method in ("PUT", "DELETE") and not one.id and one.condition is None:
        text = "what is updated or deleted is named by its id, or by a condition"
        yield Issue("error", "required", text, one.condition_place)
    if one.expected is not None and (
        one.method == "POST" or (one.method == "DELETE" and one.expected.absent)
    ):
        text = "If-Match is for updates and deletions, If-None-Match for updates"
        yield Issue("error", "not-supported", text, one.condition_place.rpartition(".")[0])


def refused(code: str, text: str, place: str) -> InputError:
    """An error of one issue."""
    return InputError(Issue("error", code, text, place=place))
