"""What is said to be mapped is written: made-up blocks of one concept each, against the published pairs."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from conformance import specimens
from conformance.score import NOW
from gateway.blocks.profiles import Profile, Profiles
from gateway.blocks.values import Block, Moment
from gateway.codecs.fhir.elements import FhirTypes, types
from gateway.mapping import Context, Translator
from gateway.mapping.pairs.package import read_package
from gateway.mapping.pairs.steps import Step, Steps, begins, below_coding
from gateway.mapping.pairs.verdicts import examine

RELEASE = "2020"
FUTURE = Moment("2099-02-03")
SHOWN = 690
"""At least so many pairs need only their concept; others hang on a condition, a code or a second block."""

Written = dict[tuple[str, str], set[Steps]]


def blocks_of(profile: Profile, profiles: Profiles) -> Iterator[tuple[set[str], list[Block]]]:
    """For each concept blocks that say only that, and the ids of the concept and of what is around it."""
    for key, concept in specimens.leaves(profiles, profile):
        if key[0] not in profile.concepts:
            continue  # what every block has is no concept of this zib
        ids, here = {profile.root}, profile.concepts
        for name in key:
            partial = profiles.get(RELEASE, here[name].type)
            ids |= {here[name].id, *([partial.root] if partial else [])}
            here = profiles.inside(RELEASE, here[name])
        made = specimens.fitting(key, concept) or specimens.value(concept, profiles, RELEASE)
        for each in (made, FUTURE) if concept.type == "moment" else (made,):
            yield ids, specimens.block(profile, key, concept, profiles, each)


def paths(element: dict[str, Any], kind: str, fhir: FhirTypes) -> Iterator[Steps]:
    """The path of each element of a resource, with what tells it from its siblings."""
    for name, value in element.items():
        known = fhir.child(kind, name.removeprefix("_"))
        for each in (value if isinstance(value, list) else [value]) if known else ():
            inner = each if isinstance(each, dict) else {}
            step = step_of(name, known.choice if known else "", inner)
            yield (step,)
            yield from ((step, *rest) for rest in paths(inner, known.type if known else "", fhir))


def step_of(name: str, choice: str, element: dict[str, Any]) -> Step:
    if choice:
        return Step(f"{choice}[x]", name)
    if name in ("extension", "modifierExtension"):
        return Step(name, url=element["url"])
    return Step(name.removeprefix("_"), marks=frozenset(marks(element, ())))


def marks(element: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The codes and other values inside an element."""
    for name, value in element.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from marks(each, (*path, name))
            else:
                coded = name == "code" and "coding" in path
                yield (below_coding(path) if coded else (*path, name)), str(each)


@pytest.fixture(scope="module")
def written(testdata: Path) -> Written:
    """Profile and concept to the paths of resources that were written for it."""
    translator, fhir = Translator(), types("r4")
    package = read_package(testdata / "nictiz-r4-zib2020")
    found: Written = defaultdict(set)
    names = {part.block for part in translator.loaded("fhir-r4").compiled.parts if part.release == RELEASE}
    for name in sorted(names):
        profile = translator.profiles.get(RELEASE, name)
        for ids, blocks in blocks_of(profile, translator.profiles) if profile else ():
            for resource in translator.write_blocks(blocks, "fhir-r4", Context(NOW), "seed").resources:
                there = [(), *paths(resource, resource["resourceType"], fhir)]
                profiles = [
                    url for claimed in resource["meta"]["profile"] for url in package.lineage(claimed)
                ]
                for url, path in [*product(profiles, there), *inside_extensions(there)]:
                    for concept in ids:
                        found[url, concept].add(path)
    return found


def inside_extensions(there: list[Steps]) -> Iterator[tuple[str, Steps]]:
    """An extension has a profile of its own: its URL, and the paths below it."""
    return ((step.url, path[i + 1 :]) for path in there for i, step in enumerate(path) if step.url)


def test_pairs_that_are_said_to_be_mapped_are_written(written: Written, testdata: Path) -> None:
    verdicts, _ = examine(testdata / "nictiz-r4-zib2020")
    pairs = [each.pair for each in verdicts if each.outcome == "both"]
    shown = [
        pair
        for pair in pairs
        if any(begins(path, pair.steps) for path in written.get((pair.url, pair.concept), ()))
    ]
    assert len(shown) >= SHOWN
