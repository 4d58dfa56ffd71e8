"""What the names of concepts in a mapping mean: concepts of the block, of a group, or beyond a reference."""

from __future__ import annotations

from dataclasses import replace

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.documents import Mark
from gateway.mapping.compiler.language import Condition, Join, Mapping, Row
from gateway.mapping.compiler.schematic import BEYOND, Key


class Concepts:
    """Finds the concepts of one mapping in the profiles of its release."""

    def __init__(self, mapping: Mapping, release: str, profiles: Profiles) -> None:
        self.mapping, self.release, self.profiles = mapping, release, profiles

    def profile(self, name: str, mark: Mark) -> Profile:
        """The profile of a block of this mapping's release."""
        found = self.profiles.get(self.release, name)
        if found is None:
            raise self.mapping.fault(mark, f"no profile '{name}' in zib_profiles/{self.release}")
        return found

    def scope(self, block: str, mark: Mark) -> dict[str, Concept]:
        """The concepts of a block, and those that every block has."""
        basics = None if self.mapping.datatype else self.profiles.basics(self.release)
        return {**(basics.concepts if basics else {}), **self.profile(block, mark).concepts}

    def outer(self, each: Key) -> Key:
        """The part of an `each` up to the first group that may repeat: what one item is an occurrence of."""
        concepts = self.scope(self.mapping.block, self.mapping.mark)
        for i, name in enumerate(each):
            found = concepts.get(name)
            if found is None or found.many:
                return each[: i + 1]
            concepts = self.inside(found)
        return each

    def tested(self, condition: Condition, mark: Mark, each: Key = ()) -> Condition:
        """The condition of a part, or of a derived value, about the block or its `each`."""
        return self.about(condition, self.scope(self.mapping.block, self.mapping.mark), (), each, mark)

    def worded(self, name: Key, mark: Mark, each: Key = ()) -> tuple[bool, Key]:
        """Where a concept stands of which a text has the words: whether in the part's `each`, and its path.

        The path may go on beyond a reference, in the block that it points at.
        """
        concepts, key = self.scope(self.mapping.block, self.mapping.mark), name
        for i, step in enumerate(name[:-1]):
            found = concepts.get(step)
            concepts = self.inside(found) if found else {}
            if found is not None and found.type == "reference":
                key = (*name[: i + 1], BEYOND, *name[i + 1 :])
                concepts = {
                    k: each for target in found.targets for k, each in self.scope(target, mark).items()
                }
        if key != name and name[-1] in concepts:
            return False, key
        tested = self.tested(Condition("has", name), mark, each)
        return tested.base == "item", tested.concept

    def joined(self, join: Join, condition: Condition) -> Condition:
        """The condition of a join, about the other block."""
        return self.about(condition, {}, (), (), join.mark, self.scope(join.block, join.mark))

    def about(
        self,
        condition: Condition,
        scope: dict[str, Concept],
        prefix: Key,
        each: Key,
        mark: Mark,
        inside: dict[str, Concept] | None = None,
    ) -> Condition:
        """A condition with its concepts found: in the group around it (`inside`), else in the block."""
        if condition.op in ("referred", "read-as"):
            return condition
        if condition.parts:
            parts = (self.about(part, scope, prefix, each, mark, inside) for part in condition.parts)
            return replace(condition, parts=tuple(parts))
        name = condition.concept
        if inside is not None and self._holds(inside, name):
            return replace(condition, base="group")
        outer = self.outer(each)
        for path in (prefix + name, name):
            if self._holds(scope, path):
                if len(path) > len(outer) > 0 and path[: len(outer)] == outer:
                    return replace(condition, concept=path[len(outer) :], base="item")
                return replace(condition, concept=path, base="block")
        raise self.mapping.fault(mark, f"{self.mapping.block} has no concept '{'.'.join(name)}' to test")

    def _holds(self, concepts: dict[str, Concept], path: Key) -> bool:
        """True when there is a concept at a path."""
        for name in path:
            if name not in concepts:
                return False
            concepts = self.inside(concepts[name])
        return True

    def concept(self, row: Row, scope: dict[str, Concept], prefix: Key, each: Key) -> Concept:
        """The concept of a row; only the last step of its path, or of `each`, may occur more than once."""
        here, full = scope, prefix + row.concept
        result: list[Concept] = []
        for i, name in enumerate(full):
            found = here.get(name)
            if found is None:
                known = ", ".join(sorted(here)) or "none"
                raise self.mapping.fault(
                    row.mark, f"{self.mapping.block} has no concept '{name}' here (known: {known})"
                )
            if found.many and i < len(full) - 1 and full[: i + 1] != each[: i + 1]:
                raise self.mapping.fault(
                    row.mark, f"'{name}' may occur more than once: give it rows of its own"
                )
            here = self.inside(found)
            result.append(found)
        return result[-1]

    def inside(self, concept: Concept) -> dict[str, Concept]:
        """What a group or a partial zib holds."""
        if concept.concepts:
            return dict(concept.concepts)
        partial = self.profiles.get(self.release, concept.type)
        return dict(partial.concepts) if partial else {}
