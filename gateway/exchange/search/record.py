"""The resources of one person, found by type and by reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Resource = dict[str, Any]


class Record:
    """An index on resources of one person, in the order in which they were given.

    Nothing outside it is ever found: a reference leads to a resource in it, or nowhere.
    """

    def __init__(self, resources: Sequence[Resource], base: str) -> None:
        self.resources, self._base = resources, base
        self._found = {name_of(each): each for each in resources}
        self._types: dict[str, list[Resource]] = {}
        for each in resources:
            self._types.setdefault(each["resourceType"], []).append(each)

    def of(self, kind: str) -> list[Resource]:
        """The resources of a type."""
        return self._types.get(kind, [])

    def types(self) -> Iterable[str]:
        """The types that there are."""
        return self._types

    def find(self, reference: str) -> Resource | None:
        """What a reference leads to: `Type/id`, or that under the address of this server, of any version."""
        return self._found.get(local(reference, self._base))


def name_of(resource: Resource) -> str:
    """`Type/id`: what a reference to it says, and what no two resources of a record share."""
    return f"{resource['resourceType']}/{resource['id']}"


def local(reference: str, base: str) -> str:
    """`Type/id` of a reference to this server, without its version; anything else stays what it is."""
    return reference.removeprefix(f"{base}/").partition("/_history/")[0]
