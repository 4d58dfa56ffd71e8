"""Blocks from FHIR resources and FHIR resources from blocks, with the compiled mappings of a format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from stdnum.nl import bsn

from gateway.blocks.values import Block, Code, Identifier, Moment, Origin, Quantity, Ref, Text
from gateway.codecs.message_types import ElementTypes
from gateway.errors import Fault, Issue
from gateway.mapping.account import CARRIED
from gateway.mapping.carrying import carry_whole, residue, restore, unite
from gateway.mapping.compiler.formats import BackFacts, Loaded, PartFacts
from gateway.mapping.datatypes import DatatypeReader, DatatypeWriter, part_reader
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.groups import dig, every, within
from gateway.mapping.runtime.names import full_name
from gateway.mapping.runtime.readers import holds, items, store
from gateway.mapping.runtime.reading import FhirReading, contained
from gateway.mapping.runtime.state import BSN, Me, Writing
from gateway.terminology.conceptmaps import ConceptMaps
from gateway.terminology.systems import CodeSystems

Tree = dict[str, Any]
POINTING = ("reference", "type", "display")
"""What a reference says that points back: that there is one, to which resource."""


class FhirReader:
    """Reads the resources of one document into blocks."""

    def __init__(self, loaded: Loaded, systems: CodeSystems, maps: ConceptMaps) -> None:
        self.loaded, self.systems, self.maps = loaded, systems, maps
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
        c.untranslate, c.retranslate = self._untranslate, self._retranslate
        c.release = self.loaded.compiled.release
        c.blocks_of = self.loaded.blocks_of
        c.read_only = self._read_only
        c.beside = frozenset(url for _, url in self.loaded.compiled.beside.values())
        c.registers = self.systems.identifiers
        placed = list(_resources(tree, c))
        parts = [(resource, place, self._part(resource, place, c)) for place, resource in placed]
        self._assign_keys(parts, c)
        parts = [(resource, place, self._settled(resource, part, c)) for resource, place, part in parts]
        blocks = [
            *self._blocks(parts, c, primary=True),
            *self._blocks(parts, c, primary=False),
        ]
        self._read_backs(parts, blocks, c)
        _impart(blocks, c)
        c.issues += _dangling(c, placed)
        blocks += _fresh_joins(blocks, c)
        if not self.loaded.compiled.types:
            self._carry([resource for _, resource in placed], blocks, c)
        return blocks, c

    def _carry(self, resources: list[Tree], blocks: list[Block], c: FhirReading) -> None:
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
        rests = {each: residue(by_id[each], c) for each, _ in c.done}
        names = _names(c) if any('"reference"' in found.rest for found in rests.values()) else {}
        found: dict[str, list[Origin]] = {}
        for (each, key), part in c.done.items():
            resource = by_id[each]
            profiles = tuple(resource.get("meta", {}).get("profile", ()))
            kept = ids.get(each, "")
            origin = Origin(form, part, kept, profiles, tuple(resource), names.get(each, ()), *rests[each])
            found.setdefault(key, []).append(origin)
        for block in blocks:
            inside = block.key in c.embedded or block.key not in found
            block.origins = (*found.get(block.key, ()), *([Origin(form)] if inside else []))

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
        return Code(target.code, target.system) if target else None

    def _part(self, resource: Tree, place: str, c: FhirReading) -> PartFacts | None:
        """The part of a mapping that reads a resource: by its profile, else by type and fixed values."""
        for url in resource.get("meta", {}).get("profile", ()):
            found = self.loaded.by_profile.get(url.partition("|")[0], ())
            fitting = [part for part in found if self._fits(resource, part)]
            if fitting:
                return max(fitting, key=self._claim)
        candidates = [
            (len(self.loaded.fixed[key]), _stands_alone(part), part)
            for key, part in self.loaded.parts.items()
            if part.release == self.loaded.compiled.release  # one of another release is known by its profile
            and self._fits(resource, part)
            and (self.loaded.fixed[key] or part.type not in self.loaded.compiled.never_guessed)
            and all(holds(resource.get(name), value) for name, value in self.loaded.fixed[key])
        ]
        if not candidates:
            text = f"no mapping reads this {resource['resourceType']}"
            c.issues.append(Issue("warning", "not-supported", text, place=place))
            c.unread.append(resource)
            return None
        return max(candidates, key=lambda each: each[:2])[2]

    def _claim(self, part: PartFacts) -> tuple[int, bool]:
        """What speaks for a part, of those that share a profile: its selection, then its place."""
        return len(self.loaded.selected[part.block, part.name]), _stands_alone(part)

    def _fits(self, resource: Tree, part: PartFacts) -> bool:
        """True when a resource is of the part's type and has what the part is selected by."""
        return part.type == resource["resourceType"] and holds(
            resource, self.loaded.selected[part.block, part.name]
        )

    def _assign_keys(self, parts: list[tuple[Tree, str, PartFacts | None]], c: FhirReading) -> None:
        """Each resource gets the key of its block; parts that a primary part links to share its key."""
        for resource, _place, part in parts:
            if part is not None:
                c.parts[id(resource)] = f"{part.block}/{part.name}"
        for rank in range(3):
            for i, (resource, _place, part) in enumerate(parts):
                if part is not None and _rank(part) == rank and id(resource) not in c.keys:
                    part, known = self._belonging(resource, part, c)
                    parts[i] = (resource, _place, part)
                    c.parts[id(resource)] = f"{part.block}/{part.name}"
                    key = known or f"{part.block}/{resource.get('id') or i}"
                    taken = not known and key in c.keys.values()
                    c.keys[id(resource)] = f"{key}-{i}" if taken else key
                    self._share_key(resource, part, c)

    def _belonging(self, resource: Tree, part: PartFacts, c: FhirReading) -> tuple[PartFacts, str]:
        """Of parts that share a profile the one whose block this resource points at, with its key."""
        for each in (part, *self._alike(resource)):
            for path, target in each.links:
                if not self.loaded.parts[each.block, target].primary:
                    continue  # what several blocks link to does not make them one
                for found in _along(resource, path):
                    other = c.resources.get(found.get("reference", "")) if isinstance(found, dict) else None
                    if other is not None and c.parts.get(id(other)) == f"{each.block}/{target}":
                        key = c.keys.get(id(other), "")
                        if key:
                            return each, key
        return part, ""

    def _alike(self, resource: Tree) -> Iterator[PartFacts]:
        """The parts that a resource may be of, by the profiles that it claims."""
        for url in resource.get("meta", {}).get("profile", ()):
            for part in self.loaded.by_profile.get(url.partition("|")[0], ()):
                if self._fits(resource, part):
                    yield part

    def _share_key(self, resource: Tree, part: PartFacts, c: FhirReading) -> None:
        for path, target in part.links:
            for found in _along(resource, path):
                literal = found.get("reference", "") if isinstance(found, dict) else ""
                other = c.resources.get(literal) or contained(resource).get(literal)
                if other is None or not self._is_part(other, self.loaded.parts[part.block, target], c):
                    continue
                if c.keys.setdefault(id(other), c.keys[id(resource)]) == c.keys[id(resource)]:
                    self._share_key(other, self.loaded.parts[part.block, target], c)

    def _is_part(self, resource: Tree, part: PartFacts, c: FhirReading) -> bool:
        """True when a resource that a block links to is that part of it.

        Blocks may share a profile (the characteristics of a wound): the link tells whose it is.
        """
        name = f"{part.block}/{part.name}"
        there = self._settled(resource, None, c)
        free = there is None or there.block != part.block or not (there.primary or there.links)
        if free and id(resource) not in c.keys:
            claimed = {url.partition("|")[0] for url in resource.get("meta", {}).get("profile", ())}
            if self._fits(resource, part) and claimed.intersection(part.profiles):
                c.parts[id(resource)] = name
        return c.parts.get(id(resource)) == name

    def _settled(self, resource: Tree, part: PartFacts | None, c: FhirReading) -> PartFacts | None:
        """The part that a resource turned out to be, by what links to it."""
        block, _, name = c.parts.get(id(resource), "").partition("/")
        return self.loaded.parts.get((block, name), part)

    def _blocks(
        self, parts: list[tuple[Tree, str, PartFacts | None]], c: FhirReading, *, primary: bool
    ) -> Iterator[Block]:
        reached = {each for each, _ in c.done}
        for resource, _place, part in parts:
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

    def _read_backs(
        self, parts: list[tuple[Tree, str, PartFacts | None]], blocks: list[Block], c: FhirReading
    ) -> None:
        """References that stand in the resource referred to."""
        by_key = {block.key: block for block in blocks}
        for back in self.loaded.compiled.backs:
            for resource, _place, part in parts:
                if part is not None and part.primary and part.block in back.targets:
                    for found in items(resource, back.path):
                        other = c.find(found.get("reference", ""))
                        if other is not None and c.parts.get(id(other)) == f"{back.block}/{back.part}":
                            _read_back(found, back, by_key.get(c.keys[id(other)]), c.keys[id(resource)], c)


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


def _fresh_joins(blocks: list[Block], c: FhirReading) -> list[Block]:
    """Blocks that another resource carried along, unless the document has one that says all that they say."""
    fresh: list[Block] = []
    known: dict[str, str] = {}
    for joined in c.joins:
        there = next((each for each in blocks if each.type == joined.type and _says_all(each, joined)), None)
        if there is None:
            fresh.append(joined)
        else:
            known[joined.key] = there.key
            c.embedded.add(there.key)
            c.said_elsewhere(joined.values)
    if known:
        for block in blocks:
            block.values = _redirected(block.values, known)
    return fresh


def _says_all(block: Block, joined: Block) -> bool:
    return all(
        name in block.values and within(value, block.values[name])
        for name, value in joined.values.items()
        if name != "Subject"
    )


def _redirected(value: Any, known: dict[str, str]) -> Any:
    """A value with its references to one block pointed at another."""
    if type(value) is Ref and value.key in known:
        return Ref(known[value.key], value.display, value.literal, value.identifier, value.at)
    if isinstance(value, dict):
        return {name: _redirected(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_redirected(each, known) for each in value]
    return value


def _impart(blocks: list[Block], c: FhirReading) -> None:
    """Give blocks what other resources said of them, where they do not say it themselves."""
    by_key = {block.key: block for block in blocks}
    for key, values in c.imparted:
        if key in by_key:
            by_key[key].values = {**values, **by_key[key].values}


def _resources(tree: Tree, c: FhirReading) -> Iterator[tuple[str, Tree]]:
    """Every resource with its place; references to it are indexed."""
    if tree["resourceType"] != "Bundle":
        yield from _resource(tree, tree["resourceType"], "", c)
        return
    for i, entry in enumerate(tree.get("entry", ())):
        resource = entry.get("resource")
        if isinstance(resource, dict) and "resourceType" in resource:
            place = f"Bundle.entry[{i}].resource"
            yield from _resource(resource, place, entry.get("fullUrl", ""), c)


def _resource(resource: Tree, place: str, full_url: str, c: FhirReading) -> Iterator[tuple[str, Tree]]:
    if full_url:
        c.resources[full_url] = resource
    if "id" in resource:
        c.resources[f"{resource['resourceType']}/{resource['id']}"] = resource
    yield place, resource
    for i, inner in enumerate(resource.get("contained", ())):
        yield f"{place}.contained[{i}]", inner


def _dangling(c: FhirReading, placed: list[tuple[str, Tree]]) -> Iterator[Issue]:
    """An issue for each reference to nothing, with its place."""
    if not c.dangling:
        return
    wanted = {id(found): (rule, severity) for found, rule, severity in c.dangling}
    for place, resource in placed:
        for here, element in _elements(place, resource):
            if id(element) in wanted:
                rule, severity = wanted[id(element)]
                text = "refers to a resource that the document does not hold"
                yield Issue(
                    "error" if severity == "error" else "warning",
                    "not-found",
                    text,
                    place=f"{here}.reference",
                    rule=rule,
                )


def _elements(place: str, element: Tree) -> Iterator[tuple[str, Tree]]:
    yield place, element
    for name, value in element.items():
        for i, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, dict):
                number = f"[{i}]" if isinstance(value, list) else ""
                yield from _elements(f"{place}.{name}{number}", each)


def _stands_alone(part: PartFacts) -> bool:
    """True for a part that is not only there because another one links to it."""
    return part.primary or bool(part.links)


def _rank(part: PartFacts) -> int:
    """When a resource gets its key: those that link to others first, those that are linked to last."""
    return 2 if not part.primary else 0 if part.links else 1


def _along(element: Any, path: tuple[str, ...]) -> list[Any]:
    found = [element]
    for name in path:
        found = [each for one in found if isinstance(one, dict) for each in items(one, name)]
    return found


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
        self._displays = {block: _display(paths) for block, paths in loaded.compiled.displays.items()}

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
        self._leave_out(resource, origin, self.loaded.parts[me.block.type, me.part])
        if origin.rest:
            restore(resource, origin.rest, c.moved)
            c.used[origin.at] = CARRIED
            for at in origin.also:
                c.used[at] = c.used[at] or CARRIED
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
        if not named or not {*named} <= {*(name for name, _ in parts), ""}:
            return parts, [None] * len(parts)
        found = [(part, named[part[0]].pop(0)) for part in parts if named.get(part[0])]
        return [part for part, _ in found], [origin for _, origin in found]

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


def _display(paths: list[tuple[str, ...]]) -> Callable[[Tree], str]:
    def display(values: Tree) -> str:
        return ", ".join(filter(None, (_words(dig(values, *path)) for path in paths)))

    return display


def _words(value: Any) -> str:
    match value:
        case Text() | Moment():
            return value.value
        case Code():
            return value.display or value.text
        case Quantity():
            return f"{value.value} {value.unit}".strip()
        case dict():
            return full_name(value, None)  # a group stands for a person by its names
        case list():
            return next(filter(None, map(_words, value)), "")
    return ""
