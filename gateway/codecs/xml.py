"""XML, read safely: one place that turns bytes of strangers into an lxml tree.

What is refused, and where, so that a document of 600 KB is not slowed by a loop in Python:

- bytes, character set: before the parser (`charset` leaves it UTF-8 only, so that nothing hides in another
  set);
- DOCTYPE: before the parser.  Without one there are no entities, external or expanding, and no default
  attributes.  A search for its ten bytes costs microseconds; only where they occur is the prolog read step
  by step;
- nodes: before the parser, as the number of `<` and `=`, an upper bound; each counts for two values of
  JSON.  Where there are too few bytes for so many, it is not counted;
- text: libxml2 stops at 10 MB for one text or attribute.  An embedded PDF can be larger, so `huge_tree` is
  on for documents above that size, and for no other; then libxml2 allows a depth of 2,048 instead of 256;
- depth, attributes and children of one element: after the parser, with XPath expressions that libxml2 runs
  over the tree (some 0.07 ms for 75 KB, where parsing takes 0.4).

Comments and processing instructions, `xml-stylesheet` among them, are dropped and never followed; XInclude
is off.  No fault quotes the document: libxml2's own messages do, so only its error code and place are used.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, cast

from lxml import etree

from gateway.codecs.charset import to_utf8
from gateway.codecs.limits import DEFAULT, Limits, check_presence, check_size, place_of
from gateway.errors import Issue, SyntaxFault

LIBXML2_TEXT_LIMIT: Final = 10_000_000
BYTES_A_NODE: Final = 4  # `<a/>`
NODE_COST: Final = 2
"""Of an element or attribute, in values of JSON: the memory that libxml2 takes for it."""
PIECE = re.compile(rb"[ \t\r\n]*(<\?|<!--|<!DOCTYPE|<)")

# xmlParserErrors of libxml2 (xmlerror.h), in words of our own.
REASONS: Final = {
    4: "there is no root element",
    5: "there is content after the root element",
    7: "a character reference that does not end",
    9: "a character that XML does not allow",
    23: "an entity reference that does not end",
    26: "an entity that is not defined; XML itself has only amp, lt, gt, quot and apos",
    34: "a text in the XML declaration does not end",
    38: "an attribute value holds <",
    39: "an attribute has no value in quotes",
    40: "an attribute value does not end",
    41: "an attribute has no value",
    42: "an attribute occurs twice",
    45: "a comment does not end",
    62: "]]> outside a CDATA section",
    63: "a CDATA section does not end",
    64: "an XML declaration that is not at the very start, or without a version",
    65: "a space is missing",
    68: "an ampersand or < without a name after it",
    73: "a tag does not end",
    76: "an end tag does not match its start tag",
    77: "an element does not end",
    80: "a comment holds two hyphens",
    81: "the bytes are not of the declared character set",
    99: "a namespace that is no URI",
    108: "a version of XML that is not accepted",
    114: "too deep, or a text that is too long",
    200: "a namespace that is empty or reserved",
    201: "a namespace prefix is not declared",
    202: "a name with two colons",
}


def parse(data: bytes, limits: Limits = DEFAULT, *, keep_blanks: bool = False) -> etree._Element:
    """The root element of a document.

    Text of white space only, between elements, is left out unless `keep_blanks`; who reads mixed content,
    such as a narrative, needs it.  Raises SyntaxFault with line and column (column 0 where only the line is
    known).
    """
    check_size(data, limits)
    check_presence(data)
    body = to_utf8(data)
    if b"<!DOCTYPE" in body:
        find_root(body)
    most = limits.max_nodes // NODE_COST
    if len(body) > BYTES_A_NODE * most and count_marks(body) > most:
        raise too_costly(f"the document has more than {most} elements and attributes")
    # The declaration of a document that was converted names the set that it had.
    root = parse_body(body, encoding=None if body is data else "utf-8", keep_blanks=keep_blanks)
    check_shape(root, body, limits)
    return root


def parse_body(data: bytes, *, encoding: str | None, keep_blanks: bool) -> etree._Element:
    """Parse without entities, network or any other file."""
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        collect_ids=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=not keep_blanks,
        huge_tree=len(data) > LIBXML2_TEXT_LIMIT,
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        code, (line, column) = error.code, error.position
    finally:
        # lxml keeps the last messages of libxml2, which quote the document.
        etree.clear_error_log()
    reason = REASONS.get(code, f"libxml2 error {code}")
    raise SyntaxFault(Issue("fatal", "structure", f"not well-formed XML: {reason}", line=line, column=column))


def find_root(data: bytes) -> int:
    """Where the root element begins, after declaration, comments and processing instructions.

    Raises SyntaxFault for a DOCTYPE, and where no element follows.
    """
    at = 0
    while piece := PIECE.match(data, at):
        at = piece.end()
        if piece[1] == b"<?":
            at = end_of(b"?>", data, at)
        elif piece[1] == b"<!--":
            at = end_of(b"-->", data, at)
        elif piece[1] == b"<!DOCTYPE":
            raise fault_at(data, piece.start(1), "a document type declaration (DOCTYPE) is not accepted")
        else:
            return piece.start(1)
    raise fault_at(data, at, "not XML: there is no root element")


def end_of(mark: bytes, data: bytes, at: int) -> int:
    """Behind the mark that ends what begins here.  Raises SyntaxFault when there is none."""
    end = data.find(mark, at)
    if end < 0:
        raise fault_at(data, at, "not XML: a comment or processing instruction does not end")
    return end + len(mark)


def count_marks(data: bytes) -> int:
    """At least as many as there are elements and attributes."""
    return data.count(b"<") - data.count(b"</") + data.count(b"=")


def check_shape(root: etree._Element, body: bytes, limits: Limits) -> None:
    """Raise SyntaxFault when elements lie too deep, or one has too many attributes or children.

    What a document has not enough marks for is not looked for.
    """
    elements = body.count(b"<") - body.count(b"</")
    for path, most, marks, text in (
        (path_to_depth, limits.max_depth, elements, "elements lie more than {} deep"),
        (
            path_to_attribute,
            limits.max_attributes,
            body.count(b"="),
            "an element has more than {} attributes",
        ),
        (path_to_child, limits.max_items, elements, "an element has more than {} children"),
    ):
        for found in found_by(path(most + 1), root) if marks > most else ():
            raise too_costly(text.format(most), found)


@cache
def path_to_depth(depth: int) -> etree.XPath:
    """The first element at this depth; the root is at 1."""
    return etree.XPath(f"({'/*' * depth})[1]")


@cache
def path_to_attribute(position: int) -> etree.XPath:
    """The first element that has an attribute at this position."""
    return etree.XPath(f"(/descendant::*/@*[{position}])[1]/..")


@cache
def path_to_child(position: int) -> etree.XPath:
    """The first element that has a child at this position."""
    return etree.XPath(f"(/descendant::*/*[{position}])[1]/..")


def found_by(path: etree.XPath, root: etree._Element) -> list[etree._Element]:
    """The elements that a path selects."""
    return cast("list[etree._Element]", path(root))


def too_costly(text: str, element: etree._Element | None = None) -> SyntaxFault:
    """The fault for a document that would cost too much, at its element when there is one."""
    line = element.sourceline if element is not None else 0
    return SyntaxFault(Issue("fatal", "too-costly", text, line=line or 0))


def fault_at(data: bytes, at: int, text: str) -> SyntaxFault:
    """The fault with line and column of a byte; columns count characters."""
    line, column = place_of(data, at)
    return SyntaxFault(Issue("fatal", "structure", text, line=line, column=column))
