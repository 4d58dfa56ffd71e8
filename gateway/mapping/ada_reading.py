"""Reads ADA: an lxml tree to blocks.

`AdaReader` knows the applications; an `Application` compiles the reading of a block when it first
meets one.  `AdaReading` is the state of one document: which blocks there are, which copies were met
before, and which references wait for the block that they point at.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lxml import etree
from stdnum.nl import bsn

from gateway.blocks.profiles import Profiles
from gateway.blocks.values import Absent, Block, Group, Identifier, Moment, Ref
from gateway.codecs.ada import PLACEHOLDER, transactions
from gateway.errors import ContentError, Issue
from gateway import documents
from gateway.mapping import ada_overlay, runtime_ada, tdates
from gateway.mapping.ada_compiling import AdaCompiler, function_name, spelled
from gateway.mapping.ada_overlay import CONCEPTS, Overlay
from gateway.mapping.runtime_ada import DESCRIBING
from gateway.documents import Document
from gateway.mapping.state import Reading
from gateway.resources import ZIB_PROFILES
from gateway.terminology.units import Units

Element = etree._Element
Target = tuple[Any, str, str, Element]
"""What a reference points at: the value, the block and the id that it waits for, and where it stands."""

BSN = "2.16.840.1.113883.2.4.6.3"
PERSON = "patient-id"
"""The element of zib 2020 forms that names the subject by BSN."""
ITSELF = frozenset(("auteur_is_patient", "author_is_patient"))


class AdaReader:
    """The reading of ADA of every application that has an overlay."""

    def __init__(self, profiles: Profiles, overlays: list[Overlay], folder: Path = ZIB_PROFILES) -> None:
        self.profiles = profiles
        self.overlays = overlays
        self._units = Units.load()
        self._applications = {overlay.application: Application(overlay, profiles, folder) for overlay in overlays}

    @classmethod
    def load(cls, folder: Path, profiles: Profiles) -> AdaReader:
        """The reader for the overlays in a folder.  Raises `AuthoringError` when one is wrong."""
        return cls(profiles, ada_overlay.load(folder))

    @property
    def applications(self) -> tuple[str, ...]:
        """Names of the applications that can be read."""
        return tuple(self._applications)

    def detect(self, root: Element) -> str:
        """The application of a document.  Raises `ContentError` when none of ours."""
        found = transactions(root)
        if not found:
            raise ContentError(Issue("error", "required", "no registration in <data>", place=f"/{root.tag}/data"))
        return self._recognise(found[0]).overlay.application

    def read(self, root: Element, c: Reading) -> list[Block]:
        """The blocks of a document; what is wrong with single values goes to `c.issues`.

        Raises `ContentError` when no overlay knows the document, or nothing in it is a block.
        """
        self.detect(root)
        for meta in root.iterchildren("meta"):
            c.leave(meta, "structure", "about the file, not about the patient")
        found = [(self._recognise(registration), registration) for registration in transactions(root)]
        return AdaReading(c, self._units).document(found)

    def source(self, application: str, block: str) -> str:
        """The generated source that reads a block.  Raises `KeyError` for an unknown application."""
        return self._applications[application].source(block)

    def check(self) -> int:
        """Compile everything; the number of functions' modules.  Raises `AuthoringError`."""
        return sum(application.check() for application in self._applications.values())

    def _recognise(self, registration: Element) -> Application:
        for application in self._applications.values():
            if application.overlay.recognises(registration):
                return application
        app = registration.get("app")
        what = f"application '{app[:40]}'" if app else "a registration without an application"
        known = ", ".join(sorted(name for overlay in self.overlays for name in (*overlay.apps, *overlay.roots)))
        place = registration.getroottree().getpath(registration)
        raise ContentError(Issue("error", "not-supported", f"no mapping knows {what} (known: {known})", place=place))


class Application:
    """One application with the functions that read its blocks, each compiled when first needed."""

    def __init__(self, overlay: Overlay, profiles: Profiles, folder: Path) -> None:
        self.overlay = overlay
        self.release = overlay.release
        self.compiler = AdaCompiler(overlay, profiles, _Documents(folder, overlay.release))
        self.blocks = self._names(profiles)
        """Element name to block."""
        self._sections = overlay.sections | overlay.brings
        self._endings = tuple(name[1:] for name in overlay.sections if name.startswith("*"))
        self._space: dict[str, Any] = {name: getattr(runtime_ada, name) for name in dir(runtime_ada)}
        self._sources: dict[str, str] = {}

    def _names(self, profiles: Profiles) -> dict[str, str]:
        names: dict[str, str] = {}
        found = [profiles.get(self.release, block) for block in profiles.blocks(self.release)]
        blocks = [profile for profile in found if profile is not None and profile.kind != "root"]
        dutch, english = ([spelled(p.nl) for p in blocks], [spelled(p.block) for p in blocks])
        for spellings in (dutch, english) if self.overlay.language == "nl" else (english, dutch):
            for name, profile in zip(spellings, blocks, strict=True):
                names.setdefault(name, profile.block)
        names |= self.overlay.blocks
        return {name: block for name, block in names.items() if block}

    def is_section(self, tag: str) -> bool:
        """True for an element that only holds blocks."""
        return tag in self._sections or (bool(self._endings) and tag.endswith(self._endings))

    def reader(self, block: str) -> Callable[[Element, Group, AdaReading], None]:
        """The function that reads a block."""
        name = function_name(block)
        if name not in self._space:
            self._load(block)
        found: Callable[[Element, Group, AdaReading], None] = self._space[name]
        return found

    def source(self, block: str) -> str:
        """The generated source of a block."""
        if block not in self._sources:
            self._sources[block] = self.compiler.compile(block)
        return self._sources[block]

    def check(self) -> int:
        """Compile every block; how many there are."""
        for block in self.blocks.values():
            self.reader(block)
        return len(self._sources)

    def _load(self, block: str) -> None:
        """Compile a block and what it is made of.  The constants of all blocks have names of their own."""
        text = self.source(block)
        code = compile(text, f"<ada {self.overlay.application} {block}>", "exec", dont_inherit=True)
        exec(code, self._space)  # noqa: S102 - our own generated source, from profiles and overlays
        for part in self.compiler.parts(block):
            if function_name(part) not in self._space:
                self._load(part)


class _Documents(dict[str, Document]):
    """Profile files with the place of every key in them, each read when first needed."""

    def __init__(self, folder: Path, release: str) -> None:
        super().__init__()
        self._folder, self._release = folder, release

    def __missing__(self, block: str) -> Document:
        name = f"{self._release}/{block}.yaml"
        self[block] = found = documents.load(self._folder / name, f"zib_profiles/{name}")
        return found


@dataclass(slots=True)
class Waiting:
    """A reference to an id, which points at a block that may come later."""

    holder: Any
    """The group, or the list in it, that holds the reference."""
    place: Any
    """Its name or index there."""
    kind: str
    id: str
    element: Element
    block: Block


class AdaReading:
    """The state of reading one document."""

    def __init__(self, reading: Reading, units: Units) -> None:
        context = reading.context
        self.take = reading.take
        self.leave = reading.leave
        self.issues = reading.issues
        self.ucum = units.ucum
        self.today = context.now.astimezone(context.zone).date()
        self.unborn = False
        """A date is counted from a date of birth."""
        self.blocks: list[Block] = []
        self._application: Application
        self._block: Block
        self._around: list[tuple[Block, Block | None]] = []
        self._waiting: list[Waiting] = []
        self._named: dict[tuple[str, str], tuple[Block, Element]] = {}
        """(block, id) to what is called so."""
        self._ids: dict[str, Block] = {}
        self._images: dict[bytes, tuple[Block, bool]] = {}
        """The bytes of an element to its block, and whether that was a copy inside another."""
        self._numbers: dict[tuple[str, str, str], Block] = {}
        self._keys: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._unknown: list[Issue] = []
        self._one_person = False

    # -- where blocks stand ------------------------------------------------------------------------

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
            raise ContentError(*(self._unknown or [Issue("error", "required", "the document holds no building block")]))
        self._finish()
        return self.blocks

    def _standing(self, holder: Element) -> Iterator[tuple[Element, str]]:
        """The elements below a registration or section that are blocks."""
        application = self._application
        kind = application.blocks.get(holder.tag)
        if kind and not application.is_section(holder.tag):
            yield holder, kind
            return
        for kid in holder:
            tag = kid.tag
            if tag in application.blocks:
                yield kid, application.blocks[tag]
            elif application.is_section(tag):
                yield from self._standing(kid)
            elif tag in application.overlay.left:
                self.leave(kid, "structure", application.overlay.left[tag].leave)
            elif not tag.endswith(PLACEHOLDER) and self.says_something(kid):
                self._leave_unknown(kid)

    def _leave_unknown(self, element: Element) -> None:
        text = f"<{element.tag}> is no building block of application '{self._application.overlay.application}'"
        self.leave(element, "unknown", text)
        self._unknown.append(self.issue(element, "not-supported", text))

    def _name(self, element: Element, kind: str) -> Block | None:
        """The block of an element with an id of its own that no other had before."""
        name = element.get("id")
        if not name or (kind, name) in self._named or not self.says_something(element):
            return None
        block = Block(kind, self._application.release, self._key(kind, name), {}, element.sourceline or 0)
        self._named[kind, name] = block, element
        self._ids.setdefault(name, block)
        return block

    def _top(self, element: Element, kind: str, block: Block | None) -> None:
        if block is not None:
            self._read(element, block, None)
        elif element.get("id"):
            self._copy(element, kind, None)
        else:
            image = etree.tostring(element, with_tail=False)
            known = self._images.get(image)
            if known is not None and known[1]:
                self.leave(element, "duplicate", known[0].key)
                return
            block = self._read(element, Block(kind, self._application.release, "", {}, element.sourceline or 0), None)
            self._images[image] = block, False

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
            self._around.append((block, self._block))

    # -- one block ---------------------------------------------------------------------------------

    def _read(self, element: Element, block: Block, above: Block | None) -> Block:
        """Read an element into a block; one that holds nothing is no block."""
        place, outer = len(self.blocks), getattr(self, "_block", None)
        self.blocks.append(block)
        self._around.append((block, above))
        self._block = block
        self._application.reader(block.type)(element, block.values, self)
        if outer is not None:
            self._block = outer
        if not block.key:
            self._identify(element, block)
        if not block.values:
            del self.blocks[place]
        return block

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
        image = etree.tostring(element, with_tail=False)
        seen = self._images.get(image)
        if seen is not None:
            self.leave(element, "duplicate", seen[0].key)
            return seen[0]
        name = element.get("id", "")
        known = self._named.get((kind, name)) if name else None
        if known is not None and facts_of(known[1]) >= facts_of(element):
            self.leave(element, "duplicate", known[0].key)
            block = known[0]
        else:
            block = Block(kind, self._application.release, "", {}, element.sourceline or 0)
            if name:
                block.key = self._key(kind, name)
            self._read(element, block, above)
            if not block.values:
                return None
            if known is not None:
                self._differs(element, known[0], block)
            elif name:
                self._named[kind, name] = block, element
                self._ids.setdefault(name, block)
        self._images[image] = block, True
        return block

    def _differs(self, element: Element, known: Block, block: Block) -> None:
        text = f"called the same as {known.key}, with other content: kept apart as {block.key}"
        self.issues.append(self.issue(element, "duplicate", text, severity="warning"))

    def _key(self, kind: str, name: str) -> str:
        """A key that no other block has, and that holds no BSN."""
        if not name or bsn.is_valid(name):
            self._counts[kind] += 1
            name = str(self._counts[kind])
        key, again = f"{kind}/{name}", 1
        while key in self._keys:
            again += 1
            key = f"{kind}/{name}~{again}"
        self._keys.add(key)
        return key

    # -- references --------------------------------------------------------------------------------

    def refer(self, v: Group, name: str, many: bool, element: Element, rule: str) -> None:
        """A concept that refers to a block: by id, by BSN, or with a full copy inside."""
        found = list(self._targets(element, rule))
        if len(found) > 1:
            found = self._present(found)
        for value, kind, wanted, at in found:
            if many:
                v.setdefault(name, []).append(value)
            elif name in v:
                runtime_ada.excess(at, self)
                continue
            else:
                v[name] = value
            if wanted:
                holder, place = (v[name], len(v[name]) - 1) if many else (v, name)
                self._waiting.append(Waiting(holder, place, kind, wanted, at, self._block))

    def _present(self, found: list[Target]) -> list[Target]:
        """The targets that are there, when one is; the others say only that there is no target of their kind."""
        there = [each for each in found if type(each[0]) is not Absent]
        for value, _, _, at in found if there else ():
            if type(value) is Absent:
                self.leave(at, "structure", "there is a target of another kind")
        return there or found

    def _targets(self, element: Element, rule: str) -> Iterator[Target]:
        """What an element refers to: value, block and id that it waits for, and where it stands.

        Elements around it tell only the kind of the target, as in `subject/patient/patient`.
        """
        if len(element) == 0:
            yield from self._target(element, rule)
            return
        for kid in element:
            tag = kid.tag
            if tag.endswith(PLACEHOLDER):
                continue
            kind = self._application.blocks.get(tag)
            if len(kid) == 0:
                yield from self._target(kid, rule)
            elif kind is None or kid[0].tag == tag:
                yield from self._targets(kid, rule)
            else:
                block = self._copy(kid, kind, self._block)
                if block is not None:
                    yield Ref(block.key, at=self.take(element, None, rule)), "", "", kid

    def _target(self, element: Element, rule: str) -> Iterator[Target]:
        value = (element.get("value") or "").strip()
        if not value:
            reason = runtime_ada.absent(element, self, rule)
            if reason is not None:
                yield reason, "", "", element
            return
        tag, root = element.tag, element.get("root", "")
        at = self.take(element, None, rule)
        if tag == PERSON:
            yield Ref(identifier=Identifier(value, root or BSN), at=at), "", PERSON, element
        elif tag in ITSELF:
            if value == "true":
                yield Ref(at=at), "", tag, element
        elif root:
            yield Ref(identifier=Identifier(value, root), at=at), "", "", element
        else:
            yield Ref(literal=value, at=at), self._application.blocks.get(tag, ""), value, element

    # -- when all blocks are there -----------------------------------------------------------------

    def _finish(self) -> None:
        persons = {
            number.value: block.key for block in self.blocks if block.type == "Patient" for number in numbers_of(block)
        }
        for waiting in self._waiting:
            waiting.holder[waiting.place] = self._resolved(waiting, waiting.holder[waiting.place], persons)
        patients = [block for block in self.blocks if block.type == "Patient"]
        only = patients[0] if len(patients) == 1 and self._one_person else None
        for block, above in self._around:
            if block.type != "Patient" and "Subject" not in block.values:
                self._inherit(block, above or only)
        if self.unborn:
            births = {block.key: block.values.get("DateOfBirth") for block in patients}
            for block in self.blocks:
                block.values = self._born(block.values, block, births)

    def _resolved(self, waiting: Waiting, ref: Ref, persons: dict[str, str]) -> Ref:
        """A reference with the key of its block; as it was sent when there is no such block."""
        if waiting.id == PERSON:
            number = ref.identifier
            key = persons.get(number.value, "") if number is not None and number.system == BSN else ""
            return Ref(key, identifier=number, at=ref.at)
        if waiting.id in ITSELF:
            subject = waiting.block.values.get("Subject")
            return Ref(subject.key, identifier=subject.identifier, at=ref.at) if type(subject) is Ref else ref
        named = self._named.get((waiting.kind, waiting.id))
        block = named[0] if named else self._ids.get(waiting.id)
        if block is None:
            self.issues.append(self.issue(waiting.element, "not-found", "the document has nothing with this id"))
            return ref
        return Ref(block.key, at=ref.at)

    @staticmethod
    def _inherit(block: Block, above: Block | None) -> None:
        """Give a block the subject of the block around it, or the patient that this is."""
        if above is None or above is block:
            return
        if above.type == "Patient":
            block.values["Subject"] = Ref(above.key)
            return
        subject = above.values.get("Subject")
        if type(subject) is Ref and (not subject.key or subject.key != block.key):
            block.values["Subject"] = Ref(subject.key, identifier=subject.identifier)

    def _born(self, value: Any, block: Block, births: dict[str, Any]) -> Any:
        """A value in which dates counted from the date of birth are worked out."""
        if isinstance(value, dict):
            return {name: self._born(inside, block, births) for name, inside in value.items()}
        if isinstance(value, list):
            return [self._born(inside, block, births) for inside in value]
        if type(value) is not Moment or not tdates.needs_birth(value.value):
            return value
        subject = block.values.get("Subject")
        birth = births.get(subject.key) if type(subject) is Ref else births.get(block.key)
        try:
            return Moment(tdates.resolve(value.value, datetime.date.fromisoformat(birth.value)), value.at)  # type: ignore[union-attr]
        except (AttributeError, ValueError):
            text = "this date is counted from a date of birth that the document does not give"
            self.issues.append(Issue("error", "value", text, place=block.key, line=block.line))
            return Absent("UNK", "", value.at)

    # -- faults ------------------------------------------------------------------------------------

    def misfit(self, element: Element, text: str, rule: str) -> None:
        """A value that is not of its type: an issue, and a line of the account."""
        self.leave(element, "unknown", text)
        self.issues.append(self.issue(element, "value", text, rule))

    def issue(
        self, element: Element, code: str, text: str, rule: str = "", severity: Literal["error", "warning"] = "error"
    ) -> Issue:
        """An issue that names the element, its concept and its line, and holds no value of it."""
        place = element.getroottree().getpath(element)
        return Issue(severity, code, text, place, self.concept_of(element), rule, element.sourceline or 0)

    @staticmethod
    def concept_of(element: Element) -> str:
        """The zib concept id that an element carries, else the id of the application's own data set."""
        concept = element.get("conceptId", "").strip("\u200b ")
        return f"NL-CM:{concept.removeprefix(CONCEPTS)}" if concept.startswith(CONCEPTS) else concept

    @staticmethod
    def says_something(element: Element) -> bool:
        """True when an element, or one inside it, holds more than what describes it."""
        return any(
            bool((each.text or "").strip()) or any(value for name, value in each.items() if name not in DESCRIBING)
            for each in element.iter("*")
        )


def facts_of(element: Element) -> Counter[tuple[str, frozenset[tuple[str, str]]]]:
    """What an element says, in any order: per element inside, its path and its attributes."""
    found: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()

    def walk(each: Element, path: str) -> None:
        found[path, frozenset(each.items())] += 1
        for kid in each.iterchildren("*"):
            walk(kid, f"{path}/{kid.tag}")

    walk(element, "")
    return found


def numbers_of(block: Block) -> Iterator[Identifier]:
    """The BSNs of a Patient."""
    for name in ("PatientIdentificationNumber", "IdentificationNumber"):
        found = block.values.get(name)
        for each in found if isinstance(found, list) else [found]:
            if type(each) is Identifier and each.system == BSN:
                yield each


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value
