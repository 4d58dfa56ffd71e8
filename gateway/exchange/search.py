"""Search the resources of one person, in memory (FHIR search; MedMij asks for one person at a time).

    _id category class code status type   tokens, on resource types that have the element
    patient, subject                      the person's own Patient, and nobody else's
    _include=Type:parameter[:Target]      what a match refers to, within the record

A known parameter with a modifier is refused: to ignore `code:not` would widen the answer.  Unknown ones are
ignored or refused, as `Prefer: handling` says; what was handled stands in the self link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gateway.codecs.fhir_types import FhirTypes
from gateway.errors import ContentError, Denied, InputError, Issue
from gateway.exchange.person import BSN_SYSTEMS
from gateway.storage import normalise_bsn

Resource = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

TOKENS = {"_id": "id"} | {name: name for name in ("category", "class", "code", "status", "type")}
"""Token parameters and their elements."""

PERSON = ("patient", "subject")
IDS = ("_id", *PERSON)

ELEMENTS = {
    "device": ("device", "codeReference"),
    "medication": ("medicationReference",),
    "patient": ("patient", "subject", "beneficiary"),
    "related-target": ("related",),
}
"""Reference parameters whose element is not just the camelCase of their name."""

MAX_VALUES = 200
"""Most values of all parameters together."""


@dataclass(frozen=True, slots=True)
class Token:
    """A value of a token parameter: `code` ("": any), `system` (None: any, "": none)."""

    code: str
    system: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """A search on one resource type, understood.

    `tokens` are (element, values): all must hold, by any of their values.  `patients` are ids that must be
    the person's.  `includes` are (elements, target type or "").  `handled` are the parameters that count.
    """

    type: str
    tokens: tuple[tuple[str, tuple[Token, ...]], ...] = ()
    patients: tuple[str, ...] = ()
    includes: tuple[tuple[tuple[str, ...], str], ...] = ()
    handled: tuple[tuple[str, str], ...] = ()

    def query(self) -> str:
        """What was handled, as a query string."""
        return "&".join(f"{name}={quote(value, safe=',|:/')}" for name, value in self.handled)

    def run(self, resources: Sequence[Resource]) -> tuple[list[Resource], list[Resource]]:
        """The matches, and what they include besides.  Raises `Denied` when it asks for another person."""
        own = {each["id"] for each in resources if each["resourceType"] == "Patient"}
        if not own.issuperset(self.patients):
            raise Denied(Issue("error", "forbidden", "this is not the person of the token"))
        matches = [each for each in resources if each["resourceType"] == self.type and self._holds(each)]
        return matches, self._included(matches, resources)

    def _holds(self, resource: Resource) -> bool:
        return all(
            any(_matches(value, token) for value in _items(resource.get(element)) for token in tokens)
            for element, tokens in self.tokens
        )

    def _included(self, matches: list[Resource], resources: Sequence[Resource]) -> list[Resource]:
        wanted = {
            reference
            for elements, target in self.includes
            for match in matches
            for element in elements
            for reference in _references(match.get(element))
            if reference.startswith(f"{target}/" if target else "")
        }
        there = {id(match) for match in matches}
        return [
            each
            for each in resources
            if f"{each['resourceType']}/{each['id']}" in wanted and id(each) not in there
        ]


def parse(
    kind: str, parameters: Parameters, types: FhirTypes, base: str, bsn: str, *, strict: bool = False
) -> Search:
    """The search of a query string on a resource type.

    `base` is that of the gateway's own references, `bsn` that of the caller's person, which may not stand in
    a query.  Raises `InputError` for that, for a known parameter that cannot be met and, when `strict`, for
    unknown parameters.
    """
    _check(parameters, bsn)
    tokens: list[tuple[str, tuple[Token, ...]]] = []
    patients: list[str] = []
    includes: list[tuple[tuple[str, ...], str]] = []
    handled: list[tuple[str, str]] = []
    issues: list[Issue] = []
    for name, value in parameters:
        stem, _, modifier = name.partition(":")
        if element := _element(kind, TOKENS.get(stem, ""), types):
            tokens.append((element, tuple(_tokens(value))))
        elif stem in PERSON and _has_person(kind, types):
            patients += (_local(each, base) for each in _split(value, ","))
        elif name == "_include" and (include := _include(kind, value, types)):
            includes.append(include)
        else:
            if strict:
                issues.append(_issue("not-supported", "this parameter is not supported", name))
            continue
        if modifier:
            issues.append(_issue("not-supported", "this modifier is not supported", name))
        handled.append((name, value))
    if issues:
        raise InputError(*issues)
    return Search(kind, tuple(tokens), tuple(patients), tuple(includes), tuple(handled))


def parameters_of(kind: str, types: FhirTypes) -> list[str]:
    """The names of the parameters that a resource type can be searched by."""
    tokens = [name for name, element in TOKENS.items() if _element(kind, element, types)]
    return [*tokens, *(PERSON[:1] if _has_person(kind, types) else ())]


def _has_person(kind: str, types: FhirTypes) -> bool:
    return any(types.child(kind, element) is not None for element in ELEMENTS["patient"])


def _check(parameters: Parameters, bsn: str) -> None:
    """Refuse what is too much, and what names a person by number: queries end up in logs along the way."""
    if len(parameters) + sum(value.count(",") for _, value in parameters) > MAX_VALUES:
        raise InputError(_issue("too-costly", f"a search has at most {MAX_VALUES} values", ""))
    for name, value in parameters:
        stem = name.partition(":")[0]
        plain = re.sub(r"[ .-]", "", value)
        named = stem in IDS and any(map(_is_bsn, value.split(",")))  # a code may look like one
        if named or any(system in value for system in BSN_SYSTEMS) or (bsn and bsn.lstrip("0") in plain):
            raise InputError(_issue("security", "a BSN may not stand in a query", stem))


def _is_bsn(text: str) -> bool:
    try:
        return bool(normalise_bsn(text.rpartition("/")[2]))
    except ContentError:
        return False


def _element(kind: str, name: str, types: FhirTypes) -> str:
    return name if name and types.child(kind, name) is not None else ""


def _include(kind: str, value: str, types: FhirTypes) -> tuple[tuple[str, ...], str] | None:
    """Elements and target type of `Type:parameter[:Target]`; None when the type has no such reference."""
    source, _, rest = value.partition(":")
    name, _, target = rest.partition(":")
    if source != kind or not name:
        return None
    camel = re.sub(r"-(\w)", lambda found: found[1].upper(), name)
    elements = tuple(e for e in ELEMENTS.get(name, (camel,)) if types.child(kind, e) is not None)
    return (elements, target) if elements else None


def _tokens(value: str) -> Iterator[Token]:
    for each in _split(value, ","):
        parts = _split(each, "|")
        yield Token(parts[-1], None) if len(parts) == 1 else Token(parts[1], parts[0])


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that are not escaped (FHIR search §escaping), without their escapes."""
    parts = re.split(rf"(?<!\\){re.escape(mark)}", text)
    return parts if mark == "," else [re.sub(r"\\([,|$\\])", r"\1", part) for part in parts]


def _local(reference: str, base: str) -> str:
    """The id of a reference to a Patient of this gateway; anything else stays what it is, and is no id."""
    return reference.removeprefix(f"{base}/").removeprefix("Patient/")


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _matches(value: Any, token: Token) -> bool:
    """True when a code, Coding or CodeableConcept is what the token says."""
    if isinstance(value, dict) and "coding" in value:
        return any(_matches(coding, token) for coding in value["coding"])
    code, system = (value.get("code"), value.get("system", "")) if isinstance(value, dict) else (value, "")
    return token.code in ("", code) and token.system in (None, system)


def _references(value: Any) -> Iterator[str]:
    """Every literal reference in an element."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            if isinstance(each, dict | list):
                yield from _references(each)


def _issue(code: str, text: str, place: str) -> Issue:
    return Issue("error", code, text, place=place)
