"""A FHIR document with any member replaced by anything: a clear fault or a translation, never a crash."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.score import dumps
from gateway.codecs.fhir import fhir_json
from gateway.errors import InputError
from gateway.mapping import Context, Translator, bundle

DOCUMENT = Path(__file__).resolve().parents[2] / "conformance" / "demo" / "bgz-synthetic.xml"
STRANGE: list[Any] = [None, "x", 5, True, [], {}, [None], ["x"], [[]], {"a": "b"}, [{}], {"value": "x"}, -1.5]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def members(found: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        yield found, key
        if isinstance(value, dict | list):
            yield from members(value)


def leaves(found: Any) -> int:
    """An independent count: every primitive of a JSON document."""
    if isinstance(found, dict):
        return sum(leaves(each) for each in found.values())
    return sum(leaves(each) for each in found) if isinstance(found, list) else int(found is not None)


@pytest.mark.parametrize("form", ["fhir-r4", "fhir-stu3"])
def test_replaced_members(translator: Translator, noon: Context, form: str) -> None:
    read = translator.read(DOCUMENT.read_bytes(), noon)
    whole = json.loads(dumps(bundle(translator.write(read, form, noon).resources, noon.base)))
    chance = random.Random(form)
    outcomes = {"refused": 0, "translated": 0}
    for _ in range(300):
        tree = copy.deepcopy({**whole, "entry": [chance.choice(whole["entry"])]})
        holder, key = chance.choice(list(members(tree)))
        holder[key] = chance.choice(STRANGE)
        try:
            found = translator.read(json.dumps(tree).encode(), noon, form)
            list(translator.write(found, form, noon).account.lines())
            outcomes["translated"] += 1
        except InputError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10


@pytest.mark.parametrize("form", ["fhir-r4", "fhir-stu3"])
def test_every_leaf_of_a_bundle_has_exactly_one_line(
    translator: Translator, noon: Context, form: str
) -> None:
    read = translator.read(DOCUMENT.read_bytes(), noon)
    tree = bundle(translator.write(read, form, noon).resources, noon.base, "searchset")
    tree |= {
        "total": 3,
        "link": [{"relation": "self", "url": "https://zibpoort.example"}],
        "identifier": {"value": "b1"},
    }
    tree["entry"][0]["search"] = {"mode": "match"}
    tree["entry"][1]["resource"]["contained"] = [{"resourceType": "Medication", "status": "active"}]
    version = translator.loaded(form).compiled.version
    again = translator.read(fhir_json.encode(tree, version), noon, form)
    places = [line.place for line in translator.write(again, form, noon).account.lines()]
    assert len(places) == len(set(places)) == leaves(tree)


def test_the_places_of_many_faults_cost_one_pass(translator: Translator, noon: Context) -> None:
    read = translator.read(DOCUMENT.read_bytes(), noon)
    passes, leaves_of = [], read.leaves

    def counted() -> Any:
        passes.append(1)
        return leaves_of()

    read.leaves = counted
    every = list(leaves_of())
    assert all(read.place(leaf.at) in every for leaf in every if leaf.at >= 0)
    assert len(passes) == 1
