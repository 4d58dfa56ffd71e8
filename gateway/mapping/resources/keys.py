"""Which part of which mapping reads a resource, and which block it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.errors import Issue
from gateway.mapping.compiler.formats import Loaded, PartFacts
from gateway.mapping.runtime.finding import holds, items
from gateway.mapping.runtime.reading import FhirReading, contained

Tree = dict[str, Any]
Known = tuple[Tree, PartFacts | None]
"""A resource and the part that reads it; None for one that no mapping reads."""


class Keys:
    """Gives resources their part and the key of their block, with the mappings of one format."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self._never_guessed = frozenset(loaded.compiled.never_guessed)

    def part(self, resource: Tree, place: str, c: FhirReading) -> PartFacts | None:
        """The part of a mapping that reads a resource: by its profile, else by type and fixed values."""
        for url in resource.get("meta", {}).get("profile", ()):
            found = self.loaded.by_profile.get(url.partition("|")[0], ())
            fitting = [part for part in found if self._fits(resource, part)]
            if fitting:
                return max(fitting, key=self._claim)
        candidates = [
            (len(self.loaded.fixed[key]), _stands_alone(part), part)
            for key, part in self.loaded.parts.items()
            if part.release == self.loaded.compiled.release  # one of another release is known by its profile
            and self._fits(resource, part)
            and (self.loaded.fixed[key] or not {part.type, part.block} & self._never_guessed)
            and all(holds(resource.get(name), value) for name, value in self.loaded.fixed[key])
        ]
        if not candidates:
            text = f"no mapping reads this {resource['resourceType']}"
            c.issues.append(Issue("warning", "not-supported", text, place=place))
            c.unread.append(resource)
            return None
        return max(candidates, key=lambda each: each[:2])[2]

    def assign(self, parts: list[Known], c: FhirReading) -> None:
        """Each resource gets the key of its block; parts that a primary part links to share its key."""
        for resource, part in parts:
            if part is not None:
                c.parts[id(resource)] = f"{part.block}/{part.name}"
        for rank in range(3):
            for i, (resource, part) in enumerate(parts):
                if part is not None and _rank(part) == rank and id(resource) not in c.keys:
                    part, known = self._belonging(resource, part, c)
                    parts[i] = (resource, part)
                    c.parts[id(resource)] = f"{part.block}/{part.name}"
                    key = known or f"{part.block}/{resource.get('id') or i}"
                    taken = not known and key in c.keys.values()
                    c.keys[id(resource)] = f"{key}-{i}" if taken else key
                    self._share_key(resource, part, c)

    def settled(self, resource: Tree, part: PartFacts | None, c: FhirReading) -> PartFacts | None:
        """The part that a resource turned out to be, by what links to it."""
        block, _, name = c.parts.get(id(resource), "").partition("/")
        return self.loaded.parts.get((block, name), part)

    def _claim(self, part: PartFacts) -> tuple[int, bool]:
        """What speaks for a part, of those that share a profile: its selection, then its place."""
        return len(self.loaded.selected[part.block, part.name]), _stands_alone(part)

    def _fits(self, resource: Tree, part: PartFacts) -> bool:
        """True when a resource is of the part's type and has what the part is selected by."""
        return part.type == resource["resourceType"] and holds(
            resource, self.loaded.selected[part.block, part.name]
        )

    def _belonging(self, resource: Tree, part: PartFacts, c: FhirReading) -> tuple[PartFacts, str]:
        """Of parts that share a profile the one whose block this resource points at, with its key."""
        for each in (part, *self._alike(resource)):
            for path, target in each.links:
                if not self.loaded.parts[each.block, target].primary:
                    continue  # what several blocks link to does not make them one
                for found in _along(resource, path):
                    other = c.resources.get(found.get("reference", "")) if isinstance(found, dict) else None
                    if other is not None and c.parts.get(id(other)) == f"{each.block}/{target}":
                        key = c.keys.get(id(other), "")
                        if key:
                            return each, key
        return part, ""

    def _alike(self, resource: Tree) -> Iterator[PartFacts]:
        """The parts that a resource may be of, by the profiles that it claims."""
        for url in resource.get("meta", {}).get("profile", ()):
            for part in self.loaded.by_profile.get(url.partition("|")[0], ()):
                if self._fits(resource, part):
                    yield part

    def _share_key(self, resource: Tree, part: PartFacts, c: FhirReading) -> None:
        for path, target in part.links:
            for found in _along(resource, path):
                literal = found.get("reference", "") if isinstance(found, dict) else ""
                other = c.resources.get(literal) or contained(resource).get(literal)
                if other is None or not self._is_part(other, self.loaded.parts[part.block, target], c):
                    continue
                if c.keys.setdefault(id(other), c.keys[id(resource)]) == c.keys[id(resource)]:
                    self._share_key(other, self.loaded.parts[part.block, target], c)

    def _is_part(self, resource: Tree, part: PartFacts, c: FhirReading) -> bool:
        """True when a resource that a block links to is that part of it.

        Blocks may share a profile (the characteristics of a wound): the link tells whose it is.
        """
        name = f"{part.block}/{part.name}"
        there = self.settled(resource, None, c)
        free = there is None or there.block != part.block or not (there.primary or there.links)
        if free and id(resource) not in c.keys:
            claimed = {url.partition("|")[0] for url in resource.get("meta", {}).get("profile", ())}
            if self._fits(resource, part) and claimed.intersection(part.profiles):
                c.parts[id(resource)] = name
        return c.parts.get(id(resource)) == name


def _stands_alone(part: PartFacts) -> bool:
    """True for a part that is not only there because another one links to it."""
    return part.primary or bool(part.links)


def _rank(part: PartFacts) -> int:
    """When a resource gets its key: those that link to others first, those that are linked to last."""
    return 2 if not part.primary else 0 if part.links else 1


def _along(element: Any, path: tuple[str, ...]) -> list[Any]:
    found = [element]
    for name in path:
        found = [each for one in found if isinstance(one, dict) for each in items(one, name)]
    return found
