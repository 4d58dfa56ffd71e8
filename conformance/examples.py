"""Whether published FHIR examples are themselves again: `python -m conformance.examples [r4 | stu3]`.

The 209 examples of the package nictiz.fhir.nl.r4.zib2020 (CC0) go through blocks and back to FHIR R4, and
through ADA and back, all together as one document; the 208 of nictiz.fhir.nl.stu3.zib2017 (CC0) to STU3.
A resource is equal when it has the same elements with the same values, ids and references included; the
narrative and the order of lists are left out.  One that no mapping reads differs in `.`.  The reasons of
what differs stand in `conformance/examples.yaml` and `examples-stu3.yaml`.  The command prints every
difference, and fails for one that has no reason, for a reason that nothing needs any more, and for an
element that the account leaves out.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from conformance.score import NOW, testdata
from gateway.codecs import ada
from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context, Read, Translator, bundle

BASE = "https://examples.example/fhir"
Leaves = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Published:
    """The examples of one FHIR version: where they are, what they go through, why some differ."""

    folder: str
    ways: tuple[str, ...]
    reasons: Path

    @property
    def form(self) -> str:
        """The format in which they are read and written."""
        return self.ways[0]


PUBLISHED: dict[Version, Published] = {
    "r4": Published("nictiz-r4-zib2020/examples", ("fhir-r4", "ada"), Path(__file__).with_suffix(".yaml")),
    "stu3": Published(
        "nictiz-stu3-zib2017/Examples", ("fhir-stu3",), Path(__file__).with_name("examples-stu3.yaml")
    ),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """An element that one of two resources has: `sign` is − for what went, + for what came."""

    way: str
    resource: str
    sign: str
    element: str
    value: str


def examples(version: Version = "r4") -> list[dict[str, Any]]:
    """The published resources, in the order of their files."""
    files = sorted((testdata() / PUBLISHED[version].folder).glob("*.xml"))
    return [fhir_xml.decode(file.read_bytes(), version) for file in files]


def leaves(resource: dict[str, Any]) -> Leaves:
    """Every (element, value) of a resource but its narrative."""
    return Counter(_leaves({name: value for name, value in resource.items() if name != "text"}, ""))


def _leaves(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, place)
    elif value is not None:
        yield place, str(value)


def differences(
    translator: Translator, context: Context, sent: list[dict[str, Any]], version: Version = "r4"
) -> Iterator[Difference]:
    """What differs, every way."""
    published = PUBLISHED[version]
    read = translator.read(fhir_json.encode(bundle(sent, BASE), version), context, published.form)
    yield from _unread(read, sent, published.form)
    for way in published.ways:
        come = _through_ada(translator, context, read) if way == "ada" else read
        back = translator.write(come, published.form, context).resources
        yield from _compared(way, sent, back)


def _unread(read: Read, sent: list[dict[str, Any]], way: str) -> Iterator[Difference]:
    """The resources that no mapping reads: they go along whole, and only to their own format."""
    found = Counter(issue.place for issue in read.issues if issue.code == "not-supported")
    for i, resource in enumerate(sent):
        if f"Bundle.entry[{i}].resource" in found:
            yield Difference(way, str(resource["id"]), "-", ".", resource["resourceType"])


def _through_ada(translator: Translator, context: Context, read: Read) -> Read:
    return translator.read(ada.encode(translator.write(read, "ada", context).root), context, "ada")


def _compared(way: str, sent: list[dict[str, Any]], back: list[dict[str, Any]]) -> Iterator[Difference]:
    there = {_name(resource): leaves(resource) for resource in back}
    for resource in sent:
        before, after = leaves(resource), there.pop(_name(resource), Counter())
        for sign, rest in (("-", before - after), ("+", after - before)):
            for element, value in rest:
                yield Difference(way, str(resource["id"]), sign, element, value)
    for name, extra in there.items():
        yield from (Difference(way, name, "+", element, value) for element, value in extra)


def _name(resource: dict[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def reasons(version: Version = "r4") -> dict[tuple[str, str], str]:
    """(resource, element) → why it differs.  Both may have `*` in them, for any text."""
    data = yaml.safe_load(PUBLISHED[version].reasons.read_text(encoding="utf-8"))
    return {(name, element): why for name, rows in data.items() for element, why in rows.items()}


def unexplained(
    found: list[Difference], version: Version = "r4"
) -> tuple[list[Difference], list[tuple[str, str]]]:
    """The differences that no reason is given for, and the reasons that nothing needs."""
    known, needed = reasons(version), set()
    left = []
    for each in found:
        keys = _fitting(each, known)
        needed.update(keys)
        left += [] if keys else [each]
    return left, sorted(known.keys() - needed)


def _fitting(found: Difference, known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (name, element)
        for name, element in known
        if fnmatchcase(found.resource, name) and fnmatchcase(found.element, element)
    ]


def unaccounted(
    translator: Translator, context: Context, sent: list[dict[str, Any]], version: Version = "r4"
) -> list[str]:
    """Elements that the account says nothing of, or that it drops without saying why."""
    form = PUBLISHED[version].form
    read = translator.read(fhir_json.encode(bundle(sent, BASE), version), context, form)
    told: Counter[str] = Counter()
    bare = []
    for line in translator.write(read, form, context).account.lines():
        told[line.place.partition(".resource.")[0]] += 1
        if line.state == "not representable" and not line.reason:
            bare.append(line.place)
    counted = {f"Bundle.entry[{i}]": sum(_all(each).values()) for i, each in enumerate(sent)}
    return bare + [place for place, number in counted.items() if told[place] != number]


def _all(resource: dict[str, Any]) -> Leaves:
    return Counter(_leaves(resource, ""))


def main(arguments: list[str]) -> int:
    """Print the differences with their reasons, and how many resources are equal."""
    chosen: list[Version] = [each for each in PUBLISHED if each in arguments] or list(PUBLISHED)
    return max([_report(version) for version in chosen])


def _report(version: Version) -> int:
    translator, context, sent = Translator(), Context(NOW), examples(version)
    found, known = list(differences(translator, context, sent, version)), reasons(version)
    for each in found:
        why = next((known[key] for key in _fitting(each, known)), "NO REASON")
        print(f"{each.way} {each.resource} {each.sign} {each.element}: {why}")
    left, stale = unexplained(found, version)
    for name, element in stale:
        print(f"a reason that nothing needs: {name} {element}")
    silent = unaccounted(translator, context, sent, version)
    for place in silent:
        print(f"not in the account: {place}")
    for way in PUBLISHED[version].ways:
        differing = {each.resource for each in found if each.way == way}
        print(f"{way}: equal {len(sent) - len(differing)} of {len(sent)}")
    return 1 if left or stale or silent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
