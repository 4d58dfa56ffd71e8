"""The account of a delivery: what becomes of every value in each version that may be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from gateway.blocks import Block
from gateway.errors import Issue
from gateway.mapping import Context, Read, Translator


class _Head(msgspec.Struct):
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Accounted:
    """`data` is JSON: format to its account, in one object.  `counts` are leaves by state, per format."""

    data: bytes
    counts: Mapping[str, Mapping[str, int]]
    issues: tuple[Issue, ...]


def account(
    translator: Translator,
    read: Read,
    blocks: Sequence[Block] | None,
    formats: Iterable[str],
    context: Context,
) -> Accounted:
    """Translate what was read to each format, and account for it.

    `blocks` are what a decision lets through; None when that is all, with what no mapping reads.
    """
    parts: dict[str, msgspec.Raw] = {}
    counts: dict[str, Mapping[str, int]] = {}
    issues: list[Issue] = []
    for form in formats:
        written = translator.write(read, form, context, blocks=blocks)
        data = written.account.dump()
        parts[form] = msgspec.Raw(data)
        counts[form] = msgspec.json.decode(data, type=_Head).counts
        issues += written.issues
    return Accounted(msgspec.json.encode(parts), counts, tuple(dict.fromkeys(issues)))
