"""Writes blocks as FHIR resources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from gateway.blocks.values import Block, Code, Identifier, Origin
from gateway.codecs.message_types import ElementTypes
from gateway.errors import Fault, Issue
from gateway.mapping.account import CARRIED
from gateway.mapping.carrying import Trimmer, restore, unite
from gateway.mapping.compiler.formats import Loaded, PartFacts
from gateway.mapping.datatypes import DatatypeWriter
from gateway.mapping.resources.displays import display_of
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.state import BSN, Me, Writing
from gateway.terminology.conceptmaps import ConceptMaps
from gateway.terminology.systems import CodeSystems

Tree = dict[str, Any]


class FhirWriter:
    """Writes blocks as the resources of one document."""

    def __init__(
        self, loaded: Loaded, systems: CodeSystems, maps: ConceptMaps, types: Callable[[], ElementTypes]
    ) -> None:
        self.loaded, self.systems, self.maps, self.types = loaded, systems, maps, types
        version = loaded.compiled.version
        self._uri = lambda system: systems.uri(system, version)
        self._part_types = {key: part.type for key, part in loaded.parts.items()}
        self._datatypes = {
            (partial, kind): DatatypeWriter(loaded, partial) for partial, kind, _ in loaded.compiled.datatypes
        }
        self._displays = {block: display_of(paths) for block, paths in loaded.compiled.displays.items()}

    @cached_property
    def _trimmer(self) -> Trimmer:
        return Trimmer(
            self.types(), self.systems.system, [url for _, url in self.loaded.compiled.beside.values()]
        )

    def write(
        self, blocks: Sequence[Block], context: Context, size: int, seed: str
    ) -> tuple[list[Tree], Writing]:
        """The resources of all blocks but context, and the state; `seed` makes the ids."""
        c = Writing(context, size, self._uri, self.loaded.compiled.version == "r4")
        c.format = self.loaded.compiled.name
        c.extensible = not self.loaded.compiled.types
        c.translate = self._translate
        c.part_types, c.datatypes, c.displays = self._part_types, self._datatypes, self._displays
        c.reference_parts, c.beside = self.loaded.compiled.references, self.loaded.compiled.beside
        c.all_blocks = blocks
        planned = [self._plan(block, c, seed) for block in blocks if self.loaded.writes(block.type)]
        c.join(blocks)
        resources: list[Tree] = []
        for me, parts in planned:
            if not me.block.context:
                for i, (name, item) in enumerate(parts):
                    me.part, me.id = name, self._id(me, name, i, parts)
                    c.quiet = me.origins[i] is not None
                    function = self.loaded.functions[f"write_{me.block.type}_{name}"]
                    me.resources.append(self._as_it_was(function(me.block.values, item, c, me), me, i, c))
                me.part, me.id = parts[0][0] if parts else "", me.parts[parts[0][0]][0] if parts else ""
                resources += me.resources
        c.write_backs(self._repeats)
        shared = any(block.origins for block in blocks)  # only what was read can have been read twice
        return _each_once(resources) if shared else resources, c

    def _as_it_was(self, resource: Tree, me: Me, i: int, c: Writing) -> Tree:
        """A resource with what its source said besides; the profiles are those that the source claimed."""
        origin = me.origins[i]
        if origin is None:
            return resource
        part = self.loaded.parts[me.block.type, me.part]
        self._leave_out(resource, origin, part)
        if origin.rest:
            restore(resource, origin.rest, c.moved, self.types())
            c.used[origin.at] = CARRIED
            for at in origin.also:
                c.used[at] = c.used[at] or CARRIED
        if origin.inside:
            others = [path for each in me.origins if each for path in each.inside]
            self._trimmer.trim(resource, origin.inside, others, part.joined)
        known = [url for url in origin.profiles if url.partition("|")[0] in self.loaded.by_profile]
        if origin.profiles:
            made = () if known else resource["meta"].get("profile", ())
            resource["meta"]["profile"] = list(dict.fromkeys((*origin.profiles, *made)))
        return resource

    def _translate(self, name: str, code: Code) -> Code | None:
        """FHIR's code for a code of the zib, by a concept map."""
        found = self.maps.get(name)
        if found is None:
            raise Fault(Issue("fatal", "exception", f"no concept map '{name}'"))
        target = found.forward(code.code, code.system, self.loaded.compiled.version)
        return Code(target.code, target.system, target.display) if target else None

    def _plan(self, block: Block, c: Writing, seed: str) -> tuple[Me, list[tuple[str, Any]]]:
        me = Me(block)
        parts = self.loaded.functions[f"plan_{block.type}"](block.values, c, me)
        parts, me.origins = self._of_origin(block, parts)
        known = self._known_person(block, c)
        for i, ((name, item), origin) in enumerate(zip(parts, me.origins, strict=True)):
            me.items.setdefault(name, []).append(item)
            own = origin.id if origin else ""
            found = known if known and i == 0 else own or c.context.identity(seed, block.key, name, str(i))
            me.parts.setdefault(name, []).append(found)
            for each in origin.names if origin else ():
                c.moved[each] = f"{self._part_types[block.type, name]}/{found}"
        c.blocks[block.key] = me
        return me, parts

    def _leave_out(self, resource: Tree, origin: Origin, part: PartFacts) -> None:
        """Take away what this source did not say: that of another part did, or it follows from the block."""
        if not origin.members:
            return
        for name in resource.keys() - {*origin.members, *part.joined, "meta", "id"}:
            element = self.types().child(part.type, name)
            if element is not None and not (element.min or element.choice):
                del resource[name]

    def _of_origin(
        self, block: Block, parts: list[tuple[str, Any]]
    ) -> tuple[list[tuple[str, Any]], list[Origin | None]]:
        """The parts, each with the resource that it was read from.

        What a block was read from says all that it says, so no other resource is made of it in that format;
        unless it was read from one that is never written.
        """
        if not block.origins:
            return parts, [None] * len(parts)
        named: dict[str, list[Origin]] = {}
        for origin in block.origins:
            if origin.format == self.loaded.compiled.name:
                named.setdefault(origin.part, []).append(origin)
        planned = {name for name, _ in parts}
        parts = parts + [(name, None) for name in named if name not in planned and self._stands(block, name)]
        if not named or not {*named} <= {*(name for name, _ in parts), ""}:
            return parts, [None] * len(parts)
        found = [(part, named[part[0]].pop(0)) for part in parts if named.get(part[0])]
        return [part for part, _ in found], [origin for _, origin in found]

    def _stands(self, block: Block, name: str) -> bool:
        """True for a part that is written of a whole block, whatever its condition says of the block by now.

        A plan whose day has passed is still no more than a plan.
        """
        part = self.loaded.parts.get((block.type, name))
        return part is not None and not part.each and f"write_{block.type}_{name}" in self.loaded.functions

    @staticmethod
    def _known_person(block: Block, c: Writing) -> str:
        """The id that a patient has outside, when the context says so."""
        if block.type != "Patient" or not c.context.persons:
            return ""
        values = [
            each
            for value in block.values.values()
            for each in (value if isinstance(value, list) else [value])
        ]
        bsns = [each.value for each in values if type(each) is Identifier and each.system == BSN]
        return next((c.context.persons[bsn] for bsn in bsns if bsn in c.context.persons), "")

    @staticmethod
    def _id(me: Me, name: str, i: int, parts: list[tuple[str, Any]]) -> str:
        """The id of the i-th resource: the n-th of its part."""
        number = sum(1 for each, _ in parts[:i] if each == name)
        return me.parts[name][number]

    def _repeats(self, resource_type: str, name: str) -> bool | None:
        """True when an element may occur more than once; None when the resource has no such element."""
        element = self.types().child(resource_type, name)
        return None if element is None else element.many


def _each_once(resources: list[Tree]) -> list[Tree]:
    """Each resource once: several blocks may have been read from one, and then are that one again."""
    found: dict[tuple[str, str], Tree] = {}
    for resource in resources:
        there = found.setdefault((resource["resourceType"], resource["id"]), resource)
        if there is not resource:
            unite(there, resource)
    return list(found.values())
