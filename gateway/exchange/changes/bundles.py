"""The entries of a Bundle as interactions.

    transaction          all of its interactions or none
    batch                each interaction by itself
    document, message    one delivery; its resources are kept under ids of the gateway

Nothing here reads a store.  Rules are those of FHIR R4 (http.html, bundle.html); STU3 has the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.codecs.limits import Limits
from gateway.errors import InputError, Issue
from gateway.exchange.changes.asked import Asked, Interaction, Look, Posted, Tree
from gateway.exchange.changes.preconditions import parse_expected
from gateway.exchange.changes.single import NOT_KEPT, condition_of, decoded, faults_of, refused
from gateway.exchange.changes.sound import broken, broken_apart
from gateway.exchange.questions import Question

MAX_ENTRIES = 5_000
"""Most entries of a Bundle."""

MAX_LOOKS = 50
"""Most questions in it: each may bring a whole record."""

_ASKED = re.compile(
    r"(?P<type>[A-Za-z]+)(?:/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/(?P<version>[0-9]{1,9}))?)?"
    r"(?:\?(?P<query>.*))?"
)

FIRST = {"document": "Composition", "message": "MessageHeader"}
"""What the first resource of a Bundle is (bdl-11, bdl-12)."""


def together(posted: Posted, version: Version, base: str, limits: Limits) -> Asked | list[Asked | Look]:
    """What a Bundle asks; of a batch, each entry by itself.

    Raises `InputError` when it is no Bundle of a kind that is taken; what is wrong with an entry stands in
    `faults`.
    """
    tree = decoded(posted, version, limits)
    if tree["resourceType"] != "Bundle":
        raise refused("invalid", "what is posted here is a Bundle", tree["resourceType"])
    kind, entries = tree.get("type"), tree.get("entry", [])
    if not 0 < len(entries) <= MAX_ENTRIES:
        raise refused("too-costly", f"a Bundle has 1 to {MAX_ENTRIES} entries", "Bundle.entry")
    if kind in FIRST:
        return replace(_document(posted, tree, version), base=broken(tree, posted, version))
    if kind not in ("transaction", "batch"):
        raise refused("not-supported", "a Bundle of this type is not taken here", "Bundle.type")
    form = Question(version, "", strict=posted.strict)
    read = [_entry(each, number, base, form) for number, each in enumerate(entries)]
    looks = tuple(each for each in read if isinstance(each, Look))
    if len(looks) > MAX_LOOKS:
        raise refused("too-costly", f"a Bundle has at most {MAX_LOOKS} questions", "Bundle.entry")
    if kind == "batch":
        bases = broken_apart(tree, posted, version)
        return [_apart(*each, version) for each in zip(read, entries, bases, strict=True)]
    interactions = tuple(each for each in read if isinstance(each, Interaction))
    faults = [issue for each in read if isinstance(each, InputError) for issue in each.issues]
    faults += _twice(interactions)
    return Asked(
        version,
        "transaction",
        posted.content,
        interactions,
        _identifier(tree),
        tuple(faults),
        looks,
        broken(tree, posted, version),
    )


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


def _entry(entry: Tree, number: int, base: str, form: Question) -> Interaction | Look | InputError:
    """The interaction or question of an entry, or what is wrong with it."""
    try:
        if entry.get("request", {}).get("method") == "GET":
            return _look(entry, number, base, form)
        found, kind = _requested(entry, number, base)
    except InputError as error:
        return error
    faults = list(faults_of(found, f"Bundle.entry[{number}].resource.resourceType", kind))
    return InputError(*faults) if faults else found


def _look(entry: Tree, number: int, base: str, form: Question) -> Look:
    """The question of an entry; `form` is one of the same FHIR version.  Raises `InputError`."""
    found = _ASKED.fullmatch(entry["request"].get("url", "").removeprefix(f"{base}/"))
    if found is None or (found["id"] and found["query"]):
        text = "the url of a GET is Type?…, Type/id or Type/id/_history/version"
        raise refused("not-supported", text, f"Bundle.entry[{number}].request.url")
    if "resource" in entry:
        raise refused("invalid", "a question has no resource", f"Bundle.entry[{number}].resource")
    pairs = parse_qsl(found["query"] or "", keep_blank_values=True)
    asked = replace(
        form,
        type=found["type"],
        parameters=tuple(pair for pair in pairs if pair[0] != "_format"),
        id=found["id"] or "",
        version_id=int(found["version"]) if found["version"] else None,
    )
    return Look(number, asked)


def _requested(entry: Tree, number: int, base: str) -> tuple[Interaction, str]:
    """The interaction of an entry, and the type in its address.  Raises `InputError`."""
    place = f"Bundle.entry[{number}].request"
    request, resource = entry.get("request", {}), entry.get("resource")
    method, url = request.get("method"), request.get("url", "").removeprefix(f"{base}/")
    if method not in ("POST", "PUT", "DELETE"):
        raise refused("not-supported", "an entry is a POST, PUT, DELETE or GET", f"{place}.method")
    address, _, search = url.partition("?")
    kind, _, name = address.partition("/")
    named = (not name and not search) if method == "POST" else (bool(name) != bool(search))
    if not re.fullmatch(r"[A-Za-z]+", kind) or not named:
        wanted = "the type" if method == "POST" else "Type/id or Type?identifier=…"
        raise refused("not-supported", f"the url of a {method} is {wanted}", f"{place}.url")
    if (resource is None) != (method == "DELETE"):
        text = "a resource is expected here" if resource is None else "a deletion has no resource"
        raise refused("invalid", text, f"Bundle.entry[{number}].resource")
    found = Interaction(
        method,
        resource["resourceType"] if resource else kind,
        name,
        resource,
        number,
        entry.get("fullUrl", ""),
        parse_expected(
            request.get("ifMatch", ""),
            request.get("ifNoneMatch", ""),
            (f"{place}.ifMatch", f"{place}.ifNoneMatch"),
        ),
        condition_of(
            method,
            kind,
            (search, f"{place}.url"),
            (request.get("ifNoneExist", ""), f"{place}.ifNoneExist"),
        ),
    )
    return found, kind


def _apart(
    one: Interaction | Look | InputError, entry: Tree, base: tuple[Issue, ...], version: Version
) -> Asked | Look:
    """An entry of a batch, as an exchange of its own."""
    if isinstance(one, Look):
        return one
    content = fhir_json.encode(entry, version)
    if isinstance(one, InputError):
        return Asked(version, "entry", content, (), faults=tuple(one.issues), base=base)
    return Asked(version, "entry", content, (one,), base=base)


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
        yield "condition", one.condition_place.partition("].")[2], ("condition", one.type, one.condition)


def _identifier(bundle: Tree) -> str:
    found = bundle.get("identifier", {})
    return "|".join((found.get("system", ""), found["value"])) if found.get("value") else ""
