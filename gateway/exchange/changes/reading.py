"""What is to be kept, as blocks: so that it is known what it says before any of it is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from gateway.errors import Issue
from gateway.exchange.changes.asked import Asked, Interaction
from gateway.exchange.changes.person import FORMS
from gateway.exchange.changes.references import Names, redirected
from gateway.mapping import Context, Read, Translator
from gateway.mapping.account import Leaf

Tree = dict[str, Any]
_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]\.resource(?=[.\[]|$)")


@dataclass(frozen=True, slots=True)
class Translated:
    """A reading of which every place is one of what was received."""

    read: Read
    issues: tuple[Issue, ...]

    @property
    def kinds(self) -> frozenset[str]:
        """The block types, and the types of resources that are no block."""
        unread = (str(resource["resourceType"]) for resource, _ in self.read.carried)
        return frozenset((*(block.type for block in self.read.blocks), *unread))


def translated(translator: Translator, asked: Asked, beside: Sequence[Tree], context: Context) -> Translated:
    """Read the resources of a delivery, together with others that they refer to.

    Faults are issues of the result.  Issues and account are about what was received only.
    """
    sources = [one for one in asked.interactions if one.resource is not None]
    names = Names(asked.interactions)
    entries = [_entry(one, names) for one in sources]
    entries += [
        {"fullUrl": f"{context.base}/{each['resourceType']}/{each['id']}", "resource": each}
        for each in beside
    ]
    tree = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    read = translator.read_tree(tree, context, FORMS[asked.version], asked.seed)
    where = [one.place for one in sources]
    leaves = read.leaves
    read.leaves = lambda: _placed_leaves(leaves, where)
    return Translated(read, tuple(_placed(read.issues, where)))


def _entry(one: Interaction, names: Names) -> Tree:
    """An entry whose references lead to other entries under the names that those have here."""

    def lead(literal: str) -> str:
        target = names.find(literal, one)
        if target is None:
            return literal
        return target.full_url or f"{target.type}/{target.id or (target.resource or {})['id']}"

    resource = redirected(one.resource, lead)
    return {"fullUrl": one.full_url, "resource": resource} if one.full_url else {"resource": resource}


def _placed(issues: Sequence[Issue], where: Sequence[str]) -> Iterator[Issue]:
    for issue in issues:
        place = _place(issue.place, where)
        if place is not None:
            yield replace(issue, place=place)


def _placed_leaves(leaves: Callable[[], Iterator[Leaf]], where: Sequence[str]) -> Iterator[Leaf]:
    for leaf in leaves():
        place = _place(leaf.place, where)
        if place is not None:
            yield msgspec.structs.replace(leaf, place=place)


def _place(place: str, where: Sequence[str]) -> str | None:
    """A place as its sender knows it; None for one that is not in what was received."""
    found = _ENTRY.match(place)
    if found is None or int(found[1]) >= len(where):
        return None
    return where[int(found[1])] + place[found.end() :]
