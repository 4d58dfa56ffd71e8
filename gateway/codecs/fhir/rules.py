"""What base FHIR asks of the elements of a type, compiled to one test each.

The rows of `data/rules.json` are constraints of the standard, under its keys, as far as they speak of
elements beside each other:

    any A|B               one of them is there
    A needs B             where A is, B is
    A excludes B          never both
    none A                A is not there
    A until B             A is not after B, two moments
    A without NAME=CODE   no item of A has that code

`if NAME=CODE` and `unless NAME=CODE` at the end narrow a row; a code of a CodeableConcept is `system#code`.
A choice is written `value[x]`.  What needs more than that stands in `whole`.

Every name of a rule is a bit.  Who walks a tree adds up the bits of the members it meets, and a rule is
broken or not by the sum; its `confirm` is asked only then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import orjson

from gateway.codecs.fhir.codes import CodeSet, bound
from gateway.codecs.fhir.elements import Element, FhirTypes, Tree, Version, types
from gateway.codecs.moments import is_after

Confirm = Callable[[Tree], bool]
CODED: Final = frozenset(("code", "Coding", "CodeableConcept"))
CONDITIONS: Final = ("if", "unless")
ANY_RESOURCE: Final = "Resource"


class Rule(NamedTuple):
    """Broken by a node that has a bit of `one`, a bit of `other` (0: whatever), none of `lacking`, if
    `confirm` is true of it.
    """

    one: int
    other: int
    lacking: int
    confirm: Confirm | None
    key: str
    code: str
    text: str


class Member(NamedTuple):
    """What is looked at in a member of a node: its bit, the type of what it holds, and its codes.

    `inner` is empty for a value, of the type `kind`; `is_plain` is an object of which only that is looked at.
    `path` is that of the element in the standard.
    """

    bit: int
    inner: str
    codes: CodeSet | None
    is_choice: bool
    is_plain: bool
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class TypeRules:
    """The rules of one type.  `needed` are the bits that a node must have; `required` says it of each.

    A type is quiet when it asks nothing else of a node.
    """

    type: str
    is_resource: bool
    is_quiet: bool
    members: dict[str, Member]
    needed: int
    required: tuple[Rule, ...]
    rules: tuple[Rule, ...]


@cache
def rules_of(version: Version, name: str) -> TypeRules:
    """The rules of a type, its bases included.  Raises KeyError when this version has no such type."""
    known = types(version)
    bits: dict[str, int] = {}
    members: dict[str, Member] = {}
    required: dict[str, Rule] = {}
    for owner in reversed(known.lineage(name)):
        for element in known.own(owner):
            label = _label(element)
            bit, path = bits.setdefault(label, 1 << len(bits)), f"{owner}.{label}"
            members |= dict(_members(known, element, bit, path))
            if element.min:
                key = f"{path} {_cardinality(element)}"
                required[label] = Rule(0, 0, bit, None, key, "required", f"{label} is required here")
    rows = [row for owner in known.lineage(name) for row in stated(version, owner)]
    return TypeRules(
        name,
        known.is_resource(name),
        not (rows or known.is_resource(name) or name == "Reference"),
        members,
        sum(bits[label] for label in required),
        tuple(required.values()),
        tuple(_rule(row, bits) for row in rows),
    )


def stated(version: Version, name: str) -> Iterator[str]:
    """The rows of a type itself."""
    table = _table()
    for part in ("both", version):
        yield from table[part].get(name, ())


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(
        files("gateway.codecs.fhir").joinpath("data", "rules.json").read_bytes()
    )
    return found


def _label(element: Element) -> str:
    return f"{element.choice}[x]" if element.choice else element.name


def _cardinality(element: Element) -> str:
    return f"{element.min}..{'*' if element.many else '1'}"


def _members(known: FhirTypes, element: Element, bit: int, path: str) -> Iterator[tuple[str, Member]]:
    """The member of an element, and the one beside it that holds the extensions of a value."""
    codes = bound(known.version, path) if element.type in CODED else None
    primitive = known.is_primitive(element.type)
    inner = "" if primitive else element.type
    is_plain = codes is None and inner not in ("", ANY_RESOURCE)
    yield element.name, Member(bit, inner, codes, bool(element.choice), is_plain, element.type, path)
    if primitive:
        yield f"_{element.name}", Member(bit, "Element", None, bool(element.choice), False, "Element", path)


def _rule(row: str, bits: dict[str, int]) -> Rule:
    """A row of the table as a rule."""
    key, words, confirm = _narrowed(row)

    def mask(names: str) -> int:
        return sum(bits[each] for each in names.split("|"))

    def rule(one: int, other: int, lacking: int, text: str, confirm: Confirm | None = confirm) -> Rule:
        return Rule(one, other, lacking, confirm, key, "invariant", text + _tail(row))

    match words:
        case ["any", names]:
            return rule(0, 0, mask(names), f"{names.replace('|', ' or ')} is required here")
        case ["none", name]:
            return rule(mask(name), 0, 0, f"{name} may not be here")
        case [name, "needs", names]:
            return rule(mask(name), 0, mask(names), f"{name} needs {names.replace('|', ' or ')} beside it")
        case [name, "excludes", names]:
            return rule(mask(name), mask(names), 0, f"{name} may not be beside {names}")
        case [first, "until", last]:
            return rule(mask(first), mask(last), 0, f"{first} is after {last}", _after(first, last))
        case [name, "without", condition]:
            return rule(mask(name), 0, 0, f"{name} may not have {condition}", _with_code(name, condition))
    raise ValueError(f"no rule: {row}")


def _tail(row: str) -> str:
    """The condition of a row, as it stands there."""
    *_, word, condition = row.split(" ")
    return f" {word} {condition}" if word in CONDITIONS else ""


def _narrowed(row: str) -> tuple[str, list[str], Confirm | None]:
    """The key of a row, what it says, and when."""
    key, *words = row.split(" ")
    if words[-2] not in CONDITIONS:
        return key, words, None
    meets, wanted = _condition(words[-1]), words[-2] == "if"
    return key, words[:-2], lambda node: meets(node) is wanted


def _condition(text: str) -> Confirm:
    """Whether a node has one of the codes that `name=code|code` names."""
    name, _, values = text.partition("=")
    wanted = frozenset(values.split("|"))
    return lambda node: not wanted.isdisjoint(_codes(node.get(name)))


def _codes(value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for coding in value.get("coding", ()):
            yield f"{coding.get('system', '')}#{coding.get('code', '')}"


def _after(first: str, last: str) -> Confirm:
    return lambda node: first in node and last in node and is_after(node[first], node[last])


def _with_code(name: str, text: str) -> Confirm:
    meets = _condition(text)
    return lambda node: any(meets(item) for item in node.get(name, ()))
