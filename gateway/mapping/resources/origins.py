"""What blocks were read from, and what no row read of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stdnum.nl import bsn

from gateway.blocks.values import Block, Origin
from gateway.mapping.carrying import carry_whole, residue, shape
from gateway.mapping.compiler.formats import Loaded
from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]


class Origins:
    """Notes where the blocks of a document come from, in one format."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    def note(self, resources: list[Tree], blocks: list[Block], c: FhirReading) -> None:
        """Take along what no row read: of resources, and resources as they are."""
        by_id = {id(resource): resource for resource in resources}
        self._set_aside(by_id, blocks, c)
        self._note_origins(by_id, blocks, c)
        inside = {id(each) for resource in resources for each in resource.get("contained", ())}
        c.carried = [(each, carry_whole(each, c)) for each in c.unread if id(each) not in inside]

    def _set_aside(self, by_id: dict[int, Tree], blocks: list[Block], c: FhirReading) -> None:
        """A resource that only holds others together, without the one that it is part of, is no block."""
        facts = self.loaded.parts
        begun = {key for (_, key), part in c.done.items() if facts[c.made[key].type, part].primary}
        silent = {block.key for block in blocks if block.values.keys() <= {"Subject"}}
        alone = (silent & c.made.keys()) - begun
        blocks[:] = [block for block in blocks if block.key not in alone]
        for each, key in [done for done in c.done if done[1] in alone]:
            c.unread.append(by_id[each])
            del c.done[each, key]

    def _note_origins(self, by_id: dict[int, Tree], blocks: list[Block], c: FhirReading) -> None:
        """Tell every block which resources it was read from, with what no row read of them."""
        form = self.loaded.compiled.name
        ids = _own_ids(by_id.values())
        rests = {each: residue(by_id[each], c) for each in dict.fromkeys(each for each, _ in c.done)}
        names = _names(c) if any('"reference"' in found.rest for found in rests.values()) else {}
        found: dict[str, list[Origin]] = {}
        for (each, key), part in c.done.items():
            resource = by_id[each]
            profiles = tuple(resource.get("meta", {}).get("profile", ()))
            kept = ids.get(each, "")
            origin = Origin(
                form,
                part,
                kept,
                profiles,
                tuple(resource),
                names.get(each, ()),
                *rests[each],
                inside=shape(resource, c.oid),
            )
            found.setdefault(key, []).append(origin)
        for block in blocks:
            key = c.variants.get(block.key, block.key)
            inside = key in c.embedded or key not in found
            block.origins = (*found.get(key, ()), *([Origin(form)] if inside else []))


def _names(c: FhirReading) -> dict[int, tuple[str, ...]]:
    """The references that mean a resource of the document."""
    found: dict[int, tuple[str, ...]] = {}
    for literal, resource in c.resources.items():
        found[id(resource)] = (*found.get(id(resource), ()), literal)
    return found


def _own_ids(resources: Iterable[Tree]) -> dict[int, str]:
    """The ids that resources keep: not one that may be somebody's number, nor one that another has too."""
    found: dict[tuple[str, str], int] = {}
    for resource in resources:
        name = resource.get("id", "")
        if name and not (name.isascii() and name.isdigit() and bsn.is_valid(name.zfill(9))):
            found.setdefault((resource["resourceType"], name), id(resource))
    return {each: name for (_, name), each in found.items()}
