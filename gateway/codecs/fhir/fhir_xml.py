"""FHIR XML: bytes to the tree of FHIR JSON and back (xml.html, json.html).

The same resource gives the same tree from either syntax: arrays where the standard allows more than one,
booleans and numbers by type, `id` and extensions of a primitive beside it as `_x`, padded with null in an
array.  Comments, processing instructions and `xsi:schemaLocation` of a resource say nothing about the
patient and are left out; nothing else is.
"""

from __future__ import annotations

from gateway.codecs.fhir.elements import Tree, Version
from gateway.codecs.fhir.shapes import shapes
from gateway.codecs.fhir.xml_reader import Reader
from gateway.codecs.fhir.xml_writer import write_document
from gateway.codecs.limits import DEFAULT, Limits
from gateway.codecs.xml import parse


def decode(data: bytes, version: Version, limits: Limits = DEFAULT) -> Tree:
    """The tree of one resource.  Raises SyntaxFault with the issues found, each with its line."""
    # Only a narrative has text; without one, white space need not be kept.
    root = parse(data, limits, keep_blanks=b"xhtml" in data)
    return Reader(shapes(version)).read(root)


def encode(tree: Tree, version: Version) -> bytes:
    """The document of a tree: elements in the order of the standard, no white space between them, UTF-8.

    Raises ContentError for what this version does not have, with the path to it.
    """
    return write_document(tree, shapes(version))
