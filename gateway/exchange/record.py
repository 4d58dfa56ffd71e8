"""The record of a person as one set of blocks: from documents, and from FHIR resources as they were received.

    keys       are unique in their document only; here each block has the name under which it was first
               received, so that its resources keep their ids when a later document replaces it
    references lead to what holds now
    Patient    there is one: the newest that anybody delivered; what is about another row of this person is
               about this one
    no BSN     goes out: not of the person, and not of anybody named in the record (MedMij: no BSN in an
               answer)

A resource keeps its id in the FHIR version in which it was received.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from gateway.blocks import Block, Origin, Ref
from gateway.exchange.numbers import names_bsn
from gateway.exchange.person import NUMBERS
from gateway.mapping import Read
from gateway.mapping.carrying import without
from gateway.storage import FhirForm, Record, StoredResource
from gateway.storage.records import BlockName

FORMS = ("fhir-r4", "fhir-stu3")
"""The forms of resources; also stand for the document that their blocks belong to."""

Reader = Callable[[bytes, FhirForm], Read]
"""Reads a Bundle of a FHIR version to blocks."""

BASE = "https://zibpoort.example"
"""Stands before the references of resources that are read together; relative ones resolve under it."""


class Source(NamedTuple):
    """Where a block comes from: the newest of its rows.  `received` is a stamp of the exchange log."""

    received: str
    version: int
    document: str


class Whole(NamedTuple):
    """The blocks of a record, and by their keys where they come from."""

    blocks: list[Block]
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block, the document (or FHIR version) that its key belongs to, and where it comes from."""

    document: str
    block: Block
    source: Source


def whole(record: Record, read: Reader) -> Whole:
    """The blocks of a record with keys of the record, references resolved, and without any BSN."""
    pieces = [
        _Piece(each.document, each.block, Source(each.received, each.version, each.document))
        for each in record.blocks
    ]
    for form in sorted({each.name.form for each in record.resources}):
        pieces += _read([each for each in record.resources if each.name.form == form], form, read)
    keys = _keys(record) | {
        (p.document, p.block.key): f"{p.document}/{p.block.key}" for p in _new(pieces, record)
    }
    own = _person(pieces)
    subject = keys[own.document, own.block.key] if own else ""
    for piece in pieces:
        if piece.block.type in NUMBERS:
            keys[piece.document, piece.block.key] = subject
    blocks, sources = [], {}
    for piece in pieces:
        if piece.block.type in NUMBERS and piece is not own:
            continue
        key = keys[piece.document, piece.block.key]
        blocks.append(_block(piece, key, keys, subject))
        sources[key] = piece.source
    return Whole(blocks, sources)


def bundle_of(resources: list[StoredResource]) -> bytes:
    """A collection of resources as they were received, under which their references resolve."""
    entries = (
        b'{"fullUrl":"%s/%s/%s","resource":%s}'
        % (BASE.encode(), each.name.type.encode(), each.name.id.encode(), each.content)
        for each in resources
    )
    return b'{"resourceType":"Bundle","type":"collection","entry":[%s]}' % b",".join(entries)


def _read(resources: list[StoredResource], form: FhirForm, read: Reader) -> list[_Piece]:
    """The blocks of resources; a block is as new as the newest resource that it was read from."""
    known = {each.name.id: Source(each.received, each.version, each.document) for each in resources}
    found = []
    for block in read(bundle_of(resources), form).blocks:
        made = [known[origin.id] for origin in block.origins if origin.id in known]
        found.append(_Piece(form, block, max(made, default=Source("", 0, ""))))
    return found


def _new(pieces: list[_Piece], record: Record) -> list[_Piece]:
    """The pieces whose keys the store does not know."""
    return [piece for piece in pieces if (piece.document, piece.block.key) not in record.current]


def _person(pieces: list[_Piece]) -> _Piece | None:
    """The block of the person itself: the newest."""
    return max(
        (piece for piece in pieces if piece.block.type in NUMBERS),
        key=lambda piece: piece.source.received,
        default=None,
    )


def _block(piece: _Piece, key: str, keys: Mapping[BlockName, str], subject: str) -> Block:
    values = _Resolving(piece.document, keys, subject).group(piece.block.values)
    clean = _as_received if piece.document in FORMS else _from_a_document
    origins = tuple(map(clean, piece.block.origins))
    return Block(piece.block.type, piece.block.release, key, values, origins=origins)


def _as_received(origin: Origin) -> Origin:
    """The origin of a block that was read from resources of this server: ids and references are its own."""
    rest, profiles = without(origin.rest, _is_bsn), _without_bsn(origin.profiles)
    return msgspec.structs.replace(origin, at=-1, also=(), rest=rest, profiles=profiles)


def _from_a_document(origin: Origin) -> Origin:
    """The origin of a block of a document, without what means something at its sender only."""
    rest, profiles = without(origin.rest, _is_private), _without_bsn(origin.profiles)
    return msgspec.structs.replace(origin, id="", names=(), rest=rest, profiles=profiles)


def _without_bsn(profiles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in profiles if not names_bsn(each))


def _is_private(element: dict[str, Any]) -> bool:
    """True for a BSN, and for a reference that would lead to another resource here than at the sender."""
    reference = element.get("reference")
    local = isinstance(reference, str) and not reference.startswith(("http:", "https:", "#"))
    return local or _is_bsn(element)


def _is_bsn(element: dict[str, Any]) -> bool:
    return any(names_bsn(each) for each in element.values() if isinstance(each, str))


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
    keys: Mapping[BlockName, str]
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
        if names_bsn(getattr(item, "system", "")):
            return None
        return item if item.at < 0 else msgspec.structs.replace(item, at=-1)  # of no account here

    def _reference(self, ref: Ref) -> Ref | None:
        key = self.keys.get((self.document, ref.key), "") if ref.key else ""
        identifier = ref.identifier
        if identifier is not None and names_bsn(identifier.system):
            key, identifier = key or self.own, None
        literal = "" if names_bsn(ref.literal) else ref.literal
        new = Ref(key, ref.display, literal, identifier)
        return new if key or literal or identifier or ref.display else None
