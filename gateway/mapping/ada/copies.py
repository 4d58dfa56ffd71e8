"""Elements of an ADA document that say the same: a block stands in full wherever it is referred to."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import NamedTuple

from lxml import etree

from gateway.blocks.values import Block

Element = etree._Element
Facts = Counter[tuple[str, frozenset[tuple[str, str]]]]


class Met(NamedTuple):
    """The block of an element, and whether that stood inside another."""

    block: Block
    inside: bool


class Original:
    """An element with a name, and the block that it is; copies are compared with it."""

    __slots__ = ("_facts", "_image", "block", "element")

    def __init__(self, block: Block, element: Element) -> None:
        self.block, self.element = block, element
        self._image = b""
        self._facts: Facts | None = None

    def covers(self, copy: Element) -> bool:
        """True when a copy says nothing that this element does not."""
        self._image = self._image or image_of(self.element)
        if image_of(copy) == self._image:
            return True
        if self._facts is None:
            self._facts = facts_of(self.element)
        return facts_of(copy) <= self._facts


class Images:
    """Elements met before.  One is looked at closely only when another of its name comes along."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[Element, Met]]] = {}
        self._known: dict[bytes, Met] = {}

    def find(self, element: Element) -> Met | None:
        """What was met as an element that says the same."""
        waiting = self._waiting.get(str(element.tag))
        if waiting is None:
            return None
        self._known.update((image_of(other), met) for other, met in waiting)
        waiting.clear()
        return self._known.get(image_of(element))

    def add(self, element: Element, met: Met) -> None:
        """Note an element that was read."""
        self._waiting.setdefault(str(element.tag), []).append((element, met))


def image_of(element: Element) -> bytes:
    """A digest of an element: two with the same image are the same, to the order of their attributes."""
    return hashlib.blake2b(
        etree.tostring(element, encoding="UTF-8", with_tail=False), digest_size=16
    ).digest()


def facts_of(element: Element) -> Facts:
    """What an element says, in any order: of each element inside, its path and its attributes."""
    found: Facts = Counter()

    def walk(each: Element, path: str) -> None:
        found[path, frozenset(each.items())] += 1
        for kid in each.iterchildren("*"):
            walk(kid, f"{path}/{kid.tag!s}")

    walk(element, "")
    return found
