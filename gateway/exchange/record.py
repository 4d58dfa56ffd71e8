"""The record of a person, ready to be written in any format: one set of blocks from many documents.

Keys of blocks are unique in their document only.  Here each gets the name under which it was first received,
so that its resources keep their ids when a later document replaces it, and references lead to what holds now.
No BSN goes out: not of the person, and not of anybody named in the record (MedMij: no BSN in an answer).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.blocks import Block, Identifier, Origin, Ref
from gateway.exchange.person import BSN, BSN_SYSTEMS, NUMBERS
from gateway.mapping.carrying import without
from gateway.storage import Record
from gateway.storage.records import BlockName


def whole(record: Record) -> list[Block]:
    """The blocks of a record with keys of the record, references resolved, and without any BSN."""
    keys = _keys(record)
    subject = next((each for each in record.blocks if each.block.type in NUMBERS), None)
    own = keys[subject.document, subject.block.key] if subject else ""
    found = []
    for each in record.blocks:
        values = _Resolving(each.document, keys, own).group(each.block.values)
        key = keys[each.document, each.block.key]
        origins = tuple(map(_anonymous, each.block.origins))
        found.append(Block(each.block.type, each.block.release, key, values, origins=origins))
    return found


def _anonymous(origin: Origin) -> Origin:
    """The origin of a block without any BSN, and without what means something at its sender only."""
    return msgspec.structs.replace(origin, id="", names=(), rest=without(origin.rest, _is_private))


def _is_private(element: dict[str, Any]) -> bool:
    """True for a BSN, and for a reference that would lead to another resource here than at the sender."""
    texts = [each for each in element.values() if isinstance(each, str)]
    reference = element.get("reference")
    local = isinstance(reference, str) and not reference.startswith(("http:", "https:", "#"))
    return local or any(system in text for text in texts for system in BSN_SYSTEMS)


def _keys(record: Record) -> dict[BlockName, str]:
    """The key in the record of every block ever received: the first name of the one that holds now."""
    first: dict[BlockName, str] = {}
    for (document, key), holding in record.current.items():
        first.setdefault(holding, f"{document}/{key}")
    return {name: first[holding] for name, holding in record.current.items()}


@dataclass(frozen=True, slots=True)
class _Resolving:
    """Values of one document on their way into the record; `own` is the key of the person itself."""

    document: str
    keys: dict[BlockName, str]
    own: str

    def group(self, values: dict[str, Any]) -> dict[str, Any]:
        """The group without what may not go out."""
        return {name: new for name, old in values.items() if (new := self._item(old)) not in (None, [], {})}

    def _item(self, item: Any) -> Any:
        if isinstance(item, list):
            return [new for each in item if (new := self._item(each)) is not None]
        if isinstance(item, dict):
            return self.group(item)
        if isinstance(item, Ref):
            return self._reference(item)
        if isinstance(item, Identifier) and item.system == BSN:
            return None
        return item

    def _reference(self, ref: Ref) -> Ref | None:
        key = self.keys.get((self.document, ref.key), "") if ref.key else ""
        identifier = ref.identifier
        if identifier is not None and identifier.system == BSN:
            key, identifier = key or self.own, None
        literal = "" if any(system in ref.literal for system in BSN_SYSTEMS) else ref.literal
        new = Ref(key, ref.display, literal, identifier)
        return new if key or literal or identifier or ref.display else None
