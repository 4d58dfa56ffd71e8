"""Inputs 1 to 9: XML that reaches outside, grows, or is not what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from conformance.hostile.case import DOCUMENTS, REFUSED, STORED, XML, Attempt, Bait, Case
from conformance.hostile.specimen import as_xml, bundle, pressure
from conformance.stage import DOCUMENT

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
NESTED = 50_000
ATTRIBUTES = 300_000
ADA = "application/xml"


def cases() -> Iterator[Case]:
    """The cases, in order."""
    whole = as_xml(bundle(pressure())).removeprefix(DECLARATION).lstrip()
    ada = DOCUMENT.read_bytes().removeprefix(DECLARATION)
    body = whole.replace(b'value="Fenna"', b'value="&x;"')

    def fhir(name: str, make: Callable[[Bait], str], text: bytes = body) -> Attempt:
        """A FHIR document behind a document type declaration."""
        return Attempt(name, lambda bait: DECLARATION + make(bait).encode() + text, REFUSED, XML, placed=True)

    def in_ada(name: str, make: Callable[[Bait], str]) -> Attempt:
        return Attempt(
            name,
            lambda bait: DECLARATION + make(bait).encode() + ada,
            REFUSED,
            ADA,
            (DOCUMENTS,),
            placed=True,
        )

    def file_entity(bait: Bait) -> str:
        return f'<!DOCTYPE x [<!ENTITY x SYSTEM "file://{bait.file}">]>'

    def outside(bait: Bait) -> str:
        return f'<!DOCTYPE x SYSTEM "{bait.url}/evil.dtd">'

    def parameter(bait: Bait) -> str:
        return f'<!DOCTYPE x [<!ENTITY % x SYSTEM "{bait.url}/evil.dtd"> %x;]>'

    yield Case(1, "external entity, file://", (fhir("in FHIR", file_entity), in_ada("in ADA", file_entity)))
    yield Case(
        2,
        "external DTD, http://",
        (
            fhir("of the document", outside, whole),
            fhir("by a parameter entity", parameter, whole),
            in_ada("in ADA", outside),
        ),
    )
    yield Case(3, "billion laughs", (fhir("ten levels of ten", lambda _: laughs()),))
    yield Case(
        4, "quadratic blow-up", (fhir("one long entity, often", lambda _: long_entity(), often(whole)),)
    )
    yield Case(5, "XInclude and xml-stylesheet", tuple(inclusions(whole)))
    deep = b"<a>" * NESTED + b"</a>" * NESTED
    yield Case(
        6,
        "50,000 nested elements",
        (
            Attempt("any element", deep, REFUSED, ADA, (DOCUMENTS,), placed=True),
            Attempt("in FHIR", nested(whole), REFUSED, XML, placed=True),
        ),
    )
    wide = b" ".join(b'a%d=""' % number for number in range(ATTRIBUTES))
    yield Case(
        7,
        "300,000 attributes on one element, or as many elements",
        (
            Attempt(
                "in FHIR",
                whole.replace(b"<entry>", b"<entry " + wide + b">", 1),
                REFUSED,
                XML,
                placed=True,
            ),
            Attempt("in ADA", b"<adaxml " + wide + b"/>", REFUSED, ADA, (DOCUMENTS,), placed=True),
            Attempt("1.9 million elements", crowd(1_900_000), REFUSED, ADA, (DOCUMENTS,)),
            Attempt("990,000 elements", crowd(990_000), REFUSED, ADA, (DOCUMENTS,)),
        ),
    )
    yield Case(8, "unknown attribute, foreign namespace", tuple(foreign(whole)))
    yield Case(9, "character set that is not what it says", tuple(charsets(whole)))


def crowd(number: int) -> bytes:
    """So many elements in one."""
    return b"<adaxml>" + b"<a/>" * number + b"</adaxml>"


def laughs() -> str:
    """Ten levels of ten references: 10^10 times `ha`."""
    rows = ['<!ENTITY x0 "ha">'] + [f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 11)]
    return f'<!DOCTYPE x [{"".join(rows)}<!ENTITY x "&x10;">]>'


def long_entity() -> str:
    """One entity of 100 KB."""
    return f'<!DOCTYPE x [<!ENTITY x "{"a" * 100_000}">]>'


def often(whole: bytes) -> bytes:
    """The document with 10,000 references to it."""
    return whole.replace(b'value="Fenna"', b'value="' + b"&x;" * 10_000 + b'"')


def inclusions(whole: bytes) -> Iterator[Attempt]:
    """Requests to read something else, in XML itself."""
    space = b' xmlns:xi="http://www.w3.org/2001/XInclude"'

    def include(where: str) -> bytes:
        element = f'<xi:include href="{where}" parse="text"/>'.encode()
        return whole.replace(b"<Bundle", b"<Bundle" + space, 1).replace(b"<name>", b"<name>" + element, 1)

    yield Attempt("XInclude of a page", lambda bait: include(bait.url), REFUSED, XML, placed=True)
    yield Attempt(
        "XInclude of a file", lambda bait: include(f"file://{bait.file}"), REFUSED, XML, placed=True
    )
    yield Attempt(
        "xml-stylesheet",
        lambda bait: f'<?xml-stylesheet type="text/xsl" href="{bait.url}/x.xsl"?>'.encode() + whole,
        STORED | REFUSED,
        XML,
    )


def nested(whole: bytes) -> bytes:
    """The document with extensions in extensions."""
    deep = b'<extension url="a">' * NESTED + b"</extension>" * NESTED
    return whole.replace(b"<Patient>", b"<Patient>" + deep, 1)


def foreign(whole: bytes) -> Iterator[Attempt]:
    """What the standard does not have there."""
    for name, old, new in (
        ("unknown attribute", b"<status ", b'<status onload="x" '),
        ("attribute of another namespace", b"<status ", b'<status xmlns:e="urn:evil" e:a="x" '),
        ("element of another namespace", b"<status ", b'<a xmlns="urn:evil"/><status '),
        ("element that is not in FHIR", b"<status ", b'<evil value="x"/><status '),
        ("text between elements", b"<status ", b"x<status "),
    ):
        content = whole.replace(old, new, 1)
        yield Attempt(name, content, REFUSED, XML, placed=True)


def charsets(whole: bytes) -> Iterator[Attempt]:
    """Bytes of one character set that are said to be of another."""
    text = whole.decode().replace("Fenna", "Fénna")

    def declared(name: str) -> bytes:
        return f'<?xml version="1.0" encoding="{name}"?>'.encode()

    for name, content in (
        ("UTF-16 without a byte order mark", text.encode("utf-16-le")),
        ("UTF-16 that is declared UTF-8", b"\xff\xfe" + (DECLARATION.decode() + text).encode("utf-16-le")),
        ("UTF-7", declared("UTF-7") + text.encode("utf-7")),
        ("Latin-1 that is declared UTF-8", DECLARATION + text.encode("latin-1")),
        ("UTF-8 mark, Latin-1 declared", b"\xef\xbb\xbf" + declared("ISO-8859-1") + text.encode()),
        ("EBCDIC", (declared("IBM037").decode() + text).encode("cp037")),
    ):
        yield Attempt(name, content, REFUSED, XML)
