"""The translator: bytes to blocks and blocks to bytes, for every format that has mappings."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gateway.blocks.profiles import Profiles, load_profiles
from gateway.blocks.values import Block, Identifier, Ref
from gateway.codecs import ada as ada_codec
from gateway.codecs import detect, fhir_json, fhir_types, fhir_xml, istandaarden, message_types
from gateway.codecs.fhir_kinds import check_kinds
from gateway.codecs.limits import Limits
from gateway.errors import ContentError, Issue
from gateway.mapping import account
from gateway.mapping.account import Account, Leaf
from gateway.mapping.ada.reading import AdaReader
from gateway.mapping.bridge.bridge import Bridge
from gateway.mapping.bridge.steps import Crossing
from gateway.mapping.carrying import is_changed_by_its_rest
from gateway.mapping.codes import CodeCheck
from gateway.mapping.compiler import formats
from gateway.mapping.compiler.aliases import Aliases
from gateway.mapping.resources import FhirReader, FhirWriter
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.state import BSN, Reading, Writing
from gateway.resources import MAPPINGS, ZIB_PROFILES
from gateway.terminology.conceptmaps import ConceptMaps
from gateway.terminology.systems import CodeSystems

FHIR_NAMESPACE = "http://hl7.org/fhir"
_STU3_PROFILE = re.compile(
    rb"//fhir\.nl/fhir/StructureDefinition/|//nictiz\.nl/fhir/StructureDefinition/(?:zib|bgz)-", re.IGNORECASE
)
_R4_PROFILE = re.compile(rb"//nictiz\.nl/fhir/StructureDefinition/(?:nl-core|mp)-[A-Z]")
CHANGED = "an element that no zib covers changes what this resource means"
FOLDERS = {"fhir-r4": "fhir-r4-nl-core", "fhir-stu3": "fhir-stu3-zib2017"}
"""The FHIR formats, and where their mappings are."""
MESSAGES = {"iwmo-301": "iwmo-3.2-wmo301"}
"""The messages of iStandaarden, and where their mappings are."""


@dataclass(slots=True)
class Read:
    """A document as blocks.  `seed` identifies the document by its bytes."""

    format: str
    release: str
    blocks: list[Block]
    state: Reading
    leaves: Any
    seed: str
    document: str = ""
    """What the document says that it is called (its id), if it does."""
    carried: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    """FHIR resources that no mapping reads, with their number in the account."""

    @property
    def issues(self) -> list[Issue]:
        """What the reading found wrong; errors as well as warnings."""
        return self.state.issues

    def persons(self) -> list[tuple[str, int]]:
        """The BSNs of the persons that the blocks are about, as sent, each with its number in the reading."""
        found: dict[str, int] = {}
        for block in self.blocks:
            for identifier in _persons(block):
                found.setdefault(identifier.value, identifier.at)
        return list(found.items())

    def place(self, at: int) -> Leaf | None:
        """Where in the input a value stands."""
        return next((leaf for leaf in self.leaves() if leaf.at == at), None) if at >= 0 else None


@dataclass(slots=True)
class Written:
    """Blocks as a document of a format."""

    format: str
    resources: list[dict[str, Any]]
    """FHIR resources, or the trees of messages; empty for ADA."""
    root: Any
    """The XML root of ADA; None for other formats."""
    account: Account
    issues: list[Issue] = field(default_factory=list)


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

    # -- reading -----------------------------------------------------------------------------------

    def detect(self, data: bytes) -> str:
        """The format of a document: ada, fhir-r4, iwmo-301, …  Raises `SyntaxFault` or `ContentError`.

        FHIR does not say in a document which version it is of; what gives it away is the profiles
        that its resources claim.  Without any, R4 is taken.
        """
        sniffed = detect.sniff(data)
        if sniffed.syntax == "json" or sniffed.namespace == FHIR_NAMESPACE:
            return "fhir-stu3" if _STU3_PROFILE.search(data) and not _R4_PROFILE.search(data) else "fhir-r4"
        if not sniffed.namespace or sniffed.root == "bundle":
            return "ada"
        if detect.ISTANDAARDEN.match(sniffed.namespace):
            return _message_format(sniffed.namespace)
        text = f"no format has the root element '{sniffed.root}' in the namespace '{sniffed.namespace}'"
        raise ContentError(Issue("error", "not-supported", text, place=f"/{sniffed.root}"))

    def read(self, data: bytes, context: Context, form: str = "", limits: Limits | None = None) -> Read:
        """The blocks of a document.

        Raises `SyntaxFault` when the bytes cannot be read safely and `ContentError` when no mapping
        knows what they are.  Faults of single values are issues of the result.
        """
        read = self._read(data, context, form or self.detect(data), limits or Limits())
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
        codec = fhir_json if detect.sniff(data).syntax == "json" else fhir_xml
        tree = codec.decode(data, version, limits)
        check_kinds(tree, fhir_types.types(version))
        return self._read_tree(tree, context, form, seed)

    def _read_ada(self, data: bytes, context: Context, limits: Limits, seed: str) -> Read:
        root = ada_codec.decode(data, limits)
        state = Reading(context)
        blocks = self.ada_reader.read(root, state)
        release = blocks[0].release if blocks else ""
        _resolve_persons(blocks)

        def leaves() -> list[Leaf]:
            return account.xml_leaves(root, state.taken, state.left)

        return Read("ada", release, blocks, state, leaves, seed, ada_codec.document_id(root))

    def _read_tree(self, tree: dict[str, Any], context: Context, form: str, seed: str) -> Read:
        reader = self._readers.get(form)
        if reader is None:
            reader = self._readers[form] = FhirReader(self.loaded(form), self.systems, self.maps)
        blocks, state = reader.read(tree, context)
        _resolve_persons(blocks)

        def leaves() -> Iterator[Leaf]:
            return account.fhir_leaves(tree, state.marks)

        release = self.loaded(form).compiled.release
        return Read(form, release, blocks, state, leaves, seed, str(tree.get("id", "")), state.carried)

    # -- writing -----------------------------------------------------------------------------------

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
        chosen += _context_blocks(chosen, beside)
        target = "2020" if form == "ada" else self.loaded(form).compiled.release
        carried = read.carried if blocks is None and form == read.format else []
        fit = [block for block in chosen if not is_changed_by_its_rest(block, form)]
        crossing = self.bridge.carry(fit, target)
        for block in chosen if len(fit) < len(chosen) else ():
            if is_changed_by_its_rest(block, form):
                crossing.drop(block.values, "", CHANGED)
        return self._write(crossing, form, context, read, carried)

    def write_blocks(self, blocks: Sequence[Block], form: str, context: Context, seed: str) -> Written:
        """A document of blocks that come from a store: without a source, so without an account."""
        return self.write(Read("", "", list(blocks), Reading(context), lambda: (), seed), form, context)

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
        return Written(form, resources, root, found)


def bundle(resources: list[dict[str, Any]], base: str, kind: str = "collection") -> dict[str, Any]:
    """A Bundle of resources with a full URL for each, under which relative references resolve."""
    entries = [
        {"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each} for each in resources
    ]
    return {"resourceType": "Bundle", "type": kind, **({"entry": entries} if entries else {})}


def message(written: Written) -> bytes:
    """The document of a message that was written.

    Raises `ContentError` for a value that has not the form of the message, for what it lacks, and when the
    blocks are about no client, or about several.
    """
    name = MESSAGES[written.format].rpartition("-")[2]
    if len(written.resources) != 1:
        title, clients = message_types.message(name).title, len(written.resources)
        text = f"a {title} is about one client, the blocks about {clients}"
        raise ContentError(Issue("error", "business-rule", text, rule="OP087"))
    return istandaarden.encode(written.resources[0], name)


def _message_format(namespace: str) -> str:
    """The format of a message of an iStandaard.  Raises `ContentError` for one that has no mapping."""
    found = message_types.of_namespace(namespace)
    for form, folder in MESSAGES.items():
        if found is not None and folder.endswith(f"-{found.release}-{found.name}"):
            return form
    known = ", ".join(each.title for each in message_types.messages().values())
    text = f"the document is {message_types.describe(namespace)}, and what can be read is {known}"
    raise ContentError(Issue("error", "not-supported", text, place="/Bericht"))


def _persons(block: Block) -> Iterator[Identifier]:
    if block.type in ("Patient", "Client"):
        yield from _identifiers(block.values)
    subject = block.values.get("Subject")
    if type(subject) is Ref and subject.identifier is not None and subject.identifier.system == BSN:
        at = subject.at if subject.identifier.at < 0 else subject.identifier.at
        yield Identifier(subject.identifier.value, BSN, at)


def _identifiers(values: dict[str, Any]) -> Iterator[Identifier]:
    for value in values.values():
        for each in value if isinstance(value, list) else [value]:
            if type(each) is Identifier and each.system == BSN:
                yield each


def _resolve_persons(blocks: list[Block], known: dict[str, str] | None = None) -> dict[str, str]:
    """Point every subject that is known by BSN at the Patient block with that BSN; gives BSN → key."""
    persons = dict(known or {})
    for block in blocks:
        if block.type == "Patient":
            for value in _identifiers(block.values):
                persons.setdefault(value.value, block.key)
    for block in blocks:
        block.values = {name: _resolved(value, persons) for name, value in block.values.items()}
    return persons


def _resolved(value: Any, persons: dict[str, str]) -> Any:
    if (
        type(value) is Ref
        and not value.key
        and value.identifier is not None
        and value.identifier.system == BSN
    ):
        key = persons.get(value.identifier.value)
        if key:
            return Ref(key, value.display, value.literal, value.identifier, value.at)
    return value


def _context_blocks(blocks: list[Block], beside: Iterable[Read]) -> list[Block]:
    """The blocks of other documents, renamed so that no key clashes, with one Patient a person."""
    found: list[Block] = []
    for other in beside:
        mark = other.seed[:8]
        for block in other.blocks:
            values = {name: _renamed(value, mark) for name, value in _stated(block).items()}
            found.append(Block(block.type, block.release, f"{mark}:{block.key}", values, block.line, True))
    if found:
        persons = _resolve_persons(blocks)
        _resolve_persons([*blocks, *_with_persons(found, persons)], persons)
    return found


def _stated(block: Block) -> dict[str, Any]:
    """The values of a context block, without a subject that it does not state itself.

    Such a block came along inside another, to be referred to there; what it says is not joined to a
    document that does not refer to it.
    """
    subject = block.values.get("Subject")
    if type(subject) is Ref and subject.at < 0:
        return {name: value for name, value in block.values.items() if name != "Subject"}
    return block.values


def _with_persons(found: list[Block], persons: dict[str, str]) -> list[Block]:
    """Context blocks about a person whom the document itself has point at that Patient."""
    keys = {}
    for block in found:
        if block.type == "Patient":
            for value in _identifiers(block.values):
                if value.value in persons:
                    keys[block.key] = persons[value.value]
    for block in found:
        subject = block.values.get("Subject")
        if type(subject) is Ref and subject.key in keys:
            block.values["Subject"] = Ref(keys[subject.key], subject.display, at=-1)
    return found


def _renamed(value: Any, mark: str) -> Any:
    """A value of a context block: its references in the renamed keys, and no place in this account."""
    if type(value) is Ref:
        return Ref(
            f"{mark}:{value.key}" if value.key else "", value.display, value.literal, value.identifier, -1
        )
    if isinstance(value, dict):
        return {name: _renamed(each, mark) for name, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, mark) for each in value]
    return type(value)(**{**{f: getattr(value, f) for f in value.__struct_fields__}, "at": -1})


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
