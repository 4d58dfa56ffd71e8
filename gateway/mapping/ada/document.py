"""The state of reading one ADA document: its blocks, the copies met before, and what references wait for.

Generated code calls it for whatever goes beyond one value.  Three rules hold:

- what stands in full inside another block is a block of its own, read once; the copies that say the
  same, or less, are noted as duplicates, and one that says something else is kept apart with a warning;
- a reference becomes the key of its block when all blocks are there;
- a block without a subject is about the person that the block around it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from lxml import etree
from msgspec import structs
from stdnum.nl import bsn

from gateway.blocks.values import Absent, Block, Group, Identifier, Origin, Ref
from gateway.codecs.ada import CARRIED, PLACEHOLDER
from gateway.codecs.limits import Limits
from gateway.errors import ContentError, Issue, SyntaxFault
from gateway.mapping import account
from gateway.mapping.ada import values
from gateway.mapping.ada.copies import Images, Met, Original
from gateway.mapping.ada.links import BSN, ITSELF, PERSON, Links, Waiting, date_from_births
from gateway.mapping.ada.overlays import CONCEPTS
from gateway.mapping.ada.values import DESCRIBING
from gateway.mapping.carrying import from_ada
from gateway.mapping.runtime.state import Reading
from gateway.terminology.units import Units

if TYPE_CHECKING:
    from gateway.mapping.ada.reading import Application

Element = etree._Element
Target = tuple[Any, str, str, Element]
"""What a reference points at: the value, the block and the id that it waits for, and where it stands."""

MOST_ISSUES = 100


class AdaReading:
    """The state of reading one document."""

    def __init__(self, reading: Reading, units: Units) -> None:
        context = reading.context
        self.take = reading.take
        self._taken = reading.taken
        self.leave = reading.leave
        self.issues = reading.issues
        self.ucum = units.ucum
        self.today = context.now.astimezone(context.zone).date()
        self.unborn = False
        """A date is counted from a date of birth."""
        self.blocks: list[Block] = []
        self._application: Application
        self._block: Block
        self._links = Links()
        self._named: dict[tuple[str, str], Original] = {}
        """(block, id) to what is called so."""
        self._ids: dict[str, Block] = {}
        self._images = Images()
        self._numbers: dict[tuple[str, str, str], Block] = {}
        self._keys: defaultdict[str, int] = defaultdict(int)
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._unknown: list[Issue] = []
        self._reported: defaultdict[str, int] = defaultdict(int)
        self._one_person = False

    def document(self, registrations: list[tuple[Application, Element]]) -> list[Block]:
        """The blocks of all registrations.

        What stands at the top is given its name first, so that a copy inside another block that comes
        earlier is still known as a copy.  Raises `ContentError` when nothing is a block.
        """
        tops: list[tuple[Application, Element, str]] = []
        for application, registration in registrations:
            self._application = application
            self._one_person = self._one_person or application.overlay.one_person
            tops += [(application, element, kind) for element, kind in self._standing(registration)]
        named = [self._name(element, kind) for _, element, kind in tops]
        for (application, element, kind), block in zip(tops, named, strict=True):
            self._application = application
            self._top(element, kind, block)
        if not self.blocks:
            raise ContentError(
                *(self._unknown or [Issue("error", "required", "the document holds no building block")])
            )
        for element, at in self._links.settle(self.blocks, self._called, one_person=self._one_person):
            rule = self._taken[at][2] if at >= 0 else ""
            self._report(element, "not-found", "the document has nothing with this id", rule)
        if self.unborn:
            self.issues += date_from_births(self.blocks)
        return self.blocks

    def _standing(self, holder: Element) -> Iterator[tuple[Element, str]]:
        """The elements below a registration or section that are blocks."""
        application = self._application
        name = str(holder.tag)
        kind = application.blocks.get(name)
        if kind and not application.is_section(name):
            yield holder, kind
            return
        for kid in holder:
            tag = str(kid.tag)
            if tag in application.blocks:
                yield kid, application.blocks[tag]
            elif application.is_section(tag):
                yield from self._standing(kid)
            elif tag in application.overlay.left:
                self.leave(kid, "structure", application.overlay.left[tag].leave)
            elif not tag.endswith(PLACEHOLDER) and self.says_something(kid):
                self._leave_unknown(kid)

    def _leave_unknown(self, element: Element) -> None:
        text = (
            f"<{element.tag!s}> is no building block of application '{self._application.overlay.application}'"
        )
        self.leave(element, "unknown", text)
        if len(self._unknown) < MOST_ISSUES:
            self._unknown.append(self._issue(element, "not-supported", text))

    def _name(self, element: Element, kind: str) -> Block | None:
        """The block of an element with an id of its own that no other had before."""
        name = element.get("id")
        if not name or (kind, name) in self._named:
            return None
        block = Block(kind, self._application.release, self._key(kind, name), {}, element.sourceline or 0)
        self._named[kind, name] = Original(block, element)
        self._ids.setdefault(name, block)
        return block

    def _top(self, element: Element, kind: str, block: Block | None) -> None:
        if block is not None:
            self._read(element, block, None)
        elif element.get("id"):
            self._copy(element, kind, None)
        else:
            known = self._images.find(element)
            if known is not None and known.inside:
                self.leave(element, "duplicate", known.block.key)
                return
            block = self._read(
                element, Block(kind, self._application.release, "", {}, element.sourceline or 0), None
            )
            self._images.add(element, Met(block, inside=False))

    def section(self, holder: Element) -> None:
        """The blocks that a block brings with it, in an element that only holds them."""
        for element, kind in self._standing(holder):
            self._copy(element, kind, self._block)

    def beside(self, kind: str, name: str, convert: Callable[..., Any], element: Element, rule: str) -> None:
        """A block of which this block has the only concept, about the same person."""
        value = convert(element, self, rule)
        if value is not None:
            block = Block(kind, self._application.release, "", {name: value}, element.sourceline or 0)
            block.key = self._key(kind, "")
            self.blocks.append(block)
            self._links.around.append((block, self._block))

    def _called(self, kind: str, name: str) -> Block | None:
        """The block with an id; of that kind when several have it."""
        named = self._named.get((kind, name))
        return named.block if named else self._ids.get(name)

    def _read(self, element: Element, block: Block, above: Block | None) -> Block:
        """Read an element into a block; one that holds nothing is no block."""
        place, outer = len(self.blocks), getattr(self, "_block", None)
        self.blocks.append(block)
        self._links.around.append((block, above))
        self._block = block
        self._application.reader(block.type)(element, block.values, self)
        if outer is not None:
            self._block = outer
        if not block.key:
            self._identify(element, block)
        block.origins = tuple(self._carried(element))
        if not block.values:
            del self.blocks[place]
            self._ids.pop(element.get("id", ""), None)
            self._named.pop((block.type, element.get("id", "")), None)
        return block

    def _carried(self, element: Element) -> Iterator[Origin]:
        """What a resource said that the block was once read from, and no concept covers."""
        for found in (each for holder in element.iterchildren("adaextension") for each in holder):
            if found.tag != CARRIED:
                continue
            try:
                yield from_ada(found.text or "", self.take(found, None, account.CARRIED), Limits())
            except (ValueError, SyntaxFault):
                self._report(found, "structure", "what was carried along cannot be read", "")

    def _identify(self, element: Element, block: Block) -> None:
        """Key of a block without an id: its identification number, else its place among its kind."""
        number = _first(block.values.get("IdentificationNumber"))
        if type(number) is not Identifier or block.type == "Patient":
            block.key = self._key(block.type, "")
            return
        block.key = self._key(block.type, number.value)
        known = self._numbers.setdefault((block.type, number.value, number.system), block)
        if known is not block:
            self._differs(element, known, block)

    def _copy(self, element: Element, kind: str, above: Block | None) -> Block | None:
        """The block of an element that stands inside another: read once, however many copies there are.

        None for an element that holds nothing.
        """
        seen = self._images.find(element)
        if seen is not None:
            self.leave(element, "duplicate", seen.block.key)
            return seen.block
        name = element.get("id", "")
        known = self._named.get((kind, name)) if name else None
        if known is not None and known.covers(element):
            if not self.says_something(element):
                return None
            self.leave(element, "duplicate", known.block.key)
            block = known.block
        else:
            block = Block(kind, self._application.release, "", {}, element.sourceline or 0)
            if name:
                block.key = self._key(kind, name)
            self._read(element, block, above)
            if not block.values:
                return None
            if known is not None:
                self._differs(element, known.block, block)
            elif name:
                self._named[kind, name] = Original(block, element)
                self._ids.setdefault(name, block)
        self._images.add(element, Met(block, inside=True))
        return block

    def _differs(self, element: Element, known: Block, block: Block) -> None:
        text = f"called the same as {known.key}, with other content: kept apart as {block.key}"
        self._report(element, "duplicate", text, severity="warning")

    def _key(self, kind: str, name: str) -> str:
        """A key that no other block has, and that holds no BSN."""
        if not name or (name.isdecimal() and bsn.is_valid(name)):
            self._counts[kind] += 1
            name = str(self._counts[kind])
        key = f"{kind}/{name}"
        while self._keys[key]:
            self._keys[key] += 1
            key = f"{key}~{self._keys[key]}"
        self._keys[key] = 1
        return key

    def refer(self, v: Group, name: str, many: bool, element: Element, rule: str) -> None:
        """A concept that refers to a block: by id, by BSN, or with a full copy inside."""
        found: list[Target] = []
        self._find(element, rule, found)
        if len(found) > 1:
            found = self._present(found)
        for value, kind, wanted, at in found:
            if many:
                v.setdefault(name, []).append(value)
            elif name in v:
                values.excess(at, self)
                continue
            else:
                v[name] = value
            if wanted:
                holder, place = (v[name], len(v[name]) - 1) if many else (v, name)
                self._links.waiting.append(Waiting(holder, place, kind, wanted, at, self._block))

    def _present(self, found: list[Target]) -> list[Target]:
        """The targets that are there, when one is; the others say only that none is of their kind."""
        there = [each for each in found if type(each[0]) is not Absent]
        for value, _, _, at in found if there else ():
            if type(value) is Absent:
                self.leave(at, "structure", "there is a target of another kind")
        return there or found

    def _find(self, element: Element, rule: str, found: list[Target]) -> None:
        """Add what an element refers to.

        Elements around a target tell only its kind, as in `subject/patient/patient`.
        """
        if len(element) == 0:
            self._find_here(element, rule, found)
            return
        for kid in element:
            tag = str(kid.tag)
            if tag.endswith(PLACEHOLDER):
                continue
            kind = self._application.blocks.get(tag)
            if len(kid) == 0:
                self._find_here(kid, rule, found)
            elif kind is None or kid[0].tag == tag:
                self._find(kid, rule, found)
            else:
                block = self._copy(kid, kind, self._block)
                if block is not None:
                    found.append((Ref(block.key, at=self.take(element, None, rule)), "", "", kid))

    def _find_here(self, element: Element, rule: str, found: list[Target]) -> None:
        value = (element.get("value") or "").strip()
        if not value:
            reason = values.absent(element, self, rule)
            if reason is not None:
                found.append((reason, "", "", element))
            return
        tag, root = str(element.tag), element.get("root", "")
        sent = Ref(display=element.get("displayName", ""), at=self.take(element, None, rule))
        if tag == PERSON:
            number = Identifier(value, root or BSN)
            found.append((structs.replace(sent, identifier=number), "", PERSON, element))
        elif tag in ITSELF:
            if value == "true":
                found.append((sent, "", tag, element))
        elif root:
            found.append((structs.replace(sent, identifier=Identifier(value, root)), "", "", element))
        else:
            kind = self._application.blocks.get(tag, "")
            found.append((structs.replace(sent, literal=value), kind, value, element))

    def misfit(self, element: Element, text: str, rule: str) -> Absent | None:
        """A value that is not of its type: an issue, a line of the account, and None for a value."""
        self.leave(element, "unknown", text)
        self._report(element, "value", text, rule)
        return None

    def _report(
        self,
        element: Element,
        code: str,
        text: str,
        rule: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Add an issue; to name a place costs time, so that beyond a hundred of a kind it is only said."""
        self._reported[severity] += 1
        if self._reported[severity] <= MOST_ISSUES:
            self.issues.append(self._issue(element, code, text, rule, severity))
        elif self._reported[severity] == MOST_ISSUES + 1:
            self.issues.append(Issue(severity, "throttled", "there are more of these; they are not listed"))

    def _issue(
        self,
        element: Element,
        code: str,
        text: str,
        rule: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> Issue:
        """An issue that names the element, its concept and its line, and holds no value of it."""
        place = element.getroottree().getpath(element)
        concept = self.concept_of(element)
        if rule and not concept.startswith("NL-CM:"):
            concept = self._application.concept_at(rule) or concept
        return Issue(severity, code, text, place, concept, rule, element.sourceline or 0)

    @staticmethod
    def concept_of(element: Element) -> str:
        """The zib concept id that an element carries, else the id of the application's own data set."""
        concept = element.get("conceptId", "").strip("\u200b ")
        return f"NL-CM:{concept.removeprefix(CONCEPTS)}" if concept.startswith(CONCEPTS) else concept

    @staticmethod
    def says_something(element: Element) -> bool:
        """True when an element, or one inside it, holds more than what describes it."""
        return any(
            bool((each.text or "").strip())
            or any(value for name, value in each.items() if name not in DESCRIBING)
            for each in element.iter("*")
        )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value
