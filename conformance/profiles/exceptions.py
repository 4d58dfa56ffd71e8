"""Which rules of which profiles are broken by what is written, and why each may be: `exceptions.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from conformance.profiles.check import Checker, Fault
from conformance.profiles.inputs import made_up, published
from conformance.profiles.package import Package
from gateway.mapping import Context, Translator

FILE = Path(__file__).with_suffix(".yaml")
PACKAGE = "nictiz-r4-zib2020/resources"
PUBLISHED = "zib2020-pairs/ada"


@dataclass(frozen=True, slots=True, order=True)
class Exemption:
    """A rule of a profile (or type) that may be broken at a place."""

    profile: str
    place: str
    rule: str
    because: str

    def covers(self, fault: Fault) -> bool:
        """True for a fault against that rule."""
        return (fault.profile, fault.place, fault.rule) == (self.profile, self.place, self.rule)


def listed() -> list[Exemption]:
    """Every exemption of the file."""
    rows: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return [
        Exemption(profile, place, row["rule"], row["because"])
        for row in rows
        for profile in row["of"]
        for place in row["at"]
    ]


def documents(testdata: Path, context: Context) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Bundle to check, with a name: of the published documents and of the made-up ones."""
    translator = Translator()
    yield from published(translator, context, testdata / PUBLISHED)
    yield from made_up(translator, context)


def faults(testdata: Path, context: Context) -> Iterator[tuple[str, Fault]]:
    """Every fault, with the document that it is in."""
    package = Package(testdata / PACKAGE)
    for name, bundle in documents(testdata, context):
        for fault in Checker(package, bundle).faults():
            yield name, fault


def unlisted(found: list[tuple[str, Fault]]) -> list[tuple[str, Fault]]:
    """The faults that no exemption covers."""
    known = {(each.profile, each.place, each.rule) for each in listed()}
    return [(name, each) for name, each in found if (each.profile, each.place, each.rule) not in known]


def unused(found: list[tuple[str, Fault]]) -> list[Exemption]:
    """The exemptions that nothing needs."""
    return [each for each in listed() if not any(each.covers(fault) for _, fault in found)]
