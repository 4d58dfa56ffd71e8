"""What a mapping author asks of the mappings: are they right, what do they become, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import msgspec

from gateway import documents
from gateway.blocks.profiles import Concept, Profiles, load_profiles
from gateway.errors import AuthoringError, ContentError, Issue
from gateway.mapping.bridge import bridge, checks, plans
from gateway.mapping.compiler import formats
from gateway.mapping.pairs.statements import read_statements
from gateway.mapping.recognition import FOLDERS, MESSAGES
from gateway.mapping.translator import Translator
from gateway.resources import MAPPINGS, ZIB_PROFILES

FORMATS = {**FOLDERS, **MESSAGES}


def show_code(block: str, form: str) -> str:
    """The Python that a mapping becomes, or the plan of the bridge.

    Raises `ContentError` when there is no such mapping.
    """
    translator = Translator()
    if form.startswith("ada"):
        return translator.ada_reader.source(form.removeprefix("ada-"), block)
    if form == bridge.NAME:
        return translator.bridge.show(block)
    if form not in FORMATS:
        known = ", ".join((*sorted(FORMATS), bridge.NAME))
        raise ContentError(Issue("error", "not-found", f"no format '{form}'; there are {known}, ada-…"))
    sources = translator.loaded(form).compiled.sources
    found = [text for name, text in sources.items() if name.partition(":")[0] == block]
    if not found:
        raise ContentError(Issue("error", "not-found", f"{form} has no mapping for '{block}'"))
    return "\n".join(found)


def check(mappings: Path = MAPPINGS, profiles: Path = ZIB_PROFILES) -> list[AuthoringError]:
    """Every fault in every profile, mapping, bridge, overlay and table; an empty list when all is well."""
    faults: list[AuthoringError] = []
    faults += _by_schema(sorted(profiles.glob("*/*.yaml")), profiles / "schema.json")
    try:
        loaded = load_profiles(profiles)
        translator = Translator(mappings, profiles)
        _ = translator.systems, translator.maps, translator.aliases, translator.ada_writer
        translator.ada_reader.check()
        read_statements()
    except AuthoringError as error:
        return [*faults, error]
    for folder in FORMATS.values():
        faults += _format(mappings / folder, loaded, translator)
    try:
        return faults + translator.bridge.check()
    except AuthoringError as error:  # a file of the bridge that cannot be read at all
        return [*faults, error]


def _by_schema(files: list[Path], schema: Path) -> list[AuthoringError]:
    validator = jsonschema.Draft202012Validator(msgspec.json.decode(schema.read_bytes()))
    faults = []
    for file in files:
        try:
            documents.load(file, f"{file.parent.name}/{file.name}").check(validator)
        except AuthoringError as error:
            faults.append(error)
    return faults


def _format(folder: Path, profiles: Profiles, translator: Translator) -> list[AuthoringError]:
    """Compile each mapping alone, so that one fault does not hide the next."""
    try:
        form = formats.read_format(folder)
    except AuthoringError as error:
        return [error]
    types = formats.element_types(form)
    compiled = formats.empty(form)
    tools = (profiles, types, lambda name: translator.aliases.uri(name, form.version))
    faults = []
    for file in sorted(folder.glob("*.yaml")):
        if file.name != formats.FORMAT_FILE:
            try:
                formats.add_mapping(compiled, formats.read_mapping(file), form, tools)
            except AuthoringError as error:
                faults.append(error)
    return faults + _unknown_names(compiled, folder, translator)


def _unknown_names(compiled: formats.Compiled, folder: Path, translator: Translator) -> list[AuthoringError]:
    """Concept maps and partial zibs that generated code would not find."""
    faults = []
    datatypes = {(partial, kind) for partial, kind, _ in compiled.datatypes}
    for mark, kind, name in compiled.needs:
        missing = (kind == "map" and translator.maps.get(name) is None) or (
            kind == "datatype" and tuple(name.split("/")) not in datatypes
        )
        if missing:
            text = (
                f"no concept map '{name}'"
                if kind == "map"
                else f"no mapping writes {name.replace('/', ' as ')}"
            )
            file, _, line = mark.rpartition(":")
            source = (folder.parent / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
            faults.append(
                AuthoringError(text, file, int(line), len(source) - len(source.lstrip()) + 1, source)
            )
    return faults


@dataclass(frozen=True, slots=True)
class Covered:
    """One concept of a profile, and per format how it is mapped: both, read, write or not ('').

    On the bridge `write` means that it goes to the other release in words only.
    """

    release: str
    block: str
    concept: str
    id: str
    formats: dict[str, str]


def coverage() -> Iterator[Covered]:
    """Every concept of every block that a format maps, with the directions in which it is mapped."""
    translator = Translator()
    loaded = {form: translator.loaded(form).compiled for form in FORMATS}
    for form, compiled in loaded.items():
        rows = _directions(compiled)
        own = {(part.release, part.block) for part in compiled.parts}
        for release, block in sorted(own | {(compiled.release, block) for block in compiled.joined}):
            profile = translator.profiles.get(release, block)
            if profile is None:
                continue
            crossing = checks.coverage(translator.bridge.planner, release, block)
            for path, concept in _leaves(profile.concepts, ()):
                found = {form: _direction(rows, block, path)}
                if release in plans.RELEASES:
                    found[bridge.NAME] = checks.crosses(crossing, path)
                yield Covered(release, block, ".".join(path), concept.id, found)


def _leaves(
    concepts: Mapping[str, Concept], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Concept]]:
    for name, concept in concepts.items():
        if concept.concepts:
            yield from _leaves(concept.concepts, (*above, name))
        else:
            yield (*above, name), concept


def _directions(compiled: formats.Compiled) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for block, concept, _mark, only in compiled.rows:
        directions = {only} if only else {"read", "write"}
        found.setdefault((block, concept), set()).update(directions)
    return found


def _direction(rows: dict[tuple[str, str], set[str]], block: str, path: tuple[str, ...]) -> str:
    """The directions of the longest end of a path that a row names; nested rows name the last steps."""
    for i in range(len(path)):
        found = rows.get((block, ".".join(path[i:])))
        if found is not None:
            return "both" if len(found) == 2 else next(iter(found))
    return ""
