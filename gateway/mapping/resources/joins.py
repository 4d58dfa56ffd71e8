"""What a resource says of other blocks than its own."""

from __future__ import annotations

from typing import Any

from gateway.blocks.values import Block, Ref
from gateway.mapping.runtime.groups import within
from gateway.mapping.runtime.reading import FhirReading


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
    """Give blocks what other resources said of them, where they do not say it themselves."""
    by_key = {block.key: block for block in blocks}
    for key, values in c.imparted:
        if key in by_key:
            by_key[key].values = {**values, **by_key[key].values}


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
