"""The formats, and which of them a document is in."""

from __future__ import annotations

import re

from gateway.codecs import detect, message_types
from gateway.errors import ContentError, Issue

FHIR_NAMESPACE = "http://hl7.org/fhir"
_STU3_PROFILE = re.compile(
    rb"//fhir\.nl/fhir/StructureDefinition/|//nictiz\.nl/fhir/StructureDefinition/(?:zib|bgz)-", re.IGNORECASE
)
_R4_PROFILE = re.compile(rb"//nictiz\.nl/fhir/StructureDefinition/(?:nl-core|mp)-[A-Z]")
FOLDERS = {"fhir-r4": "fhir-r4-nl-core", "fhir-stu3": "fhir-stu3-zib2017"}
"""The FHIR formats, and where their mappings are."""
MESSAGES = {"iwmo-301": "iwmo-3.2-wmo301"}
"""The messages of iStandaarden, and where their mappings are."""


def recognise(data: bytes) -> str:
    """The format of a document: ada, fhir-r4, iwmo-301, …  Raises `SyntaxFault` or `ContentError`.

    FHIR does not say in a document which version it is of; what gives it away is the profiles
    that its resources claim.  Without any, R4 is taken.
    """
    sniffed = detect.sniff(data)
    if sniffed.syntax == "json" or sniffed.namespace == FHIR_NAMESPACE:
        return "fhir-stu3" if _STU3_PROFILE.search(data) and not _R4_PROFILE.search(data) else "fhir-r4"
    if not sniffed.namespace or sniffed.root == "bundle":
        return "ada"
    if detect.ISTANDAARDEN.match(sniffed.namespace):
        return _message_format(sniffed.namespace)
    text = f"no format has the root element '{sniffed.root}' in the namespace '{sniffed.namespace}'"
    raise ContentError(Issue("error", "not-supported", text, place=f"/{sniffed.root}"))


def _message_format(namespace: str) -> str:
    """The format of a message of an iStandaard.  Raises `ContentError` for one that has no mapping."""
    found = message_types.of_namespace(namespace)
    for form, folder in MESSAGES.items():
        if found is not None and folder.endswith(f"-{found.release}-{found.name}"):
            return form
    known = ", ".join(each.title for each in message_types.messages().values())
    text = f"the document is {message_types.describe(namespace)}, and what can be read is {known}"
    raise ContentError(Issue("error", "not-supported", text, place="/Bericht"))
