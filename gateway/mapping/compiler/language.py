"""The mapping language: what a YAML file under `mappings/` can say, as data.

`mappings/README.md` teaches it; `mappings/schema.json` is its grammar.  It knows neither FHIR nor zibs;
`parsing` makes it of a file, `notation` of the words inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gateway.documents import Document, Mark
from gateway.errors import AuthoringError


@dataclass(frozen=True, slots=True)
class Coding:
    """`loinc#85354-9 "Blood pressure panel"`: a code of a system named by its alias or URI."""

    system: str
    code: str
    display: str = ""
    text: str = ""
    """`… text "in words"`: the text beside the coding in a CodeableConcept."""


Constant = Coding | str | bool | int | tuple[Coding, ...]
"""Several codings stand for one CodeableConcept that has them all."""


@dataclass(frozen=True, slots=True)
class Selector:
    """`code = loinc#8480-6`: which of several siblings is meant; built when writing.

    `with coding`, `without coding`: one that has or has not that member; nothing is built.  Nor is it for
    `type = x or none`: one that has no other type.
    """

    path: tuple[str, ...]
    value: Constant = ""
    op: Literal["is", "may-be", "with", "without"] = "is"


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a path; `url` names an extension, `selectors` pick among siblings."""

    name: str
    url: str = ""
    selectors: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands, relative to the resource or to the row around it; no steps: right here."""

    steps: tuple[Step, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Condition:
    """A test on a block.

    op: has | lacks | is | is-not | past | future | more-than | referred | read-as | same | and | or | not
    """

    op: str
    concept: tuple[str, ...] = ()
    values: tuple[Constant, ...] = ()
    parts: tuple[Condition, ...] = ()
    base: Literal["block", "group", "item"] = "block"
    """Where `concept` starts: the block, the group that the row repeats for, or the part's `each`."""


@dataclass(frozen=True, slots=True)
class Precision:
    """The element beside a date that says how much of it is known, and what it says.

    `codes` are by the length of what is known: 7 for a month, 4 for a year, 0 for nothing.
    """

    at: str
    codes: tuple[tuple[int, Constant], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a concept in the format, and how the value is spelled there."""

    path: Path
    mark: Mark
    map: str = ""
    """A concept map that translates the code."""
    keep: Literal["", "extension", "coding"] = ""
    """Where the original code stays when `map` replaces it."""
    part: str = ""
    """Which part of the block referred to (`as`); of several, with blanks between, the first it became."""
    via: str = ""
    """A named converter."""
    only: Literal["", "read", "write"] = ""
    because: str = ""
    when: Condition | None = None
    absent: str = ""
    """What to write when the concept has no value: a data-absent-reason code."""
    back: bool = False
    """The reference stands at `path` in the resource that is referred to, and points back."""
    profile: str = ""
    """Only what claims this profile is meant when it points back."""
    take: Literal["", "first", "rest", "system"] = ""
    """Of several values only the first, or the others; of a code or identifier its system."""
    unit: Coding | None = None
    """The unit of a quantity that has none."""
    times: int = 1
    """How many times the quantity a bare number is."""
    system: str = ""
    """The system of a bare code, or of the bare number of an identifier."""
    precision: Precision | None = None
    time: str = ""
    """The element beside a date that has the time of day."""
    means: Constant | None = None
    """That the element is there says that the concept has this value."""
    rows: tuple[Row, ...] = ()
    """The rows of a group at this place."""
    links: tuple[Link, ...] = ()
    """References to the resources that the occurrences of a group become."""


@dataclass(frozen=True, slots=True)
class Row:
    """One concept and its places.  A group has at each place rows of its own, relative to it."""

    concept: tuple[str, ...]
    places: tuple[Place, ...]
    mark: Mark

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of a group, at all its places."""
        return tuple(row for place in self.places for row in place.rows)


@dataclass(frozen=True, slots=True)
class Derived:
    """An element whose value follows from the block: the first case that holds."""

    path: Path
    cases: tuple[tuple[tuple[Constant, ...], Condition | None], ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Computed:
    """An element that a named function makes of the whole block (or group).

    `otherwise` is the concept that its text is, when nothing was read of what the function makes it of.
    """

    path: Path
    function: str
    mark: Mark
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A reference at `path` to another part of the same block; in a group to the one of that occurrence."""

    path: Path
    part: str
    mark: Mark
    item: bool = False
    each: bool = False
    """One reference in each element, of several resources."""
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """Rows of another block of the same person that this resource carries too."""

    block: str
    place: Path
    rows: tuple[Row, ...]
    when: Condition | None
    mark: Mark
    by: str = ""
    """The concept by which the other block refers to this one, where it is not about the same person only."""


@dataclass(frozen=True, slots=True)
class Part:
    """One resource (or datatype element) that a block becomes."""

    name: str
    type: str
    profiles: tuple[str, ...]
    claims: tuple[tuple[str, Condition | None], ...]
    """Which one of the profiles a resource claims, when not all: the first case that holds."""
    select: tuple[Selector, ...]
    """What tells an element of this part from those of another, where profile or type do not."""
    when: Condition | None
    each: tuple[str, ...]
    once: bool
    """One without an item too, when `each` has none."""
    derived: tuple[Derived, ...]
    """Fixed values are derived ones with a single case."""
    computed: tuple[Computed, ...]
    rows: tuple[Row, ...]
    links: tuple[Link, ...]
    joins: tuple[Join, ...]
    mark: Mark
    only: Literal["", "read"] = ""
    """A part that is read where others send it, and never written."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One file: how one format spells one block (or one partial zib, when `datatype`)."""

    file: str
    block: str
    release: str
    datatype: bool
    parts: tuple[Part, ...]
    display: tuple[tuple[str, ...], ...]
    document: Document
    mark: Mark

    def fault(self, mark: Mark, text: str) -> AuthoringError:
        """An error at a place of this mapping."""
        return self.document.fault_at(mark, text)

    def all_rows(self) -> Iterator[tuple[str, Row]]:
        """Every row of the file, nested ones too, with the block whose concept it maps."""
        for part in self.parts:
            for block, rows in ((self.block, part.rows), *((join.block, join.rows) for join in part.joins)):
                yield from ((block, row) for row in walk(rows))


def walk(rows: tuple[Row, ...]) -> Iterator[Row]:
    """Rows, and the rows inside them."""
    for row in rows:
        yield row
        yield from walk(row.rows)
