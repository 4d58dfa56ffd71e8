"""A path in a resource as two sides can be compared: what a package says, and what a mapping does."""

from __future__ import annotations

from dataclasses import dataclass, field

Marks = frozenset[tuple[tuple[str, ...], str]]
"""(path below the element, code or value): what an element always holds, which tells it from its siblings."""


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a path: a choice by its stem (`value[x]`), with its variant where that is known."""

    name: str
    variant: str = ""
    """`valueQuantity`, where `name` is `value[x]`"""
    url: str = ""
    """Of an extension"""
    marks: Marks = field(default=frozenset())

    def allows(self, other: Step) -> bool:
        """True when the other step can be this element: nothing that both say is contradicted."""
        if self.name != other.name:
            return False
        if self.variant and other.variant and self.variant != other.variant:
            return False
        if self.url and other.url and self.url != other.url:
            return False
        return all(
            any(code in _codes(other.marks, path) for code in _codes(self.marks, path))
            for path in _paths(self.marks) & _paths(other.marks)
        )


Steps = tuple[Step, ...]


def begins(longer: Steps, shorter: Steps) -> bool:
    """True when a path begins with all the steps of another."""
    return len(shorter) <= len(longer) and all(map(Step.allows, shorter, longer))


def below_coding(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path without `coding` and what is below it: a code of a concept is the code of its coding."""
    return path[: path.index("coding")] if "coding" in path else path


def _paths(marks: Marks) -> set[tuple[str, ...]]:
    return {path for path, _ in marks}


def _codes(marks: Marks, path: tuple[str, ...]) -> set[str]:
    return {code for at, code in marks if at == path}
