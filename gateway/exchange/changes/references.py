"""What resources refer to: each other, what their sender delivered before, or something elsewhere.

A reference is read as FHIR resolves it in a Bundle (bundle.html#references): a full URL; else, beside a full
URL that is an address, relative to that; else `Type/id` of an entry.  What is not in the Bundle and is
`Type/id`, relative or under the gateway's own base, is on the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gateway.exchange.changes.asked import Interaction
from gateway.storage import FhirForm, ResourceName

Tree = dict[str, Any]

LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?")
ADDRESS = re.compile(r"(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
POINTS = ("reference", "url")
"""Members that hold an address: of a Reference, and of an Attachment."""


class Names:
    """The entries of a delivery by what refers to them."""

    def __init__(self, interactions: Sequence[Interaction]) -> None:
        self._by_url = {one.full_url: one for one in interactions if one.full_url}
        self._by_id: dict[str, Interaction] = {}
        for one in interactions:
            own = one.id or (one.resource or {}).get("id", "")
            if own and one.resource is not None:
                self._by_id.setdefault(f"{one.type}/{own}", one)

    def find(self, literal: str, source: Interaction) -> Interaction | None:
        """The entry that a reference in the resource of `source` leads to; None when that is not here."""
        if found := self._by_url.get(literal):
            return found
        plain = literal.partition("/_history/")[0]
        beside = ADDRESS.fullmatch(source.full_url)
        relative = self._by_url.get(f"{beside[1]}{plain}") if beside else None
        return relative or self._by_id.get(plain)


def on_gateway(literal: str, form: FhirForm, base: str) -> ResourceName | None:
    """The resource of the gateway that a reference may be to, None for anything else."""
    found = LOCAL.fullmatch(literal.removeprefix(f"{base}/"))
    return ResourceName(form, found[1], found[2]) if found else None


def references(resource: Tree, place: str) -> Iterator[tuple[str, Tree]]:
    """Every Reference in a resource with its place: what has a `reference`, or an `identifier` of its own."""
    for name, value in resource.items():
        for number, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, dict):
                here = f"{place}.{name}" + (f"[{number}]" if isinstance(value, list) else "")
                if "resourceType" not in each and _is_reference(each):
                    yield here, each
                yield from references(each, here)


def _is_reference(element: Tree) -> bool:
    """True for a Reference; an element that holds one may be called so too (Consent.provision.actor)."""
    literal = element.get("reference", "")
    named = "reference" in element or isinstance(element.get("identifier"), dict)
    return named and isinstance(literal, str)


def redirected(element: Any, lead: Callable[[str], str]) -> Any:
    """A copy of an element in which every reference is what `lead` makes of it."""
    if isinstance(element, list):
        return [redirected(each, lead) for each in element]
    if not isinstance(element, dict):
        return element
    return {
        name: lead(value) if name in POINTS and isinstance(value, str) else redirected(value, lead)
        for name, value in element.items()
    }
