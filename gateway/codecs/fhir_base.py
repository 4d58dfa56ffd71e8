"""Whether a FHIR tree is what base FHIR asks: required elements, choices, codes of required bindings, constraints.

One pass over a tree that `fhir_kinds` found sound.  Tables: `fhir_types` (cardinality), `fhir_codes`
(bindings), `fhir_rules` and `fhir_whole` (constraints).  An element with only extensions, such as
`data-absent-reason`, counts as present.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from gateway.codecs.fhir_kinds import MOST_ISSUES
from gateway.codecs.fhir_rules import ANY_RESOURCE, CODED, Member, Rule, TypeRules, rules_of
from gateway.codecs.fhir_types import Tree, Version, types
from gateway.codecs.fhir_whole import CHECKS, of_resource
from gateway.errors import Issue

NOBODY: Final = frozenset[str]()


class Broken(NamedTuple):
    """A rule that is broken: where, below the node that is looked at, and which."""

    place: str
    key: str
    code: str
    text: str


def faults_of(tree: Tree, version: Version) -> list[Issue]:
    """What of base FHIR a resource breaks, at most 20, each an error with its place and the rule.

    The place of what is missing is that of the element that lacks it.
    """
    root = tree["resourceType"]
    release = types(version).release
    found = _Walk(version).resource(tree)[:MOST_ISSUES]
    return [
        Issue("error", each.code, each.text, place=root + each.place, rule=f"FHIR {release} {each.key}")
        for each in found
    ]


class _Walk:
    """One resource on its way; `contained` are the ids that a local reference may lead to."""

    def __init__(self, version: Version) -> None:
        self._version: Version = version
        self._contained = NOBODY

    def resource(self, node: Tree) -> list[Broken]:
        """The faults of a resource that is not contained."""
        outer = self._contained
        self._contained = frozenset(each.get("id", "") for each in node.get("contained", ()))
        found = self._node(node, rules_of(self._version, node["resourceType"]))
        self._contained = outer
        return found

    def _node(self, node: Tree, rules: TypeRules) -> list[Broken]:
        got = twice = 0
        inside: list[Broken] = []
        members = rules.members
        for name, value in node.items():
            member = members.get(name)
            if member is None:
                continue
            bit, inner, _, codes, choice, _ = member
            if choice and got & bit:
                twice |= bit
            got |= bit
            if inner or codes is not None:
                inside += self._member(node, name, value, member)
                if len(inside) >= MOST_ISSUES:
                    break
        if len(node) == 1 and "id" in node and not rules.is_resource:
            return [Broken("", "ele-1", "invariant", "it has neither a value nor children")]
        own = [
            Broken("", rule.key, rule.code, rule.text)
            for rule in (*(rules.required if got & rules.needed != rules.needed else ()), *rules.rules)
            if _is_broken(rule, got, node)
        ]
        if twice:
            own += _choices(node, members, twice)
        return own + self._whole(node, rules) + inside

    def _whole(self, node: Tree, rules: TypeRules) -> list[Broken]:
        if rules.is_resource:
            broken = [*of_resource(node, self._version)]
            check = CHECKS.get(rules.type)
            if check is not None:
                broken += check(node, self._version)
            return [Broken(step, key, "invariant", text) for step, key, text in broken]
        if rules.type == "Reference":
            target = node.get("reference", "")
            if target[:1] == "#" and len(target) > 1 and target[1:] not in self._contained:
                return [Broken(".reference", "ref-1", "invariant", "no contained resource has this id")]
        return []

    def _member(self, node: Tree, name: str, value: Any, member: Member) -> list[Broken]:
        if not isinstance(value, list):
            found = self._item(value, member, node.get(name[1:]) if name[0] == "_" else None)
            return _under(f".{name.removeprefix('_')}", found)
        found = []
        values = node.get(name[1:], []) if name[0] == "_" else []
        for i, each in enumerate(value):
            if each is None:
                continue
            beside = values[i] if i < len(values) else None
            found += _under(f".{name.removeprefix('_')}[{i}]", self._item(each, member, beside))
            if len(found) >= MOST_ISSUES:
                break
        return found

    def _item(self, value: Any, member: Member, beside: Any) -> list[Broken]:
        """The faults of one value; `beside` is the primitive that it has the extensions of."""
        found: list[Broken] = []
        if member.codes is not None and not _is_allowed(value, member):
            found = [Broken("", f"{member.key} = {member.codes.name}", "code-invalid", f"{member.codes.words} is expected here")]
        if not member.inner:
            return found
        if member.inner == ANY_RESOURCE:
            rules = rules_of(self._version, value["resourceType"])
            if member.key == "DomainResource.contained":
                return self._node(value, rules)
            return self.resource(value)
        if beside is not None and len(value) == 1 and "id" in value:
            return found
        return found + self._node(value, rules_of(self._version, member.inner))


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
            variants.setdefault(member.key, set()).add(name.removeprefix("_"))
    return [
        Broken("", f"{key} 0..1", "structure", f"only one of {', '.join(sorted(names))} may be here")
        for key, names in variants.items()
        if len(names) > 1
    ]


def _is_allowed(value: Any, member: Member) -> bool:
    """True for a code of the set, a concept with one, and what says by an extension why it has none."""
    codes = member.codes
    assert codes is not None
    if member.kind == "code":
        return value in codes.codes
    codings = [value] if member.kind == "Coding" else value.get("coding", ())
    if any((each.get("system", ""), each.get("code", "")) in codes.codings for each in codings):
        return True
    return "extension" in value and value.keys() <= {"id", "extension"}


def _under(step: str, found: list[Broken]) -> list[Broken]:
    return [each._replace(place=step + each.place) for each in found] if found else found


