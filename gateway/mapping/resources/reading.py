"""Reads FHIR resources into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.blocks.values import Block, Code, Ref
from gateway.errors import Fault, Issue
from gateway.mapping.compiler.formats import BackFacts, Loaded
from gateway.mapping.datatypes import DatatypeReader, part_reader
from gateway.mapping.resources.joins import fresh_joins, impart
from gateway.mapping.resources.keys import Keys, Known
from gateway.mapping.resources.origins import Origins
from gateway.mapping.resources.places import dangling, resources_of
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.fhir_values import DERIVED
from gateway.mapping.runtime.finding import extensions, items
from gateway.mapping.runtime.groups import every
from gateway.mapping.runtime.reading import FhirReading, contained
from gateway.mapping.runtime.storing import store
from gateway.terminology.conceptmaps import ConceptMaps
from gateway.terminology.systems import CodeSystems

Tree = dict[str, Any]
CONTAINED = ".contained["
POINTING = ("reference", "type", "display")
"""What a reference says that points back: that there is one, to which resource."""


class FhirReader:
    """Reads the resources of one document into blocks."""

    def __init__(self, loaded: Loaded, systems: CodeSystems, maps: ConceptMaps) -> None:
        self.loaded, self.systems, self.maps = loaded, systems, maps
        self._keys, self._origins = Keys(loaded), Origins(loaded)
        self._datatypes = {
            (partial, kind): DatatypeReader(loaded, partial, parts)
            for partial, kind, parts in loaded.compiled.datatypes
        }
        self._item_readers = {
            key: loaded.functions[f"read_{part.block}_{part.name}"]
            for key, part in loaded.parts.items()
            if part.each
        }
        self._read_only = frozenset(mark for *_, mark, only in loaded.compiled.rows if only == "read")
        self._readers = {key: part_reader(loaded, part) for key, part in loaded.parts.items()}

    def read(self, tree: Tree, context: Context) -> tuple[list[Block], FhirReading]:
        """The blocks of a Bundle or of one resource, and the state."""
        c = FhirReading(context, self.systems.system)
        c.datatypes, c.part_readers = self._datatypes, self._readers
        c.item_readers = self._item_readers
        c.untranslate, c.retranslate, c.targets = self._untranslate, self._retranslate, self._targets
        c.release = self.loaded.compiled.release
        c.blocks_of = self.loaded.blocks_of
        c.read_only = self._read_only
        c.beside = frozenset(url for _, url in self.loaded.compiled.beside.values())
        c.registers = self.systems.identifiers
        placed = list(resources_of(tree, c))
        parts = self._parts(placed, c)
        self._keys.assign(parts, c)
        parts = [(resource, self._keys.settled(resource, part, c)) for resource, part in parts]
        blocks = [
            *self._blocks(parts, c, primary=True),
            *self._blocks(parts, c, primary=False),
        ]
        self._attach(c)
        self._read_backs(parts, blocks, c)
        impart(blocks, c)
        c.settle()
        c.issues += dangling(c, placed)
        blocks += fresh_joins(blocks, c)
        if not self.loaded.compiled.types:
            self._origins.note([resource for _, resource in placed], blocks, c)
        return blocks, c

    def _parts(self, placed: list[tuple[str, Tree]], c: FhirReading) -> list[Known]:
        """Each resource with the part that reads it; what an unread one contains has no life of its own."""
        unread: set[str] = set()
        found: list[Known] = []
        for place, resource in placed:
            if place.partition(CONTAINED)[0] in unread:
                found.append((resource, None))
                continue
            part = self._keys.part(resource, place, c)
            unread.update([place] if part is None else [])
            found.append((resource, part))
        return found

    def _untranslate(self, name: str, code: Code) -> Code | None:
        """The zib's code for a code of FHIR, by a concept map."""
        found = self.maps.get(name)
        if found is None:
            raise Fault(Issue("fatal", "exception", f"no concept map '{name}'"))
        version = self.loaded.compiled.version
        uri = self.systems.uri(code.system, version) if code.system else ""
        source = found.back(code.code, version, uri)
        return Code(source.code, source.system) if source else None

    def _retranslate(self, name: str, code: Code) -> Code | None:
        """The code of FHIR for a code of the zib, by a concept map."""
        found = self.maps.get(name)
        target = found.forward(code.code, code.system, self.loaded.compiled.version) if found else None
        return Code(target.code, target.system, target.display) if target else None

    def _targets(self, name: str) -> frozenset[str]:
        """The systems that a concept map translates to."""
        found = self.maps.get(name)
        uris = found.targets(self.loaded.compiled.version) if found else ()
        return frozenset(self.systems.system(uri) for uri in uris)

    def _blocks(self, parts: list[Known], c: FhirReading, *, primary: bool) -> Iterator[Block]:
        reached = {each for each, _ in c.done}
        for resource, part in parts:
            if part is None or part.primary is not primary or id(resource) in reached:
                continue
            key = c.keys[id(resource)]
            there = c.made.get(key)
            block = there or Block(part.block, part.release, key, {})
            c.done[id(resource), key] = part.name
            c.current.append(block)
            c.local = contained(resource)
            self._readers[part.block, part.name](resource, block.values, None, c)
            c.current.pop()
            reached = {each for each, _ in c.done}
            if there is None:
                c.made[key] = block
                yield block

    def _attach(self, c: FhirReading) -> None:
        """Who has a role that does not say whose it is: the references to both do."""
        for key, resource in c.attached:
            block, name = c.made.get(key), c.parts.get(id(resource), "").partition("/")[2]
            if block is None or (id(resource), key) in c.done or name in _parts_of(key, c):
                continue
            c.done[id(resource), key] = name
            c.current.append(block)
            c.local = contained(resource)
            self._readers[block.type, name](resource, block.values, None, c)
            c.current.pop()

    def _read_backs(self, parts: list[Known], blocks: list[Block], c: FhirReading) -> None:
        """References that stand in the resource referred to."""
        by_key = {block.key: block for block in blocks}
        for back in self.loaded.compiled.backs:
            for resource, part in parts:
                if (
                    part is not None
                    and part.primary
                    and part.block in back.targets
                    and _meant(resource, back)
                ):
                    for found in _pointing(resource, back, c):
                        other = c.find(found.get("reference", ""))
                        if other is not None and c.parts.get(id(other)) == f"{back.block}/{back.part}":
                            _read_back(found, back, by_key.get(c.keys[id(other)]), c.keys[id(resource)], c)


def _parts_of(key: str, c: FhirReading) -> set[str]:
    """The parts that a block was read from."""
    return {part for (_, known), part in c.done.items() if known == key}


def _meant(resource: Tree, back: BackFacts) -> bool:
    """True for a resource of the kind that the row means, by the profiles that it claims."""
    claimed = {url.partition("|")[0] for url in resource.get("meta", {}).get("profile", ())}
    return back.profile in claimed if back.profile else claimed.isdisjoint(back.others)


def _pointing(resource: Tree, back: BackFacts, c: FhirReading) -> Iterator[Tree]:
    """The references of a resource that may point back."""
    name, _, inner = back.path.partition(".")
    if back.url:
        for each in extensions(resource, name, back.url, c):
            yield from items(each, inner)
    else:
        yield from items(resource, name)


def _read_back(found: Tree, back: BackFacts, block: Block | None, target: str, c: FhirReading) -> None:
    """One such reference; when several parts of a block point back, it is one reference all the same."""
    if block is None:
        return
    known = next((ref for ref in every(block.values, back.concept) if ref.key == target), None)
    if known is not None:
        c.mark(found, POINTING, back.rule, known.at)
    else:
        at = c.take_members(found, POINTING, back.rule)
        store(block.values, back.concept, Ref(target, at=at), many=back.many)
    c.mark(found, ("display",), back.rule, DERIVED)  # it is the name of the block that now refers
