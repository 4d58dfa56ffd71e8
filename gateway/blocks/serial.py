"""Blocks as bytes and back, for the store: JSON in which every value names its type."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.blocks.values import Block, Value

_encoder = msgspec.json.Encoder()
_block = msgspec.json.Decoder(Block)


def dump(block: Block) -> bytes:
    """The block as JSON; `load` gives an equal block."""
    return _encoder.encode(block)


def load(data: bytes) -> Block:
    """The block that `dump` wrote, its values without a place in any account.

    Raises `msgspec.DecodeError` when the bytes are not of `dump`.
    """
    block = _block.decode(data)
    block.values = {name: _typed(item) for name, item in block.values.items()}
    block.origins = tuple(msgspec.structs.replace(origin, at=-1, also=()) for origin in block.origins)
    return block


def _typed(item: Any) -> Any:
    if isinstance(item, list):
        return [_typed(each) for each in item]
    if "t" in item:  # no concept is named so: concept names are PascalCase
        return msgspec.convert({name: each for name, each in item.items() if name != "at"}, Value)
    return {name: _typed(each) for name, each in item.items()}
