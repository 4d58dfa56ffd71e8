"""The narrative of a resource (narrative.html): XHTML in XML, a string in the tree and in JSON.

One spelling for the same narrative: default namespace, attributes in order of name, double quotes, no
entities but the five of XML, `<br/>` for an element that is empty by nature.  It is exclusive C14N, but for
that last point: HTML reads `<br></br>` as two line breaks.
"""

from __future__ import annotations

import re
from html.entities import name2codepoint
from typing import Final

from lxml import etree

from gateway.codecs.fhir.shapes import XHTML
from gateway.codecs.limits import DEFAULT
from gateway.codecs.xml import parse
from gateway.errors import SyntaxFault

DIV: Final = f"{{{XHTML}}}div"
XML_NAMES: Final = (
    "{http://www.w3.org/XML/1998/namespace}lang",
    "{http://www.w3.org/XML/1998/namespace}space",
)
VOID: Final = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "param")
EMPTY = re.compile(rf"<((?:{'|'.join(VOID)})(?: [^<]*)?)></\w+>")
# An ampersand in text is written `&amp;`, so that what matches is an entity.
# narrative.html: no active content.  SUSPECT finds what may be, in one pass; the tree then decides.
ACTIVE: Final = frozenset(
    ("script", "iframe", "frame", "frameset", "object", "embed", "applet", "form", "input", "button",
     "textarea", "select", "base", "link", "meta", "style", "svg", "math")
)  # fmt: skip
SUSPECT = re.compile(
    rf"<(?:[\w.-]+:)?(?:{'|'.join(ACTIVE)})\b|\bon\w+\s*=|script\s*:|data\s*:|&#", re.IGNORECASE
)
INERT_TARGET = re.compile(r"\s*(?:https?:|mailto:|tel:|#|[^:]*$)", re.IGNORECASE)
# What an `img` shows does nothing, whatever it is.
INERT_PICTURE = re.compile(rf"{INERT_TARGET.pattern}|\s*data:", re.IGNORECASE)
HTML_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]*);")


def write_narrative(div: etree._Element) -> str:
    """The string of a div.  Raises ValueError when it holds something of another namespace."""
    text = canonical(div)
    # Exclusive C14N declares what is used; once, without a prefix, means that all is XHTML.
    if text.count("xmlns") != 1 or not text.startswith("<div"):
        text = canonical(unprefixed(div))
    return EMPTY.sub(r"<\1/>", text)


def canonical(div: etree._Element) -> str:
    """Exclusive C14N, without what follows the element.  Raises ValueError."""
    try:
        return etree.tostring(div, method="c14n", exclusive=True).decode("utf-8")
    except etree.C14NError:
        raise ValueError("a narrative holds a namespace that is no absolute URI") from None


def unprefixed(element: etree._Element) -> etree._Element:
    """A copy in which XHTML is the default namespace and no other is declared.  Raises ValueError."""
    names = [str(name) for name in element.attrib]
    if not str(element.tag).startswith(f"{{{XHTML}}}") or any(
        n.startswith("{") for n in names if n not in XML_NAMES
    ):
        raise ValueError("a narrative holds something that is not XHTML")
    copy = etree.Element(element.tag, dict(element.attrib), nsmap={None: XHTML})
    copy.text = element.text
    for child in element:
        inner = unprefixed(child)
        inner.tail = child.tail
        copy.append(inner)
    return copy


def read_narrative(text: str) -> str:
    """The same narrative as `write_narrative` spells it.

    HTML's named entities become characters: narrative.html forbids them, many a sender writes `&nbsp;`.
    Raises ValueError when the string is not one well-formed div in the namespace of XHTML.
    """
    try:
        div = parse(HTML_ENTITY.sub(character, text).encode("utf-8"), DEFAULT, keep_blanks=True)
    except (SyntaxFault, UnicodeEncodeError):
        raise ValueError("a narrative that is not well-formed XHTML") from None
    if div.tag != DIV:
        raise ValueError("a narrative that is not a div in the namespace of XHTML")
    return write_narrative(div)


def is_active(text: str) -> bool:
    """True when a narrative could do something where it is shown: run, load or send; also when that cannot be
    told, since it is not well-formed.
    """
    if not SUSPECT.search(text):
        return False
    try:
        div = parse(HTML_ENTITY.sub(character, text).encode("utf-8"), DEFAULT, keep_blanks=True)
    except (SyntaxFault, UnicodeEncodeError):
        return True
    return any(is_active_element(each) for each in div.iter())


def is_active_element(element: etree._Element) -> bool:
    """True for an element that does something, has a handler, or leads to anything but a page."""
    kind = etree.QName(element).localname.lower()
    if kind in ACTIVE:
        return True
    for name, value in element.items():
        name = etree.QName(name).localname.lower()
        inert = INERT_PICTURE if kind == "img" else INERT_TARGET
        if name.startswith("on") or (name in ("href", "src") and not inert.match(value)):
            return True
    return False


def character(entity: re.Match[str]) -> str:
    """What a named entity of HTML stands for; an unknown one is left, for the parser to refuse."""
    code = name2codepoint.get(entity[1])
    return chr(code) if code is not None else entity[0]
