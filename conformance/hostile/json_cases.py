"""Inputs 10 to 20: JSON that is deep, long, double, or not quite JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.hostile.case import DOCUMENTS, REFUSED, STORED, Attempt, Case
from conformance.hostile.specimen import as_json, bundle, entry, patient, pressure

LONG = 2_000_000


def cases() -> Iterator[Case]:
    """The cases, in order."""
    whole = as_json(bundle(pressure()))
    yield Case(10, "JSON nested 1,000 and 100,000 deep", tuple(nested(whole)))
    yield Case(
        11,
        "a name twice in one object",
        tuple(
            spoilt(
                whole,
                ("of the Bundle", b'"type": "transaction"', b'"type": "transaction", "type": "batch"'),
                (
                    "far down, written otherwise",
                    b'"status": "final"',
                    b'"status": "final", "st\\u0061tus": "x"',
                ),
                ("the person twice", b'"gender"', b'"identifier": [], "gender"'),
            )
        ),
    )
    yield Case(
        12,
        "NaN, Infinity, 1e400",
        tuple(
            number(whole, text)
            for text in ("NaN", "Infinity", "-Infinity", "1e400", "1e999999999", "1e-999999999")
        ),
    )
    exact = "1234567890123456789012345678901234567.890"
    yield Case(
        13,
        "5,000-digit integer, 40-digit decimal",
        (
            number(whole, "1" * 5000),
            number(whole, "1." + "1" * 5000),
            Attempt(
                "40 digits",
                whole.replace(b'"value": 128', f'"value": {exact}'.encode()),
                STORED | REFUSED,
            ),
        ),
    )
    yield Case(
        14,
        "lone surrogate, NUL, control characters",
        tuple(
            spoilt(
                whole,
                ("lone surrogate", b'"Fenna"', b'"Fenna\\ud800"'),
                ("surrogates the wrong way round", b'"Fenna"', b'"\\udc00\\ud800"'),
                ("surrogate in bytes", b'"Fenna"', b'"\xed\xa0\x80"'),
                ("NUL, escaped", b'"Fenna"', b'"Fenna\\u0000"'),
                ("NUL, bare", b'"Fenna"', b'"Fenna\x00"'),
                ("escape character", b'"Fenna"', b'"Fenna\\u001b[2J"'),
            )
        ),
    )
    yield Case(15, "byte order mark, Latin-1 bytes", tuple(marks(whole)))
    yield Case(16, "array of 2 million", tuple(arrays(whole)))
    yield Case(17, 'null, [], {} and "" where they may not be', tuple(empties()))
    yield Case(18, "_given longer than given", (Attempt("two for one", longer(), REFUSED, placed=True),))
    yield Case(19, "__proto__ and other unknown names", tuple(strangers()))
    yield Case(20, "base64 for a slow pattern", tuple(attachments()))


def spoilt(whole: bytes, *changes: tuple[str, bytes, bytes]) -> Iterator[Attempt]:
    """Attempts with one thing changed, each to be refused with its place."""
    for name, old, new in changes:
        yield Attempt(name, whole.replace(old, new, 1), REFUSED, placed=True)


def number(whole: bytes, text: str) -> Attempt:
    """The blood pressure with another number."""
    name = text if len(text) < 20 else f"{len(text)} characters"
    content = whole.replace(b'"value": 128', f'"value": {text}'.encode())
    return Attempt(name, content, REFUSED, placed=True)


def nested(whole: bytes) -> Iterator[Attempt]:
    """Objects in objects, and arrays in arrays."""
    for depth in (1_000, 100_000):
        for opening, closing in ((b'{"extension":[', b"]}"), (b"[", b"]")):
            deep = opening * depth + closing * depth
            yield Attempt(
                f"{depth} of {opening.decode()}",
                whole.replace(b'"status"', b'"extension": [' + deep + b'], "status"', 1),
                REFUSED,
                placed=True,
            )
    yield Attempt("never closed", b"[" * 1_000_000, REFUSED, doors=(DOCUMENTS,))


def marks(whole: bytes) -> Iterator[Attempt]:
    """Bytes that are not plain UTF-8."""
    latin = whole.replace(b"Fenna", b"F\xe9nna")
    yield Attempt("byte order mark", b"\xef\xbb\xbf" + whole, STORED | REFUSED)
    yield Attempt("Latin-1", latin, REFUSED, placed=True)
    yield Attempt("UTF-16", whole.decode().encode("utf-16"), REFUSED)
    yield Attempt("UTF-32", whole.decode().encode("utf-32"), REFUSED)


def arrays(whole: bytes) -> Iterator[Attempt]:
    """Arrays of little things, up to and over the number of values that is taken."""
    start = b'"entry": ['
    for name, item, count in (
        ("2 million objects", b"{},", LONG),
        ("600,000 objects", b"{},", 600_000),
        ("900,000 numbers", b"1,", 900_000),
        ("500,000 unknown members", b'{"a":1},', 500_000),
        ("390,000 unknown members", b'{"a":1},', 390_000),
    ):
        yield Attempt(name, whole.replace(start, start + item * count, 1), REFUSED)
    for count in (1_900_000, 990_000):
        texts = b",".join(b'"%06d"' % number for number in range(count))
        yield Attempt(f"{count} texts", whole.replace(start, start + texts + b",", 1), REFUSED)


def empties() -> Iterator[Attempt]:
    """Nothing, in each way of saying so."""
    nothings: tuple[tuple[str, Any], ...] = (("null", None), ("[]", []), ("{}", {}), ('""', ""))
    for name, nothing in nothings:
        for member in ("status", "category", "bodySite", "component"):
            content = as_json(bundle(pressure(**{member: nothing})))
            yield Attempt(f"{member}: {name}", content, REFUSED, placed=True)
    for name, text in (("null", b"null"), ("[]", b"[]"), ("{}", b"{}"), ('""', b'""'), ("nothing", b"")):
        yield Attempt(f"the whole: {name}", text, REFUSED)


def longer() -> bytes:
    """A person with more beside the given names than there are."""
    person = patient()
    person["name"][0]["_given"] = [{"id": "a"}, {"id": "b"}]
    return as_json(bundle(entry=[entry(person, 1), entry(pressure(subject={"reference": "Patient/x"}), 2)]))


def strangers() -> Iterator[Attempt]:
    """Names that FHIR does not have, or not there."""
    for name, value in (
        ("__proto__", {"admin": True}),
        ("constructor", {"prototype": {}}),
        ("__class__", "x"),
        ("birthDate", "1970-01-01"),
        ("", "x"),
        ("_status_", "x"),
        ("_component", [{"id": "x"}]),
    ):
        content = as_json(bundle(pressure(**{name: value})))
        yield Attempt(name or "empty name", content, REFUSED, placed=True)


def attachments() -> Iterator[Attempt]:
    """Base64 that nearly is: on the standard's own pattern each four characters more double the time."""
    for name, data in (
        ("140 characters and a mark", "AAAA" * 35 + "!"),
        ("4,000 spaces", "AAAA" + " " * 4_000 + "!"),
        ("a megabyte and a mark", "AAAA" * 250_000 + "!"),
    ):
        document = {
            "resourceType": "DocumentReference",
            "status": "current",
            "content": [{"attachment": {"contentType": "application/pdf", "data": data}}],
        }
        content = as_json(bundle(pressure(), document))
        yield Attempt(name, content, REFUSED, placed=True)
