"""The state of a reading from FHIR: which members were understood, and what refers to what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.blocks.values import Absent, Block, Code, Identifier, Ref
from gateway.mapping.modifiers import proceeds
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.fhir_values import (
    CODING,
    DERIVED,
    LINK,
    REFERENCE,
    identifier_of,
    reference_of,
)
from gateway.mapping.runtime.finding import holds, items
from gateway.mapping.runtime.groups import Several, same
from gateway.mapping.runtime.spelling import NULL_FLAVOR
from gateway.mapping.runtime.state import Reading
from gateway.mapping.runtime.untranslating import reader_back, stands_for

Tree = dict[str, Any]
Marks = dict[int, dict[Any, tuple[str, int]]]
Values = tuple[tuple[str, ...], dict[str, tuple[str, ...]]]
"""A value set: the systems of which it has every code, and its codes by system."""


def _numbers(values: Any) -> Iterator[int]:
    """The numbers in the account of all values in a group."""
    if isinstance(values, dict | list):
        for each in values.values() if isinstance(values, dict) else values:
            yield from _numbers(each)
    elif values.at >= 0:
        yield values.at


def _holds(values: Values, code: Code) -> bool:
    """True when a code belongs to a value set."""
    return code.system in values[0] or code.code in values[1].get(code.system, ())


Claim = tuple[Tree, str, str, Callable[[], list[tuple[Any, bool]]]]
"""A resource, the name of its status, the row, and of each value of it whether the block says the same."""


class FhirReading(Reading):
    """A reading of FHIR resources.

    `marks` tells for the members of an element by which row they were read and as which value; a
    member that no row marks is one that the account reports.
    """

    def __init__(self, context: Context, oid: Callable[[str], str]) -> None:
        super().__init__(context)
        self.oid = oid
        self.marks: Marks = {}
        self.keys: dict[int, str] = {}
        """id of a resource → key of its block"""
        self.resources: dict[str, Tree] = {}
        """reference (full URL, Type/id, #contained) → resource"""
        self.parts: dict[int, str] = {}
        self.datatypes: Mapping[tuple[str, str], Callable[..., Any]] = {}
        self.untranslate: Callable[[str, Code], Code | None] = lambda _name, _code: None
        self.retranslate: Callable[[str, Code], Code | None] = lambda _name, _code: None
        """The other way, to know what one value is written as in several places"""
        self.targets: Callable[[str], frozenset[str]] = lambda _name: frozenset()
        """The systems of the codes of FHIR that a concept map translates"""
        self.part_readers: dict[tuple[str, str], Callable[..., Any]] = {}
        self.item_readers: dict[tuple[str, str], Callable[..., Any]] = {}
        self.joins: list[Block] = []
        self.imparted: list[tuple[Ref, Tree]] = []
        """(reference to a block, what the element says there of that block)"""
        self.attached: list[tuple[str, Tree]] = []
        """(key of a block, a resource that a reference names beside one of that block)"""
        self.variants: dict[str, str] = {}
        """key of a block that is another one in some acts only → key of that other"""
        self.local: dict[str, Tree] = {}
        """#id → resource contained in the one that is read now"""
        self.release = ""
        self.dangling: list[tuple[Tree, str, str]] = []
        """(Reference, row, severity) of references to what this document should hold and does not"""
        self.current: list[Block] = []
        self.done: dict[tuple[int, str], str] = {}
        """(id of a resource, key of a block that it was read into) → the part that read it, in order"""
        self.unread: list[Tree] = []
        """resources that no mapping reads"""
        self.carried: list[tuple[Tree, int]] = []
        """those of them that are written again as they are, with their number in the account"""
        self.embedded: set[str] = set()
        """keys of blocks that also stand inside another's resource"""
        self.read_only: frozenset[str] = frozenset()
        """rows that are never written"""
        self.made: dict[str, Block] = {}
        """key → the block, while its resources are read"""
        self.claims: list[Claim] = []
        """statuses that follow from the block, to be held against it"""
        self.known: set[int] = set()
        """ids of elements that a fixed value or a link is: rows do not read them again"""
        self.repeats: tuple[Tree, dict[str, list[Any]]] = ({}, {})
        """A partial zib of several elements that is read now, and what repeats in it."""
        self.registers: frozenset[str] = frozenset()
        """Systems of the national registers of persons and organizations"""
        self.beside: frozenset[str] = frozenset()
        """URLs of the extensions of references that point at a second resource"""
        self.blocks_of: dict[str, frozenset[str]] = {}
        """resource type → the blocks that it may be of"""
        self._referring: dict[tuple[tuple[str, ...], bool], Callable[..., Any]] = {}
        self._gathered: dict[int, Several] = {}
        self._unmapped: dict[tuple[str, Any, bool], Callable[..., Any]] = {}

    def mark(self, element: Tree, members: tuple[str, ...], rule: str, at: int = -1) -> None:
        """These members of an element were understood, by this row, as value number `at`."""
        marks = self.marks.setdefault(id(element), {})
        for member in members:
            marks[member] = (rule, at)

    def mark_item(self, element: Tree, member: str, i: int, rule: str, at: int) -> None:
        """One item of a repeating primitive was understood."""
        self.marks.setdefault(id(element), {})[member, i] = (rule, at)

    def mark_profiles(self, resource: Tree) -> None:
        """The claim of a profile was understood: it chose the mapping."""
        if "meta" in resource:
            self.mark(resource["meta"], ("profile",), "")

    def take_members(self, element: Tree, members: tuple[str, ...], rule: str) -> int:
        """One value made of several members of an element."""
        at = self.take(element, members, rule)
        self.mark(element, members, rule, at)
        return at

    def take_member(self, element: Any, member: str, i: int, rule: str) -> int:
        """One value made of one primitive."""
        at = self.take(element, member, rule)
        if isinstance(element, dict):
            self.mark_item(element, member, i, rule, at)
        return at

    @contextmanager
    def aside(self) -> Iterator[Marks]:
        """Read without noting it; what would have been noted comes out."""
        marks, taken = self.marks, self.taken
        self.marks, self.taken = {}, []
        try:
            yield self.marks
        finally:
            self.marks, self.taken = marks, taken

    def adopt(self, marks: Marks, at: int) -> None:
        """Note what was read aside, as a value that is there already."""
        for element, members in marks.items():
            known = self.marks.setdefault(element, {})
            for member, (rule, _) in members.items():
                known[member] = (rule, at)

    def take_over(self, source: Tree, key: str, i: int, rule: str, at: int) -> None:
        """Note that an item says again what value number `at` says."""
        self.mark_item(source, key, i, rule, at)
        found = source[key][i] if isinstance(source[key], list) else source[key]
        for coding in found.get("coding", (found,)) if isinstance(found, dict) else ():
            self.mark(coding, CODING, rule, at)

    def said_elsewhere(self, values: Any) -> None:
        """What these values were read from says only what another value says too."""
        numbers = set(_numbers(values))
        for members in self.marks.values():
            for member, (rule, at) in members.items():
                if at in numbers:
                    members[member] = (rule, -1)

    def said_before(self, at: int, known: int) -> None:
        """Value number `at` only repeats value number `known`."""
        marks = self.marks.get(id(self.taken[at][0]), {})
        for member, (rule, number) in list(marks.items()):
            if number == at:
                marks[member] = (rule, known)

    def alike(self, values: list[Any], value: Any) -> list[Any]:
        """Those of the values gathered for a concept that say the same as this one."""
        if isinstance(value, dict):
            return []
        known = self._gathered.get(id(values))
        if known is None:
            known = self._gathered[id(values)] = Several(
                values
            )  # holds the list, so that its id stays its own
        return known.alike(value)

    def datatype(self, partial: str, fhir_type: str) -> Callable[..., Any]:
        """The function that reads elements of a FHIR type as groups of a partial zib."""
        return self.datatypes[partial, fhir_type]

    def unmapped(self, name: str, read: Callable[..., Any], modifies: bool) -> Callable[..., Any]:
        """A reader that translates the code back; a coding that needs no translation wins.

        Where a code `modifies` what the resource means, one that only FHIR has is not read.
        """
        found = self._unmapped.get((name, read, modifies))
        if found is None:
            found = self._unmapped[name, read, modifies] = reader_back(name, read, modifies)
        return found

    def spells(self, read: Any, value: Any, found: Any) -> bool:
        """True when a code that a reader translates back is what a value is translated to."""
        name = next((key[0] for key, each in self._unmapped.items() if each is read), "")
        if type(value) is Absent:
            value = Code(value.reason, NULL_FLAVOR)
        target = self.retranslate(name, value) if name and type(value) is Code else None
        code = (
            found if not isinstance(found, dict) else next(iter(found.get("coding", ())), found).get("code")
        )
        return target is not None and target.code == code

    def contradicts(self, read: Any, value: Code | Absent, found: Any) -> bool:
        """True when a code that a reader translates back stands for another value than this one."""
        name = next((key[0] for key, each in self._unmapped.items() if each is read), "")
        coding = next(iter(found.get("coding", ())), found) if isinstance(found, dict) else {"code": found}
        return bool(name) and "code" in coding and not stands_for(self, name, value, self.code(coding))

    def settle(self) -> None:
        """A status that the block does not bear out was not read: written anew it would be another one."""
        for resource, name, rule, cases in self.claims:
            found = resource.get(name)
            borne_out = [true for value, true in cases() if holds(found, value)]
            if borne_out and not any(borne_out) and not proceeds(resource["resourceType"], name, found):
                for each in (resource, found, *(found["coding"] if isinstance(found, dict) else ())):
                    known = self.marks.get(id(each), {})
                    for member in [member for member, mark in known.items() if mark[0] == rule]:
                        del known[member]

    def code(self, coding: Tree) -> Code:
        """The code of a Coding, by the OID of its system."""
        return Code(coding.get("code", ""), self.oid(coding.get("system", "")))

    def numbered(self, registered: bool) -> Callable[..., Any]:
        """A reader of an identifier beside another concept's: one of a national register is the block's own
        number, any other its identification number.
        """

        def fitting(found: Tree, c: FhirReading, rule: str) -> Any:
            if (self.oid(found.get("system", "")) in self.registers) is not registered:
                return None
            return identifier_of(found, c, rule)

        return fitting

    def among(self, read: Callable[..., Any], own: Values, others: tuple[Values, ...]) -> Callable[..., Any]:
        """A reader of a code that shares its element with other concepts: their value sets tell whose it is.

        What no value set holds goes to the concept that is read first.
        """

        def fitting(found: Any, c: FhirReading, rule: str) -> Any:
            coding = next(iter(found.get("coding", ())), found)
            if id(coding) in self.marks:
                return None
            code = self.code(coding)
            if not _holds(own, code) and any(_holds(each, code) for each in others):
                return None
            return read(found, c, rule)

        return fitting

    def reference(self, found: Tree, rule: str) -> Ref:
        """A Reference as a Ref: to the block that the resource belongs to, else as sent."""
        at = self.take_members(found, REFERENCE, rule)
        literal = found.get("reference", "")
        apart = self.is_apart(found)
        role, own = None if apart else self.second(found, rule, at), self.find(literal)
        resource = own if role is None else role
        key = self.keys.get(id(resource), "") if resource is not None else ""
        if role is not None and own is not None:
            self.attached.append((key, own))
        identifier = None
        if "identifier" in found:
            sent = found["identifier"]
            identifier = Identifier(sent.get("value", ""), self.oid(sent.get("system", "")))
            self.mark(sent, ("system", "value"), rule, at)
        if literal and resource is None and "://" not in literal:
            # urn:uuid and #id mean something in this document; Type/id may live on the sender's server
            severity = "error" if literal.startswith(("urn:", "#")) else "warning"
            self.dangling.append((found, rule, severity))
        return Ref(key, found.get("display", ""), "" if key else literal, identifier, at)

    def second(self, found: Tree, rule: str = "", at: int = -1) -> Tree | None:
        """The resource that an extension of a reference points at: what tells more than the reference.

        The words of that extension stay those of the source: a value has one text for what it refers to.
        """
        for extension in found.get("extension", ()) if self.beside else ():
            role = extension.get("valueReference")
            if extension.get("url") in self.beside and isinstance(role, dict):
                there = self.find(role.get("reference", ""))
                if there is not None and rule:
                    self.mark(extension, ("url",), rule, at)
                    self.mark(role, LINK, rule, at)
                    self.mark(role, ("display",), rule, DERIVED)
                return there
        return None

    def is_apart(self, found: Tree) -> bool:
        """True when the second resource is of another block than the reference: that says two things."""
        role, literal = self.second(found), found.get("reference", "")
        if role is None or not literal:
            return False
        own = self.find(literal)
        if own is not None:
            together = self.keys.get(id(own)) == self.keys.get(id(role))
            return not (together or self._leads_to(role, own))
        possible = self.blocks_of.get(_kind(literal), frozenset())
        return bool(possible) and self._block(role) not in possible

    def _leads_to(self, role: Tree, own: Tree) -> bool:
        """True when a role is one of that person: it says so, or says nobody's."""
        referred = [self.find(each.get("reference", "")) for each in role.values() if isinstance(each, dict)]
        persons = [each for each in referred if self._block(each) == self._block(role)]
        return self._block(role) == self._block(own) and (not persons or any(each is own for each in persons))

    def _block(self, resource: Tree | None) -> str:
        """The type of the block that a resource of the document is part of."""
        return self.parts.get(id(resource), "").partition("/")[0] if resource is not None else ""

    def referring(self, targets: tuple[str, ...], by_type: bool) -> Callable[..., Any]:
        """A reader of references to these blocks; one that is known to point elsewhere gives nothing.

        What it points at is known by the resource when the document holds it, else, where several
        rows read one element (`by_type`), by the type of resource that it names.  A block does not
        refer to itself: that is a link between its parts.
        """
        found = self._referring.get((targets, by_type))
        if found is None:

            def read(element: Tree, c: FhirReading, rule: str) -> Any:
                literal = element.get("reference", "")
                apart = c.is_apart(element)
                resource = (None if apart else c.second(element)) or c.find(literal)
                block = c._block(resource)
                guessed = c.blocks_of.get(element.get("type") or _kind(literal), frozenset())
                blocks = {block} if block else guessed if by_type or apart else frozenset()
                if blocks and blocks.isdisjoint(targets):
                    return c.role(element, rule) if apart and c._block(c.second(element)) in targets else None
                if resource is not None and c.current and c.keys.get(id(resource)) == c.current[-1].key:
                    return None
                return reference_of(element, c, rule)

            found = self._referring[targets, by_type] = read
        return found

    def role(self, found: Tree, rule: str) -> Ref:
        """Only what an extension of a reference points at, as a Ref."""
        at = self.take(found, "extension", rule)
        resource = self.second(found, rule, at)
        return Ref(self.keys.get(id(resource), ""), at=at)

    def impart(self, ref: Any, values: Tree | None) -> None:
        """Keep what an element says of the block that it refers to, until all blocks are read."""
        if values and isinstance(ref, Ref):
            self.imparted.append((ref, values))

    def differs(self, known: Any, beyond: Tree | None) -> bool:
        """True when an element says otherwise of a block than the one where a reference to it was read."""
        said = next((values for ref, values in self.imparted if ref.at == known.at), None)
        return not same(said or {}, beyond or {})

    def find(self, literal: str) -> Tree | None:
        """The resource that a literal reference means, when the document holds it."""
        if literal.startswith("#"):
            return self.local.get(literal)
        return self.resources.get(literal)

    def follow(self, source: Tree, name: str, part: str, values: Tree, rule: str) -> None:
        """Read the other parts of a block that this one links to, into the same values."""
        block = self.current[-1]
        for found in items(source, name):
            if not isinstance(found, dict):
                continue
            resource = self.find(found.get("reference", ""))
            if resource is None or self.parts.get(id(resource)) != f"{block.type}/{part}":
                continue
            self.mark(found, LINK, rule)
            self.known.add(id(found))
            if (id(resource), block.key) in self.done:
                continue
            self.done[id(resource), block.key] = part
            around, self.local = self.local, {**self.local, **contained(resource)}
            self.part_readers[block.type, part](resource, values, None, self)
            self.local = around

    def follow_item(self, source: Tree, name: str, part: str, group: Tree, rule: str) -> None:
        """Read the resource that a group also is into that group."""
        block = self.current[-1]
        for found in items(source, name):
            resource = self.find(found.get("reference", "")) if isinstance(found, dict) else None
            if resource is None or self.parts.get(id(resource)) != f"{block.type}/{part}":
                continue
            self.mark(found, LINK, rule)
            self.known.add(id(found))
            self.done[id(resource), block.key] = part
            self.item_readers[block.type, part](resource, block.values, group, self)

    def join(self, block_type: str, resource: Tree, values: Tree) -> Ref | None:
        """What a resource carries of another block of the same person becomes that block."""
        if not values:
            return None
        key = self.keys.get(id(resource), "")
        number = sum(1 for block in self.joins if block.type == block_type)
        values["Subject"] = Ref(key)
        self.joins.append(Block(block_type, self.release, f"{block_type}/of-{key}-{number}", values))
        return Ref(self.joins[-1].key)

    def referred(self, ref: Any) -> Tree | None:
        """What a resource carries of the block that a reference points at; None when it is no such block."""
        key = ref.key if type(ref) is Ref else ""
        return next((block.values for block in self.joins if block.key == key), None)

    def join_by(self, block_type: str, concept: str, resource: Tree, mine: Tree, values: Tree) -> None:
        """A block that refers to the one that is read, and is about the same person."""
        self.join(block_type, resource, values)
        values[concept] = values.pop("Subject")
        if "Subject" in mine:
            values["Subject"] = mine["Subject"]


def _kind(literal: str) -> str:
    """The type of resource that a reference names."""
    return literal.rpartition("/")[0].rpartition("/")[2]


def contained(resource: Tree) -> dict[str, Tree]:
    """The resources inside a resource, by the reference (#id) that means them there."""
    return {f"#{each['id']}": each for each in resource.get("contained", ()) if "id" in each}
