"""Which rules of which profiles are broken by what is written, and why each may be.

The reasons stand in `exceptions.yaml` and `exceptions-stu3.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from conformance.profiles.check import Checker, Fault
from conformance.profiles.inputs import made_up, published
from conformance.profiles.package import Package
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Translator


@dataclass(frozen=True, slots=True)
class Proof:
    """What is written in one FHIR version, and by which package it is judged."""

    package: str
    published: tuple[str, ...]
    file: Path


PROOFS: dict[Version, Proof] = {
    "r4": Proof("nictiz-r4-zib2020/resources", ("zib2020-pairs/ada",), Path(__file__).with_suffix(".yaml")),
    "stu3": Proof(
        "nictiz-stu3-zib2017/Profiles - ZIB 2017",
        ("bgz-msz-1.2/ada", "bgz-msz-2.0/ada"),
        Path(__file__).with_name("exceptions-stu3.yaml"),
    ),
}


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


def listed(version: Version = "r4") -> list[Exemption]:
    """Every exemption of the file."""
    rows: list[dict[str, Any]] = yaml.safe_load(PROOFS[version].file.read_text(encoding="utf-8"))
    return [
        Exemption(profile, place, row["rule"], row["because"])
        for row in rows
        for profile in row["of"]
        for place in row["at"]
    ]


def package(testdata: Path, version: Version = "r4") -> Package:
    """The published package of a FHIR version."""
    return Package(testdata / PROOFS[version].package, version)


def documents(
    testdata: Path, context: Context, version: Version = "r4"
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Bundle to check, with a name: of the published documents and of the made-up ones."""
    translator = Translator()
    for folder in PROOFS[version].published:
        yield from published(translator, context, testdata / folder, version)
    yield from made_up(translator, context, version)


def faults(testdata: Path, context: Context, version: Version = "r4") -> Iterator[tuple[str, Fault]]:
    """Every fault, with the document that it is in."""
    read = package(testdata, version)
    for name, bundle in documents(testdata, context, version):
        for fault in Checker(read, bundle).faults():
            yield name, fault


def unlisted(found: list[tuple[str, Fault]], version: Version = "r4") -> list[tuple[str, Fault]]:
    """The faults that no exemption covers."""
    known = {(each.profile, each.place, each.rule) for each in listed(version)}
    return [(name, each) for name, each in found if (each.profile, each.place, each.rule) not in known]


def unused(found: list[tuple[str, Fault]], version: Version = "r4") -> list[Exemption]:
    """The exemptions that nothing needs."""
    return [each for each in listed(version) if not any(each.covers(fault) for _, fault in found)]
