"""Whether a FHIR tree is what base FHIR asks: required elements, choices, required bindings, constraints.

One pass over a tree that `kinds` found sound.  Tables: `elements` (cardinality), `codes`
(bindings), `rules` and `whole` (constraints).  An element with only extensions, such as
`data-absent-reason`, counts as present.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from gateway.codecs.fhir.codes import CodeSet
from gateway.codecs.fhir.elements import Tree, Version, types
from gateway.codecs.fhir.kinds import MOST_ISSUES
from gateway.codecs.fhir.places import placed
from gateway.codecs.fhir.rules import ANY_RESOURCE, Member, Rule, TypeRules, rules_of
from gateway.codecs.fhir.tolerated import is_tolerated
from gateway.codecs.fhir.whole import CHECKS, Check, of_resource
from gateway.errors import Issue

NO_IDS: Final = frozenset[str]()
CONTAINED: Final = "DomainResource.contained"


class Broken(NamedTuple):
    """A rule that is broken: where, below the node that is looked at, and which."""

    place: str
    key: str
    code: str
    text: str


def faults_of(tree: Tree, version: Version, document: bytes = b"") -> list[Issue]:
    """What of base FHIR a resource breaks, at most 20, each an error with its place and the rule.

    The place of what is missing is that of the element that lacks it.  Those that are tolerated never take
    the room of others.  With the `document` that the tree was read from, each has its line and column.
    """
    found = _Walk(version).resource(tree)
    if not found:
        return []
    room = MOST_ISSUES - sum(not is_tolerated(each.key) for each in found)
    root, release = tree["resourceType"], types(version).release
    issues = []
    for each in found:
        if is_tolerated(each.key):
            room -= 1
            if room < 0:
                continue
        rule = f"FHIR {release} {each.key}"
        issues.append(Issue("error", each.code, each.text, place=root + each.place, rule=rule))
    return placed(issues, document)


class _Walk:
    """One resource on its way.

    `_contained` are the ids that a local reference may lead to, `_counts` the faults so far: those that are
    not tolerated, and those that are.
    """

    def __init__(self, version: Version) -> None:
        self._version: Version = version
        self._contained = NO_IDS
        self._counts = [0, 0]

    def resource(self, node: Tree) -> list[Broken]:
        """The faults of a resource that is not contained."""
        outer = self._contained
        contained = node.get("contained")
        self._contained = frozenset(each.get("id", "") for each in contained) if contained else NO_IDS
        found = self._noted(_whole(of_resource, node, self._version)) if contained else []
        found += self._node(node, rules_of(self._version, node["resourceType"]))
        self._contained = outer
        return found

    def _node(self, node: Tree, rules: TypeRules) -> list[Broken]:
        got = twice = 0
        inside: list[Broken] = []
        members, version = rules.members, self._version
        for name, value in node.items():
            member = members.get(name)
            if member is None:
                continue
            bit, inner, codes, is_choice, is_plain, _, _ = member
            if is_choice and got & bit:
                twice |= bit
            got |= bit
            # Most of what is met is objects without codes, and codes that are right: no more calls for those.
            if is_plain and type(value) is dict:
                if found := self._node(value, rules_of(version, inner)):
                    inside += _under(f".{name}", found)
            elif is_plain:
                inside += self._nodes(name, value, rules_of(version, inner))
            elif inner or (codes is not None and (type(value) is list or value not in codes.codes)):
                inside += self._member(node, name, value, member)
            if inside and self._counts[0] >= MOST_ISSUES:
                return inside
        if rules.is_quiet and got & rules.needed == rules.needed and not twice and len(node) > 1:
            return inside
        own = self._own(node, rules, got, twice)
        return own + inside if own else inside

    def _nodes(self, name: str, nodes: list[Tree], rules: TypeRules) -> list[Broken]:
        inside: list[Broken] = []
        for i, node in enumerate(nodes):
            if found := self._node(node, rules):
                inside += _under(f".{name}[{i}]", found)
                if self._counts[0] >= MOST_ISSUES:
                    break
        return inside

    def _own(self, node: Tree, rules: TypeRules, got: int, twice: int) -> list[Broken]:
        """The faults of a node itself, whose members have the bits `got`."""
        if len(node) == 1 and "id" in node and not rules.is_resource:
            return self._noted([Broken("", "ele-1", "invariant", "it has neither a value nor children")])
        broken = []
        if got & rules.needed != rules.needed:
            broken += [_stated(rule) for rule in rules.required if not got & rule.lacking]
        for rule in rules.rules:
            if _is_broken(rule, got, node):
                broken.append(_stated(rule))
        if twice:
            broken += _choices(node, rules.members, twice)
        if rules.is_resource:
            check = CHECKS.get(rules.type)
            if check is not None:
                broken += _whole(check, node, self._version)
        elif rules.type == "Reference":
            target = node.get("reference", "")
            if target[:1] == "#" and len(target) > 1 and target[1:] not in self._contained:
                broken.append(Broken(".reference", "ref-1", "invariant", "no contained resource has this id"))
        return self._noted(broken) if broken else broken

    def _noted(self, broken: Iterable[Broken]) -> list[Broken]:
        """Those for which there is room."""
        kept = []
        for each in broken:
            kind = is_tolerated(each.key)
            if self._counts[kind] < MOST_ISSUES:
                self._counts[kind] += 1
                kept.append(each)
        return kept

    def _member(self, node: Tree, name: str, value: Any, member: Member) -> list[Broken]:
        beside = node.get(name[1:]) if name[0] == "_" else None
        step = f".{name.removeprefix('_')}"
        if not isinstance(value, list):
            return _under(step, self._item(value, member, beside))
        found: list[Broken] = []
        values = beside or ()
        for i, each in enumerate(value):
            if each is None:
                continue
            inside = self._item(each, member, values[i] if i < len(values) else None)
            if inside:
                found += _under(f"{step}[{i}]", inside)
                if self._counts[0] >= MOST_ISSUES:
                    break
        return found

    def _item(self, value: Any, member: Member, beside: Any) -> list[Broken]:
        """The faults of one value; `beside` is the primitive that it has the extensions of."""
        _, inner, codes, _, _, kind, path = member
        found: list[Broken] = []
        if codes is not None and not _is_allowed(value, kind, codes):
            text = f"{codes.words} is expected here"
            found = self._noted([Broken("", f"{path} = {codes.name}", "code-invalid", text)])
        if not inner or (beside is not None and value.keys() == {"id"}):
            return found
        if inner != ANY_RESOURCE:
            return found + self._node(value, rules_of(self._version, inner))
        if path == CONTAINED:
            return self._node(value, rules_of(self._version, value["resourceType"]))
        return self.resource(value)


def _whole(check: Check, node: Tree, version: Version) -> Iterator[Broken]:
    return (Broken(step, key, "invariant", text) for step, key, text in check(node, version))


def _stated(rule: Rule) -> Broken:
    return Broken("", rule.key, rule.code, rule.text)


def _is_broken(rule: Rule, got: int, node: Tree) -> bool:
    one, other, lacking, confirm = rule[:4]
    if (one and not got & one) or (other and not got & other) or got & lacking:
        return False
    return confirm is None or confirm(node)


def _choices(node: Tree, members: dict[str, Member], twice: int) -> list[Broken]:
    """A fault for each choice of which there are several variants; a value and its extensions are one."""
    variants: dict[str, set[str]] = {}
    for name in node:
        member = members.get(name)
        if member is not None and member.bit & twice:
            variants.setdefault(member.path, set()).add(name.removeprefix("_"))
    return [
        Broken("", f"{path} 0..1", "structure", f"only one of {', '.join(sorted(names))} may be here")
        for path, names in variants.items()
        if len(names) > 1
    ]


def _is_allowed(value: Any, kind: str, codes: CodeSet) -> bool:
    """True for a code of the set, a concept with one, and what says by an extension why it has none."""
    if kind == "code":
        return value in codes.codes
    codings = [value] if kind == "Coding" else value.get("coding", ())
    if any((each.get("system", ""), each.get("code", "")) in codes.codings for each in codings):
        return True
    return "extension" in value and value.keys() <= {"id", "extension"}


def _under(step: str, found: list[Broken]) -> list[Broken]:
    return [each._replace(place=step + each.place) for each in found] if found else found
