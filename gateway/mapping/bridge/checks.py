"""What `zibpoort mapping check` asks of the bridge: that nothing of either release is forgotten.

Every block has a counterpart or a reason, every concept is carried, in a row or listed with a reason, and
where the value sets of a concept differ a concept map or a line under `codes` says what becomes of the codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.blocks.profiles import ZIBROOT, Concept, Profiles, ValueSet
from gateway.documents import Document
from gateway.errors import AuthoringError
from gateway.mapping.bridge.plans import RELEASES, Pairs, Planner, other_release
from gateway.mapping.bridge.steps import Carry, Drop, Group, Open, Step, Words
from gateway.terminology.conceptmaps import ConceptMap, ConceptMaps

OLD, NEW = RELEASES


def faults(pairs: Pairs, profiles: Profiles, maps: ConceptMaps) -> list[AuthoringError]:
    """Every fault of the files of a bridge, both ways."""
    planner = Planner(pairs, profiles, maps)
    found: list[AuthoringError] = [*_names(pairs, profiles)]
    for release in RELEASES:
        for block in profiles.blocks(release):
            if block == ZIBROOT:
                continue
            try:
                plan = planner.plan(block, release)
            except AuthoringError as error:
                found.append(error)
                continue
            if not plan.block and not plan.rule:
                text = f"{block} has no counterpart and is not listed under only-{release} of _blocks.yaml"
                found.append(AuthoringError(text, f"zib_profiles/{release}/{block}.yaml", 1, 1, ""))
    return found + planner.faults + [*_codes(pairs, profiles, maps)]


def _names(pairs: Pairs, profiles: Profiles) -> Iterator[AuthoringError]:
    """Files and lines about blocks that do not exist."""
    for file in pairs.files.values():
        for release in RELEASES:
            if release in file.data and profiles.get(release, file.data[release]) is None:
                yield file.fault(f"release {release} has no block '{file.data[release]}'", release)
    document = pairs.blocks
    for old, new in (document.data.get("renamed") or {}).items():
        if profiles.get(OLD, old) is None or profiles.get(NEW, new) is None:
            yield document.fault(f"'{old}: {new}' names no block of both releases", "renamed", old)
    for release in RELEASES:
        for block in document.data.get(f"only-{release}") or {}:
            other = other_release(release)
            if profiles.get(release, block) is None:
                yield document.fault(f"release {release} has no block '{block}'", f"only-{release}", block)
            elif profiles.get(other, pairs.partner(release, block)) is not None:
                yield document.fault(f"release {other} has {block} too", f"only-{release}", block)


@dataclass(frozen=True, slots=True)
class _Coded:
    """A coded concept of both releases, and the map between them, if there is one."""

    name: str
    old: Concept
    new: Concept
    map: str = ""


def _codes(pairs: Pairs, profiles: Profiles, maps: ConceptMaps) -> Iterator[AuthoringError]:
    """Value sets that differ without a word about it, and words about value sets that are the same."""
    for block in profiles.blocks(OLD):
        profile, partner = profiles.get(OLD, block), profiles.get(NEW, pairs.partner(OLD, block))
        if profile is None or partner is None:
            continue
        document = pairs.document(OLD, block) or Document(f"zib_profiles/{OLD}/{block}.yaml", "", {})
        said = document.data.get("codes") or {}
        names = set()
        for coded in _coded(document.data.get("rows") or {}, profile.concepts, partner.concepts):
            names.add(coded.name)
            codes = _unlike(profiles, coded, maps.get(coded.map) if coded.map else None)
            if codes and coded.name not in said:
                text = f"the codes of {block}.{coded.name} differ ({', '.join(codes)}): say it under codes"
                yield document.fault(text, OLD)
            elif coded.name in said and not codes:
                yield document.fault(f"the codes of {coded.name} do not differ", "codes", coded.name)
        for name in said.keys() - names:
            yield document.fault(f"no coded concept '{name}' in both releases", "codes", name)


def _coded(
    rows: Mapping[str, object], olds: Mapping[str, Concept], news: Mapping[str, Concept]
) -> Iterator[_Coded]:
    """The pairs of coded concepts, by row or by name."""
    old, new = dict(_leaves(olds, "")), dict(_leaves(news, ""))
    for name, concept in old.items():
        body = rows.get(name, name)
        target = body if isinstance(body, str) else body["to"] if isinstance(body, dict) else ""
        map_ = str(body.get("map", "")) if isinstance(body, dict) else ""
        other = new.get(target)
        if other is not None and concept.type == other.type == "code":
            yield _Coded(name, concept, other, map_)


def _leaves(concepts: Mapping[str, Concept], above: str) -> Iterator[tuple[str, Concept]]:
    for name, concept in concepts.items():
        yield f"{above}{name}", concept
        yield from _leaves(concept.concepts, f"{above}{name}.")


def _unlike(profiles: Profiles, coded: _Coded, found: ConceptMap | None) -> list[str]:
    """What only one of two value sets holds and no map translates; nothing when one is not known."""
    old = profiles.value_set(OLD, coded.old.values) if coded.old.values else None
    new = profiles.value_set(NEW, coded.new.values) if coded.new.values else None
    if old is None or new is None:
        return []
    left = [each for each in _less(old, new) if not (found and found.knows(*each, "r4"))]
    left += [each for each in _less(new, old) if not (found and found.back(each[0], "r4", each[1]))]
    return sorted(f"{system}#{code}" for code, system in left)


def _less(one: ValueSet, other: ValueSet) -> list[tuple[str, str]]:
    """Codes, and whole systems as '*', of the first that the second does not hold."""
    codes = [
        (code, system) for system, each in one.codes.items() for code in each if not other.holds(code, system)
    ]
    return codes + [("*", system) for system in one.whole - other.whole]


def coverage(planner: Planner, release: str, block: str) -> dict[tuple[str, ...], str]:
    """Each concept of a block that goes to the other release: there and back (both), or in words (write)."""
    if release not in RELEASES:
        return {}
    plan = planner.plan(block, release)
    return dict(_covered(plan.group, ())) if plan.block else {}


def crosses(found: Mapping[tuple[str, ...], str], path: tuple[str, ...]) -> str:
    """What `coverage` says of a concept: itself, what is in it, or the nearest group around it."""
    inside = [how for each, how in found.items() if len(each) > len(path) and each[: len(path)] == path]
    around = [found[path[:i]] for i in range(len(path), 0, -1) if path[:i] in found]
    return next(iter([*inside, *around]), "")


def _covered(group: Group, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name in group.same:
        yield (*above, name), "both"
    for name, step in group.steps.items():
        yield from _covered_step(step, (*above, name))


def _covered_step(step: Step, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    match step:
        case Drop():
            yield path, ""
        case Words():
            yield path, "write"
        case Carry():
            yield path, "write" if step.words else "both"
            if step.inside:
                yield from _covered(step.inside, path)
        case Open():
            yield from _covered(step.inside, path)
