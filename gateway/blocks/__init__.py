"""The model: blocks, their values and their profiles.  No I/O beyond loading profiles, no clock."""

from gateway.blocks.serial import dump, load
from gateway.blocks.values import (
    Absent,
    Blob,
    Block,
    Boolean,
    Code,
    Group,
    Identifier,
    Integer,
    Moment,
    Origin,
    Quantity,
    Ref,
    Text,
    Value,
)

__all__ = [
    "Absent",
    "Blob",
    "Block",
    "Boolean",
    "Code",
    "Group",
    "Identifier",
    "Integer",
    "Moment",
    "Origin",
    "Quantity",
    "Ref",
    "Text",
    "Value",
    "dump",
    "load",
]
