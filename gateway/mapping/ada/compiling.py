"""Compiles the reading of a block from ADA: from its profile and an overlay to Python source.

One function for each block, group and partial zib.  It goes through the children of an element once;
one line a concept says under which names ADA spells it, what reads it, and which line of the profile
(or of the overlay) that follows from.  The source is meant to be read (`zibpoort mapping show-code`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from gateway.blocks.profiles import ZIBROOT, Concept, Profile, Profiles, normalise
from gateway.documents import Document, KeyPath, Mark
from gateway.errors import AuthoringError
from gateway.mapping.ada import values
from gateway.mapping.ada.overlays import Alias, Overlay
from gateway.mapping.compiler.source import Source

READERS = {
    "code": "code",
    "quantity": "quantity",
    "moment": "moment",
    "text": "text",
    "boolean": "boolean",
    "integer": "integer",
    "identifier": "identifier",
    "blob": "blob",
    "any": "any_value",
}
ACCENTS = str.maketrans("ëéèïíöóüúáàâç", "eeeiioouuaaac")


def spelled(name: str) -> str:
    """A name as ADA spells it: `ProbleemNaam` is `probleem_naam`, `MUSTScore` is `mustscore`."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().translate(ACCENTS)
    return re.sub(r"[\s/_]+", "_", re.sub(r"[^a-z0-9_\s/]", "", parts)).strip("_")


def short_id(concept: Concept) -> str:
    """A concept id as it ends a `conceptId` of ADA: `NL-CM:12.4.2` is `12.4.2`."""
    return concept.id.removeprefix("NL-CM:")


@dataclass(frozen=True, slots=True)
class Scope:
    """What one function reads: a block, a partial zib, or a group inside one."""

    function: str
    key: str
    """How overlays name it: `Encounter`, `Encounter.ContactReason`."""
    title: str
    concepts: Mapping[str, Concept]
    profile: Profile
    path: KeyPath
    """Where its concepts stand in the profile's file."""
    top: bool = False
    """It is a whole block, which also has what every block has."""


def function_name(*path: str) -> str:
    """The name of the generated function for a block, or for a group at a path in it."""
    return "read_" + "_".join(path)


class AdaCompiler:
    """Writes the source of one block of one application."""

    def __init__(self, overlay: Overlay, profiles: Profiles, documents: Mapping[str, Document]) -> None:
        self.overlay, self.profiles, self.documents = overlay, profiles, documents
        self.source = Source("")
        self.scopes: set[str] = set()
        """The keys of all scopes compiled so far."""

    def compile(self, block: str) -> str:
        """The source of a block or partial zib.  Raises `AuthoringError` when the overlay does not fit."""
        profile = self.profile(block)
        self.source = Source(
            f"Generated from the profile of {block} and mappings/ada/{self.overlay.application}.yaml."
        )
        title = f"{profile.id} {profile.block}"
        scope = Scope(function_name(block), block, title, profile.concepts, profile, ("concepts",))
        self._scope(replace(scope, top=self._stands_alone(profile)))
        return self.source.text()

    def profile(self, block: str) -> Profile:
        """The profile of a block in the release of the application."""
        found = self.profiles.get(self.overlay.release, block)
        if found is None:
            mark = self.overlay.document.mark("blocks")
            raise self.overlay.document.fault_at(
                mark, f"no profile '{block}' in zib_profiles/{self.overlay.release}"
            )
        return found

    def parts(self, block: str) -> list[str]:
        """The partial zibs that a block is made of, and what every block has."""
        profile = self.profile(block)
        types = {concept.type for _, concept in profile.walk()} - set(READERS) - {"group", "reference"}
        return sorted(types | ({ZIBROOT} if self._stands_alone(profile) else set()))

    def _stands_alone(self, profile: Profile) -> bool:
        """True for a zib, and for a partial zib that others refer to (PharmaceuticalProduct)."""
        return profile.kind not in ("partial", "root") or profile.block in self._targets

    @cached_property
    def _basics(self) -> Profile:
        basics = self.profiles.basics(self.overlay.release)
        if basics is None:
            raise AuthoringError(f"no {ZIBROOT} in zib_profiles/{self.overlay.release}", ZIBROOT)
        return basics

    @cached_property
    def _targets(self) -> frozenset[str]:
        release = self.overlay.release
        profiles = [self.profile(block) for block in self.profiles.blocks(release)]
        return frozenset(
            target for profile in profiles for _, concept in profile.walk() for target in concept.targets
        )

    def _scope(self, scope: Scope) -> None:
        out = self.source
        self.scopes.add(scope.key)
        cases = dict(self._cases(scope))
        known = self._known(scope, cases)
        table = out.constant(f"KNOWN{scope.function.removeprefix('read')}", _table(known))
        with out.block(f'def {scope.function}(el, v, c, known="")'):
            out.line(f'"""{scope.title}"""')
            with out.block("for kid in el"), out.block("match known or kid.tag"):
                for statement, names in _grouped(cases).items():
                    pattern = " | ".join(f'"{name}"' for name in names)
                    out.line(f"case {pattern}: {statement}")
                out.line(f"case tag: stray(kid, tag, v, c, {scope.function}, {table})")
        out.line()
        for concept in scope.concepts.values():
            if concept.concepts:
                self._scope(self._inner(scope, concept))

    def _inner(self, scope: Scope, concept: Concept) -> Scope:
        return Scope(
            f"{scope.function}_{concept.name}",
            f"{scope.key}.{concept.name}",
            f"{concept.id} {concept.name}",
            concept.concepts,
            scope.profile,
            (*scope.path, concept.name, "concepts"),
        )

    def _known(self, scope: Scope, cases: Mapping[str, str]) -> dict[str, str]:
        """Concept ids, and names in either language, to the name that the function has a case for."""
        known: dict[str, str] = {}
        concepts = [*scope.concepts.values(), *(self._basics.concepts.values() if scope.top else ())]
        for concept in concepts:
            name = next((name for name in self.names(concept) if name in cases), None)
            if name is not None:
                for other in (short_id(concept), *map(normalise, (name, concept.nl, concept.name))):
                    known.setdefault(other, name)
        return known

    def _cases(self, scope: Scope) -> Iterator[tuple[str, str]]:
        """Element name to statement: the overlay first, then the zib's own names, then its other names."""
        claimed: set[str] = set()
        for name, alias in self.overlay.elements.get(scope.key, {}).items():
            claimed.add(name)
            yield name, self._aliased(scope, alias)
        ranked: list[tuple[int, str, Concept]] = []
        for concept in scope.concepts.values():
            ranked += [(rank, name, concept) for rank, name in enumerate(self.names(concept))]
        for _, name, concept in sorted(ranked, key=lambda each: each[0]):
            if name not in claimed:
                claimed.add(name)
                yield name, self._statement(concept, scope, self._mark(scope, concept))
        for name, statement in self._shared(scope):
            if name not in claimed:
                claimed.add(name)
                yield name, statement

    def names(self, concept: Concept) -> list[str]:
        """The names of a concept as ADA spells them in the application's language."""
        name = concept.nl if self.overlay.language == "nl" else concept.name
        return list(dict.fromkeys(map(spelled, (name, *concept.aka))))

    def _shared(self, scope: Scope) -> Iterator[tuple[str, str]]:
        """What every block may hold besides its concepts; a partial zib may stand in one of its own name."""
        if scope.profile.kind == "partial" and scope.path == ("concepts",):
            for name in dict.fromkeys(map(spelled, (scope.profile.nl, scope.profile.block))):
                yield name, f"{scope.function}(kid, v, c)"
        if not scope.top:
            return
        for name in sorted(self.overlay.zibroot):
            yield name, f"{function_name(ZIBROOT)}(kid, v, c)"
        for name in sorted(self.overlay.brings):
            yield name, "c.section(kid)"
        basics = self._basics
        root = Scope("", ZIBROOT, "", basics.concepts, basics, ("concepts",))
        for concept in basics.concepts.values():
            for name in self.names(concept):
                yield name, self._statement(concept, root, self._mark(root, concept))

    def _aliased(self, scope: Scope, alias: Alias) -> str:
        row = self._row(alias.mark)
        if alias.leave:
            return f'c.leave(kid, "unknown", {alias.leave!r})'
        if alias.via:
            if alias.via not in values.VIA:
                raise self.overlay.document.fault_at(alias.mark, f"no function '{alias.via}' in values")
            return f"via_{alias.via.replace('-', '_')}(kid, {self._target(alias.path)}, c, {row})"
        if alias.block:
            other = self.profile(alias.block)
            concept = self._concept(Scope("", alias.block, "", other.concepts, other, ()), alias)
            return f'c.beside("{alias.block}", "{concept.name}", {READERS[concept.type]}, kid, {row})'
        if not alias.path:
            return f"{scope.function}(kid, v, c)"
        return self._statement(self._concept(scope, alias), scope, alias.mark, alias.path)

    @staticmethod
    def _target(path: tuple[str, ...]) -> str:
        return f"within(v, {', '.join(repr(name) for name in path)})" if path else "v"

    def _concept(self, scope: Scope, alias: Alias) -> Concept:
        """The concept that an alias stands for: of the scope, or at its top one that every block has."""
        here = {**scope.concepts, **self._basics.concepts} if scope.top else scope.concepts
        found = None
        for name in alias.path:
            found = here.get(name)
            if found is None:
                known = ", ".join(here) or "none"
                raise self.overlay.document.fault_at(
                    alias.mark,
                    f"{scope.key} has no concept '{name}' in release {self.overlay.release} (known: {known})",
                )
            here = self.profiles.inside(self.overlay.release, found)
        if found is None:
            raise self.overlay.document.fault_at(alias.mark, "an alias names a concept")
        return found

    def _statement(self, concept: Concept, scope: Scope, mark: Mark, path: tuple[str, ...] = ()) -> str:
        """What to do with an element of a concept; `path` leads to it when it lies deeper than the scope."""
        into, name, many = self._target(path[:-1]), concept.name, concept.many
        if concept.type == "reference":
            return f'c.refer({into}, "{name}", {many}, kid, {self._row(mark)})  # {concept.id}'
        if concept.type in READERS:
            verb, read = "add" if many else "put", READERS[concept.type]
            return f'{verb}({into}, "{name}", {read}, kid, c, {self._row(mark)})  # {concept.id}'
        verb, read = "each" if many else "one", function_name(concept.type)
        if concept.concepts:
            read = "_".join((scope.function, *(path or (name,))))
        return f'{verb}({into}, "{name}", {read}, kid, c)  # {concept.id}'

    def _mark(self, scope: Scope, concept: Concept) -> Mark:
        """The line of the profile on which a concept of a scope stands."""
        return self.documents[scope.profile.block].mark(*scope.path, concept.name)

    def _row(self, mark: Mark) -> str:
        """The constant that names a line of the profile or of the overlay."""
        file = mark.file.rpartition("/")[2].split(".")[0]
        stem = "ALIAS" if mark.file == self.overlay.document.name else file.upper()
        return self.source.constant(f"{stem}_{mark.line}", repr(str(mark)))


def _grouped(cases: Mapping[str, str]) -> dict[str, list[str]]:
    """Statement to the names that lead to it."""
    found: dict[str, list[str]] = {}
    for name, statement in cases.items():
        found.setdefault(statement, []).append(name)
    return found


def _table(known: Mapping[str, str]) -> str:
    lines = [f"    {key!r}: {value!r}," for key, value in known.items()]
    return "\n".join(["{", *lines, "}"])
