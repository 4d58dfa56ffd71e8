"""Persons by their number: whom blocks are about, and which block that person is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.blocks.values import Block, Identifier, Ref
from gateway.mapping.runtime.state import BSN


def numbers_of(block: Block) -> Iterator[Identifier]:
    """The BSNs of the persons that a block is about."""
    if block.type in ("Patient", "Client"):
        yield from own_numbers(block.values)
    subject = block.values.get("Subject")
    if type(subject) is Ref and subject.identifier is not None and subject.identifier.system == BSN:
        at = subject.at if subject.identifier.at < 0 else subject.identifier.at
        yield Identifier(subject.identifier.value, BSN, at)


def own_numbers(values: dict[str, Any]) -> Iterator[Identifier]:
    """The BSNs among the values of a block."""
    for value in values.values():
        for each in value if isinstance(value, list) else [value]:
            if type(each) is Identifier and each.system == BSN:
                yield each


def resolve_persons(blocks: list[Block], known: dict[str, str] | None = None) -> dict[str, str]:
    """Point every subject that is known by BSN at the Patient block with that BSN; gives BSN → key."""
    persons = dict(known or {})
    for block in blocks:
        if block.type == "Patient":
            for value in own_numbers(block.values):
                persons.setdefault(value.value, block.key)
    for block in blocks:
        block.values = {name: _resolved(value, persons) for name, value in block.values.items()}
    return persons


def _resolved(value: Any, persons: dict[str, str]) -> Any:
    if (
        type(value) is Ref
        and not value.key
        and value.identifier is not None
        and value.identifier.system == BSN
    ):
        key = persons.get(value.identifier.value)
        if key:
            return Ref(key, value.display, value.literal, value.identifier, value.at)
    return value
