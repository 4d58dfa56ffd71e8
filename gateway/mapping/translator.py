"""The translator: bytes to blocks and blocks to bytes, for every format that has mappings."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from gateway.blocks.profiles import Profiles, load_profiles
from gateway.blocks.values import Block
from gateway.codecs import ada as ada_codec
from gateway.codecs import detect, istandaarden
from gateway.codecs.fhir import elements, fhir_json, fhir_xml
from gateway.codecs.fhir.base import faults_of
from gateway.codecs.fhir.kinds import check_kinds
from gateway.codecs.limits import Limits
from gateway.errors import ContentError, Issue
from gateway.mapping import account
from gateway.mapping.account import Account, Leaf
from gateway.mapping.ada.reading import AdaReader
from gateway.mapping.beside import context_blocks
from gateway.mapping.bridge.bridge import Bridge
from gateway.mapping.bridge.plans import RELEASES
from gateway.mapping.bridge.steps import Crossing
from gateway.mapping.carrying import is_changed_by_its_rest
from gateway.mapping.codes import CodeCheck
from gateway.mapping.compiler import formats
from gateway.mapping.compiler.aliases import Aliases
from gateway.mapping.persons import resolve_persons
from gateway.mapping.recognition import FOLDERS, MESSAGES, recognise
from gateway.mapping.resources import FhirReader, FhirWriter
from gateway.mapping.results import Read, Written
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.state import Reading, Writing
from gateway.resources import MAPPINGS, ZIB_PROFILES
from gateway.terminology.conceptmaps import ConceptMaps
from gateway.terminology.systems import CodeSystems

CHANGED = "an element that no zib covers changes what this resource means"


class Translator:
    """All formats; a format is loaded when it is first needed."""

    def __init__(self, mappings: Path = MAPPINGS, profiles: Path = ZIB_PROFILES) -> None:
        self._mappings, self._profiles = mappings, profiles
        self._loaded: dict[str, formats.Loaded] = {}
        self._readers: dict[str, FhirReader] = {}
        self._writers: dict[str, FhirWriter] = {}
        self._loading = threading.RLock()

    @cached_property
    def profiles(self) -> Profiles:
        """The profiles of all releases."""
        return load_profiles(self._profiles)

    @cached_property
    def systems(self) -> CodeSystems:
        """Code systems by OID and URI."""
        return CodeSystems.load(self._mappings / "codesystems.yaml")

    @cached_property
    def aliases(self) -> Aliases:
        """Short names of code systems in mappings."""
        return Aliases.load(self._mappings / "aliases.yaml", self.systems)

    @cached_property
    def maps(self) -> ConceptMaps:
        """The concept maps."""
        return ConceptMaps.load(self._mappings / "conceptmaps")

    @cached_property
    def code_check(self) -> CodeCheck:
        """The check of codes against value sets."""
        return CodeCheck(self.profiles)

    @cached_property
    def ada_reader(self) -> AdaReader:
        """The reader of ADA of every application."""
        return AdaReader.load(self._mappings / "ada", self.profiles)

    @cached_property
    def ada_writer(self) -> Any:
        """The writer of zib 2020 registration forms."""
        from gateway.mapping.ada.writing import AdaWriter

        return AdaWriter.load(self._mappings / "ada", self.profiles)

    @cached_property
    def bridge(self) -> Bridge:
        """The bridge between the zib releases."""
        return Bridge.load(self._mappings / "releases", self.profiles, self.maps)

    def loaded(self, form: str) -> formats.Loaded:
        """A format with its functions.  Raises `AuthoringError` when a mapping is wrong."""
        found = self._loaded.get(form)
        if found is None:
            with self._loading:
                found = self._loaded.get(form) or self._load(form)
        return found

    def _load(self, form: str) -> formats.Loaded:
        folder = self._mappings / {**FOLDERS, **MESSAGES}[form]
        made = formats.read_format(folder)
        found = self._loaded[form] = formats.load(
            folder,
            lambda: self.profiles,
            (lambda: formats.element_types(made), lambda name: self.aliases.uri(name, made.version)),
            _stamp(self._mappings, self._profiles),
        )
        return found

    def read(self, data: bytes, context: Context, form: str = "", limits: Limits | None = None) -> Read:
        """The blocks of a document.

        Raises `SyntaxFault` when the bytes cannot be read safely and `ContentError` when no mapping
        knows what they are.  Faults of single values are issues of the result.
        """
        read = self._read(data, context, form or recognise(data), limits or Limits())
        read.state.issues += self._unknown_codes(read)
        return read

    def read_tree(self, tree: dict[str, Any], context: Context, form: str, seed: str) -> Read:
        """The blocks of a FHIR resource or Bundle that is decoded, and found sound by `check_kinds`.

        `seed` identifies the document.
        """
        read = self._read_tree(tree, context, form, seed)
        read.state.issues += self._unknown_codes(read)
        return read

    def _unknown_codes(self, read: Read) -> Iterator[Issue]:
        """An issue for each code that the value set of its concept does not hold."""
        for block in read.blocks:
            for found in self.code_check.unknown(block):
                leaf = read.place(found.code.at)
                yield Issue(
                    "error" if found.closed else "warning",
                    "code-invalid",
                    f"the code of {found.concept.name} is not in the value set {found.values.name}",
                    place=leaf.place if leaf else block.type,
                    concept=found.concept.id,
                    rule=f"zib_profiles/{block.release}/valuesets/{found.values.name}.yaml",
                    line=leaf.line if leaf else 0,
                )

    def _read(self, data: bytes, context: Context, form: str, limits: Limits) -> Read:
        seed = hashlib.sha256(data).hexdigest()[:32]
        if form == "ada":
            return self._read_ada(data, context, limits, seed)
        if form in MESSAGES:
            tree = istandaarden.decode(data, self.loaded(form).compiled.types, limits)
            return self._read_tree(tree, context, form, seed)
        if form not in FOLDERS:
            raise ContentError(Issue("error", "not-supported", f"the format '{form}' cannot be read"))
        version = self.loaded(form).compiled.version
        is_json = detect.sniff(data).syntax == "json"
        tree = (fhir_json if is_json else fhir_xml).decode(data, version, limits)
        check_kinds(tree, elements.types(version), data)
        read = self._read_tree(tree, context, form, seed)
        read.faults = faults_of(tree, version, data)
        return read

    def _read_ada(self, data: bytes, context: Context, limits: Limits, seed: str) -> Read:
        root = ada_codec.decode(data, limits)
        state = Reading(context)
        blocks = self.ada_reader.read(root, state)
        release = blocks[0].release if blocks else ""
        resolve_persons(blocks)

        def leaves() -> list[Leaf]:
            return account.xml_leaves(root, state.taken, state.left)

        return Read("ada", release, blocks, state, leaves, seed, ada_codec.document_id(root))

    def _read_tree(self, tree: dict[str, Any], context: Context, form: str, seed: str) -> Read:
        reader = self._readers.get(form)
        if reader is None:
            reader = self._readers[form] = FhirReader(self.loaded(form), self.systems, self.maps)
        blocks, state = reader.read(tree, context)
        resolve_persons(blocks)

        def leaves() -> Iterator[Leaf]:
            return account.fhir_leaves(tree, state.marks)

        release = self.loaded(form).compiled.release
        return Read(form, release, blocks, state, leaves, seed, str(tree.get("id", "")), state.carried)

    def write(
        self,
        read: Read,
        form: str,
        context: Context,
        beside: Iterable[Read] = (),
        blocks: Sequence[Block] | None = None,
    ) -> Written:
        """A document of another format, with its account.

        `beside` are documents whose blocks may be referred to and are not put out.  `blocks` are
        those of `read` that may go out, when a decision took some away; then nothing goes out besides.
        """
        chosen = list(read.blocks if blocks is None else blocks)
        chosen += context_blocks(chosen, beside)
        carried = read.carried if blocks is None and form == read.format else []
        whole = [block for block in chosen if not is_changed_by_its_rest(block, form)]
        crossing = self.bridge.carry(whole, self._release(form), Reading(context).is_past)
        kept_back = [block for block in chosen if is_changed_by_its_rest(block, form)]
        for block in kept_back:
            crossing.drop(block.values, "", CHANGED)
        written = self._write(crossing, form, context, read, carried)
        written.issues += [_kept_back(block, form, read) for block in kept_back if not block.context]
        return written

    def crossed(self, blocks: Sequence[Block], form: str, context: Context) -> list[Block]:
        """Blocks from a store as those of the release of a format, without those that cannot go there."""
        whole = [block for block in blocks if not is_changed_by_its_rest(block, form)]
        release = self._release(form)
        there = self.bridge.carry(whole, release, Reading(context).is_past).blocks
        return [block for block in there if block.release == release or block.release not in RELEASES]

    def write_blocks(self, blocks: Sequence[Block], form: str, context: Context, seed: str) -> Written:
        """A document of blocks that come from a store: without a source, so without an account."""
        return self.write(Read("", "", list(blocks), Reading(context), lambda: (), seed), form, context)

    def _release(self, form: str) -> str:
        return "2020" if form == "ada" else self.loaded(form).compiled.release

    def _write(
        self,
        crossing: Crossing,
        form: str,
        context: Context,
        read: Read,
        carried: list[tuple[dict[str, Any], int]],
    ) -> Written:
        bridged = crossing.blocks
        if form == "ada":
            writing = Writing(context, len(read.state.taken), lambda system: system, typed_references=False)
            root = self.ada_writer.write([b for b in bridged if not b.context], writing)
            resources: list[dict[str, Any]] = []
        else:
            writer = self._writers.get(form)
            if writer is None:
                types = formats.element_types(self.loaded(form).compiled)
                writer = FhirWriter(self.loaded(form), self.systems, self.maps, lambda: types)
                self._writers[form] = writer
            resources, writing = writer.write(bridged, context, len(read.state.taken), read.seed)
            for i, (resource, at) in enumerate(carried):
                resources.append({"id": context.identity(read.seed, "carried", str(i)), **resource})
                writing.used[at] = account.CARRIED
            root = None
        found = Account(read.leaves, writing.used, writing.refused, crossing.dropped, crossing.words)
        return Written(form, resources, root, found, _writing=writing)


def _stamp(*folders: Path) -> str:
    """Changes when the compiler, a profile, a code system or a concept map changes."""
    key = hashlib.sha256()
    code = Path(__file__).parent
    files = [*code.rglob("*.py"), *(folders[0]).glob("*.*"), *(folders[0] / "conceptmaps").glob("*.yaml")]
    for file in sorted(each for each in files if each.is_file()):
        key.update(file.read_bytes())
    for file in sorted(folders[1].glob("*/*.yaml")):
        key.update(f"{file.name}{file.stat().st_mtime_ns}{file.stat().st_size}".encode())
    return key.hexdigest()


def _kept_back(block: Block, form: str, read: Read) -> Issue:
    """The warning that a block does not go to a format: nobody is to take its absence for all there was."""
    leaf = next((found for each in block.origins if each.modifies and (found := read.place(each.at))), None)
    text = f"{block.type} does not go to {form}: {CHANGED}"
    return Issue("warning", "incomplete", text, place=leaf.place if leaf else "")
