"""Writes ADA: blocks of zib release 2020 to registration forms, one form a block, in one `adaxml`.

What a block refers to is a form of its own, and the reference names its id.  The forms have no place
for what every zib has besides its subject (author, source of information, identification, date), so
that stands in a `<zibroot>`, spelled as the BgZ 2017 applications spell it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lxml import etree

from gateway import documents
from gateway.blocks.profiles import ZIBROOT, Concept, Profile, Profiles
from gateway.blocks.values import (
    Absent,
    Blob,
    Block,
    Boolean,
    Code,
    Group,
    Identifier,
    Integer,
    Moment,
    Quantity,
    Ref,
    Text,
)
from gateway.errors import ContentError, Issue
from gateway.mapping import ada_overlay
from gateway.mapping.ada_compiling import spelled
from gateway.mapping.ada_document import BSN, PERSON, numbers_of
from gateway.mapping.ada_overlay import CONCEPTS, Overlay
from gateway.mapping.state import Writing
from gateway.resources import ZIB_PROFILES
from gateway.terminology.units import Units

Element = etree._Element

APPLICATION: Final = "zib2020-nl"
RELEASE: Final = "2020"
# Ids of the art-decor project zib2020-nl: its registrations, and what it adds to every zib.
REGISTRATION: Final = "2.16.840.1.113883.2.4.3.11.60.121.4.2."
SUBJECT: Final = "2.16.840.1.113883.2.4.3.11.999.121.1.1"
SUBJECT_NUMBER: Final = "2.16.840.1.113883.2.4.3.11.999.121.1.2"
EFFECTIVE: Final = "2020-09-01T00:00:00"


class AdaWriter:
    """Writes registration forms of the application zib2020-nl."""

    def __init__(self, profiles: Profiles, overlay: Overlay, folder: Path = ZIB_PROFILES) -> None:
        self.profiles, self.overlay = profiles, overlay
        self.units = Units.load()
        self._folder = folder
        self._elements = {block: name for name, block in overlay.blocks.items() if block}
        self._rules: dict[str, dict[tuple[str, ...], str]] = {}

    @classmethod
    def load(cls, folder: Path, profiles: Profiles) -> AdaWriter:
        """The writer for the overlay of zib2020-nl in a folder.  Raises `AuthoringError`."""
        return cls(profiles, next(o for o in ada_overlay.load(folder) if o.application == APPLICATION))

    def write(self, blocks: Sequence[Block], w: Writing) -> Element:
        """The `adaxml` of blocks; the same blocks and context give the same document.

        Raises `ContentError` for a block of another release or without a profile.
        """
        moment = w.context.now.isoformat()
        root = etree.Element("adaxml")
        etree.SubElement(
            root,
            "meta",
            {
                "status": "new",
                "created-by": "zibpoort",
                "last-update-by": "zibpoort",
                "creation-date": moment,
                "last-update-date": moment,
            },
        )
        data = etree.SubElement(root, "data")
        document = _Document(self, blocks, w)
        for block in blocks:
            document.form(data, block)
        return root

    def profile(self, block: Block) -> Profile:
        """The profile of a block that can be written."""
        found = self.profiles.get(RELEASE, block.type) if block.release == RELEASE else None
        if found is None:
            text = f"release {RELEASE} has no building block '{block.type}'"
            if block.release != RELEASE:
                text = f"ADA is written in zib release {RELEASE}: bridge this block of {block.release} first"
            raise ContentError(Issue("error", "not-supported", text, place=block.key))
        return found

    def element(self, block: str) -> str:
        """The name of the element of a block."""
        profile = self.profiles.get(RELEASE, block)
        return self._elements.get(block) or (spelled(profile.nl) if profile else spelled(block))

    def rule(self, profile: Profile, path: tuple[str, ...]) -> str:
        """The line of the profile that a concept stands on, as `file:line`."""
        rules = self._rules.get(profile.block)
        if rules is None:
            name = f"{RELEASE}/{profile.block}.yaml"
            document = documents.load(self._folder / name, f"zib_profiles/{name}")
            rules = {found: str(document.mark(*_keys(found))) for found, _ in profile.walk()}
            self._rules[profile.block] = rules
        return rules[path]


def _keys(path: tuple[str, ...]) -> Iterator[str]:
    for name in path:
        yield from ("concepts", name)


class _Document:
    """One document under way."""

    def __init__(self, writer: AdaWriter, blocks: Sequence[Block], w: Writing) -> None:
        self.writer, self.w = writer, w
        self.blocks = {block.key: block for block in blocks}
        self.basics = writer.profiles.basics(RELEASE)

    def form(self, data: Element, block: Block) -> None:
        """The registration form of a block."""
        profile = self.writer.profile(block)
        name = self.writer.element(block.type)
        stem = self.writer.overlay.forms.get(block.type) or spelled(profile.nl).removesuffix("_rc")
        form = etree.SubElement(data, f"{stem}_registratie")
        for attribute, value in (
            ("app", APPLICATION),
            ("shortName", f"{stem}_registratie"),
            ("formName", stem),
            ("transactionRef", REGISTRATION + profile.id.removeprefix("NL-CM:")),
            ("transactionEffectiveDate", EFFECTIVE),
            ("versionDate", ""),
            ("prefix", "zib2017-"),
            ("language", "nl-NL"),
            ("title", block.key),
            ("desc", ""),
            ("id", id_of(block)),
        ):
            form.set(attribute, value)
        element = etree.SubElement(form, name, {"conceptId": concept_id(profile.root), "id": id_of(block)})
        self._subject(element, block)
        self._zibroot(element, block, profile)
        self._group(element, block.values, profile.concepts, profile, ())

    # -- what every block has ----------------------------------------------------------------------

    def _subject(self, element: Element, block: Block) -> None:
        subject = block.values.get("Subject")
        if subject is None:
            return
        holder = etree.SubElement(element, "onderwerp", {"conceptId": SUBJECT})
        rule = self._basic_rule("Subject")
        number = self._number(subject)
        if number is not None:
            marks = {"value": number.value, "root": number.system, "conceptId": SUBJECT_NUMBER}
            etree.SubElement(holder, PERSON, marks)
            self.w.use(subject, rule)
        else:
            self._reference(holder, subject, "Patient", rule)

    def _number(self, subject: Any) -> Identifier | None:
        """The BSN of a subject, when it has one."""
        if type(subject) is not Ref:
            return None
        target = self.blocks.get(subject.key)
        if target is not None:
            return next(numbers_of(target), None) if target.type == "Patient" else None
        number = subject.identifier
        return number if number is not None and number.system == BSN else None

    def _zibroot(self, element: Element, block: Block, profile: Profile) -> None:
        concepts = self.basics.concepts if self.basics else {}
        found = {
            n: v
            for n, v in block.values.items()
            if n in concepts and n not in profile.concepts and n != "Subject"
        }
        if found and self.basics is not None:
            holder = etree.SubElement(element, "zibroot", {"conceptId": concept_id(self.basics.root)})
            self._group(holder, found, concepts, self.basics, ())

    def _basic_rule(self, name: str) -> str:
        return self.writer.rule(self.basics, (name,)) if self.basics else ZIBROOT

    # -- concepts ----------------------------------------------------------------------------------

    def _group(
        self,
        element: Element,
        values: Group,
        concepts: Mapping[str, Concept],
        profile: Profile,
        above: tuple[str, ...],
    ) -> None:
        for name, concept in concepts.items():
            found = values.get(name)
            if found is not None:
                for each in found if isinstance(found, list) else [found]:
                    self._concept(element, each, concept, profile, (*above, name))

    def _concept(
        self, element: Element, value: Any, concept: Concept, profile: Profile, path: tuple[str, ...]
    ) -> None:
        rule = self.writer.rule(profile, path)
        kid = etree.SubElement(element, spelled(concept.nl), {"conceptId": concept_id(concept.id)})
        if isinstance(value, dict):
            partial = self.writer.profiles.get(RELEASE, concept.type)
            if concept.concepts:
                self._group(kid, value, concept.concepts, profile, path)
            elif partial is not None:
                self._group(kid, value, partial.concepts, partial, ())
        elif type(value) is Ref:
            self._reference(kid, value, concept.targets[0] if concept.targets else "", rule)
        else:
            self._value(kid, value, typed=concept.type == "any")
            self.w.use(value, rule)

    def _reference(self, holder: Element, value: Any, kind: str, rule: str) -> None:
        """The element inside a concept that refers to a block; `kind` names it when the block is not here."""
        if type(value) is Absent:
            self._value(etree.SubElement(holder, self.writer.element(kind)), value)
            self.w.use(value, rule)
            return
        target = self.blocks.get(value.key)
        if target is not None:
            marks = {"value": id_of(target), "datatype": "reference"}
        elif value.identifier is not None:
            marks = {"value": value.identifier.value, "root": value.identifier.system}
        elif value.literal:
            marks = {"value": value.literal, "datatype": "reference"}
        else:
            self.w.unwritten(value, rule)
            return
        etree.SubElement(holder, self.writer.element(target.type if target else kind), marks)
        self.w.use(value, rule)

    # -- values ------------------------------------------------------------------------------------

    def _value(self, element: Element, value: Any, *, typed: bool = False) -> None:
        """The attributes of a value; its datatype too where the zib leaves that open."""
        datatype, attributes = _SPELLED[type(value)]
        for name, text in attributes(value, self.writer.units):
            if text:
                element.set(name, text)
        if typed and type(value) is not Absent:
            element.set("datatype", datatype)


def concept_id(concept: str) -> str:
    """A zib concept id as ADA spells it; an id that is an OID already stays."""
    return CONCEPTS + concept.removeprefix("NL-CM:") if concept.startswith("NL-CM:") else concept


def id_of(block: Block) -> str:
    """The id of a block in ADA: its key without its type, as reading puts that before it again."""
    return block.key.removeprefix(f"{block.type}/").replace("/", "-")


Attributes = Iterator[tuple[str, str]]


def _code(value: Code, _: Units) -> Attributes:
    yield "code", value.code
    yield "codeSystem", value.system
    yield "codeSystemVersion", value.version
    yield "displayName", value.display
    yield "originalText", value.text


def _quantity(value: Quantity, units: Units) -> Attributes:
    yield "value", value.comparator + value.value
    known = not value.code or value.system != "" or units.ucum(value.unit) == value.code
    yield "unit", value.unit if value.unit and known else value.code


def _moment(value: Moment, _: Units) -> Attributes:
    yield "value", value.value
    yield "datatype", "time" if value.value[2:3] == ":" else "datetime"


def _plain(value: Text | Integer, _: Units) -> Attributes:
    yield "value", str(value.value)


def _boolean(value: Boolean, _: Units) -> Attributes:
    yield "value", "true" if value.value else "false"


def _identifier(value: Identifier, _: Units) -> Attributes:
    yield "value", value.value
    yield "root", value.system


def _blob(value: Blob, _: Units) -> Attributes:
    yield "value", value.data


def _absent(value: Absent, _: Units) -> Attributes:
    yield "nullFlavor", value.reason
    yield "originalText", value.text


_SPELLED: dict[type, tuple[str, Callable[[Any, Units], Attributes]]] = {
    Code: ("code", _code),
    Quantity: ("quantity", _quantity),
    Moment: ("datetime", _moment),
    Text: ("string", _plain),
    Integer: ("count", _plain),
    Boolean: ("boolean", _boolean),
    Identifier: ("identifier", _identifier),
    Blob: ("blob", _blob),
    Absent: ("", _absent),
}
