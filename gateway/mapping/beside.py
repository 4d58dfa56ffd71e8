"""The blocks of other documents, which a document may refer to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.blocks.values import Block, Ref
from gateway.mapping.persons import own_numbers, resolve_persons
from gateway.mapping.results import Read


def context_blocks(blocks: list[Block], beside: Iterable[Read]) -> list[Block]:
    """The blocks of other documents, renamed so that no key clashes, with one Patient a person."""
    found: list[Block] = []
    for other in beside:
        mark = other.seed[:8]
        for block in other.blocks:
            values = {name: _renamed(value, mark) for name, value in _stated(block).items()}
            found.append(Block(block.type, block.release, f"{mark}:{block.key}", values, block.line, True))
    if found:
        persons = resolve_persons(blocks)
        resolve_persons([*blocks, *_with_persons(found, persons)], persons)
    return found


def _stated(block: Block) -> dict[str, Any]:
    """The values of a context block, without a subject that it does not state itself.

    Such a block came along inside another, to be referred to there; what it says is not joined to a
    document that does not refer to it.
    """
    subject = block.values.get("Subject")
    if type(subject) is Ref and subject.at < 0:
        return {name: value for name, value in block.values.items() if name != "Subject"}
    return block.values


def _with_persons(found: list[Block], persons: dict[str, str]) -> list[Block]:
    """Context blocks about a person whom the document itself has point at that Patient."""
    keys = {}
    for block in found:
        if block.type == "Patient":
            for value in own_numbers(block.values):
                if value.value in persons:
                    keys[block.key] = persons[value.value]
    for block in found:
        subject = block.values.get("Subject")
        if type(subject) is Ref and subject.key in keys:
            block.values["Subject"] = Ref(keys[subject.key], subject.display, at=-1)
    return found


def _renamed(value: Any, mark: str) -> Any:
    """A value of a context block: its references in the renamed keys, and no place in this account."""
    if type(value) is Ref:
        return Ref(
            f"{mark}:{value.key}" if value.key else "", value.display, value.literal, value.identifier, -1
        )
    if isinstance(value, dict):
        return {name: _renamed(each, mark) for name, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, mark) for each in value]
    return type(value)(**{**{f: getattr(value, f) for f in value.__struct_fields__}, "at": -1})
