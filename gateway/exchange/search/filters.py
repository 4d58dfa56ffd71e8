"""One parameter of a query as a function of a resource: what it asks for, with its modifier or chain.

    code=…  code:not=…  code:text=…  name:exact=…  value-quantity:missing=true
    medication.code=…  performer:Organization.name=…   a chain, within the record

What cannot be met is refused, never ignored: to ignore `code:not` would widen the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.exchange.search import dates, quantities, references, strings, tokens
from gateway.exchange.search.definitions import Definition
from gateway.exchange.search.record import Record, Resource
from gateway.exchange.search.scope import PERSON, Scope
from gateway.exchange.search.values import Test, alternatives, refused, split

Filter = Callable[[Resource, Record], bool]

MODIFIERS: Mapping[str, frozenset[str]] = {
    "token": frozenset({"", "not", "text", "missing"}),
    "string": frozenset({"", "exact", "contains", "missing"}),
    "reference": frozenset({"", "identifier", "missing"}),  # and a resource type
    "composite": frozenset({""}),
}
PLAIN = frozenset({"", "missing"})
"""The modifiers of every other parameter type."""


def filter_of(kind: str, name: str, value: str, scope: Scope) -> Filter | None:
    """The filter of a parameter on a resource type; None when the type has no such parameter.

    Raises `InputError` for a known parameter with a modifier, value or chain that cannot be met.
    """
    head, dot, chain = name.partition(".")
    stem, _, modifier = head.partition(":")
    definition = scope.definitions.of(kind).get(stem)
    if definition is None:
        return None
    if dot:
        return _chained(definition, modifier, chain, value, scope)
    _check_modifier(name, modifier, definition, scope)
    if modifier == "missing":
        return _missing(name, value, definition)
    if definition.type == "composite":
        return _composite(name, value, definition, scope)
    test = _test(name, alternatives(value), modifier, definition, scope)
    if modifier == "not":
        return lambda resource, _: not _any(definition, test, resource)
    return lambda resource, _: _any(definition, test, resource)


def _any(definition: Definition, test: Test, node: Resource) -> bool:
    return any(test(kind, value) for kind, value in definition.values(node))


def _check_modifier(name: str, modifier: str, definition: Definition, scope: Scope) -> None:
    if modifier in MODIFIERS.get(definition.type, PLAIN):
        return
    if definition.type == "reference" and scope.types.is_resource(modifier):
        return
    raise refused(name, "this modifier is not supported", "not-supported")


def _test(name: str, values: list[str], modifier: str, definition: Definition, scope: Scope) -> Test:
    match definition.type, modifier:
        case "token", "text":
            return tokens.matching_text(values)
        case "token", _:
            return tokens.matching(values)
        case "reference", "identifier":
            return references.matching_identifier(values)
        case "reference", _:
            return references.matching(values, definition, scope.base, modifier)
        case "date", _:
            return dates.matching(name, values, scope.zone, scope.now)
        case "string", _:
            return strings.matching(values, modifier)
        case "uri", _:
            return strings.matching_uri(values)
        case _:  # number, quantity
            return quantities.matching(name, values)


def _missing(name: str, value: str, definition: Definition) -> Filter:
    if value not in ("true", "false"):
        raise refused(name, "true or false")
    return lambda resource, _: (next(definition.values(resource), None) is None) == (value == "true")


def _composite(name: str, value: str, definition: Definition, scope: Scope) -> Filter:
    """Both parts hold for the same repeat of the element (search.html#combining)."""
    parts = definition.parts
    wanted: list[list[tuple[Definition, Test]]] = []
    for each in alternatives(value):
        texts = split(each, "$")
        if len(texts) != len(parts):
            raise refused(name, f"{len(parts)} values with a $ between them")
        wanted.append(
            [(part, _test(name, [text], "", part, scope)) for part, text in zip(parts, texts, strict=True)]
        )
    return lambda resource, _: any(
        all(_any(part, test, node) for part, test in each)
        for _, node in definition.values(resource)
        for each in wanted
    )


def _chained(definition: Definition, modifier: str, chain: str, value: str, scope: Scope) -> Filter:
    """What is referred to, in the record, meets the rest of the chain.  It never leads to a person."""
    name = definition.name
    if definition.type != "reference" or (modifier and not scope.types.is_resource(modifier)):
        raise refused(name, "only a reference can be chained", "not-supported")
    targets = {modifier} if modifier else set(definition.targets)
    if name in PERSON or targets == {"Patient"}:
        raise refused(name, "a chain may not lead to a person: the token says whose record it is", "security")
    tests = {
        target: test
        for target in sorted(targets - {"Patient"})
        if (test := filter_of(target, chain, value, scope)) is not None
    }
    if not tests:
        raise refused(name, "nothing that this refers to has the parameter after the dot", "not-supported")

    def holds(resource: Resource, record: Record) -> bool:
        found = (record.find(each) for each in references.references(definition, resource, scope.base))
        return any(
            each and (test := tests.get(each["resourceType"])) and test(each, record) for each in found
        )

    return holds
