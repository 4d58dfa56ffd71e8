"""Whether what no row read of a resource changes what the rest of it means.

FHIR labels some elements Is Modifier (conformance rules, §isModifier).  Others are no less: a Dosage without
the limits that it had is another dose, and an Observation may be of somebody else than its subject.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gateway.mapping.carrying.packing import Mask
from gateway.mapping.modifiers import DEEP_MODIFIERS, MODIFIERS, affirms
from gateway.mapping.runtime.finding import items
from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]

WHAT: Final = ("medicationCodeableConcept",)
"""What a resource is about, where the zibs have a block of its own for that: without it nothing is said."""
DOSAGES: Final = ("dosage", "dosageInstruction")
OF_ALL_DOSAGES: Final = ("route", "additionalInstruction")
"""What InstructionsForUse says once for all of its dosages."""
NO_DOSE: Final = frozenset(
    ("extension", "text", "additionalInstruction", "patientInstruction", "site", "method")
)
"""Elements of a Dosage that leave how much is taken, and when, as it is."""
BESIDE: Final = frozenset(("extension", "type"))
"""Elements inside those that say nothing more of it: whether a dose was ordered or worked out."""


def modifies(resource: Tree, masks: dict[str, Mask], c: FhirReading) -> bool:
    """True when the rest of a resource is no rest: without it the other elements say something else."""
    unread = (
        name
        for name in masks.keys() & MODIFIERS
        if _is_unread(resource, name, c) and not affirms(name, resource[name])
    )
    return (
        any(unread)
        or "modifierExtension" in _names(masks, resource)
        or any(_denies(resource[name], c) for name in masks)
        or any(name in masks and _is_known(resource[name]) and _is_unread(resource, name, c) for name in WHAT)
        or _is_of_another(resource, c)
        or any(_doses_otherwise(items(resource, name), c) for name in DOSAGES)
    )


def _is_unread(element: Tree, name: str, c: FhirReading) -> bool:
    """True when a member, or anything in it, was read by no row."""
    inside = [each for each in items(element, name) if isinstance(each, dict)]
    if inside:
        return any(_is_unread(each, inner, c) for each in inside for inner in each)
    return _is_unmarked(element, name, 0, c)


def _denies(element: Any, c: FhirReading) -> bool:
    """True when a modifier inside an element was read by no row."""
    if isinstance(element, list):
        return any(_denies(each, c) for each in element)
    return isinstance(element, dict) and any(
        _is_unread(element, name, c) and not affirms(name, value)
        if name in DEEP_MODIFIERS
        else _denies(value, c)
        for name, value in element.items()
    )


def _is_known(concept: Any) -> bool:
    """True for a concept that is not only said to be unknown."""
    return isinstance(concept, dict) and ("coding" in concept or "text" in concept)


def _is_of_another(resource: Tree, c: FhirReading) -> bool:
    """True for an Observation about somebody or something else than its subject: a foetus, a donor.

    A condition of the subject is no other: earlier versions of nl-core pointed at one.
    """
    focus = [each for each in items(resource, "focus") if isinstance(each, dict)]
    others = [each for each in focus if "/Condition/" not in f"/{each.get('reference', '')}"]
    return bool(others) and _is_unread(resource, "focus", c)


def _doses_otherwise(dosages: list[Any], c: FhirReading) -> bool:
    """True when dosages written without what was not read would be others."""
    found = [each for each in dosages if isinstance(each, dict)]
    apart = any(each.get(name) != found[0].get(name) for each in found[1:] for name in OF_ALL_DOSAGES)
    texts = {each["text"] for each in found if "text" in each}
    return apart or len(texts) > 1 or any(_is_limited(each, c) for each in found)


def _is_limited(dosage: Tree, c: FhirReading) -> bool:
    """True for a dosage with a dose, a time or a condition that no row read."""
    timing = dosage.get("timing", {})
    named = {id(timing.get("code"))} if "repeat" in timing else set()  # a name of the times that it gives
    return any(
        name not in NO_DOSE and value is not False and _holds_unread(dosage, name, c, named)
        for name, value in dosage.items()
    )


def _holds_unread(element: Tree, name: str, c: FhirReading, but: set[int]) -> bool:
    """True when a member holds a value that no row read."""
    return any(
        any(inner not in BESIDE and _holds_unread(each, inner, c, but) for inner in each)
        if isinstance(each, dict)
        else _is_unmarked(element, name, i, c)
        for i, each in enumerate(items(element, name))
        if id(each) not in but
    )


def _is_unmarked(element: Tree, name: str, i: int, c: FhirReading) -> bool:
    known = c.marks.get(id(element), {})
    return name not in known and (name, i) not in known


def _names(mask: Mask, element: Any) -> Iterator[str]:
    """The names of all members that a mask reaches."""
    if isinstance(element, dict) and mask:
        for name, each in element.items():
            inner = mask if mask is True else mask.get(name)
            if inner:
                yield name
                yield from _names(inner, each)
    elif isinstance(element, list) and mask:
        masks = mask if isinstance(mask, list) else [True] * len(element)
        for each, inner in zip(element, masks, strict=True):
            yield from _names(inner, each)
