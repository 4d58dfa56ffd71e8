"""A format made ready to use: its mappings compiled to Python, and what is known of each part.

Compiling happens once; the result is cached under a hash of everything that it depends on, so that
the next start only loads it.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Literal

import msgspec

from gateway import caching, documents
from gateway.blocks.profiles import Profiles
from gateway.codecs import message_types
from gateway.codecs.fhir import elements
from gateway.codecs.message_types import ElementTypes
from gateway.mapping.compiler import language
from gateway.mapping.compiler import reading as reading_compiler
from gateway.mapping.compiler import writing as writing_compiler
from gateway.mapping.compiler.language import Mapping, Part
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.parsing import Parser
from gateway.mapping.compiler.schematic import Format
from gateway.mapping.compiler.source import Source
from gateway.mapping.runtime import (
    bare,
    converters,
    fhir_values,
    finding,
    groups,
    spelling,
    storing,
    taking,
    writers,
)

FORMAT_FILE = "_format.yaml"


class PartFacts(msgspec.Struct, frozen=True):
    """What a translation needs to know of a part without its mapping file."""

    block: str
    release: str
    name: str
    type: str
    profiles: tuple[str, ...]
    fixed: str
    """Source of a list of (member, value) that a resource of this part always has."""
    each: tuple[str, ...]
    outer: int
    """How many steps of `each` lead to what an item is an occurrence of; the rest lies inside it."""
    selected: str
    primary: bool
    """The first part, or one that neither links to that nor is linked to: it begins a block when read."""
    links: tuple[tuple[tuple[str, ...], str], ...]
    """(path, part) of the references to other parts of the block"""
    joined: tuple[str, ...]
    """The members that may hold what other blocks of the person say."""


class BackFacts(msgspec.Struct, frozen=True):
    """A row whose reference stands in the other resource, and points back at the part that has the row."""

    block: str
    part: str
    concept: tuple[str, ...]
    many: bool
    targets: tuple[str, ...]
    path: str
    url: str
    """Of the extension that it stands in, if it does: `path` is `extension.valueReference` then."""
    profile: str
    """Only what claims it is meant."""
    others: tuple[str, ...]
    """The profiles of what other rows of the block mean."""
    rule: str


class Compiled(msgspec.Struct):
    """All mappings of one format."""

    name: str
    version: Literal["r4", "stu3"]
    release: str
    references: dict[str, str]
    parts: list[PartFacts]
    datatypes: list[tuple[str, str, list[str]]]
    """(partial zib, FHIR type, names of the parts)"""
    backs: list[BackFacts]
    displays: dict[str, list[tuple[str, ...]]]
    joined: list[str]
    sources: dict[str, str]
    """Block to the generated source."""
    rows: list[tuple[str, str, str, str]]
    """(block, concept, row, direction or '' for both): what the mapping covers"""
    needs: list[tuple[str, str, str]]
    """(row, 'map' or 'datatype', name): what the generated code looks up by name"""
    beside: dict[str, tuple[str, str]]
    """Block to (part, extension URL) of a second reference beside each reference"""
    types: str
    """The message whose tree this is; empty for FHIR"""
    never_guessed: tuple[str, ...]
    """Types of resource, and blocks, that are read only by their profile or by what their mapping fixes"""


def compile_format(
    folder: Path, profiles: Profiles, types: ElementTypes, uri: Callable[[str], str]
) -> Compiled:
    """Compile every mapping in a folder.  Raises `AuthoringError` for the first that is wrong."""
    form = read_format(folder)
    compiled = empty(form)
    for file in sorted(folder.glob("*.yaml")):
        if file.name != FORMAT_FILE:
            add_mapping(compiled, read_mapping(file), form, (profiles, types, uri))
    return compiled


def empty(form: Format) -> Compiled:
    """A format without mappings yet."""
    return Compiled(
        name=form.name,
        version=form.version,
        release=form.release,
        references=form.references,
        parts=[],
        datatypes=[],
        backs=[],
        displays={},
        joined=[],
        sources={},
        rows=[],
        needs=[],
        beside=form.beside,
        types=form.types,
        never_guessed=form.never_guessed,
    )


def read_format(folder: Path) -> Format:
    """`_format.yaml` of a folder."""
    data = documents.load(folder / FORMAT_FILE, f"{folder.name}/{FORMAT_FILE}").data
    base = data.get("extension-base", "")
    return Format(
        name=data["format"],
        version=data["version"],
        release=str(data["release"]),
        profile_base=data.get("profile-base", ""),
        extension_base=base,
        extensions={
            name: url + name for url, names in (data.get("extensions") or {}).items() for name in names
        },
        original_code=data.get("original-code", ""),
        references=data.get("references") or {},
        types=data.get("types", ""),
        beside={
            block: (second["part"], base + second["extension"])
            for block, second in (data.get("beside") or {}).items()
        },
        never_guessed=tuple(data.get("never-guessed") or ()),
    )


def element_types(form: Format | Compiled) -> ElementTypes:
    """The elements that the paths of a format are made of: those of FHIR, or of a message."""
    return message_types.message(form.types).types if form.types else elements.types(form.version)


def read_mapping(file: Path) -> Mapping:
    """One mapping file, checked against the schema of the language."""
    document = documents.load(file, f"{file.parent.name}/{file.name}")
    document.check(documents.grammar(file.parent.parent / "schema.json"))
    return Parser(document).mapping()


def add_mapping(
    compiled: Compiled,
    mapping: Mapping,
    form: Format,
    tools: tuple[Profiles, ElementTypes, Callable[[str], str]],
) -> None:
    """Compile one mapping into a format."""
    profiles, types, uri = tools
    layout = Layout(mapping, form, types, profiles)
    source = Source(f"Generated from mappings/{mapping.file}.")
    writer = writing_compiler.WriteCompiler(layout, source, uri)
    writer.compile()
    reading_compiler.ReadCompiler(layout, source, uri).compile()
    compiled.sources[
        mapping.block if not mapping.datatype else f"{mapping.block}:{mapping.parts[0].type}"
    ] = source.text()
    if mapping.datatype:
        compiled.datatypes.append(
            (mapping.block, mapping.parts[0].type, [part.name for part in mapping.parts])
        )
    first = mapping.parts[0]
    linked = {link.part for part in mapping.parts for link in part.links}
    for part in mapping.parts:
        alone = part.name not in linked and all(link.part != first.name for link in part.links)
        primary = part is first or alone
        compiled.parts.append(_part_facts(mapping, part, form, writer, primary=primary))
        compiled.joined += [join.block for join in part.joins]
    compiled.needs += writer.needs
    if mapping.display:
        compiled.displays[mapping.block] = list(mapping.display)
    compiled.backs += _backs(mapping, layout, form)
    _list_rows(compiled, mapping)


def _part_facts(
    mapping: Mapping, part: Part, form: Format, writer: writing_compiler.WriteCompiler, *, primary: bool
) -> PartFacts:
    fixed = []
    for derived in part.derived:
        always = len(derived.cases) == 1 and derived.cases[0][1] is None
        if always and len(derived.path.steps) == 1 and not mapping.datatype:
            node = writer.layout.elements.at(writer.layout.part(part, "write"), derived.path)
            if not node.primitive:  # a status or an intent does not tell what a resource is about
                fixed.append(
                    f'("{node.name}", {writer.literals.literal(derived.cases[0][0], node, derived)})'
                )
    urls = tuple(_profile(url, form) for url in part.profiles)
    chosen = writer.literals.seeking(part.select, part.type)
    return PartFacts(
        block=mapping.block,
        release=mapping.release or form.release,
        name=part.name,
        type=part.type,
        profiles=urls,
        fixed=f"[{', '.join(fixed)}]",
        each=part.each,
        outer=len(writer.layout.concepts.outer(part.each)),
        selected=f"{{{chosen}}}",
        primary=primary,
        links=tuple((tuple(step.name for step in link.path.steps), link.part) for link in part.links),
        joined=tuple(dict.fromkeys(_joined(part))),
    )


def _joined(part: Part) -> Iterator[str]:
    for join in part.joins:
        inside = [place.path for row in join.rows for place in row.places]
        for path in [join.place] if join.place.steps else inside:
            yield path.steps[0].name


def _list_rows(compiled: Compiled, mapping: Mapping) -> None:
    for block, row in mapping.all_rows():
        for place in row.places:
            compiled.rows.append((block, ".".join(row.concept), str(place.mark), place.only))


def _backs(mapping: Mapping, layout: Layout, form: Format) -> Iterator[BackFacts]:
    rows = [(part, row) for part in mapping.parts for row in language.walk(part.rows)]
    found = [(part, row, place) for part, row in rows for place in row.places if place.back]
    named = {_profile(place.profile, form) for _, _, place in found} - {""}
    for part, row, place in found:
        concept = layout.concepts.profile(mapping.block, mapping.mark).at(row.concept)
        profile = _profile(place.profile, form)
        yield BackFacts(
            mapping.block,
            part.name,
            row.concept,
            concept.many,
            concept.targets,
            ".".join(step.name for step in place.path.steps),
            layout.elements.url(place.path.steps[0]),
            profile,
            tuple(sorted(named - {profile})),
            str(place.mark),
        )


def _profile(name: str, form: Format) -> str:
    return name if not name or "://" in name else form.profile_base + name


class Loaded:
    """A compiled format with its functions."""

    def __init__(self, compiled: Compiled, code: dict[str, CodeType]) -> None:
        self.compiled = compiled
        runtime = {
            name: getattr(module, name)
            for module in (bare, groups, spelling, writers, fhir_values, finding, storing, taking)
            for name in dir(module)
            if not name.startswith("__")
        }
        runtime |= {f"computed_{name}": function for name, function in converters.COMPUTED.items()}
        runtime |= {f"via_{name}": converter for name, converter in converters.NAMED.items()}
        self.functions: dict[str, Any] = {}
        for block, each in code.items():
            space = dict(runtime)
            exec(each, space)  # noqa: S102 - our own generated source, from mappings that passed the schema
            stem = block.partition(":")[0]
            self.functions |= {
                name: value
                for name, value in space.items()
                if name.startswith((f"write_{stem}", f"read_{stem}", f"plan_{stem}"))
            }
        self.parts = {(part.block, part.name): part for part in compiled.parts}
        self.by_profile: dict[str, list[PartFacts]] = {}
        for part in sorted(compiled.parts, key=lambda each: each.selected == "{}"):  # the choosy ones first
            for url in part.profiles:
                self.by_profile.setdefault(url, []).append(part)
        self.fixed = {
            (part.block, part.name): eval(part.fixed)  # noqa: S307 - source that the compiler wrote
            for part in compiled.parts
        }
        self.selected = {
            (part.block, part.name): eval(part.selected, vars(finding))  # noqa: S307
            for part in compiled.parts
        }
        self.blocks = {part.block for part in compiled.parts}
        self.partials = {name for name, _, _ in compiled.datatypes}
        types = {part.type for part in compiled.parts}
        self.blocks_of = {
            each: frozenset(part.block for part in compiled.parts if part.type == each) for each in types
        }

    def writes(self, block: str) -> bool:
        """True when the format has a mapping that makes resources of the block, not only of a datatype."""
        return f"plan_{block}" in self.functions and block not in self.partials


def load(
    folder: Path,
    profiles: Callable[[], Profiles],
    tools: tuple[Callable[[], ElementTypes], Callable[[str], str]],
    stamp: str,
) -> Loaded:
    """A format from the cache, compiled when the cache has it not."""
    key = hashlib.sha256(stamp.encode())
    for file in sorted(folder.glob("*.yaml")):
        key.update(file.name.encode() + b"\0" + file.read_bytes())
    name = f"{folder.name}-{key.hexdigest()[:32]}.bin"
    found = _from_cache(name)
    if found is None:
        types, uri = tools
        compiled = compile_format(folder, profiles(), types(), uri)
        code = {
            block: compile(text, f"<mappings/{folder.name}/{block}>", "exec", dont_inherit=True)
            for block, text in compiled.sources.items()
        }
        caching.put(name, msgspec.msgpack.encode((compiled, marshal.dumps(code))))
        return Loaded(compiled, code)
    return Loaded(*found)


def _from_cache(name: str) -> tuple[Compiled, dict[str, CodeType]] | None:
    data = caching.get(name)
    try:
        compiled, code = msgspec.msgpack.decode(data or b"", type=tuple[Compiled, bytes])
        return compiled, marshal.loads(code)  # noqa: S302 - only this user can have written it
    except (ValueError, EOFError, TypeError, msgspec.DecodeError):
        return None


__all__ = ["Compiled", "Loaded", "PartFacts", "compile_format", "load"]
