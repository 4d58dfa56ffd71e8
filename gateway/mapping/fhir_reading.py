"""The state of a reading from FHIR: which members were understood, and what refers to what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.blocks.values import Absent, Block, Code, Identifier, Ref
from gateway.mapping.context import Context
from gateway.mapping.runtime_read import CODING, REFERENCE, items
from gateway.mapping.state import Reading

Tree = dict[str, Any]


class FhirReading(Reading):
    """A reading of FHIR resources.

    `marks` tells for the members of an element by which row they were read and as which value; a
    member that no row marks is one that the account reports.
    """

    def __init__(self, context: Context, oid: Callable[[str], str]) -> None:
        super().__init__(context)
        self.oid = oid
        self.marks: dict[int, dict[Any, tuple[str, int]]] = {}
        self.keys: dict[int, str] = {}
        """id of a resource → key of its block"""
        self.resources: dict[str, Tree] = {}
        """reference (full URL, Type/id, #contained) → resource"""
        self.parts: dict[int, str] = {}
        self.datatypes: dict[tuple[str, str], Callable[..., Any]] = {}
        self.untranslate: Callable[[str, Code], Code | None] = lambda _name, _code: None
        self.part_readers: dict[tuple[str, str], Callable[..., Any]] = {}
        self.joins: list[Block] = []
        self.local: dict[str, Tree] = {}
        """#id → resource contained in the one that is read now"""
        self.release = ""
        self.dangling: list[tuple[Tree, str, str]] = []
        """(Reference, row, severity) of references to what this document should hold and does not"""
        self.current: list[Block] = []
        self.done: set[tuple[int, str]] = set()
        self._unmapped: dict[tuple[str, Any, bool], Callable[..., Any]] = {}

    # -- the account -------------------------------------------------------------------------------

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

    # -- readers that need the state ---------------------------------------------------------------

    def datatype(self, partial: str, fhir_type: str) -> Callable[..., Any]:
        """The function that reads elements of a FHIR type as groups of a partial zib."""
        return self.datatypes[partial, fhir_type]

    def unmapped(self, name: str, read: Callable[..., Any], keep_coding: bool) -> Callable[..., Any]:
        """A reader that translates the code back; of several codings the one that needs no translation wins."""
        found = self._unmapped.get((name, read, keep_coding))
        if found is None:
            found = self._unmapped[name, read, keep_coding] = self._unmap(name, read)
        return found

    def _unmap(self, name: str, read: Callable[..., Any]) -> Callable[..., Any]:
        def back(found: Any, c: FhirReading, rule: str) -> Any:
            if isinstance(found, dict) and len(found.get("coding", ())) > 1:
                return self._original(name, found, read, rule)
            value = read(found, c, rule)
            if not isinstance(value, Code):
                return value
            source = self.untranslate(name, value)
            if source is None:
                return value
            return Code(source.code, source.system, source.display, "", value.text, value.at)

        return back

    def _original(self, name: str, found: Tree, read: Callable[..., Any], rule: str) -> Any:
        codings = found["coding"]
        kept = [each for each in codings if self.untranslate(name, self._code(each)) is None]
        chosen = kept[0] if kept else codings[0]
        value = read({**found, "coding": [chosen]}, self, rule)
        if isinstance(value, Code | Absent):
            for each in codings:
                known = each is chosen or self.untranslate(name, self._code(each)) is not None
                if known:
                    self.mark(each, CODING, rule, value.at)
            if "text" in found:
                self.mark(found, ("text",), rule, value.at)
        return value

    def _code(self, coding: Tree) -> Code:
        return Code(coding.get("code", ""), self.oid(coding.get("system", "")))

    # -- references --------------------------------------------------------------------------------

    def reference(self, found: Tree, rule: str) -> Ref:
        """A Reference as a Ref: to the block that the resource belongs to, else as sent."""
        at = self.take_members(found, REFERENCE, rule)
        literal = found.get("reference", "")
        resource = self.find(literal)
        key = self.keys.get(id(resource), "") if resource is not None else ""
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
            self.mark(found, REFERENCE, rule)
            self.done.add((id(resource), block.key))
            self.part_readers[block.type, part](resource, values, None, self)

    def join(self, block_type: str, resource: Tree, values: Tree) -> None:
        """What a resource carries of another block of the same person becomes that block."""
        if not values:
            return
        key = self.keys.get(id(resource), "")
        number = sum(1 for block in self.joins if block.type == block_type)
        values["Subject"] = Ref(key)
        self.joins.append(Block(block_type, self.release, f"{block_type}/of-{key}-{number}", values))
