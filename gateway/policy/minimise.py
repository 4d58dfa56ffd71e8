"""Take from blocks what a decision withholds.  Always on blocks, never on bytes.

What goes is reported as concept paths without list positions: `Patient` for a whole block,
`Patient.NameInformation.LastName` for a concept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gateway.blocks import Block, Ref
from gateway.policy.decision import Decision, Obligation
from gateway.policy.register import Concepts

REST = "carried along"
"""Stands for what no concept covers, in the paths of what went."""


def minimise(block: Block, decision: Decision) -> tuple[Block | None, list[str]]:
    """The block with what the decision permits (None: nothing of it), and the paths that went."""
    obligation = decision.obligation(block.type)
    if obligation is None:
        return None, [block.type]
    removed: list[str] = []
    values = _group(block.values, "", obligation, removed)
    paths = [f"{block.type}.{path}" for path in dict.fromkeys(removed)]
    less = Block(block.type, block.release, block.key, values, origins=block.origins)
    if obligation.only is not None or obligation.without:
        return _without_rest(less, paths)
    return less, paths


def _without_rest(block: Block, paths: list[str]) -> tuple[Block | None, list[str]]:
    """The block without what no concept covers, since no decision about concepts can tell what is in it.

    A block that means something else without it does not go at all.
    """
    if any(origin.modifies for origin in block.origins):
        return None, [block.type]
    if any(origin.rest for origin in block.origins):
        paths = [*paths, f"{block.type}.{REST}"]
    # Which elements there were would tell that something was said of what went.
    block.origins = tuple(msgspec.structs.replace(origin, rest="", inside=()) for origin in block.origins)
    return block, paths


def minimise_all(blocks: Iterable[Block], decision: Decision) -> tuple[list[Block], list[str]]:
    """`minimise` for a set of blocks.

    A reference to a block that was withheld goes too: it would tell that there is one.  And so does what no
    concept covers of a resource in which a block stood that lost something: it may hold that as well.
    """
    every = list(blocks)
    kept: list[Block] = []
    removed: list[str] = []
    lost: set[str] = set()
    for block in every:
        less, paths = minimise(block, decision)
        removed += paths
        if paths:
            lost.add(block.key)
        if less is not None:
            kept.append(less)
    hosts = _hosts(every, lost)
    if hosts:
        kept = _without_rests(kept, hosts, removed)
    hidden = {block.key for block in every} - {block.key for block in kept}
    if not hidden:
        return kept, removed
    seen = (_without_references(block, frozenset(hidden), removed) for block in kept)
    return [block for block in seen if block is not None], removed


def _hosts(blocks: list[Block], lost: set[str]) -> set[str]:
    """The blocks in whose resources those may have stood that lost something: they refer to each other."""
    inside = {
        block.key
        for block in blocks
        if block.key in lost and not all(origin.part for origin in block.origins)
    }
    if not inside:
        return set()
    named = {block.key: set(_named(block.values)) for block in blocks}
    about = {key for one in inside for key in named[one]}
    return about | {key for key, keys in named.items() if keys & inside}


def _without_rests(blocks: list[Block], hosts: set[str], removed: list[str]) -> list[Block]:
    kept: list[Block] = []
    for block in blocks:
        less, paths = _without_rest(block, []) if block.key in hosts else (block, [])
        removed += paths
        if less is not None:
            kept.append(less)
    return kept


def _named(item: Any) -> Iterator[str]:
    """The keys of the blocks that a value refers to."""
    if isinstance(item, dict | list):
        for each in item.values() if isinstance(item, dict) else item:
            yield from _named(each)
    elif isinstance(item, Ref) and item.key:
        yield item.key


def _group(values: dict[str, Any], above: str, obligation: Obligation, removed: list[str]) -> dict[str, Any]:
    result = {}
    for name, item in values.items():
        path = above + name
        if path in obligation.without or not _reaches(obligation.only, path):
            removed.append(path)
            continue
        less = _item(item, path, obligation, removed)
        if less or not item:  # a group or list that lost all it had goes with it
            result[name] = less
    return result


def _item(item: Any, path: str, obligation: Obligation, removed: list[str]) -> Any:
    if isinstance(item, dict):
        return _group(item, path + ".", obligation, removed)
    if isinstance(item, list):
        less = [_item(each, path, obligation, removed) for each in item]
        return [new for new, old in zip(less, item, strict=True) if new or not old]
    if _covers(obligation.only, path):
        return item
    removed.append(path)  # a value where the decision names only concepts inside a group
    return None


def _covers(only: Concepts | None, path: str) -> bool:
    """True when `only` names the path or a group around it."""
    return only is None or path in only or any(path.startswith(each + ".") for each in only)


def _reaches(only: Concepts | None, path: str) -> bool:
    """True when `only` covers the path or names something inside it."""
    return only is None or _covers(only, path) or any(each.startswith(path + ".") for each in only)


def _without_references(block: Block, hidden: frozenset[str], removed: list[str]) -> Block | None:
    def prune(item: Any, path: str) -> Any:
        if isinstance(item, dict):
            pruned = {name: prune(each, f"{path}.{name}") for name, each in item.items()}
            return {name: each for name, each in pruned.items() if each or not item[name]}
        if isinstance(item, list):
            return [new for old in item if (new := prune(old, path)) or not old]
        if isinstance(item, Ref) and item.key in hidden:
            removed.append(path)
            return None
        return item

    less = Block(block.type, block.release, block.key, prune(block.values, block.type), origins=block.origins)
    if any('"reference"' in origin.rest for origin in block.origins):
        kept, paths = _without_rest(less, [])
        removed += paths
        return kept
    return less
