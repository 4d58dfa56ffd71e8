"""A part of a mapping as the tree that its paths describe, with the type of every element.

Both compilers walk this tree, which `layout` makes: rows that share the beginning of a path share a node, so
that they end up in one element.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gateway.blocks.profiles import Concept
from gateway.mapping.compiler.language import Computed, Derived, Join, Link, Place, Selector

Direction = Literal["read", "write"]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """What all mappings of one format share (`_format.yaml`)."""

    name: str
    version: Literal["r4", "stu3"]
    release: str
    profile_base: str
    extension_base: str
    extensions: dict[str, str]
    """Extensions of HL7 and others by their short name."""
    original_code: str
    """The URL of the extension that keeps a code that was translated."""
    references: dict[str, str]
    """Block to the part that references point at, where it is not the first."""
    beside: dict[str, tuple[str, str]]
    """Block to the part that an extension of a reference points at too, and the URL of that extension."""
    types: str = ""
    """The message of an iStandaard whose tree this is (wmo301); empty: FHIR of `version`."""
    never_guessed: tuple[str, ...] = ()
    """Types of resource that are read only by their profile or by what their mapping fixes."""


BEYOND = "@"
"""In the key of a leaf: what follows stands in the block that the reference before it points at."""


@dataclass(slots=True)
class Leaf:
    """A concept spelled at a node; `key` is its path in the scope, () for the item of the loop."""

    concept: Concept
    place: Place
    key: Key
    item: bool = False
    """`key` starts at the item of the part's `each`."""
    rival: bool = False
    """Other references stand in the same element: the target's block tells which this is."""
    among: tuple[str, ...] = ()
    """Value sets of the other codes that stand in the same element."""
    registered: bool | None = None
    """Of several identifiers in one element: that of a national register, or any other."""


@dataclass(slots=True)
class Node:
    """An element: its FHIR type, whether it repeats, and what stands there."""

    name: str
    type: str
    many: bool
    primitive: bool
    url: str = ""
    selectors: tuple[Selector, ...] = ()
    loop: Leaf | None = None
    """The concept or group of which each occurrence is one such element."""
    entries: list[Entry] = field(default_factory=list)
    """In the order of the file."""
    linked: str = ""
    """The part of the block of which each resource is referred to in one such element."""
    shared: bool = False
    """What another block says stands in the first such element of this one."""

    def nodes(self) -> list[Node]:
        """The elements inside."""
        return [entry for entry in self.entries if isinstance(entry, Node)]


def is_plain(node: Node) -> bool:
    """True for an element that may repeat, of which a block has one."""
    return node.many and node.loop is None and not (node.selectors or node.url or node.linked)


Entry: TypeAlias = Leaf | Derived | Computed | Link | Join | Node
