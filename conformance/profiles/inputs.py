"""What is translated to be checked: the published documents, and made-up ones that hold every concept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import specimens
from gateway.blocks.profiles import Concept, Profiles
from gateway.blocks.values import Absent, Block, Code, Moment, Quantity, Ref
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.runtime.spelling import NULL_FLAVOR

Tree = dict[str, Any]
Key = tuple[str, ...]
FORMS: dict[Version, str] = {"r4": "fhir-r4", "stu3": "fhir-stu3"}
JOINED: dict[Version, set[str]] = {"stu3": {"PlannedCareActivity"}}
"""Blocks without a resource of their own: other resources say that they are planned."""
VARIANTS = 8
"""Enough for every kind of target, and for most of the codes that concept maps translate."""

MEMBERS = {
    "2.16.840.1.113883.2.4.4.16.34": "6030",  # GBA table 34
    "2.16.840.1.113883.2.4.15.111": "01.015",  # role code NL
}
"""A code of each system of which a value set holds all, where the package lists its codes."""


def documents(folder: Path) -> Iterator[Path]:
    """The ADA documents of a folder; a list of other files is none."""
    for path in sorted(folder.glob("*.xml")):
        if b"nictiz.nl/mappings" not in path.read_bytes()[:500]:
            yield path


def published(
    translator: Translator, context: Context, folder: Path, version: Version = "r4"
) -> Iterator[tuple[str, Tree]]:
    """Every document of a folder as a Bundle, with its name."""
    for path in documents(folder):
        read = translator.read(path.read_bytes(), context)
        yield path.stem, bundle(translator.write(read, FORMS[version], context).resources, context.base)


def made_up(translator: Translator, context: Context, version: Version = "r4") -> Iterator[tuple[str, Tree]]:
    """One document a variant, with one block of every kind that the format maps, all concepts filled."""
    compiled = translator.loaded(FORMS[version]).compiled
    mapped = {part.block for part in compiled.parts if part.release == compiled.release}
    names = frozenset(mapped | JOINED.get(version, set()))
    for variant in range(VARIANTS):
        filled = Filled(translator.profiles, compiled.release, names, variant)
        written = translator.write_blocks(
            list(filled.blocks()), FORMS[version], context, f"made-up {variant}"
        )
        yield f"made-up {variant}", bundle(written.resources, context.base)


@dataclass(frozen=True, slots=True)
class Filled:
    """Blocks that hold every concept.  The variant chooses among codes, targets, and past or future."""

    profiles: Profiles
    release: str
    names: frozenset[str]
    variant: int

    def blocks(self) -> Iterator[Block]:
        """One block of every kind, with blocks of its own to refer to; those refer to what they must."""
        for name in sorted(self.names):
            referred: dict[str, str] = {}
            yield self._block(name, "Patient" if name == "Patient" else f"{name}/made-up", referred)
            for key, target in referred.items():
                if target != "Patient":
                    yield self._block(target, key, None)

    def _block(self, name: str, key: str, referred: dict[str, str] | None) -> Block:
        profile, basics = self.profiles.get(self.release, name), self.profiles.basics(self.release)
        assert profile is not None, name
        shared = basics.concepts if basics and name != "Patient" else {}
        values = self._group({**shared, **profile.concepts}, (), name, referred)
        subject = {} if name == "Patient" else {"Subject": Ref("Patient")}
        return Block(name, self.release, key, values | subject)

    def _group(self, concepts: Any, above: Key, name: str, referred: dict[str, str] | None) -> Tree:
        made = {
            each: self._value((*above, each), concept, name, referred) for each, concept in concepts.items()
        }
        return {each: value for each, value in made.items() if value is not None}

    def _value(self, key: Key, concept: Concept, name: str, referred: dict[str, str] | None) -> Any:
        inside = self.profiles.inside(self.release, concept)
        if inside:
            made: Any = self._group(inside, key, name, referred)
        elif concept.type == "reference":
            made = self._reference(key, concept, name, referred)
        else:
            made = self._leaf(key, concept)
        return [made] if concept.many and made is not None else made

    def _reference(self, key: Key, concept: Concept, name: str, referred: dict[str, str] | None) -> Any:
        targets = [each for each in concept.targets if each in self.names]
        if not targets or (referred is None and not concept.required):
            return None
        target = self._of(targets)
        if referred is None:
            return Ref("Patient" if target == "Patient" else f"{target}/made-up")
        wanted = "Patient" if target == "Patient" else f"{target}/{name}.{'.'.join(key)}"
        referred[wanted] = target
        return Ref(wanted)

    def _leaf(self, key: Key, concept: Concept) -> Any:
        """A quantity comes without a unit: what a profile demands is for the mapping to know."""
        fitting = specimens.fitting(key, concept)
        match concept.type:
            case _ if fitting is not None:
                return fitting
            case "code":
                return self._code(concept)
            case "quantity":
                return Quantity("12.50")
            case "moment":
                return Moment(self._of(["2020-02-29", "2030-01-31"]))
            case _:
                return specimens.value(concept, self.profiles, self.release)

    def _code(self, concept: Concept) -> Any:
        found = self.profiles.value_set(self.release, concept.values) if concept.values else None
        codes = sorted((s, c) for s, each in (found.codes if found else {}).items() for c in each)
        codes += [(system, MEMBERS.get(system, "1")) for system in sorted(found.whole if found else ())]
        system, code = self._of(codes or [(specimens.SNOMED, "123037004")])
        flavor = system == NULL_FLAVOR and code != "OTH"
        return Absent(code) if flavor else Code(code, system, "a display")

    def _of(self, choices: list[Any]) -> Any:
        return choices[self.variant % len(choices)]
