"""Inputs 23 to 28: FHIR that repeats itself, turns in circles, points outside or carries script."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from conformance.hostile.case import REFUSED, STORED, TRANSACTION, XML, Attempt, Bait, Case
from conformance.hostile.specimen import Tree, as_json, as_xml, bundle, entry, patient, pressure, uuid

SCRIPT = b"<script>alert(document.cookie)</script>"


def cases() -> Iterator[Case]:
    """The cases, in order."""
    yield Case(23, "100,000 entries, nested Bundles", tuple(bundles()))
    yield Case(
        24,
        "one fullUrl or identity twice in a transaction",
        (
            Attempt("fullUrl", as_json(twice()), REFUSED, doors=(TRANSACTION,)),
            Attempt("identity", as_json(put_twice()), REFUSED, doors=(TRANSACTION,)),
        ),
    )
    yield Case(25, "references in a circle", tuple(circles()))
    yield Case(26, "references to what is inside the network", tuple(pointers()))
    yield Case(27, "meta.profile at an attacker's address", tuple(profiles()))
    yield Case(28, "script in narrative, HTML in attachments", tuple(scripts()))


def bundles() -> Iterator[Attempt]:
    """Bundles that are too many, too long or too deep."""
    small = b'{"fullUrl":"urn:x","request":{"method":"GET","url":"Patient"}},'
    start = b'"entry": ['
    whole = as_json(bundle(pressure()))
    yield Attempt("100,000 entries", whole.replace(start, start + small * 100_000, 1), REFUSED | {413})
    item = b'<entry><fullUrl value="urn:x"/></entry>'
    spoilt = as_xml(bundle(pressure())).replace(b"<entry>", item * 100_000 + b"<entry>", 1)
    yield Attempt("100,000 entries in XML", spoilt, REFUSED | {413}, XML)
    for depth in (2, 15, 1_000):
        yield Attempt(f"Bundles {depth} deep", in_each_other(whole, depth), STORED | REFUSED)


def in_each_other(whole: bytes, depth: int) -> bytes:
    """A Bundle in a Bundle, and so on; the innermost is the document."""
    opening = b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":'
    return opening * depth + whole + b"}]}" * depth


def twice() -> Tree:
    """Two entries under one fullUrl."""
    tree = bundle(pressure(), pressure(effectiveDateTime="2026-03-05"))
    tree["entry"][2]["fullUrl"] = tree["entry"][1]["fullUrl"]
    return tree


def put_twice() -> Tree:
    """Two entries that update the same resource."""
    tree = bundle(pressure(id="a"), pressure(id="a", effectiveDateTime="2026-03-05"))
    for each in tree["entry"][1:]:
        each["request"] = {"method": "PUT", "url": "Observation/a"}
    return tree


def circles() -> Iterator[Attempt]:
    """Resources that refer to each other, to themselves, or to what contains them."""
    panels = bundle(
        pressure(hasMember=[{"reference": uuid(3)}]),
        pressure(hasMember=[{"reference": uuid(2)}], derivedFrom=[{"reference": uuid(3)}]),
    )
    yield Attempt("between entries", as_json(panels), STORED | REFUSED)
    contained = pressure(
        contained=[
            {"resourceType": "Device", "id": "a", "parent": {"reference": "#b"}, "owner": {"reference": "#"}},
            {"resourceType": "Device", "id": "b", "parent": {"reference": "#a"}},
        ],
        device={"reference": "#a"},
    )
    yield Attempt("between contained resources", as_json(bundle(contained)), STORED | REFUSED)
    own = entry(patient(link=[{"other": {"reference": uuid(1)}, "type": "seealso"}]), 1)
    about = entry(pressure(subject={"reference": uuid(1)}), 2)
    yield Attempt("to itself", as_json(bundle(entry=[own, about])), STORED | REFUSED)


def pointers() -> Iterator[Attempt]:
    """Addresses that only a server could reach."""

    def pointing(find: Callable[[Bait], str]) -> Callable[[Bait], bytes]:
        def content(bait: Bait) -> bytes:
            where = find(bait)
            document = {
                "resourceType": "DocumentReference",
                "status": "current",
                "subject": {"reference": uuid(1)},
                "content": [{"attachment": {"url": where}}],
            }
            one = pressure(performer=[{"reference": where}], extension=[{"url": where, "valueUri": where}])
            return as_json(bundle(one, document))

        return content

    for name, find in (
        ("the bait", lambda bait: f"{bait.url}/Practitioner/1"),
        ("a file", lambda bait: f"file://{bait.file}"),
        ("the address of a cloud's own data", lambda _: "http://169.254.169.254/latest/meta-data/"),
        ("another scheme", lambda bait: f"gopher://{bait.url.removeprefix('http://')}/_x"),
    ):
        yield Attempt(name, pointing(find), STORED | REFUSED)


def profiles() -> Iterator[Attempt]:
    """Definitions that an attacker would like to be fetched."""

    def claiming(**changes: Any) -> bytes:
        return as_json(bundle(pressure(**changes)))

    yield Attempt(
        "profile", lambda bait: claiming(meta={"profile": [f"{bait.url}/StructureDefinition/x"]}), STORED
    )
    yield Attempt("rules", lambda bait: claiming(implicitRules=f"{bait.url}/rules"), STORED | REFUSED)
    yield Attempt(
        "code system",
        lambda bait: claiming(method={"coding": [{"system": f"{bait.url}/CodeSystem", "code": "x"}]}),
        STORED | REFUSED,
    )


def scripts() -> Iterator[Attempt]:
    """Content that would run in a browser."""
    space = 'xmlns="http://www.w3.org/1999/xhtml"'

    def told(inside: str) -> Tree:
        return bundle(pressure(text={"status": "generated", "div": f"<div {space}>{inside}</div>"}))

    for name, inside in (
        ("script", "<script>alert(1)</script>"),
        ("handler", '<p onmouseover="alert(1)">x</p>'),
        ("address that runs", '<a href="javascript:alert(1)">x</a>'),
        ("frame", '<iframe src="https://evil.example"></iframe>'),
    ):
        yield Attempt(name, as_json(told(inside)), REFUSED, placed=True)
    yield Attempt("script, in XML", as_xml(told("<script>alert(1)</script>")), REFUSED, XML, placed=True)
    data = base64.b64encode(b"<html>" + SCRIPT).decode()
    page = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": uuid(1)},
        "content": [{"attachment": {"contentType": "text/html", "data": data}}],
    }
    yield Attempt("HTML attachment", as_json(bundle(pressure(), page)), STORED | REFUSED)
    binary = {"resourceType": "Binary", "contentType": "text/html", "data": data}
    yield Attempt("HTML Binary", as_json(bundle(pressure(), binary)), STORED | REFUSED)
    yield Attempt("script in a name", as_json(bundle(entry=named())), STORED | REFUSED)


def named() -> list[Tree]:
    """A person whose name is script: text like any other."""
    person = patient(name=[{"family": SCRIPT.decode(), "given": ["x"]}])
    return [entry(person, 1), entry(pressure(subject={"reference": uuid(1)}), 2)]
