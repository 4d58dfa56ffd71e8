"""Dutch names and addresses: what no path can say of them.

A family name is put together of own and partner's name by the naming rules of nl-core-NameInformation,
first names and initials are repeating elements with a qualifier, house numbers have parts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import Code, Text
from gateway.mapping.runtime.groups import dig
from gateway.mapping.runtime.spelling import NULL_FLAVOR

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading
    from gateway.mapping.runtime.state import Writing

Tree = dict[str, Any]
QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
SUFFIX = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-buildingNumberSuffix"


def plain(values: Any, *path: str) -> str:
    """The text at a path of concepts; empty when there is none."""
    found = dig(values, *path)
    return found.value.strip() if isinstance(found, Text) else ""


def family_name(values: Tree, _: Any) -> str:
    """The family name as it is used: own, partner's, or both in the order of NameUsage (NL1–NL4)."""
    own = _joined(plain(values, "LastName", "Prefix"), plain(values, "LastName", "LastName"))
    partner = _joined(
        plain(values, "LastNamePartner", "PartnerPrefix"), plain(values, "LastNamePartner", "PartnerLastName")
    )
    usage = values.get("NameUsage")
    code = usage.code if isinstance(usage, Code) else ""
    order = {"NL1": (own,), "NL2": (partner,), "NL3": (partner, own), "NL4": (own, partner)}.get(
        code, (own, partner)
    )
    return "-".join(part for part in order if part) or own or partner


def full_name(values: Tree, c: Any) -> str:
    """The official name as a line of text: first names, the other initials, the family name."""
    first = plain(values, "FirstNames")
    others = other_initials(first.split(), initials_of(plain(values, "Initials")))
    return _joined(first, "".join(others or ()), family_name(values, c))


def given_and_family_name(values: Tree, c: Any) -> str:
    """The name as a line of text, when there is more to it than a family name (nl-core-humanname)."""
    given = _joined(plain(values, "FirstNames"), plain(values, "Initials"))
    return _joined(given, family_name(values, c)) if given else ""


def address_line(values: Tree, _: Any) -> str:
    """Street, indication, house number, letter, addition (nl-core-AddressInformation, comment on line)."""
    return _joined(
        plain(values, "Street"),
        _code(values.get("HouseNumberIndication")),
        plain(values, "HouseNumber"),
        plain(values, "HouseNumberLetter"),
        plain(values, "HouseNumberAddition"),
    )


def address_line_and_unit(values: Tree, _: Any) -> str:
    """Everything that the extensions of the line hold, in their order (nl-core-address)."""
    return _joined(
        plain(values, "Street"),
        plain(values, "HouseNumber"),
        plain(values, "HouseNumberLetter"),
        plain(values, "HouseNumberAddition"),
        plain(values, "AdditionalInformation"),
        _code(values.get("HouseNumberIndication")),
    )


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _code(value: Any) -> str:
    return value.code if isinstance(value, Code) else ""


def initials_of(text: str) -> list[str]:
    """`J.P.M.` as its parts, each with its dot."""
    return re.findall(r"[^\s.]+\.?", text)


def other_initials(names: list[str], initials: list[str]) -> list[str] | None:
    """The initials that no first name stands for; None when the two contradict each other."""
    for name, initial in zip(names, initials, strict=False):
        if not name.casefold().startswith(initial.rstrip(".").casefold()):
            return None
    return initials[len(names) :]


def _qualifier(beside: Any) -> Tree | None:
    """The extension that says what kind of name a given name is."""
    found = beside.get("extension", ()) if isinstance(beside, dict) else ()
    return next((each for each in found if each.get("url") == QUALIFIER), None)


def _names(source: Tree, key: str) -> list[tuple[int, str, str, Tree | None]]:
    """Each given name: number, name, qualifier (a first name when nothing is said) and its extension."""
    beside = source.get(f"_{key}", ())
    found = []
    for i, name in enumerate(source.get(key, ())):
        extension = _qualifier(beside[i] if i < len(beside) else None)
        if name is not None:
            found.append((i, name, (extension or {}).get("valueCode", "BR"), extension))
    return found


class GivenNames:
    """The given names of one kind: first names (BR), initials (IN) or the name that one is called by (CL)."""

    def __init__(self, qualifier: str, joiner: str = " ") -> None:
        self.qualifier, self.joiner = qualifier, joiner

    def split(self, text: str, _target: Tree, _key: str) -> list[str] | None:
        """The given names that a text becomes; None when it cannot be written here."""
        return [text] if text else None

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """`given` and, aligned with it, `_given`."""
        names = self.split(value.value.strip(), target, key) if type(value) is Text else None
        if names is None:
            c.unwritten(value, rule)
            return
        for name in names:
            target.setdefault(key, []).append(name)
            beside = {"extension": [{"url": QUALIFIER, "valueCode": self.qualifier}]}
            target.setdefault(f"_{key}", []).append(beside)
        c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Text | None:
        """The names of this kind, joined."""
        found = [each for each in _names(source, key) if each[2] == self.qualifier]
        return Text(self.text(found, source, key), self._mark(found, source, key, c, rule)) if found else None

    def text(self, found: list[tuple[int, str, str, Tree | None]], _source: Tree, _key: str) -> str:
        """The names as one text."""
        return self.joiner.join(name for _, name, _, _ in found)

    @staticmethod
    def _mark(found: list[Any], source: Tree, key: str, c: FhirReading, rule: str) -> int:
        at = c.take(source, key, rule)
        for i, _, _, extension in found:
            c.mark_item(source, key, i, rule, at)
            if extension is not None:
                c.mark(extension, ("url", "valueCode"), rule, at)
        return at


class FirstNames(GivenNames):
    """One given name for each first name."""

    def split(self, text: str, _target: Tree, _key: str) -> list[str] | None:
        """The names apart."""
        return text.split() or None


class OtherInitials(GivenNames):
    """One given name for each initial that no first name stands for.

    Initials that contradict the first names are not written here, because FHIR would need to know which
    belong together.  Where first names and initials stand together, those of all names are read.
    """

    def split(self, text: str, target: Tree, key: str) -> list[str] | None:
        """What the first names, written before, leave."""
        initials = initials_of(text)
        return other_initials(list(target.get(key, ())), initials) if initials else None

    def text(self, found: list[tuple[int, str, str, Tree | None]], source: Tree, key: str) -> str:
        """The initial of every name, in order."""
        del found
        return "".join(name if kind == "IN" else f"{name[:1]}." for _, name, kind, _ in _names(source, key))


class InitialsApart(GivenNames):
    """Initials that contradict the first names, in a name that holds nothing else."""

    sees_around = True

    def write(
        self, target: Tree, key: str, value: Any, c: Writing, rule: str, around: Tree | None = None
    ) -> None:
        """Every initial, when the name with the first names has none of them."""
        names = plain(around, "FirstNames").split()
        if type(value) is Text and other_initials(names, initials_of(value.value)) is None:
            super().write(target, key, value, c, rule)

    def split(self, text: str, _target: Tree, _key: str) -> list[str] | None:
        """The initials apart."""
        return initials_of(text) or None


class HouseLetter:
    """The first of the two parts of a suffix, `A 2e` (nl-core-AddressInformation, buildingNumberSuffix)."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """The letter, before any addition."""
        if type(value) is not Text:
            c.unwritten(value, rule)
            return
        target[key] = value.value
        c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Text | None:
        """What stands before the first space."""
        found = source.get(key, "").partition(" ")[0]
        return Text(found, c.take_member(source, key, 0, rule)) if found else None


class HouseAddition(HouseLetter):
    """The second of the two parts of a suffix; alone it begins with a space."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """The addition, after the letter."""
        if type(value) is not Text:
            c.unwritten(value, rule)
            return
        target[key] = f"{target.get(key, '')} {value.value}"
        c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Text | None:
        """What stands after the first space."""
        found = source.get(key, "").partition(" ")[2].strip()
        return Text(found, c.take_member(source, key, 0, rule)) if found else None


class Suffix:
    """House letter and addition as an extension each; one extension may hold both, with a space between."""

    def __init__(self, number: int) -> None:
        self.number = number

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """One extension more."""
        if type(value) is not Text:
            c.unwritten(value, rule)
            return
        there = any(each.get("url") == SUFFIX for each in target.get(key, ()))
        text = value.value if there or self.number == 0 else f" {value.value}"  # alone it begins with a space
        target.setdefault(key, []).append({"url": SUFFIX, "valueString": text})
        c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Text | None:
        """The first or the second part."""
        found = [each for each in source.get(key, ()) if each.get("url") == SUFFIX and "valueString" in each]
        if len(found) == 1:
            parts = [(found[0], part.strip()) for part in found[0]["valueString"].split(" ", 1)]
        else:
            parts = [(each, each["valueString"]) for each in found]
        if len(parts) <= self.number or not parts[self.number][1]:
            return None
        element, text = parts[self.number]
        return Text(text, c.take_members(element, ("url", "valueString"), rule))


class Postcode:
    """A postcode without the space in it (nl-core-address, comment on postalCode)."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """Four digits and two letters together."""
        if type(value) is not Text:
            c.unwritten(value, rule)
            return
        target[key] = "".join(value.value.split())
        c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Text | None:
        """As sent."""
        return Text(source[key], c.take_member(source, key, 0, rule)) if key in source else None


class Display:
    """A code as words, beside the code itself; words alone are a code OTH with a text."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """Its display, else its text or code."""
        found = self.words(value)
        if found:
            target[key] = found
            c.use(value, rule)

    @staticmethod
    def repeats(value: Code, existing: Any) -> bool:
        """True when the words are those of a code that is there, or the code itself."""
        return type(existing) is Code and value.text in (existing.display, existing.text, existing.code)

    def said(self, value: Code, existing: Any) -> bool:
        """True when the words are those that are written for the code."""
        return value.text == self.words(existing)

    def words(self, value: Any) -> str:
        """The words for a code."""
        return value.display or value.text or value.code if type(value) is Code else ""

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Code | None:
        """Only where no code was read from the place before."""
        if key not in source:
            return None
        return Code("OTH", NULL_FLAVOR, text=source[key], at=c.take_member(source, key, 0, rule))


class Country(Display):
    """A country as its ISO 3166 code, where it has one (nl-core-address)."""

    _ISO = "1.0.3166.1.2.2"
    _GBA = "2.16.840.1.113883.2.4.4.16.34"

    @classmethod
    def repeats(cls, value: Code, existing: Any) -> bool:
        """Also when the code of the GBA is that of the Netherlands."""
        dutch = type(existing) is Code and (existing.system, existing.code) == (cls._GBA, "6030")
        return (dutch and value.text in ("NL", "NLD")) or super().repeats(value, existing)

    def words(self, value: Any) -> str:
        """NL or NLD; the Netherlands also from table 34 of the GBA; another country by its name."""
        if type(value) is Code and value.system == self._ISO:
            return value.code
        if type(value) is Code and (value.system, value.code) == (self._GBA, "6030"):
            return "NL"
        return super().words(value)


class LocationName:
    """The name of a location; one that has none of its own bears the name of its organization."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """As it is."""
        if type(value) is not Text:
            c.unwritten(value, rule)
            return
        target[key] = value.value
        c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Text | None:
        """Nothing when it is the name of the organization that manages it."""
        if key not in source:
            return None
        organization = c.find(source.get("managingOrganization", {}).get("reference", ""))
        if organization is not None and organization.get(key) == source[key]:
            c.mark_item(source, key, 0, rule, -1)
            return None
        return Text(source[key], c.take_member(source, key, 0, rule))


class AfterDash:
    """A text behind another in the same element, ` - ` between them; it is not read apart."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """The other text is there already, or nothing is."""
        if type(value) is not Text:
            c.unwritten(value, rule)
            return
        target[key] = f"{target[key]} - {value.value}" if key in target else value.value
        c.use(value, rule)
