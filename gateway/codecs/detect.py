"""What a document is, from its first bytes: enough to choose a codec and a mapping, and no more.

Only the head is read; nothing is decompressed, resolved or fetched.  What the rest holds is for the codec
to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from gateway.codecs.charset import to_utf8
from gateway.codecs.fhir.elements import Version, types
from gateway.codecs.fhir.shapes import FHIR
from gateway.codecs.limits import check_presence
from gateway.codecs.xml import find_root
from gateway.errors import Issue, SyntaxFault

HEAD: Final = 64 * 1024
ISTANDAARDEN: Final = re.compile(r"http://www\.istandaarden\.nl/[a-z]+/(\d+)_(\d+)/")

# A start tag, without looking into its values: name, then attributes up to its end.
TAG_NAME = re.compile(r"<(?:([\w.-]+):)?([\w.-]+)(?=[\s/>])")
ATTRIBUTE = re.compile(r"""\s*([\w:.-]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")
JSON_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
RESOURCE_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,64})"')


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Syntax, root element (or resourceType) and namespace of a document.

    `root` is empty for JSON whose head shows no resourceType.  `version_hint` is `r4` or `stu3` for a
    resource that only one of them has, `3.2` for an iStandaard; empty when the head does not tell.
    """

    syntax: Literal["xml", "json"]
    root: str
    namespace: str = ""
    version_hint: str = ""


def sniff(data: bytes) -> Sniffed:
    """What the head of a document says.

    Raises SyntaxFault for a DOCTYPE, for an empty document, or for neither XML nor JSON.
    """
    check_presence(data)
    head = utf8_head(data)
    first = head.lstrip()[:1]
    if first == b"<":
        return sniff_xml(head)
    if first != b"{":
        refuse("neither XML nor a JSON object")
    return sniff_json(head)


def utf8_head(data: bytes) -> bytes:
    """The first bytes of a document, in UTF-8."""
    head = data[:HEAD]
    try:
        return to_utf8(head)
    except SyntaxFault:
        if len(data) <= HEAD:
            raise
        return to_utf8(head[:-2])  # the cut may have split a surrogate pair of UTF-16


def sniff_xml(head: bytes) -> Sniffed:
    """Name and namespace of the root element."""
    text = head[find_root(head) :].decode("utf-8", "replace")
    tag = TAG_NAME.match(text)
    if tag is None:
        refuse("not XML: the root element has no name")
    prefix, root = tag.groups()
    declared: dict[str, str] = {}
    attribute = ATTRIBUTE.match(text, tag.end()) if "xmlns" in text else None
    while attribute:
        declared[attribute[1]] = attribute[2] or attribute[3] or ""
        attribute = ATTRIBUTE.match(text, attribute.end())
    namespace = declared.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
    if namespace == FHIR:
        return Sniffed("xml", root, namespace, fhir_version(root))
    release = ISTANDAARDEN.match(namespace)
    return Sniffed("xml", root, namespace, f"{release[1]}.{release[2]}" if release else "")


def sniff_json(head: bytes) -> Sniffed:
    """The resourceType of the outermost object, wherever it stands among the members."""
    depth = 0
    for token in JSON_TOKEN.finditer(head):
        if token[0] in b"{[":
            depth += 1
        elif token[0] in b"}]":
            depth -= 1
        elif depth == 1 and (found := RESOURCE_TYPE.match(head, token.start())):
            root = found[1].decode("ascii")
            return Sniffed("json", root, version_hint=fhir_version(root))
    return Sniffed("json", "")


def fhir_version(resource: str) -> str:
    """The only version that has the resource; empty when none or both have it."""
    versions: tuple[Version, ...] = ("r4", "stu3")
    having = [version for version in versions if types(version).is_resource(resource)]
    return having[0] if len(having) == 1 else ""


def refuse(text: str) -> NoReturn:
    """Raise the SyntaxFault."""
    raise SyntaxFault(Issue("fatal", "structure", text, line=1))
