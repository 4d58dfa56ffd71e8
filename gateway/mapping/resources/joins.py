"""What a resource says of other blocks than its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.blocks.values import Block, Ref
from gateway.mapping.runtime.groups import refs_in, same, within
from gateway.mapping.runtime.reading import FhirReading

Values = dict[str, Any]
Said = list[tuple[Ref, Values]]
"""What was said of one block, each with the reference that it was said at."""


def fresh_joins(blocks: list[Block], c: FhirReading) -> list[Block]:
    """Blocks that another resource carried along, unless the document has one that says all that they say."""
    fresh: list[Block] = []
    known: dict[str, str] = {}
    for joined in c.joins:
        there = next((each for each in blocks if each.type == joined.type and _says_all(each, joined)), None)
        if there is None:
            fresh.append(joined)
        else:
            known[joined.key] = there.key
            c.embedded.add(there.key)
            c.said_elsewhere(joined.values)
    if known:
        for block in blocks:
            block.values = _redirected(block.values, known)
    return fresh


def impart(blocks: list[Block], c: FhirReading) -> None:
    """Give blocks what other resources said of them, where they do not say it themselves.

    What acts say differently of one block (the role of a professional in each, when a device came into use)
    holds in that act only: the references of those acts point at a block of its own, the same besides.
    """
    by_key = {block.key: block for block in blocks}
    for key, refs in _imparted(c).items():
        if key in by_key:
            _impart(blocks, by_key[key], refs, c)


def _impart(blocks: list[Block], block: Block, refs: Said, c: FhirReading) -> None:
    said = _distinct(values for _, values in refs)
    for _, values in refs:
        _said_again(values, next(each for each in said if same(each, values)), c)
    for number, values in enumerate(said[1:], 1):
        _apart(blocks, block, number, values, refs, c)
    elsewhere = len(said) > 1 and _elsewhere(blocks, block.key, {ref.at for ref, _ in refs})
    if elsewhere or _contradicts(said[0], block.values):
        _apart(blocks, block, 0, said[0], refs, c)
    else:
        _said_again(said[0], block.values, c)
        block.values = {**said[0], **block.values}


def _said_again(values: Any, known: Any, c: FhirReading) -> None:
    """Tell the account that values are read as those that say the same."""
    if values is known:
        return
    if isinstance(values, dict):
        for name in values.keys() & known.keys():
            _said_again(values[name], known[name], c)
    elif isinstance(values, list):
        for each, other in zip(values, known, strict=False):
            _said_again(each, other, c)
    elif values.at >= 0:
        c.said_before(values.at, known.at)


def _contradicts(values: Values, own: Values) -> bool:
    """True when a block says otherwise itself."""
    return any(name in own and not within(value, own[name]) for name, value in values.items())


def _apart(
    blocks: list[Block], block: Block, number: int, values: Values, refs: Said, c: FhirReading
) -> None:
    """One more block, with these values, for the references that they were said at."""
    variant = Block(block.type, block.release, f"{block.key}-as-{number}", {**block.values, **values})
    c.variants[variant.key] = block.key
    blocks.append(variant)
    mine = {ref.at for ref, each in refs if same(each, values)}
    for each in blocks:
        each.values = _pointed(each.values, mine, variant.key)


def _elsewhere(blocks: list[Block], key: str, known: set[int]) -> bool:
    """True when a reference of another number points at a block too."""
    return any(ref.key == key and ref.at not in known for block in blocks for ref in refs_in(block.values))


def _imparted(c: FhirReading) -> dict[str, Said]:
    """What was said of each block, by the references that it was said at."""
    found: dict[str, Said] = {}
    for ref, values in c.imparted:
        found.setdefault(ref.key, []).append((ref, values))
    return found


def _distinct(groups: Iterable[Values]) -> list[Values]:
    """Groups without those that say what one before them says."""
    found: list[Values] = []
    for each in groups:
        if not any(same(each, known) for known in found):
            found.append(each)
    return found


def _pointed(value: Any, mine: set[int], key: str) -> Any:
    """A value with the references of these numbers pointed at a block."""
    if type(value) is Ref:
        return msgspec.structs.replace(value, key=key) if value.at in mine else value
    if isinstance(value, dict):
        return {name: _pointed(each, mine, key) for name, each in value.items()}
    if isinstance(value, list):
        return [_pointed(each, mine, key) for each in value]
    return value


def _says_all(block: Block, joined: Block) -> bool:
    return all(
        name in block.values and within(value, block.values[name])
        for name, value in joined.values.items()
        if name != "Subject"
    )


def _redirected(value: Any, known: dict[str, str]) -> Any:
    """A value with its references to one block pointed at another."""
    if type(value) is Ref and value.key in known:
        return Ref(known[value.key], value.display, value.literal, value.identifier, value.at)
    if isinstance(value, dict):
        return {name: _redirected(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_redirected(each, known) for each in value]
    return value
