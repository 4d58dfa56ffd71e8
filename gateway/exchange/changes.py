"""What a caller wants changed, as it came in: one resource, or the entries of a Bundle.

    transaction          all of its interactions or none
    batch                each interaction by itself
    document, message    one delivery; its resources are kept under ids of the gateway

Nothing here reads a store.  Every fault is an issue with its place; none repeats a value.  Rules are those of
FHIR R4 (http.html, bundle.html); STU3 has the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gateway.codecs import fhir_json, fhir_xml
from gateway.codecs.fhir_base import faults_of
from gateway.codecs.fhir_kinds import check_kinds
from gateway.codecs.fhir_places import placed
from gateway.codecs.fhir_tolerated import as_received
from gateway.codecs.fhir_types import Version, types
from gateway.codecs.limits import Limits
from gateway.errors import ContentError, InputError, Issue
from gateway.exchange.answers import Syntax
from gateway.exchange.changes_conditions import Condition, parse_condition
from gateway.storage import normalise_bsn

Tree = dict[str, Any]
Method = Literal["POST", "PUT", "DELETE", "KEEP"]
"""KEEP is what a document or message asks for each of its resources."""

Kind = Literal["single", "transaction", "entry", "document"]
"""What an exchange is about; an entry is one of a batch."""

ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]")
ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')
MAX_ENTRIES = 5_000
"""Most entries of a Bundle."""

NOT_KEPT = frozenset({"Bundle", "OperationOutcome", "Parameters"})
"""Resources that hold, or tell of, others: nobody's record has them."""

FIRST = {"document": "Composition", "message": "MessageHeader"}
"""What the first resource of a Bundle is (bdl-11, bdl-12)."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A request: `type` and `id` are those of its address, "" where it has none.

    `if_match` and `if_none_exist` are the headers of those names.
    """

    method: Method
    content: bytes = field(default=b"", repr=False)
    syntax: Syntax = "json"
    type: str = ""
    id: str = ""
    if_match: str = ""
    if_none_exist: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Interaction:
    """One resource to create, update, delete or keep.

    `entry` is its number in the Bundle, -1 when it came alone.  `expected` is the version that must hold,
    None when that does not matter; with a `condition` it is created only when nothing meets that.
    """

    method: Method
    type: str
    id: str = ""
    resource: Tree | None = field(default=None, repr=False)
    entry: int = -1
    full_url: str = ""
    expected: int | None = None
    condition: Condition | None = None

    @property
    def place(self) -> str:
        """Where its resource stands in what was received."""
        return self.type if self.entry < 0 else f"Bundle.entry[{self.entry}].resource"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one exchange is to change.

    `identifier` is the sender's own for all of it, "" when a repetition is another change.  Where there are
    `faults` nothing of it may happen.
    """

    version: Version
    kind: Kind
    content: bytes = field(repr=False)
    interactions: tuple[Interaction, ...]
    identifier: str = ""
    faults: tuple[Issue, ...] = ()
    base: tuple[Issue, ...] = ()
    """What of base FHIR it breaks; a warning where it may come in all the same."""

    @property
    def seed(self) -> str:
        """What identifies it by its bytes: 32 hex digits."""
        return hashlib.sha256(self.content).hexdigest()[:32]

    @property
    def summary(self) -> str:
        """What is asked, as it may stand in the log."""
        if self.kind in ("transaction", "document"):
            return f"{self.version} {self.kind} of {len(self.interactions)}"
        return " ".join((self.version, *(f"{one.method} {one.type}" for one in self.interactions)))

    def check(self) -> None:
        """Raises `InputError` when it cannot be asked, `ContentError` when base FHIR does not have it so."""
        broken = [issue for issue in self.base if issue.severity == "error"]
        if self.faults:
            places = {issue.place for issue in self.faults}
            raise InputError(*self.faults, *(issue for issue in broken if issue.place not in places))
        if broken:
            raise ContentError(*broken)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """What of base FHIR is wrong and does not keep it out."""
        return tuple(issue for issue in self.base if issue.severity == "warning")


def alone(posted: Posted, version: Version, limits: Limits) -> Asked:
    """What a request at the address of a resource, or of its type, asks.  Raises `InputError`."""
    if not types(version).is_resource(posted.type) or posted.type in NOT_KEPT:
        raise _refused("not-supported", "this resource type is not taken here", "")
    resource = None if posted.method == "DELETE" else _decoded(posted, version, limits)
    asked = Interaction(
        posted.method,
        posted.type,
        posted.id,
        resource,
        expected=_expected(posted.if_match, "If-Match"),
        condition=parse_condition(posted.type, posted.if_none_exist, "If-None-Exist"),
    )
    content = posted.content or f"DELETE {posted.type}/{posted.id}".encode()
    faults = tuple(_faults(asked, "resourceType", posted.type))
    base = _base(resource, posted, version) if resource is not None else ()
    return Asked(version, "single", content, (asked,), faults=faults, base=base)


def together(posted: Posted, version: Version, base: str, limits: Limits) -> Asked | list[Asked]:
    """What a Bundle asks; of a batch one for each entry.

    Raises `InputError` when it is no Bundle of a kind that is taken; what is wrong with an entry stands in
    `faults`.
    """
    tree = _decoded(posted, version, limits)
    if tree["resourceType"] != "Bundle":
        raise _refused("invalid", "what is posted here is a Bundle", tree["resourceType"])
    kind, entries = tree.get("type"), tree.get("entry", [])
    if not 0 < len(entries) <= MAX_ENTRIES:
        raise _refused("too-costly", f"a Bundle has 1 to {MAX_ENTRIES} entries", "Bundle.entry")
    if kind in FIRST:
        return replace(_document(posted, tree, version), base=_base(tree, posted, version))
    if kind not in ("transaction", "batch"):
        raise _refused("not-supported", "a Bundle of this type is not taken here", "Bundle.type")
    read = [_entry(each, number, base) for number, each in enumerate(entries)]
    if kind == "batch":
        bases = _bases(tree, posted, version)
        return [_apart(*each, version) for each in zip(read, entries, bases, strict=True)]
    interactions = tuple(each for each in read if isinstance(each, Interaction))
    faults = [issue for each in read if isinstance(each, InputError) for issue in each.issues]
    faults += _twice(interactions)
    own, broken = _identifier(tree), _base(tree, posted, version)
    return Asked(version, "transaction", posted.content, interactions, own, tuple(faults), broken)


def is_bsn_like(text: str) -> bool:
    """True for what may be somebody's number: eight or nine digits that pass the eleven test."""
    try:
        return bool(normalise_bsn(text))
    except ContentError:
        return False


def _decoded(posted: Posted, version: Version, limits: Limits) -> Tree:
    codec = fhir_json if posted.syntax == "json" else fhir_xml
    tree: Tree = codec.decode(posted.content, version, limits)
    check_kinds(tree, types(version), posted.content)
    return tree


def _base(tree: Tree, posted: Posted, version: Version) -> tuple[Issue, ...]:
    return tuple(as_received(faults_of(tree, version, posted.content)))


def _bases(tree: Tree, posted: Posted, version: Version) -> list[tuple[Issue, ...]]:
    """What each entry of a batch breaks.  Raises `ContentError` for what the Bundle does itself."""
    around = {name: member for name, member in tree.items() if name != "entry"}
    if broken := [issue for issue in _base(around, posted, version) if issue.severity == "error"]:
        raise ContentError(*broken)
    found = [
        replace(issue, place=f"Bundle.entry[{number}]{issue.place.removeprefix('Bundle.entry[0]')}")
        for number, entry in enumerate(tree["entry"])
        for issue in faults_of({**around, "entry": [entry]}, version)
    ]
    shares: list[list[Issue]] = [[] for _ in tree["entry"]]
    for issue in as_received(placed(found, posted.content)):
        entry = ENTRY.match(issue.place)
        if entry is not None:
            shares[int(entry[1])].append(issue)
    return [tuple(share) for share in shares]


def _document(posted: Posted, tree: Tree, version: Version) -> Asked:
    """A document or message: each of its resources is kept."""
    interactions, faults = [], []
    for number, entry in enumerate(tree["entry"]):
        resource = entry.get("resource")
        if resource is None or resource["resourceType"] in NOT_KEPT:
            place = f"Bundle.entry[{number}].resource"
            faults.append(Issue("error", "invalid", "a resource that can be kept is expected here", place))
            continue
        one = Interaction("KEEP", resource["resourceType"], "", resource, number, entry.get("fullUrl", ""))
        interactions.append(one)
    first = FIRST[tree["type"]]
    if not interactions or interactions[0].entry or interactions[0].type != first:
        text = f"a {tree['type']} begins with a {first}"
        faults.append(Issue("error", "invariant", text, "Bundle.entry[0].resource"))
    faults += _twice(interactions)
    identifier = _identifier(tree) or tree.get("id", "")
    return Asked(version, "document", posted.content, tuple(interactions), identifier, tuple(faults))


def _entry(entry: Tree, number: int, base: str) -> Interaction | InputError:
    """The interaction of an entry, or what is wrong with it."""
    try:
        found, kind = _requested(entry, number, base)
    except InputError as error:
        return error
    faults = list(_faults(found, f"Bundle.entry[{number}].resource.resourceType", kind))
    return InputError(*faults) if faults else found


def _requested(entry: Tree, number: int, base: str) -> tuple[Interaction, str]:
    """The interaction of an entry, and the type in its address.  Raises `InputError`."""
    place = f"Bundle.entry[{number}].request"
    request, resource = entry.get("request", {}), entry.get("resource")
    method, url = request.get("method"), request.get("url", "").removeprefix(f"{base}/")
    if method not in ("POST", "PUT", "DELETE"):
        raise _refused(
            "not-supported", "an entry creates (POST), updates (PUT) or deletes", f"{place}.method"
        )
    kind, _, name = url.partition("/")
    if not re.fullmatch(r"[A-Za-z]+", kind) or (method == "POST") != (not name):
        wanted = "the type" if method == "POST" else "Type/id"
        raise _refused("not-supported", f"the url of a {method} is {wanted}", f"{place}.url")
    if (resource is None) != (method == "DELETE"):
        text = "a resource is expected here" if resource is None else "a deletion has no resource"
        raise _refused("invalid", text, f"Bundle.entry[{number}].resource")
    found = Interaction(
        method,
        resource["resourceType"] if resource else kind,
        name,
        resource,
        number,
        entry.get("fullUrl", ""),
        _expected(request.get("ifMatch", ""), f"{place}.ifMatch"),
        parse_condition(kind, request.get("ifNoneExist", ""), f"{place}.ifNoneExist"),
    )
    return found, kind


def _apart(one: Interaction | InputError, entry: Tree, base: tuple[Issue, ...], version: Version) -> Asked:
    """An entry of a batch, as an exchange of its own."""
    content = fhir_json.encode(entry, version)
    if isinstance(one, InputError):
        return Asked(version, "entry", content, (), faults=tuple(one.issues), base=base)
    return Asked(version, "entry", content, (one,), base=base)


def _faults(one: Interaction, place: str, kind: str) -> Iterator[Issue]:
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


def _twice(interactions: Sequence[Interaction]) -> Iterator[Issue]:
    """An issue for each entry that says what an entry before it says (bdl-7; http.html#transaction)."""
    seen: set[tuple[Any, ...]] = set()
    for one in interactions:
        for word, where, name in _names(one):
            if name in seen:
                place = f"Bundle.entry[{one.entry}].{where}"
                yield Issue("error", "duplicate", f"an entry before has the same {word}", place)
            seen.add(name)


def _names(one: Interaction) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """What only one entry may be called: the word for it, where it stands, and what."""
    if one.full_url:
        yield "fullUrl", "fullUrl", ("url", one.full_url)
    if one.method == "KEEP" and not one.full_url and one.resource and "id" in one.resource:
        yield "identity", "resource.id", ("id", one.type, one.resource["id"])
    if one.id:
        yield "identity", "request.url", ("id", one.type, one.id)
    if one.condition is not None:
        yield "condition", "request.ifNoneExist", ("condition", one.type, one.condition)


def _expected(etag: str, place: str) -> int | None:
    """The version of an entity tag (http.html#concurrency); None when there is none."""
    if not etag:
        return None
    found = ETAG.fullmatch(etag.strip())
    if found is None:
        raise _refused("value", 'a version is given as W/"1"', place)
    return int(found[1])


def _identifier(bundle: Tree) -> str:
    found = bundle.get("identifier", {})
    return "|".join((found.get("system", ""), found["value"])) if found.get("value") else ""


def _refused(code: str, text: str, place: str) -> InputError:
    return InputError(Issue("error", code, text, place=place))
