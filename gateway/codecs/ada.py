"""ADA XML, the instances of ART-DECOR applications: bytes to an lxml tree and back.

An element that a form hides (`hidden="true"`) is a placeholder of the user interface.  ART-DECOR puts
`-start` behind the name of most of them; `decode` gives that name to the others too, so that a reader
knows a placeholder by its name alone.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from gateway.codecs import xml
from gateway.codecs.limits import DEFAULT, Limits

PLACEHOLDER: Final = "-start"
CARRIED: Final = "{https://zibpoort.example/ada}carried"
"""In `adaextension`, where a form lets anything stand: what another format said besides."""
_HIDDEN = etree.XPath('//*[@hidden="true"][substring(name(), string-length(name()) - 5) != "-start"]')


def decode(data: bytes, limits: Limits = DEFAULT) -> etree._Element:
    """The root element, without blank text.  Raises `SyntaxFault` with line and column."""
    root = xml.parse(data, limits)
    for element in _HIDDEN(root):
        element.tag += PLACEHOLDER
    return root


def encode(root: etree._Element) -> bytes:
    """The document in UTF-8, indented; attributes in the order in which they were made."""
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def transactions(root: etree._Element) -> list[etree._Element]:
    """The registrations in a document: those in `adaxml/data`, or the one that is the root itself."""
    if root.tag != "adaxml":
        return [root]
    return [each for data in root.iterchildren("data") for each in data.iterchildren("*")]


def document_id(root: etree._Element) -> str:
    """The id that the first registration gives itself; empty when there is none."""
    return next((each.get("id", "") for each in transactions(root)), "")
