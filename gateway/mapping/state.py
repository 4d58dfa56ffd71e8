"""What one translation keeps while generated code runs: the state of a reading and of a writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.blocks.values import Absent, Block, Boolean, Code, Moment, Ref
from gateway.errors import Issue
from gateway.mapping.context import Context
from gateway.mapping.runtime_write import NULL_FLAVOR, absent_element, offset_of, same

Tree = dict[str, Any]
BSN = "2.16.840.1.113883.2.4.6.3"
"""OID of the burgerservicenummer."""


class Reading:
    """The state of a reading: every value that was taken from the input, and by which row.

    A value's `at` is its index in `taken`.  What stands in the input and was not taken is found by a
    sweep afterwards; `left` gives the reason where the reader knew one.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.taken: list[tuple[Any, Any, str]] = []
        """(container or element, member or None, row)"""
        self.left: dict[int, tuple[Any, str, str]] = {}
        """id of an element → (the element, state, reason) for what a rule says is not a value of its own"""
        self.issues: list[Issue] = []

    def take(self, node: Any, member: Any, rule: str) -> int:
        """Note that a value is read; the number that the value carries as `at`."""
        self.taken.append((node, member, rule))
        return len(self.taken) - 1

    def leave(self, node: Any, state: str, reason: str) -> None:
        """Note why a piece of the input becomes no value: `duplicate`, `placeholder`, `structure`, …"""
        self.left[id(node)] = (node, state, reason)  # holding the node keeps its id from being used again


def _coded(value: Any) -> Any:
    """What a concept map translates: a null flavor as a code, a truth value as one without a system."""
    match value:
        case Absent():
            return Code(value.reason, NULL_FLAVOR)
        case Boolean():
            return Code("true" if value.value else "false", "")
    return value


@dataclass(slots=True)
class Me:
    """The block that is being written, and the resource that it becomes now."""

    block: Block
    id: str = ""
    part: str = ""
    parts: dict[str, list[str]] = field(default_factory=dict)
    """Part to the ids of the resources that the block becomes."""
    resources: list[Tree] = field(default_factory=list)


class Writing:
    """The state of a writing: ids, references, and the row that used each value."""

    def __init__(
        self, context: Context, size: int, uris: Callable[[str], str], typed_references: bool
    ) -> None:
        self.context = context
        self.zone = context.zone
        self.used: list[str] = [""] * (size + 1)  # the last is for values that the gateway made (at = −1)
        self.refused: dict[int, str] = {}
        self.uri = uris
        self.typed_references = typed_references
        self.blocks: dict[str, Me] = {}
        self.part_types: dict[tuple[str, str], str] = {}
        self.reference_parts: dict[str, str] = {}
        self.datatypes: dict[tuple[str, str], Any] = {}
        self.displays: dict[str, Callable[[Any], str]] = {}
        self.translate: Callable[[str, Code], Code | None] = lambda _name, _code: None
        self._mapped: dict[tuple[str, Any, bool], Callable[..., Any]] = {}
        self._referring: dict[str, Callable[..., Any]] = {}
        self._backs: list[tuple[Ref, str, Me, str]] = []
        self._joined: dict[tuple[str, str], list[Any]] = {}
        self._now = context.now.astimezone(context.zone).replace(tzinfo=None).isoformat()

    # -- the account -------------------------------------------------------------------------------

    def use(self, value: Any, rule: str) -> None:
        """The value was written, by this row; of a group all that it holds."""
        if type(value) is dict:
            for each in value.values():
                self.use(each, rule)
        elif type(value) is list:
            for each in value:
                self.use(each, rule)
        else:
            self.used[value.at] = rule

    def use_own(self, value: Any, rule: str) -> None:
        """The value was written, by this row; what a group holds was used by the rows inside it."""
        if type(value) is not dict:
            self.used[value.at] = rule

    def unwritten(self, value: Any, rule: str) -> None:
        """The row could not write the value (a code without a translation); the account says so."""
        at = getattr(value, "at", -1)
        if at >= 0:
            self.refused[at] = rule

    # -- converters that need the state ------------------------------------------------------------

    def datatype(self, partial: str, fhir_type: str, part: str = "") -> Callable[..., Any]:
        """The function that writes a partial zib, or only one part of it, as a FHIR type."""
        found = self.datatypes[partial, fhir_type]
        return found.only(part) if part else found

    def mapped(self, name: str, convert: Callable[..., Any], keep_coding: bool) -> Callable[..., Any]:
        """A converter that translates the code by a concept map first; the original coding may stay."""
        found = self._mapped.get((name, convert, keep_coding))
        if found is None:
            found = self._mapped[name, convert, keep_coding] = self._map(name, convert, keep_coding)
        return found

    def _map(self, name: str, convert: Callable[..., Any], keep_coding: bool) -> Callable[..., Any]:
        def write(value: Any, c: Writing) -> Any:
            target = self.translate(name, _coded(value))
            if target is None:
                return convert(value, c) if keep_coding else None
            result = convert(target, c)
            if keep_coding:
                result["coding"].extend(convert(value, c)["coding"])
                if value.text:
                    result["text"] = value.text
            return result

        return write

    def referring(self, part: str) -> Callable[..., Any]:
        """A converter of references to a given part of the other block."""
        found = self._referring.get(part)
        if found is None:
            found = self._referring[part] = lambda value, c: c.reference(value, part)
        return found

    # -- time --------------------------------------------------------------------------------------

    def zoned(self, moment: str) -> str:
        """A FHIR dateTime of a moment: seconds filled, the zone's offset where none was sent."""
        if len(moment) <= 10:
            return moment
        if len(moment) == 13:
            moment += ":00"
        if len(moment) == 16:
            moment += ":00"
        elif moment[16] in "+-Z":
            moment = moment[:16] + ":00" + moment[16:]
        if len(moment) > 19 and ("+" in moment[19:] or "-" in moment[19:] or moment[-1] == "Z"):
            return moment
        return moment + offset_of(moment[:19], self)

    def moment_now(self, fhir_type: str) -> str:
        """The moment of this writing, to the second; only the day for a `date`."""
        now = self.context.now.astimezone(self.zone).isoformat(timespec="seconds")
        return now[:10] if fhir_type == "date" else now

    def is_past(self, value: Any) -> bool:
        """True when a moment lies before now, compared at its own precision."""
        return type(value) is Moment and self._local(value) < self._now[: len(self._local(value))]

    def is_future(self, value: Any) -> bool:
        """True when a moment lies after now, compared at its own precision."""
        return type(value) is Moment and self._local(value) > self._now[: len(self._local(value))]

    @staticmethod
    def _local(value: Moment) -> str:
        return value.value[:19]

    # -- references --------------------------------------------------------------------------------

    def reference(self, ref: Ref | Absent, part: str) -> Tree | None:
        """A Reference to (a part of) the block that a value points at; to what was sent when it is not here."""
        if type(ref) is Absent:
            return absent_element(ref)
        me = self.blocks.get(ref.key)
        if me is None or not me.parts:
            return self._outward(ref)
        wanted = part or self.reference_parts.get(me.block.type, "")
        name = wanted if wanted in me.parts else next(iter(me.parts))
        if part and part not in me.parts:
            return None
        return self.reference_to(name, me.parts[name][0], me)

    def reference_to(self, part: str, resource_id: str, me: Me) -> Tree:
        """A Reference to one resource of a block."""
        kind = self.part_types[me.block.type, part]
        result: Tree = {"reference": f"{kind}/{resource_id}"}
        if self.typed_references:
            result["type"] = kind
        display = self.displays[me.block.type](me.block.values) if me.block.type in self.displays else ""
        if display:
            result["display"] = display
        return result

    def _outward(self, ref: Ref) -> Tree | None:
        result: Tree = {}
        if ref.literal:
            result["reference"] = ref.literal
        if ref.identifier is not None:
            result["identifier"] = {"system": self.uri(ref.identifier.system), "value": ref.identifier.value}
        if ref.display:
            result["display"] = ref.display
        return result or None

    def referred(self, ref: Any) -> Tree | None:
        """The values of the block that a reference points at, when it is here."""
        me = self.blocks.get(ref.key) if type(ref) is Ref else None
        return me.block.values if me is not None else None

    def point_back(self, ref: Ref, path: str, me: Me, rule: str) -> None:
        """Note that the resource referred to is to point back at this one."""
        self._backs.append((ref, path, me, rule))

    def write_backs(self, repeats: Callable[[str, str], bool | None]) -> None:
        """Put the references that point back in the resources that were referred to."""
        for ref, path, me, rule in self._backs:
            target = self.blocks.get(ref.key)
            if target is None or not target.resources:
                continue
            resource = target.resources[0]
            found = self.reference_to(me.part, me.id, me)
            repeating = repeats(resource["resourceType"], path)
            if repeating is None:
                self.unwritten(ref, rule)
                continue
            if repeating:
                resource.setdefault(path, []).append(found)
            else:
                resource.setdefault(path, found)
            self.used[ref.at] = rule

    # -- joins -------------------------------------------------------------------------------------

    def joined(self, me: Me, block_type: str) -> Sequence[Any]:
        """The values of the blocks of a type whose subject is this block."""
        return self._joined.get((me.block.key, block_type), ())

    def join(self, blocks: Sequence[Block]) -> None:
        """Index the blocks by their subject, for joins.

        Blocks of other documents are joined to a person who is all that the document holds, each
        content once: a document about something else only refers to its persons.
        """
        alone = sum(1 for block in blocks if not block.context) == 1
        for block in blocks:
            if block.context and not alone:
                continue
            subject = block.values.get("Subject")
            if type(subject) is Ref and subject.key:
                known = self._joined.setdefault((subject.key, block.type), [])
                if not (block.context and any(same(each, block.values) for each in known)):
                    known.append(block.values)
