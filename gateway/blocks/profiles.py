"""The profiles of the building blocks: what a block may hold, per release.

`zib_profiles/<release>/<Block>.yaml` is parsed once, with the fast loader; only when a file is wrong is
it read again with marks, so that the error shows file, line and column.  Every look-up afterwards is a
dictionary read.  Names are compared without case, underscores and accents, in Dutch and in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from gateway import caching
from gateway.errors import AuthoringError
from gateway.resources import ZIB_PROFILES

TYPES = frozenset(
    {
        "quantity", "code", "moment", "text", "boolean", "integer", "identifier", "reference", "blob",
        "group", "any",
    }
)  # fmt: skip
KINDS = frozenset({"zib", "partial", "social", "root"})
ZIBROOT = "BasicElements"
T = TypeVar("T")
_CARD = re.compile(r"(?P<low>\d)\.\.(?P<high>\d+|\*)")
_ACCENTS = str.maketrans("ëéèïíöóüúáàâç", "eeeiioouuaaac")


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept of a block; `concepts` are the ones inside a group, in the order of the zib.

    `type` is one of `TYPES` or the name of a partial zib, whose profile says what is inside.
    `targets` are the blocks that a reference may point to; `via` gives, per target, the container that
    some formats put around the reference (id, Dutch and English name).
    """

    name: str
    id: str
    nl: str
    type: str
    many: bool = False
    required: bool = False
    values: str = ""
    targets: tuple[str, ...] = ()
    aka: tuple[str, ...] = ()
    via: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)
    concepts: Mapping[str, Concept] = field(default_factory=dict)
    names: Mapping[str, Concept] = field(default_factory=dict, compare=False, repr=False)

    def named(self, name: str) -> Concept | None:
        """The concept inside this group with that Dutch, English or other name."""
        return self.names.get(normalise(name))


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A value set: `codes` per system (OID, else URI); in `whole` systems any code belongs to it.

    One that joins several, for a concept with a choice of code lists, has no id of its own.
    """

    name: str
    id: str = ""
    url: str = ""
    whole: frozenset[str] = frozenset()
    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def holds(self, code: str, system: str) -> bool:
        """True when the code belongs to this value set."""
        return system in self.whole or code in self.codes.get(system, ())


@dataclass(frozen=True, slots=True)
class Profile:
    """What a block of one release may hold.  `id` is the zib, `root` its root concept."""

    block: str
    release: str
    id: str
    root: str
    version: str
    nl: str
    kind: str
    concepts: Mapping[str, Concept]
    names: Mapping[str, Concept] = field(compare=False, repr=False)
    ids: Mapping[str, tuple[str, ...]] = field(compare=False, repr=False)
    """Concept id to the names that lead to it from the top."""

    def named(self, name: str) -> Concept | None:
        """The concept at the top with that Dutch, English or other name."""
        return self.names.get(normalise(name))

    def at(self, path: tuple[str, ...]) -> Concept:
        """The concept at a path of English names.  Raises `KeyError`."""
        concept = self.concepts[path[0]]
        for name in path[1:]:
            concept = concept.concepts[name]
        return concept

    def by_id(self, concept: str) -> Concept | None:
        """The concept with that id, at any depth (not inside partial zibs)."""
        path = self.ids.get(concept)
        return self.at(path) if path else None

    def walk(self) -> Iterator[tuple[tuple[str, ...], Concept]]:
        """Every concept with its path, groups before what is inside."""
        for path in self.ids.values():
            yield path, self.at(path)


class Profiles:
    """All profiles and value sets, by release."""

    __slots__ = ("_profiles", "_roots", "_value_sets", "folder")

    def __init__(
        self, folder: Path, profiles: list[Profile], value_sets: dict[str, dict[str, ValueSet]]
    ) -> None:
        self.folder = folder
        """Where they were read, for who names their lines."""
        self._profiles: dict[str, dict[str, Profile]] = {}
        self._roots: dict[str, dict[str, Profile]] = {}
        self._value_sets = value_sets
        for profile in profiles:
            self._profiles.setdefault(profile.release, {})[profile.block] = profile
            self._roots.setdefault(profile.release, {})[profile.root] = profile

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases there are, in order."""
        return tuple(sorted(self._profiles))

    def blocks(self, release: str) -> tuple[str, ...]:
        """Names of the blocks of a release, in order."""
        return tuple(sorted(self._profiles.get(release, ())))

    def get(self, release: str, block: str) -> Profile | None:
        """The profile of a block, or None."""
        return self._profiles.get(release, {}).get(block)

    def by_root(self, release: str, concept: str) -> Profile | None:
        """The profile whose root concept this is (`NL-CM:12.4.1`: BloodPressure)."""
        return self._roots.get(release, {}).get(concept)

    def basics(self, release: str) -> Profile | None:
        """The concepts that every block of the release has: identification, subject, author, date."""
        return self.get(release, ZIBROOT)

    def inside(self, release: str, parent: Profile | Concept) -> Mapping[str, Concept]:
        """The concepts inside a profile, a group, or a concept that is a partial zib."""
        if isinstance(parent, Concept) and not parent.concepts:
            partial = self.get(release, parent.type)
            return partial.concepts if partial else {}
        return parent.concepts

    def named(self, release: str, parent: Profile | Concept, name: str) -> Concept | None:
        """The concept inside `parent` with that name in either language; of a profile also the basics."""
        if isinstance(parent, Profile):
            basics = self.basics(release)
            return parent.named(name) or (basics.named(name) if basics else None)
        if parent.concepts:
            return parent.named(name)
        partial = self.get(release, parent.type)
        return partial.named(name) if partial else None

    def value_set(self, release: str, name: str) -> ValueSet | None:
        """The value set of that name, or None."""
        return self._value_sets.get(release, {}).get(name)


@cache
def normalise(name: str) -> str:
    """A name as it is compared: `systolische_bloeddruk` and `SystolischeBloeddruk` are the same."""
    return re.sub(r"[^a-z0-9]", "", name.lower().translate(_ACCENTS))


@cache
def load_profiles(folder: Path = ZIB_PROFILES) -> Profiles:
    """Read every profile and value set below `folder`.  Raises `AuthoringError` on the first fault."""
    texts = _Texts(folder)
    profiles: list[Profile] = []
    value_sets: dict[str, dict[str, ValueSet]] = {}
    for file in texts.files:
        if file.parent.name == "valuesets":
            found = _read(file, texts, _value_set)
            value_sets.setdefault(file.parent.parent.name, {})[found.name] = found
        else:
            profiles.append(_read(file, texts, _profile))
    texts.keep()
    whole = Profiles(folder, profiles, value_sets)
    for profile in profiles:
        _check_links(folder, profile, whole)
    return whole


class _Texts:
    """The files below a folder as plain data; parsed once for as long as none of them changes."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted([*folder.glob("*/*.yaml"), *folder.glob("*/valuesets/*.yaml")])
        self._name = f"profiles-{caching.stamp(self.files)[:32]}.bin"
        known = caching.get(self._name)
        self._known: dict[str, Any] = msgspec.msgpack.decode(known) if known else {}
        self._parsed: dict[str, Any] = {}

    def data(self, file: Path) -> Any:
        """What a file holds.  Raises `yaml.MarkedYAMLError`."""
        name = str(file)
        if name in self._known:
            return self._known[name]
        found = self._parsed[name] = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
        return found

    def keep(self) -> None:
        """For the next time."""
        if self._parsed:
            caching.put(self._name, msgspec.msgpack.encode(self._parsed))


class _WrongError(Exception):
    """What is wrong, and the keys that lead to the place."""

    def __init__(self, text: str, *path: str) -> None:
        self.text, self.path = text, path
        super().__init__(text)


def _read(file: Path, texts: _Texts, build: Callable[[dict[str, Any], Path], T]) -> T:
    try:
        data = texts.data(file)
        if not isinstance(data, dict):
            raise _WrongError("the file holds no mapping")
        return build(data, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        text = file.read_text(encoding="utf-8")
        raise _fault(f"not YAML: {error.problem}", file, text, line, column) from None
    except _WrongError as wrong:
        text = file.read_text(encoding="utf-8")
        raise _fault(wrong.text, file, text, *_place(text, wrong.path)) from None


def _fault(text: str, file: Path, source: str, line: int, column: int) -> AuthoringError:
    lines = source.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    return AuthoringError(text, "/".join(file.parts[-3:]), line, column, shown)


def _place(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Line and column, from 1, of the key at the end of a path, or of the nearest one above."""
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    line, column = 1, 1
    for key in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        pair = next((p for p in pairs if p[0].value == key), None)
        if pair is None:
            break
        line, column = pair[0].start_mark.line + 1, pair[0].start_mark.column + 1
        node = pair[1]
    return line, column


def _profile(data: dict[str, Any], file: Path) -> Profile:
    for key in ("block", "release", "id", "version", "name", "kind", "concepts"):
        if key not in data:
            raise _WrongError(f"'{key}' is missing")
    if data["block"] != file.stem:
        raise _WrongError(f"block '{data['block']}' stands in a file of another name", "block")
    if data["release"] != file.parent.name:
        raise _WrongError(f"release '{data['release']}' stands in the folder of another release", "release")
    if not isinstance(data["name"], dict) or not all(data["name"].get(language) for language in ("nl", "en")):
        raise _WrongError("a block has a Dutch and an English name", "name")
    if data["kind"] not in KINDS:
        raise _WrongError(f"kind '{data['kind']}' is none of {', '.join(sorted(KINDS))}", "kind")
    concepts = _concepts(data["concepts"], ("concepts",))
    ids: dict[str, tuple[str, ...]] = {}
    _index(concepts, (), ids)
    root = data.get("root", data["id"] + ".1")
    return Profile(
        block=data["block"],
        release=data["release"],
        id=data["id"],
        root=root,
        version=str(data["version"]),
        nl=data["name"]["nl"],
        kind=data["kind"],
        concepts=concepts,
        names=_names(concepts),
        ids=ids,
    )


def _concepts(data: Any, path: tuple[str, ...]) -> dict[str, Concept]:
    if not isinstance(data, dict):
        raise _WrongError("here stand concepts by name", *path)
    return {name: _concept(name, concept, (*path, name)) for name, concept in data.items()}


def _concept(name: str, data: Any, path: tuple[str, ...]) -> Concept:
    if not isinstance(data, dict):
        raise _WrongError(f"concept '{name}' holds nothing", *path)
    for key in ("id", "nl", "type", "card"):
        if key not in data:
            raise _WrongError(f"concept '{name}' has no '{key}'", *path)
    card = _CARD.fullmatch(str(data["card"]))
    if card is None:
        raise _WrongError(f"cardinality '{data['card']}' is not like 0..1 or 1..*", *path, "card")
    kind, inside = data["type"], data.get("concepts", {})
    if (kind == "group") != bool(inside):
        raise _WrongError(f"a group, and nothing else, holds concepts; '{name}' is a {kind}", *path, "type")
    if (kind == "reference") != bool(data.get("to")):
        raise _WrongError(f"a reference, and nothing else, has targets; '{name}' is a {kind}", *path, "type")
    concepts = _concepts(inside, (*path, "concepts")) if inside else {}
    return Concept(
        name=name,
        id=data["id"],
        nl=data["nl"],
        type=kind,
        many=card["high"] != "1",
        required=card["low"] != "0",
        values=data.get("values", ""),
        targets=tuple(data.get("to", ())),
        aka=tuple(data.get("aka", ())),
        via=data.get("via", {}),
        concepts=concepts,
        names=_names(concepts),
    )


def _names(concepts: dict[str, Concept]) -> dict[str, Concept]:
    """Normalised names to concepts; an English name goes before a Dutch one, that before any other."""
    found: dict[str, Concept] = {}
    for concept in concepts.values():
        found[normalise(concept.name)] = concept
    for concept in concepts.values():
        found.setdefault(normalise(concept.nl), concept)
    for concept in concepts.values():
        for name in concept.aka:
            found.setdefault(normalise(name), concept)
    return found


def _index(concepts: Mapping[str, Concept], above: tuple[str, ...], ids: dict[str, tuple[str, ...]]) -> None:
    for name, concept in concepts.items():
        path = (*above, name)
        if concept.id in ids:
            keys = [key for step in path for key in ("concepts", step)]
            raise _WrongError(f"concept id {concept.id} stands here twice", *keys, "id")
        ids[concept.id] = path
        _index(concept.concepts, path, ids)


def _check_links(folder: Path, profile: Profile, profiles: Profiles) -> None:
    """Types, targets and value sets that a profile names must exist."""
    for path, concept in profile.walk():
        keys = [key for step in path for key in ("concepts", step)]
        wrong: _WrongError | None = None
        if concept.type not in TYPES and profiles.get(profile.release, concept.type) is None:
            wrong = _WrongError(f"type '{concept.type}' is no type and no partial zib", *keys, "type")
        for target in concept.targets:
            if profiles.get(profile.release, target) is None:
                wrong = _WrongError(f"there is no block '{target}' in release {profile.release}", *keys, "to")
        if concept.values and profiles.value_set(profile.release, concept.values) is None:
            wrong = _WrongError(f"there is no value set '{concept.values}'", *keys, "values")
        if wrong:
            file = folder / profile.release / f"{profile.block}.yaml"
            text = file.read_text(encoding="utf-8")
            raise _fault(wrong.text, file, text, *_place(text, wrong.path))


def _value_set(data: dict[str, Any], file: Path) -> ValueSet:
    if data.get("name") != file.stem or not {"id", "joins"} & data.keys():
        raise _WrongError("a value set has the name of its file, and an id or what it joins", "name")
    codes = {system: frozenset(map(str, found)) for system, found in data.get("codes", {}).items()}
    whole = frozenset(data.get("systems", ()))
    return ValueSet(data["name"], data.get("id", ""), data.get("url", ""), whole, codes)
