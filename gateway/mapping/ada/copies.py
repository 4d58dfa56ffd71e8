"""Elements of an ADA document that say the same: a block stands in full wherever it is referred to."""

from __future__ import annotations

import hashlib
from collections import Counter

from lxml import etree

from gateway.blocks.values import Block

Element = etree._Element
Facts = Counter[tuple[str, frozenset[tuple[str, str]]]]


class Original:
    """An element with a name, and the block that it is; copies are compared with it."""

    __slots__ = ("_facts", "_image", "block", "element")

    def __init__(self, block: Block, element: Element) -> None:
        self.block, self.element = block, element
        self._image = b""
        self._facts: Facts | None = None

    def covers(self, copy: Element, image: bytes) -> bool:
        """True when a copy, of which `image` is the image, says nothing that this element does not."""
        self._image = self._image or image_of(self.element)
        if image == self._image:
            return True
        if self._facts is None:
            self._facts = facts_of(self.element)
        return facts_of(copy) <= self._facts


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
