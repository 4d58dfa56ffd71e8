"""What one translation keeps while generated code runs: the state of a reading and of a writing."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.blocks.values import Absent, Block, Boolean, Code, Moment, Origin, Quantity, Ref
from gateway.errors import Issue
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.groups import refs_in, same
from gateway.mapping.runtime.spelling import NULL_FLAVOR, UCUM, absent_element, quantity

Tree = dict[str, Any]
BSN = "2.16.840.1.113883.2.4.6.3"
"""OID of the burgerservicenummer."""


class Timed:
    """What tells the past from the future by the clock of a context."""

    context: Context

    def is_past(self, value: Any) -> bool:
        """True when a moment lies before now, compared at its own precision."""
        return self._compared(value) < 0

    def is_future(self, value: Any) -> bool:
        """True when a moment lies after now, compared at its own precision."""
        return self._compared(value) > 0

    def _compared(self, value: Any) -> int:
        """−1 for a moment before now, 1 for one after it, else 0."""
        if type(value) is not Moment:
            return 0
        there = self.context.local(value.value)
        now = self.context.local_now[: len(there)]
        return (there > now) - (there < now)


class Reading(Timed):
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
    items: dict[str, list[Any]] = field(default_factory=dict)
    """Part to the occurrences of the group that those are of, where it has `each`."""
    resources: list[Tree] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)
    """For each resource the one of the same format that it was read from."""

    def was_read_only_as(self, *parts: str) -> bool:
        """True when the block was read from resources, of any format, and each of them is such a part."""
        found = {origin.part for origin in self.block.origins}
        return bool(found) and found <= {*parts}


class Writing(Timed):
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
        self.format = ""
        self.quiet = False
        """The resource is written in the format of its source: no words are put in that it did not have"""
        self.extensible = True
        """An element without a value can say why, in an extension, as FHIR's can."""
        self.blocks: dict[str, Me] = {}
        self.moved: dict[str, str] = {}
        """reference in the source → the one that means the same resource now"""
        self.part_types: dict[tuple[str, str], str] = {}
        self.reference_parts: dict[str, str] = {}
        self.beside: dict[str, tuple[str, str]] = {}
        self.datatypes: dict[tuple[str, str], Any] = {}
        self.displays: dict[str, Callable[[Any], str]] = {}
        self.translate: Callable[[str, Code], Code | None] = lambda _name, _code: None
        self._shown: dict[str, str] = {}
        self._mapped: dict[tuple[str, Any, bool], Callable[..., Any]] = {}
        self._referring: dict[str, Callable[..., Any]] = {}
        self._units: dict[tuple[str, str], Callable[..., Any]] = {}
        self.all_blocks: Sequence[Block] = ()
        self._referrers: dict[str, set[str]] | None = None
        self._backs: list[tuple[Ref, str, str, Me, str]] = []
        self._joined: dict[tuple[str, str], list[Any]] = {}
        self._pointing: dict[tuple[str, str, str], list[Any]] = {}

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

    def datatype(self, partial: str, fhir_type: str, part: str = "") -> Callable[..., Any]:
        """The function that writes a partial zib, or only one part of it, as a FHIR type."""
        found: Callable[..., Any] = self.datatypes[partial, fhir_type]
        return self.datatypes[partial, fhir_type].only(part) if part else found

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

    def in_unit(self, code: str, unit: str) -> Callable[..., Any]:
        """A converter of quantities that gives those without a unit this one."""
        found = self._units.get((code, unit))
        if found is None:

            def write(value: Any, c: Writing) -> Any:
                result = quantity(value, c)
                if type(value) is Quantity and not (value.unit or value.code):
                    result |= {"unit": unit} if unit else {}
                    result |= {"system": UCUM, "code": code}
                return result

            found = self._units[code, unit] = write
        return found

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
        return moment + self._offset(moment[:19])

    def _offset(self, moment: str) -> str:
        """The offset that the zone has at a local time, as +02:00."""
        offset = datetime.datetime.fromisoformat(moment).replace(tzinfo=self.zone).utcoffset()
        minutes = int(offset.total_seconds() // 60) if offset else 0
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

    def moment_now(self, fhir_type: str) -> str:
        """The moment of this writing, to the second; only the day for a `date`."""
        now = self.context.now.astimezone(self.zone).isoformat(timespec="seconds")
        return now[:10] if fhir_type == "date" else now

    def reference(self, ref: Ref | Absent, part: str) -> Tree | None:
        """A Reference to (a part of) the block that a value points at, else to what was sent."""
        if type(ref) is Absent:
            return absent_element(ref)
        me = self.blocks.get(ref.key)
        if me is None or not me.parts:
            return self._outward(ref)
        known = (each for each in part.split() if (me.block.type, each) in self.part_types)
        part = " ".join(known)  # the others are of another possible target
        asked = part or self.reference_parts.get(me.block.type, "")
        became = [each for each in asked.split() if each in me.parts]
        if part and not became:
            return None
        name = became[0] if became else next(iter(me.parts))
        result = self.reference_to(name, me.parts[name][0], me, ref.display)
        second, url = self.beside.get(me.block.type, ("", ""))
        if part or second not in me.parts:
            return result
        role = self.reference_to(second, me.parts[second][0], me)
        extension: Tree = {"extension": [{"url": url, "valueReference": role}]}
        if name == second:  # the block became nothing else that the reference could point at
            return {**extension, "display": role["display"]} if "display" in role else extension
        return {**extension, **result}

    def reference_to(self, part: str, resource_id: str, me: Me, sent: str = "") -> Tree:
        """A Reference to one resource of a block; `sent` is how the sender called it."""
        kind = self.part_types[me.block.type, part]
        result: Tree = {"reference": f"{kind}/{resource_id}"}
        if self.typed_references:
            result["type"] = kind
        display = sent if self.quiet else self._display(me.block) or sent
        if display:
            result["display"] = display
        return result

    def _display(self, block: Block) -> str:
        """How references to a block call it: worked out once, however many there are."""
        if block.key not in self._shown:
            made = self.displays.get(block.type)
            self._shown[block.key] = made(block.values) if made else ""
        return self._shown[block.key]

    def _outward(self, ref: Ref) -> Tree | None:
        result: Tree = {}
        if ref.literal:
            result["reference"] = ref.literal
            kind = ref.literal.rpartition("/")[0].rpartition("/")[2]
            if self.typed_references and kind[:1].isupper():
                result["type"] = kind
        if ref.identifier is not None:
            result["identifier"] = {"system": self.uri(ref.identifier.system), "value": ref.identifier.value}
        if ref.display:
            result["display"] = ref.display
        return result or None

    def referred(self, ref: Any) -> Tree | None:
        """The values of the block that a reference points at, when it is here."""
        me = self.blocks.get(ref.key) if type(ref) is Ref else None
        return me.block.values if me is not None else None

    def point_back(self, ref: Ref, path: str, url: str, me: Me, rule: str) -> None:
        """Note that the resource referred to is to point back at this one, in the extension `url` if any."""
        self._backs.append((ref, path, url, me, rule))

    def write_backs(self, repeats: Callable[[str, str], bool | None]) -> None:
        """Put the references that point back in the resources that were referred to."""
        self.quiet = False
        for ref, path, url, me, rule in self._backs:
            target = self.blocks.get(ref.key)
            if target is None or not target.resources:
                continue
            resource = target.resources[0]
            found = self.reference_to(me.part, me.id, me)
            name, _, inner = path.partition(".")
            if url:
                found = {"url": url, inner: found}
            repeating = repeats(resource["resourceType"], name)
            if repeating is None:
                self.unwritten(ref, rule)
                continue
            origin = target.origins[0] if target.origins else None
            if origin is not None and name not in origin.members:
                continue  # the source pointed the other way
            if origin is not None:  # words that it had are back by now
                (found[inner] if url else found).pop("display", None)
            if repeating:
                there = resource.setdefault(name, [])
                if not any(_pointed_at(each, inner) == _pointed_at(found, inner) for each in there):
                    there.append(found)  # unless another part of the block has the row too
            else:
                resource.setdefault(name, found)
            self.used[ref.at] = rule

    def is_referred(self, me: Me, by: str) -> bool:
        """True when a block of the type `by` refers to this one; `Block.Concept`: by that concept."""
        if self._referrers is None:
            self._referrers = {}
            for other in self.all_blocks:
                for name, value in other.values.items():
                    for ref in refs_in(value):
                        named = (other.type, f"{other.type}.{name}")
                        self._referrers.setdefault(ref.key, set()).update(named)
        return by in self._referrers.get(me.block.key, ())

    def joined(self, me: Me, block_type: str, by: str) -> Sequence[Any]:
        """The values of the blocks of a type whose subject, or whose concept `by`, is this block."""
        if by:
            return self._pointing.get((me.block.key, block_type, by), ())
        return self._joined.get((me.block.key, block_type), ())

    def _stands_apart(self, block: Block) -> bool:
        """True for a block that its source had as a resource of its own, and not inside another."""
        origins = [origin.part for origin in block.origins if origin.format == self.format]
        return bool(origins) and "" not in origins

    def join(self, blocks: Sequence[Block]) -> None:
        """Index the blocks by their subject, for joins.

        Blocks of other documents are joined to a person who is all that the document holds, each
        content once: a document about something else only refers to its persons.
        """
        alone = sum(1 for block in blocks if not block.context) == 1
        for block in blocks:
            if (block.context and not alone) or self._stands_apart(block):
                continue
            subject = block.values.get("Subject")
            if type(subject) is Ref and subject.key:
                known = self._joined.setdefault((subject.key, block.type), [])
                if not (block.context and any(same(each, block.values) for each in known)):
                    known.append(block.values)
            for name, value in block.values.items():
                if type(value) is Ref and value.key and name != "Subject":
                    self._pointing.setdefault((value.key, block.type, name), []).append(block.values)


def _pointed_at(element: Tree, inner: str) -> tuple[str, str]:
    """In which extension, if any, an element points at which resource."""
    return element.get("url", ""), (element.get(inner, {}) if inner else element).get("reference", "")
