"""Whether the resources of a Bundle obey FHIR and the profiles that they name.

Checked: fixed and pattern values, cardinality, types, slices, required bindings, what references point at,
units in UCUM, ids.  Not checked: invariants in FHIRPath, and bindings to value sets of FHIR itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from conformance.profiles.elements import Node
from conformance.profiles.items import Item, Tree, children, required
from conformance.profiles.matching import agrees, codings
from conformance.profiles.package import Package
from conformance.profiles.slices import Slicing
from gateway.terminology.units import is_ucum

UCUM = "http://unitsofmeasure.org"
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_QUANTITIES = frozenset({"Quantity", "SimpleQuantity", "Duration", "Age"})


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A rule that a resource breaks: of which profile (or type), where in it, and which."""

    profile: str
    place: str
    rule: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one profile says of one element."""

    profile: str
    node: Node


class Checker:
    """Checks the resources of one Bundle; references are resolved among them."""

    def __init__(self, package: Package, bundle: Tree) -> None:
        self.package = package
        self.entries: list[Tree] = bundle.get("entry", [])

    @cached_property
    def _known(self) -> dict[str, Tree]:
        known: dict[str, Tree] = {}
        for entry in self.entries:
            resource = entry["resource"]
            known[entry["fullUrl"]] = known[f"{resource['resourceType']}/{resource['id']}"] = resource
        return known

    @cached_property
    def _slicing(self) -> Slicing:
        return Slicing(
            self.package, self._resolved, lambda item, url: not any(self._walk(item, self._of(url), ""))
        )

    def _of(self, url: str) -> list[Rules]:
        return [Rules(url.rpartition("/")[2], self.package.profile(url).root)] if url in self.package else []

    def _resolved(self, reference: Tree) -> Tree | None:
        return self._known.get(reference.get("reference", ""))

    def faults(self) -> Iterator[Fault]:
        """Everything that is wrong, entry by entry."""
        for entry in self.entries:
            yield from self._resource(entry["resource"], entry["fullUrl"])

    def _resource(self, resource: Tree, url: str) -> Iterator[Fault]:
        kind = resource["resourceType"]
        if not _ID.fullmatch(resource["id"]) or not url.endswith(f"{kind}/{resource['id']}"):
            yield Fault(kind, "id", "id")
        claimed = self.package.claimed(resource)
        if not claimed:
            yield Fault(kind, "meta.profile", "profile", str(resource.get("meta", {}).get("profile")))
        rules = [Rules(profile.name, profile.root) for profile in claimed]
        for profile in claimed:
            if profile.type != kind:
                yield Fault(profile.name, kind, "type", kind)
        item = Item(resource, kind, resource)
        yield from self._walk(item, rules, kind)

    def _walk(self, item: Item, rules: list[Rules], place: str) -> Iterator[Fault]:
        """What is wrong with an item and with everything inside it."""
        yield from self._value(item, rules, place)
        groups, needed = children(item, self.package.types), required(item, self.package.types)
        for name in dict.fromkeys([*groups, *needed, *_named(rules)]):
            items, below = groups.get(name, []), f"{place}.{name}"
            if not items and name in needed:
                yield Fault(item.type, below, "min", "FHIR")
            inner: list[list[Rules]] = [[] for _ in items]
            said = [Rules(r.profile, r.node.children[name]) for r in rules if name in r.node.children]
            for each in said:
                yield from self._element(items, each, below, inner)
            for child, found in zip(items, inner, strict=True):
                yield from self._walk(child, found + self._of_type(child, found), below)

    def _element(
        self, items: list[Item], rules: Rules, place: str, inner: list[list[Rules]]
    ) -> Iterator[Fault]:
        """Cardinality of an element and its slices; adds what holds inside each item."""
        yield from _counted(len(items), rules, place)
        if not items and _says_code(rules.node):
            yield Fault(rules.profile, place, "absent", str(rules.node.pattern or rules.node.fixed))
        times: Counter[str] = Counter()
        for item, found in zip(items, inner, strict=True):
            found.append(rules)
            mine = [
                name
                for name, part in rules.node.slices.items()
                if self._slicing.matches(item, name, part, rules.node.discriminators)
            ]
            if not mine and _tells(rules.node, item):
                yield Fault(rules.profile, place, "slice", str(codings(item.value)))
            times.update(mine)
            found += [Rules(rules.profile, rules.node.slices[name]) for name in mine]
        for name, part in rules.node.slices.items():
            yield from _counted(times[name], Rules(rules.profile, part), f"{place}:{name}")

    def _of_type(self, item: Item, rules: Iterable[Rules]) -> list[Rules]:
        """The profiles of its type that an item must obey."""
        kinds = [each.node.kinds[item.type] for each in rules if item.type in each.node.kinds]
        urls = [url for kind in kinds for url in kind.profiles]
        if item.type == "Extension":
            urls = [item.inside["url"]]
        return [each for url in dict.fromkeys(urls) for each in self._of(url)]

    def _value(self, item: Item, rules: list[Rules], place: str) -> Iterator[Fault]:
        """What is wrong with the item itself."""
        for each in rules:
            node, where = each.node, (each.profile, place)
            if item.value is None:
                continue
            wanted = node.pattern if node.fixed is None else node.fixed
            if wanted is not None and not agrees(wanted, item.value):
                yield Fault(*where, "fixed", str(wanted))
            if node.kinds and item.type not in node.kinds:
                yield Fault(*where, "type", item.type)
            if node.required and not self._bound(item, node.required):
                yield Fault(*where, "binding", f"{node.required} {codings(item.value)}")
            if item.type == "Reference" and node.kinds:
                yield from self._reference(item, node, where)
        yield from self._general(item, place)

    def _bound(self, item: Item, url: str) -> bool:
        found = codings(item.value)
        return not found or any(self.package.value_sets.admits(url, *each) for each in found)

    def _reference(self, item: Item, node: Node, where: tuple[str, str]) -> Iterator[Fault]:
        targets = node.kinds["Reference"].targets if "Reference" in node.kinds else ()
        target = self._resolved(item.inside)
        if targets and target is not None and not self.package.satisfies(target, targets):
            claimed = target.get("meta", {}).get("profile", [target["resourceType"]])
            yield Fault(*where, "target", ", ".join(claimed))

    def _general(self, item: Item, place: str) -> Iterator[Fault]:
        """What holds whatever the profile."""
        inside = item.inside
        if item.type in _QUANTITIES and "unit" in inside and not {"code", "system"} <= inside.keys():
            yield Fault(item.type, place, "unit", str(item.value))
        if item.type in _QUANTITIES and inside.get("system") == UCUM and not is_ucum(inside.get("code", "")):
            yield Fault(item.type, place, "unit", str(inside.get("code")))
        local = item.type == "Reference" and "://" not in inside.get("reference", "://")
        if local and self._resolved(inside) is None:
            yield Fault(item.type, place, "resolves")
        url = inside["url"] if item.type == "Extension" else ""
        if url.startswith(("http://nictiz.nl/", "http://fhir.nl/")) and url not in self.package:
            yield Fault(item.type, place, "extension", url)


def _named(rules: list[Rules]) -> Iterator[str]:
    return (name for each in rules for name in each.node.children)


def _counted(times: int, rules: Rules, place: str) -> Iterator[Fault]:
    node = rules.node
    if node.min is not None and times < node.min:
        yield Fault(rules.profile, place, "min", f"{times} of {node.min}")
    if node.max not in (None, "*") and times > int(node.max or 0):
        yield Fault(rules.profile, place, "max", f"{times} of {node.max}")


def _says_code(node: Node) -> bool:
    """True when a profile gives a whole value, not only the unit of one or the system of a number."""
    wanted = node.pattern or node.fixed
    return "coding" in wanted if isinstance(wanted, dict) else bool(wanted)


def _tells(node: Node, item: Item) -> bool:
    """True when an item should be of a slice: there is one for each thing that the zib can say there.

    Numbers of other registers and extensions of others are welcome; a type has slices for what is inside.
    """
    free = item.type in ("Identifier", "Extension")
    return bool(node.slices) and not free and any(kind != "type" for kind, _ in node.discriminators)
