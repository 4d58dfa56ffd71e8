"""Writes ADA: blocks to registration forms, one form a block, in one `adaxml`.

The forms are those of zib release 2020 (application zib2020-nl); a block of release 2017 that no
bridge could carry gets a form of the same make with the names of its own release.  What a block
refers to is a form of its own, and the reference names its id.  The forms have no place for what
every zib has besides its subject (author, source of information, identification, date), so that
stands in a `<zibroot>`, spelled as the BgZ 2017 applications spell it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lxml import etree

from gateway import documents
from gateway.blocks.profiles import Concept, Profile, Profiles
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
from gateway.codecs.ada import CARRIED
from gateway.errors import ContentError, Issue
from gateway.mapping import account
from gateway.mapping.ada import overlays
from gateway.mapping.ada.compiling import spelled
from gateway.mapping.ada.links import BSN, PERSON, numbers_of
from gateway.mapping.ada.overlays import CONCEPTS, Overlay
from gateway.mapping.carrying import to_ada
from gateway.mapping.runtime.state import Writing
from gateway.terminology.units import Units

Element = etree._Element

# Ids that art-decor gives to what the forms of zib2020-nl add to every zib.
SUBJECT: Final = "2.16.840.1.113883.2.4.3.11.999.121.1.1"
SUBJECT_NUMBER: Final = "2.16.840.1.113883.2.4.3.11.999.121.1.2"


class Forms:
    """The registration forms of one release of the zibs."""

    def __init__(self, overlay: Overlay, profiles: Profiles) -> None:
        self.overlay, self.release = overlay, overlay.release
        self.profiles = profiles
        self.basics = profiles.basics(overlay.release)
        self._folder = profiles.folder
        self._elements = {block: name for name, block in overlay.blocks.items() if block}
        self._rules: dict[str, dict[tuple[str, ...], str]] = {}

    def profile(self, block: str) -> Profile | None:
        """The profile of a block in this release."""
        return self.profiles.get(self.release, block)

    def element(self, block: str) -> str:
        """The name of the element of a block."""
        profile = self.profile(block)
        return self._elements.get(block) or spelled(profile.nl if profile else block)

    def rule(self, profile: Profile, path: tuple[str, ...]) -> str:
        """The line of the profile that a concept stands on, as `file:line`."""
        rules = self._rules.get(profile.block)
        if rules is None:
            name = f"{self.release}/{profile.block}.yaml"
            document = documents.load(self._folder / name, f"zib_profiles/{name}")
            rules = {found: str(document.mark(*_keys(found))) for found, _ in profile.walk()}
            self._rules[profile.block] = rules
        return rules[path]

    def registration(self, data: Element, block: Block, profile: Profile) -> Element:
        """An empty registration of a block, with the attributes by which ADA knows it."""
        stem = self.overlay.forms.get(block.type) or spelled(profile.nl).removesuffix("_rc")
        writes = self.overlay.writes
        transaction = writes.get("transaction", "")
        form = etree.SubElement(data, f"{stem}_registratie")
        for attribute, value in (
            ("app", self.overlay.application),
            ("shortName", f"{stem}_registratie"),
            ("formName", stem),
            ("transactionRef", transaction and transaction + profile.id.removeprefix("NL-CM:")),
            ("transactionEffectiveDate", writes.get("effective", "")),
            ("versionDate", ""),
            ("prefix", writes.get("prefix", "")),
            ("language", "nl-NL"),
            ("title", block.key),
            ("desc", ""),
            ("id", id_of(block)),
        ):
            form.set(attribute, value)
        return form


def _keys(path: tuple[str, ...]) -> Iterator[str]:
    for name in path:
        yield from ("concepts", name)


class AdaWriter:
    """Writes registration forms, for every release that has an application which is written."""

    def __init__(self, profiles: Profiles, overlays: list[Overlay]) -> None:
        self.units = Units.load()
        self._forms = {each.release: Forms(each, profiles) for each in overlays if each.writes}

    @classmethod
    def load(cls, folder: Path, profiles: Profiles) -> AdaWriter:
        """The writer for the overlays in a folder.  Raises `AuthoringError` when one is wrong."""
        return cls(profiles, overlays.load(folder))

    def write(self, blocks: Sequence[Block], w: Writing) -> Element:
        """The `adaxml` of blocks; the same blocks and context give the same document.

        Raises `ContentError` for a block of which no release has a form.
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
        known = {block.key: block for block in blocks}
        for block in blocks:
            forms = self._forms.get(block.release)
            profile = forms.profile(block.type) if forms else None
            if forms is None or profile is None:
                text = f"release {block.release} of the zibs has no registration form for '{block.type}'"
                raise ContentError(Issue("error", "not-supported", text, place=block.key))
            _Form(forms, profile, known, w, self.units).write(data, block)
        return root


class _Form:
    """One form under way."""

    def __init__(
        self, forms: Forms, profile: Profile, blocks: Mapping[str, Block], w: Writing, units: Units
    ) -> None:
        self.forms, self.profile, self.blocks, self.w, self.units = forms, profile, blocks, w, units

    def write(self, data: Element, block: Block) -> None:
        """The registration of a block."""
        form = self.forms.registration(data, block, self.profile)
        marks = {"conceptId": concept_id(self.profile.root), "id": id_of(block)}
        element = etree.SubElement(form, self.forms.element(block.type), marks)
        self._subject(element, block)
        self._zibroot(element, block)
        self._group(element, block.values, self.profile.concepts, self.profile, ())
        if block.origins:
            self._carried(element, block)

    def _carried(self, element: Element, block: Block) -> None:
        """Which resources the block was read from, with what no concept covers of them."""
        holder = etree.SubElement(element, "adaextension")
        for origin in block.origins:
            etree.SubElement(holder, CARRIED).text = to_ada(origin)
            if origin.rest:
                self.w.used[origin.at] = account.CARRIED

    def _subject(self, element: Element, block: Block) -> None:
        subject = block.values.get("Subject")
        basics = self.forms.basics
        if subject is None or basics is None:
            return
        holder = etree.SubElement(element, "onderwerp", {"conceptId": SUBJECT})
        rule = self.forms.rule(basics, ("Subject",))
        number = self._number(subject)
        if number is not None:
            marks = {"value": number.value, "root": number.system, "conceptId": SUBJECT_NUMBER}
            if subject.display:
                marks["displayName"] = subject.display
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

    def _zibroot(self, element: Element, block: Block) -> None:
        basics = self.forms.basics
        if basics is None:
            return
        others = {name for name in basics.concepts if name != "Subject" and name not in self.profile.concepts}
        found = {name: value for name, value in block.values.items() if name in others}
        if found:
            holder = etree.SubElement(element, "zibroot", {"conceptId": concept_id(basics.root)})
            self._group(holder, found, basics.concepts, basics, ())

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
        kid = etree.SubElement(element, spelled(concept.nl), {"conceptId": concept_id(concept.id)})
        if isinstance(value, dict):
            partial = self.forms.profile(concept.type)
            if concept.concepts:
                self._group(kid, value, concept.concepts, profile, path)
            elif partial is not None:
                self._group(kid, value, partial.concepts, partial, ())
            return
        rule = self.forms.rule(profile, path)
        if type(value) is Ref:
            self._reference(kid, value, concept.targets[0] if concept.targets else "", rule)
        else:
            self._value(kid, value, typed=concept.type == "any")
            self.w.use(value, rule)

    def _reference(self, holder: Element, value: Any, kind: str, rule: str) -> None:
        """The element inside a concept that refers to a block; `kind` names it when the block is not here."""
        target = self.blocks.get(value.key) if type(value) is Ref else None
        marks: dict[str, str] = {}
        if type(value) is Absent:
            marks = {"nullFlavor": value.reason}
        elif target is not None:
            marks = {"value": id_of(target), "datatype": "reference"}
        elif value.identifier is not None:
            marks = {"value": value.identifier.value, "root": value.identifier.system}
        elif value.literal:
            marks = {"value": value.literal, "datatype": "reference"}
        if not marks:
            self.w.unwritten(value, rule)
            return
        if type(value) is Ref and value.display:
            marks["displayName"] = value.display
        etree.SubElement(holder, self.forms.element(target.type if target else kind), marks)
        self.w.use(value, rule)

    def _value(self, element: Element, value: Any, *, typed: bool = False) -> None:
        """The attributes of a value; its datatype too where the zib leaves that open."""
        datatype, attributes = _SPELLED[type(value)]
        for name, text in attributes(value, self.units):
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
