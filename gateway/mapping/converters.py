"""The named converters (`via`) and computed elements: the only Python that a mapping can name.

Each is a pair for both directions, or a function of a group.  They hold what a path cannot say: how
Dutch names are put together (NL naming rules as nl-core-NameInformation describes them), given
names and initials as repeating elements with a qualifier, house numbers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import Absent, Boolean, Code, Integer, Moment, Quantity, Text
from gateway.mapping.runtime_write import dig, put_any

if TYPE_CHECKING:
    from gateway.mapping.state import Reading, Writing

Tree = dict[str, Any]
QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"


# -- computed elements -------------------------------------------------------------------------------


def plain(values: Any, *path: str) -> str:
    """The text at a path of concepts; empty when there is none."""
    found = dig(values, *path)
    return found.value.strip() if isinstance(found, Text) else ""


def family_name(values: Tree, _: Any) -> str:
    """The family name as it is used: own, partner's, or both in the order of NameUsage (NL1–NL4)."""
    own = " ".join(filter(None, (plain(values, "LastName", "Prefix"), plain(values, "LastName", "LastName"))))
    partner = " ".join(
        filter(
            None,
            (
                plain(values, "LastNamePartner", "PartnerPrefix"),
                plain(values, "LastNamePartner", "PartnerLastName"),
            ),
        )
    )
    usage = values.get("NameUsage")
    code = usage.code if isinstance(usage, Code) else ""
    order = {"NL1": (own,), "NL2": (partner,), "NL3": (partner, own), "NL4": (own, partner)}.get(
        code, (own, partner)
    )
    return "-".join(part for part in order if part) or own or partner


def full_name(values: Tree, c: Any) -> str:
    """The name as a line of text: first names, else initials, then the family name."""
    first = plain(values, "FirstNames") or plain(values, "Initials")
    return " ".join(part for part in (first, family_name(values, c)) if part)


def address_line(values: Tree, _: Any) -> str:
    """Street, house number with letter and addition, as one line (nl-core-AddressInformation)."""
    number = " ".join(
        part
        for part in (
            text_of_code(values.get("HouseNumberIndication")),
            plain(values, "HouseNumber") + plain(values, "HouseNumberLetter"),
            plain(values, "HouseNumberAddition"),
        )
        if part
    )
    line = [plain(values, "Street"), number, plain(values, "AdditionalInformation")]
    return " ".join(part for part in line if part)


def text_of_code(value: Any) -> str:
    """A code as a word."""
    return value.code if isinstance(value, Code) else ""


COMPUTED = {"family_name": family_name, "full_name": full_name, "address_line": address_line}


# -- named converters --------------------------------------------------------------------------------


class GivenNames:
    """First names (BR) or initials (IN): one `given` for each, with its EN qualifier."""

    def __init__(self, qualifier: str, splitter: re.Pattern[str], joiner: str) -> None:
        self.qualifier, self.splitter, self.joiner = qualifier, splitter, joiner

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """`given` and, aligned with it, `_given`."""
        if type(value) is not Text:
            return
        beside = {"extension": [{"url": QUALIFIER, "valueCode": self.qualifier}]}
        for name in filter(None, self.splitter.findall(value.value)):
            target.setdefault(key, []).append(name)
            target.setdefault(f"_{key}", []).append(beside)
        c.use(value, rule)

    def read(self, source: Tree, key: str, c: Reading, rule: str) -> Text | None:
        """The names with this qualifier, joined."""
        names, beside = source.get(key, ()), source.get(f"_{key}", ())
        found = []
        for i, name in enumerate(names):
            extensions = (beside[i] or {}).get("extension", ()) if i < len(beside) else ()
            qualifier = next((e.get("valueCode") for e in extensions if e.get("url") == QUALIFIER), None)
            if name is not None and (qualifier or "BR") == self.qualifier:
                found.append(name)
                c.take((source, key, i), None, rule)
        return Text(self.joiner.join(found), c.take(source, key, rule)) if found else None


NAMED: dict[str, Any] = {
    "first_names": GivenNames("BR", re.compile(r"\S+"), " "),
    "initials": GivenNames("IN", re.compile(r"[^\s.]+\.?"), ""),
}

__all__ = ["COMPUTED", "NAMED", "Absent", "Boolean", "Integer", "Moment", "Quantity", "put_any"]
