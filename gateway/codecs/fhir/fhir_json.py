"""FHIR JSON: bytes to the plain tree and back (json.html).

The tree is dict, list, str, bool, int and Decimal; a decimal without point stays an int, which equals the
Decimal.  What a JSON parser lets pass and FHIR does not is refused here: a name that occurs twice in an
object, control characters, a root that is no resource.  NaN, infinity, lone surrogates and bytes that are
not UTF-8 are refused by the parser itself.  A UTF-8 byte order mark is skipped (RFC 8259 §8.1).

Names that occur twice are found without reading name by name: the tree is written back, and its length
compared with that of the document without white space.  Writing makes nothing longer that has no exponent,
and a lost member makes the text shorter; so equal length means that nothing was lost.  When it is shorter
(`\\/`, `\\u00e9`, or indeed a lost member) the document is read again with a check at every object, at
three times the cost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

from gateway.codecs.charset import UTF8_BOM, UTF16_BOMS
from gateway.codecs.fhir.elements import Tree, Version, no_such_resource, types
from gateway.codecs.json_places import unbounded_number_at
from gateway.codecs.limits import DEFAULT, Limits, check_presence, check_size, place_of
from gateway.codecs.numbers import MOST_DIGITS, format_decimal, is_bounded
from gateway.errors import Fault, Issue, SyntaxFault

CONTAINER_COST: Final = 4
"""Of an object or array, in values: the memory that it takes."""
TEXT_COST: Final = 2
"""Of a value, when it may be a text that occurs once."""
LARGE: Final = 1024 * 1024
TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:]', re.DOTALL)
MAYBE_CONTROL = re.compile(rb"\\(?:[bf]|u00[01])")
# Group 1 is what FHIR forbids in a string (datatypes.html#string): below U+0020, except for \t \n \r.
ESCAPE = re.compile(rb"\\(?:([bf]|u00(?:0[0-8bBcCeEfF]|1[0-9a-fA-F]))|.)", re.DOTALL)
LONE_SURROGATE = re.compile(rb"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|[c-fC-F])")
REASON = re.compile(r"JSON is malformed: (.+) \(byte (\d+)\)")
CONTAINERS: Final = frozenset((dict, list))
WRITER = msgspec.json.Encoder(decimal_format="number")


class _UnboundedError(Exception):
    """A number that nobody could hold."""


def decode(data: bytes, version: Version, limits: Limits = DEFAULT) -> Tree:
    """The tree of one resource.  Raises SyntaxFault, with line and column where they can be known."""
    check_size(data, limits)
    check_presence(data)
    body = data.removeprefix(UTF8_BOM)
    if body[:2] in UTF16_BOMS or b"\x00" in body[:4]:
        raise SyntaxFault(Issue("fatal", "not-supported", "JSON is UTF-8 (RFC 8259 §8.1)", line=1))
    check_nodes(body, limits)
    tree, has_exponents = read(body, limits)
    check_depth(tree, body, limits)
    check_controls(body)
    if has_exponents or not is_whole(tree, body):
        check_names(body)
    return check_root(tree, version)


def encode(tree: Tree, version: Version) -> bytes:
    """The document of a tree, members in the order that they have; JSON is the same in every version.

    Raises Fault for what is no tree: another type, a number that is not finite, half a surrogate pair.
    """
    try:
        try:
            return orjson.dumps(tree, default=fragment)
        except TypeError:
            return orjson.dumps(keep_large_integers(tree), default=fragment)
    except TypeError as error:
        raise Fault(Issue("fatal", "exception", f"this {version} tree cannot be written as JSON")) from error


def check_nodes(body: bytes, limits: Limits) -> None:
    """Raise SyntaxFault when the tree may cost more than allowed: before it is built, by counting bytes.

    Mostly objects and arrays, or mostly texts, is not what FHIR looks like: a Bundle has some two values for
    each object or array.
    """
    if len(body) * CONTAINER_COST <= limits.max_nodes:
        return
    containers = body.count(b"[") + body.count(b"{")
    values = body.count(b",")
    if max(values * TEXT_COST, values + containers * CONTAINER_COST) > limits.max_nodes:
        text = f"the document has more than {limits.max_nodes} values"
        raise SyntaxFault(Issue("fatal", "too-costly", text))


def read(body: bytes, limits: Limits) -> tuple[Any, bool]:
    """What the bytes hold, and whether a number has an exponent.  Raises SyntaxFault."""
    exponents: list[bool] = []

    def number(text: str) -> Decimal:
        if "e" in text or "E" in text:
            exponents.append(True)
            if not is_bounded(text):
                raise _UnboundedError
        elif len(text) > MOST_DIGITS:
            raise _UnboundedError
        return Decimal(text)

    try:
        return msgspec.json.Decoder(float_hook=number).decode(body), bool(exponents)
    except RecursionError:
        fault = too_deep(body, limits)
    except msgspec.DecodeError as error:
        fault = malformed(body, str(error))
    except UnicodeDecodeError:
        fault = fault_at(body, not_utf8_at(body), "the bytes are not UTF-8")
    except _UnboundedError:
        fault = unbounded(body)
    raise fault


def check_depth(tree: Any, body: bytes, limits: Limits) -> None:
    """Raise SyntaxFault when objects and arrays lie deeper than allowed; one pass, level by level.

    In a large document an array that is too long is refused here as well, before more memory goes into it;
    in others that waits until its place is known (`kinds`).
    """
    is_large = len(body) > LARGE
    level = [tree] if isinstance(tree, dict | list) else []
    for _ in range(limits.max_depth):
        if is_large and any(len(node) > limits.max_items for node in level):
            text = f"an array or object has more than {limits.max_items} items"
            raise SyntaxFault(Issue("fatal", "too-costly", text))
        level = [
            value
            for node in level
            for value in (node.values() if type(node) is dict else node)
            if type(value) in CONTAINERS
        ]
        if not level:
            return
    raise too_deep(body, limits)


def check_controls(body: bytes) -> None:
    """Raise SyntaxFault for an escaped control character; the parser refuses raw ones."""
    if not MAYBE_CONTROL.search(body):
        return
    for found in ESCAPE.finditer(body):  # each backslash begins an escape, `\\\\` too, so none is read askew
        if found[1]:
            raise fault_at(body, found.start(), "a control character that FHIR does not allow", "value")


def is_whole(tree: Any, body: bytes) -> bool:
    """True when the tree, written back, is as long as the document: then no member was lost."""
    length = len(WRITER.encode(tree))
    return length == len(body) or length == len(msgspec.json.format(body, indent=-1))


def check_names(body: bytes) -> None:
    """Raise SyntaxFault when a name occurs twice in one object (RFC 8259 §4; json.html)."""
    repeated: list[bool] = []

    def members(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) < len(pairs):
            repeated.append(True)

    json.loads(body, object_pairs_hook=members, parse_int=str, parse_float=str)
    if repeated:
        raise fault_at(body, repeated_name_at(body), "a name occurs twice in one object")


def check_root(tree: Any, version: Version) -> Tree:
    """The tree itself, when it is a resource of this version.  Raises SyntaxFault."""
    if not isinstance(tree, dict):
        raise SyntaxFault(Issue("fatal", "structure", "the document is not an object", line=1, column=1))
    name = tree.get("resourceType")
    if not isinstance(name, str):
        raise SyntaxFault(Issue("fatal", "structure", "the object has no resourceType", place="resourceType"))
    if not types(version).is_resource(name):
        text = no_such_resource(name, version)
        raise SyntaxFault(Issue("fatal", "structure", text, place="resourceType"))
    return tree


def fragment(value: object) -> orjson.Fragment:
    """A Decimal with its digits.  Raises TypeError for anything else, and for NaN and infinity."""
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format_decimal(value))
    raise TypeError(f"no {type(value).__name__} in a tree")


def keep_large_integers(value: Any) -> Any:
    """The same tree, with integers beyond 64 bits as text that orjson copies."""
    if isinstance(value, dict):
        return {name: keep_large_integers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [keep_large_integers(member) for member in value]
    if type(value) is int and value.bit_length() > 63:
        return orjson.Fragment(str(value))
    return value


def malformed(body: bytes, message: str) -> SyntaxFault:
    """The fault for what msgspec refused; where it gives no place, the standard library finds it."""
    if found := REASON.fullmatch(message):
        return fault_at(body, int(found[2]), f"not well-formed JSON: {found[1]}")
    try:
        json.loads(body, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        return SyntaxFault(
            Issue("fatal", "structure", "not well-formed JSON", line=error.lineno, column=error.colno)
        )
    if half := LONE_SURROGATE.search(body):
        return fault_at(body, half.start(), "half a surrogate pair is no character", "value")
    return unbounded(body)


def unbounded(body: bytes) -> SyntaxFault:
    """The fault at the first number that is out of bounds."""
    return fault_at(body, unbounded_number_at(body), "a number is too long or too large", "value")


def too_deep(body: bytes, limits: Limits) -> SyntaxFault:
    """The fault at the bracket that goes one level too far."""
    at = next((at for at, depth in brackets(body) if depth > limits.max_depth), 0)
    return fault_at(body, at, f"objects and arrays lie more than {limits.max_depth} deep", "too-costly")


def brackets(body: bytes) -> Iterator[tuple[int, int]]:
    """Where objects and arrays begin, and how deep they are then."""
    depth = 0
    for found in TOKEN.finditer(body):
        if found[0] in b"{[":
            depth += 1
            yield found.start(), depth
        elif found[0] in b"}]":
            depth -= 1


def repeated_name_at(body: bytes) -> int:
    """Where the first name begins that its object has had before."""
    objects: list[set[str]] = []
    last = None
    for found in TOKEN.finditer(body):
        token = found[0]
        if token in b"{[":
            objects.append(set())
        elif token in b"}]":
            objects.pop()
        elif token == b":" and last:
            name = json.loads(last[0])
            if name in objects[-1]:
                return last.start()
            objects[-1].add(name)
        else:
            last = found
    return 0


def not_utf8_at(body: bytes) -> int:
    """Where the first byte stands that is not UTF-8."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def fault_at(body: bytes, at: int, text: str, code: str = "structure") -> SyntaxFault:
    """The fault with line and column of a byte."""
    line, column = place_of(body, at)
    return SyntaxFault(Issue("fatal", code, text, line=line, column=column))
