"""ADA documents for tests: read, written, and compared without regard to where values came from."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.blocks.profiles import load_profiles
from gateway.blocks.values import Block
from gateway.codecs import ada
from gateway.mapping.account import Leaf, xml_leaves
from gateway.mapping.ada.reading import AdaReader
from gateway.mapping.ada.writing import AdaWriter
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.state import Reading, Writing
from gateway.resources import MAPPINGS

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "ada"
NOON = datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam"))
ACCOUNTED = ("duplicate", "structure")
"""What a reader may say of an element that became no value, without anything being lost."""


@dataclass
class Document:
    """A document that was read."""

    blocks: dict[str, Block]
    state: Reading
    leaves: list[Leaf]

    def values(self, key: str) -> Any:
        """What a block holds, without the places that it came from."""
        return plain(self.blocks[key].values)

    def lost(self) -> list[Leaf]:
        """The leaves that became no value."""
        return [leaf for leaf in self.leaves if leaf.at < 0 and leaf.state not in ACCOUNTED]

    def issues(self) -> list[tuple[str, str]]:
        """Severity and code of what is wrong."""
        return [(issue.severity, issue.code) for issue in self.state.issues]


@cache
def reader() -> AdaReader:
    """The reader of all applications."""
    return AdaReader.load(MAPPINGS / "ada", load_profiles())


@cache
def writer() -> AdaWriter:
    """The writer of registration forms."""
    return AdaWriter.load(MAPPINGS / "ada", load_profiles())


def read(data: bytes, now: datetime.datetime = NOON) -> Document:
    """Read bytes."""
    root = ada.decode(data)
    state = Reading(Context(now))
    blocks = reader().read(root, state)
    assert len({block.key for block in blocks}) == len(blocks)
    return Document(
        {block.key: block for block in blocks}, state, list(xml_leaves(root, state.taken, state.left))
    )


def fixture(name: str) -> Document:
    """Read one of the project's own documents."""
    return read((FIXTURES / f"{name}.xml").read_bytes())


def element(text: str, block: str = "meting", form: str = "test") -> Document:
    """Read a registration form of zib 2020 with one block that holds this XML."""
    return read(
        f'<{form}_registratie app="zib2020-nl"><{block} id="1">{text}</{block}></{form}_registratie>'.encode()
    )


def written(blocks: list[Block], taken: int = 10_000) -> tuple[bytes, Writing]:
    """Blocks as ADA, and the state of the writing."""
    state = Writing(Context(NOON), taken, lambda system: system, typed_references=False)
    return ada.encode(writer().write(blocks, state)), state


def plain(value: Any) -> Any:
    """A value as (type, members) without its number in the account."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, Block):
        return value.type, value.release, value.key, plain(value.values)
    if hasattr(value, "__struct_fields__"):
        return type(value)(**{f: plain(getattr(value, f)) for f in value.__struct_fields__ if f != "at"})
    return value
