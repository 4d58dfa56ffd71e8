"""Binary: bytes of any kind.  What they are about is said by what they hang on, the `securityContext`.

    POST Binary   as a resource, or as the bytes themselves under X-Security-Context
    GET Binary    the bytes as they came in, or the resource

Nothing can be taken out of bytes, so they leave only for a purpose that permits all of the blocks that they
hang on.  Source: https://hl7.org/fhir/R4/binary.html; STU3 has `content` for `data`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any

from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.errors import Denied, Issue, NotFound
from gateway.exchange.answers import OWN
from gateway.exchange.changes.references import on_gateway
from gateway.exchange.numbers import holds_number, names_bsn
from gateway.exchange.record import Reader, bundle_of
from gateway.storage import FhirForm, ResourceName, StoredResource, Transaction, locate, record_of, version_of

Tree = dict[str, Any]

BINARY = "Binary"
DATA: dict[Version, str] = {"r4": "data", "stu3": "content"}
UNKNOWN_MEDIA = "application/octet-stream"
AS_A_FILE = {"Content-Disposition": "attachment"}
"""So that nothing in it is run in a browser; every answer has `nosniff`."""

WITHOUT = "a Binary says whose it is, by a securityContext (X-Security-Context): a resource of the record"

_WORD = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_MEDIA = re.compile(rf'{_WORD}/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|"[ -!#-\[\]-~]*"))*')


def wrapped(content: bytes, media: str, context: str, version: Version, id_: str) -> Tree:
    """The resource of bytes that came by themselves."""
    tree: Tree = {"resourceType": BINARY, "contentType": media}
    if id_:
        tree["id"] = id_
    if context:
        tree["securityContext"] = {"reference": context}
    return tree | {DATA[version]: binascii.b2a_base64(content, newline=False).decode("ascii")}


def unwrapped(tree: Tree, version: Version) -> tuple[bytes, str]:
    """The bytes in a resource, and their media type."""
    media = tree.get("contentType", "")
    content = binascii.a2b_base64(tree.get(DATA[version], ""))
    return content, media if _MEDIA.fullmatch(media) else UNKNOWN_MEDIA


def faults_of(tree: Tree, place: str) -> Iterator[Issue]:
    """What is wrong with a Binary by itself."""
    if not _MEDIA.fullmatch(tree.get("contentType", "")):
        yield Issue("error", "value", "a media type is expected here", f"{place}.contentType")


def context_of(tree: Tree) -> str:
    """What a Binary hangs on, as its sender refers to it; "" when it does not say."""
    literal = tree.get("securityContext", {}).get("reference", "")
    return literal if isinstance(literal, str) else ""


def tree_of(found: StoredResource, version: Version) -> Tree:
    """A Binary as it is kept."""
    tree: Tree = fhir_json.decode(found.content, version, OWN)
    return tree


def of_person(transaction: Transaction, name: ResourceName, person: str) -> StoredResource:
    """A Binary of a person (a pseudonym), whoever delivered it.  Raises `NotFound`."""
    there, found = locate(transaction, name), version_of(transaction, name)
    if there is None or found is None or found.deleted or there.person != person:
        raise NotFound(Issue("error", "not-found", "there is no such resource"))
    return found


def check_bytes(tree: Tree, version: Version, bsn: str) -> None:
    """Raises `Denied` when the number of the person can be read in the bytes, or beside them a BSN."""
    content, _ = unwrapped(tree, version)
    beside = fhir_json.encode({name: each for name, each in tree.items() if name != DATA[version]}, version)
    if holds_number(content, bsn) or holds_number(beside, bsn) or names_bsn(beside.decode()):
        text = "the bytes hold the number of the person, which may not leave"
        raise Denied(Issue("error", "forbidden", text, rule="processing register"))


def kinds_beneath(
    transaction: Transaction, person: str, tree: Tree, form: FhirForm, read: Reader
) -> frozenset[str]:
    """The block types that a Binary hangs on; the type of the resource where no mapping reads that.

    Raises `Denied` when what it hangs on is not there any more: then nothing says for what it may leave.
    """
    name = on_gateway(context_of(tree), form, "")
    resources = [each for each in record_of(transaction, person).resources if each.name.form == form]
    kinds: set[str] = set()
    if name is not None and name in {each.name for each in resources}:
        whole = read(bundle_of(resources), form)
        kinds = {each.type for each in whole.blocks if name.id in {origin.id for origin in each.origins}}
        kinds |= {
            name.type for each, _ in whole.carried if (each["resourceType"], each.get("id")) == name[1:]
        }
    if not kinds:
        text = "what this Binary hangs on is not there, so that the register says nothing of it"
        raise Denied(Issue("error", "forbidden", text, rule="processing register"))
    return frozenset(kinds)
