"""FHIR JSON: what JSON lets pass and FHIR does not, and every digit kept."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.fhir.fhir_json import decode, encode
from gateway.codecs.limits import Limits
from gateway.errors import Fault
from tests.codecs.hostile import refusal

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
NAMES = st.text('abé/"\\', max_size=3)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | DECIMALS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(NAMES, TREES, min_size=1, max_size=3)


def patient(members: str) -> bytes:
    return f'{{"resourceType":"Patient",{members}}}'.encode()


@pytest.mark.parametrize(
    "number",
    ["1.10", "0.00", "-0.0", "1E+2", "12345678901234567890.5", "120", "0.0000001", "18446744073709551616",
     "-9223372036854775809", "123456789012345678901234567890", "1.50E-50", "1E+300"],
)  # fmt: skip
def test_a_number_comes_out_as_it_came_in(number: str) -> None:
    document = patient(f'"x":[{number},{number}]')
    assert encode(decode(document, "r4"), "r4") == document
    json.loads(document)


@given(DECIMALS)
def test_a_decimal_keeps_value_and_digits(value: Decimal) -> None:
    written = encode({"resourceType": "Basic", "x": value}, "r4")
    read = json.loads(written, parse_float=Decimal, parse_int=Decimal)["x"]
    assert read.as_tuple() == value.as_tuple()
    assert decode(written, "stu3")["x"] == value


@given(MEMBERS)
def test_a_tree_comes_out_of_any_spelling(members: dict[str, Any]) -> None:
    tree = {"resourceType": "Basic"} | members
    written = encode(tree, "r4")
    assert decode(written, "r4") == tree
    assert decode(msgspec.json.format(written), "r4") == tree
    # With all that is not ASCII as \\u the quick check for repeated names cannot tell.
    escaped = "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in written.decode())
    assert decode(escaped.encode(), "r4") == tree


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (patient('"id":"1","id":"1"'), (1, 36)),
        (patient('"id":"1",\n  "id" : "2"'), (2, 3)),
        (patient('"a":{"b":1,"c":[{"d":1},{"d":1,"e":2,"d":3}],"b":1}'), (1, 64)),
        (patient('"a":1,"\\u0061":2'), (1, 33)),
        (patient('"a/b":1,"a\\/b":2'), (1, 35)),
        # As many bytes are gained by the exponents as are lost with the member.
        (patient('"a":1,"a":1,"b":[1e2,1e2,1e2,1e2,1e2,1e2]'), (1, 33)),
        (patient('"a":1,"a":1,"b":[1e-3,1e-6]'), (1, 33)),
        (patient('"a":"}{\\"a\\":1","b":"\\\\","a":""'), (1, 52)),
        (b'{"resourceType":"Patient","resourceType":"Group"}', (1, 27)),
    ],
)
def test_a_name_that_occurs_twice_is_refused_at_its_place(document: bytes, place: tuple[int, int]) -> None:
    (issue,) = refusal(decode, document, "r4").issues
    assert issue.text == "a name occurs twice in one object"
    assert (issue.line, issue.column) == place


@given(MEMBERS, st.data())
def test_a_repeated_name_is_found_wherever_it_stands(members: dict[str, Any], data: st.DataObject) -> None:
    tree = {"resourceType": "Basic"} | members
    chosen = data.draw(st.sampled_from([node for node in objects(tree) if node]))
    name = data.draw(st.sampled_from(sorted(chosen)))
    chosen["again"] = data.draw(TREES)
    document = encode(tree, "r4").replace(b'"again":', json.dumps(name).encode() + b":")
    assert refusal(decode, document, "r4").issues[0].text == "a name occurs twice in one object"


def objects(node: Any) -> list[dict[str, Any]]:
    """Every object in a tree."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [found for value in inner for found in objects(value)] + ([node] if isinstance(node, dict) else [])


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        (b"", (0, 0), "the document is empty"),
        (b"{", (1, 2), "not well-formed"),
        (patient('"a":NaN'), (1, 31), "invalid character"),
        (patient('"a":Infinity'), (1, 31), "invalid character"),
        (patient('"a":-Infinity'), (1, 32), "not well-formed"),
        (patient('"a":01'), (1, 32), "not well-formed"),
        (patient('"a":+1'), (1, 31), "not well-formed"),
        (patient('"a":1.'), (1, 33), "not well-formed"),
        (patient('"a":"Wieke",'), (1, 39), "not well-formed"),
        (patient('"a":["Wieke",]'), (1, 40), "not well-formed"),
        (patient('"a":// Wieke\n1'), (1, 31), "not well-formed"),
        (patient("'a':1"), (1, 27), "not well-formed"),
        (patient('"a":"Wieke'), (1, 31), "not well-formed"),
        (patient('"a":\n"Wieke\ttab"'), (2, 7), "not well-formed"),
        (patient('"a":"Wieke\\x"'), (1, 39), "not well-formed"),
        (patient('"a":1') + b"Wieke", (1, 34), "not well-formed"),
        (patient('"a":"\x00"'), (1, 32), "not well-formed"),
        (patient('"a":"Wieke\\u0000"'), (1, 37), "control character"),
        (patient('"a":"\\b"'), (1, 32), "control character"),
        (patient('"a":"\\\\\\f"'), (1, 34), "control character"),
        (patient('"a":"\\u001F"'), (1, 32), "control character"),
        (patient('"a":"Wieke\\ud800"'), (1, 37), "surrogate"),
        (patient('"a":"\\udc00Wieke"'), (1, 38), "surrogate"),
        (patient('"a":"\\ud800\\u0041"'), (1, 44), "surrogate"),
        (b'{"a":"\xed\xa0\x80"}', (1, 7), "not UTF-8"),
        (b'{"resourceType":"Patient",\n"a":"\xc3\xa9\xe9"}', (2, 7), "not UTF-8"),
        ('{"a":"é"}'.encode("latin-1"), (1, 7), "not UTF-8"),
    ],
)
def test_what_is_not_well_formed_is_refused_at_its_place(
    document: bytes, place: tuple[int, int], words: str
) -> None:
    (issue,) = refusal(decode, document, "r4").issues
    assert words in issue.text
    assert (issue.line, issue.column) == place


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'"Wieke"', "not an object"),
        (b"{}", "no resourceType"),
        (b'{"resourceType":null}', "no resourceType"),
        (b'{"resourceType":["Patient"]}', "no resourceType"),
        (b'{"resourceType":"Wieke"}', "not a resource of FHIR 4.0.1"),
        (b'{"resourceType":"DomainResource"}', "not a resource of FHIR 4.0.1"),
        (b'{"resourceType":"ProcedureRequest"}', "ProcedureRequest is one of FHIR 3.0.2"),
        ('{"resourceType":"Patient"}'.encode("utf-16"), "UTF-8"),
        ('{"resourceType":"Patient"}'.encode("utf-16-le"), "UTF-8"),
        ('{"resourceType":"Patient"}'.encode("utf-32"), "UTF-8"),
        (patient('"a":1e400'), "too large"),
        (patient('"a":0e400'), "too large"),
        (patient('"a":1e99999999999999999999'), "too large"),
        (patient('"a":1.' + "1" * 5000), "too long"),
        (patient('"a":' + "1" * 5000), "too long"),
    ],
)
def test_what_is_no_resource_is_refused(document: bytes, words: str) -> None:
    (issue,) = refusal(decode, document, "r4").issues
    assert words in issue.text


def test_what_json_allows_is_read() -> None:
    read = decode(
        b'\xef\xbb\xbf {"resourceType":"Basic", "a":"\\u0000"}'.replace(b"\\u0000", b"\\\\u0000\\u0009"), "r4"
    )
    assert read == {"resourceType": "Basic", "a": "\\u0000\t"}
    assert decode(patient('"a":"\\ud83d\\ude00\\/\\n\\r\\t\\"\\\\b"'), "r4")["a"] == '\U0001f600/\n\r\t"\\b'


SMALL = Limits(max_bytes=400, max_depth=5, max_nodes=60)


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        (patient('"a":[[[[[1]]]]]'), "too-costly", "more than 5 deep"),
        (patient('"a":{"a":{"a":{"a":{"a":{"a":1}}}}}'), "too-costly", "more than 5 deep"),
        (patient('"a":[' + "0," * 60 + "0]"), "too-costly", "more than 60 values"),
        (patient('"a":[' + "{}," * 12 + "0]"), "too-costly", "more than 60 values"),
        (patient('"a":"' + "Wieke" * 100 + '"'), "too-long", "larger than 400 bytes"),
    ],
)
def test_a_limit_is_kept(document: bytes, code: str, words: str) -> None:
    (issue,) = refusal(decode, document, "r4", SMALL).issues
    assert issue.code == code
    assert words in issue.text


def test_what_is_just_within_the_limits_is_read() -> None:
    assert decode(patient('"a":[[[[1]]]]'), "r4", SMALL)["a"] == [[[[1]]]]
    assert decode(patient('"[[[[[[":"{{{{{{"'), "r4", SMALL)


def test_a_long_array_in_a_large_document_is_refused_before_more_is_done() -> None:
    document = patient('"a":[' + ",".join(f'"{n:06d}"' for n in range(150_000)) + "]")
    assert refusal(decode, document, "r4").issues[0].text == "an array or object has more than 10000 items"
    assert len(decode(patient('"a":[' + "0," * 10_999 + "0]"), "r4")["a"]) == 11_000


def test_a_fault_of_depth_names_the_bracket() -> None:
    issue = refusal(decode, patient('"a":"[[[[[[[[",\n"b":[[[[[1]]]]]'), "r4", SMALL).issues[0]
    assert (issue.line, issue.column) == (2, 9)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(patient('"a":' + "[" * 10_000 + "]" * 10_000), id="10,000 arrays"),
        pytest.param(b'{"resourceType":' * 10_000, id="10,000 objects"),
        pytest.param(b"[" * 10_000_000, id="10,000,000 arrays"),
        pytest.param(patient('"a":' + "[" * 900 + "0," * 900_000 + "0" + "]" * 900), id="deep and wide"),
        pytest.param(patient('"a":[' + "{}," * 2_000_000 + "{}]"), id="2,000,000 objects"),
        pytest.param(patient('"a":"' + "Wieke" * 10_000_000 + '"'), id="50 MB"),
        pytest.param(patient(",".join(['"a":0'] * 900_000)), id="900,000 times a name"),
        pytest.param(patient('"a":"' + "\\" * 5_000_001 + '"'), id="backslashes"),
        pytest.param(patient('"a":"' + "\\n" * 5_000_000 + "\\b" + '"'), id="escapes"),
        pytest.param(patient('"a":' + "1" * 10_000_000), id="10,000,000 digits"),
        pytest.param(patient('"a":1e' + "1" * 10_000_000), id="10,000,000 digits of exponent"),
    ],
)
def test_a_bomb_is_refused_soon(document: bytes) -> None:
    assert refusal(decode, document, "r4").issues


@pytest.mark.parametrize(
    "value",
    [Decimal("NaN"), Decimal("Infinity"), "\ud800", {1: 2}, object(), b"x", {"a": [{"b": {1, 2}}]}],
    ids=ascii,
)
def test_what_is_no_tree_is_a_fault_of_ours(value: object) -> None:
    with pytest.raises(Fault):
        encode({"resourceType": "Basic", "x": value, "y": 2**80}, "r4")
