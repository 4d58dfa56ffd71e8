"""What a translation gives: a document as blocks, and blocks as a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.blocks.values import Block
from gateway.codecs import istandaarden, message_types
from gateway.codecs.fhir.tolerated import as_received
from gateway.errors import ContentError, Issue
from gateway.mapping.account import Account, Leaf
from gateway.mapping.persons import numbers_of
from gateway.mapping.recognition import MESSAGES
from gateway.mapping.runtime.state import Reading, Writing


@dataclass(slots=True)
class Read:
    """A document as blocks.  `seed` identifies the document by its bytes."""

    format: str
    release: str
    blocks: list[Block]
    state: Reading
    leaves: Any
    seed: str
    document: str = ""
    """What the document says that it is called (its id), if it does."""
    carried: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    """FHIR resources that no mapping reads, with their number in the account."""
    faults: list[Issue] = field(default_factory=list)
    """What of base FHIR the document breaks, each an error."""
    _places: dict[int, Leaf] = field(default_factory=dict, repr=False)

    @property
    def issues(self) -> list[Issue]:
        """What is wrong with a document that is taken in; errors as well as warnings."""
        return [*as_received(self.faults), *self.state.issues]

    @property
    def all_issues(self) -> list[Issue]:
        """What is wrong with a document that is only looked at: tolerated is nothing of it."""
        return [*self.faults, *self.state.issues]

    def persons(self) -> list[tuple[str, int]]:
        """The BSNs of the persons that the blocks are about, as sent, each with its number in the reading."""
        found: dict[str, int] = {}
        for block in self.blocks:
            for identifier in numbers_of(block):
                found.setdefault(identifier.value, identifier.at)
        return list(found.items())

    def place(self, at: int) -> Leaf | None:
        """Where in the input a value stands."""
        if not self._places:  # once: a document can have as many faults as values
            for leaf in self.leaves():
                self._places.setdefault(leaf.at, leaf)
        return self._places.get(at) if at >= 0 else None


@dataclass(slots=True)
class Written:
    """Blocks as a document of a format."""

    format: str
    resources: list[dict[str, Any]]
    """FHIR resources, or the trees of messages; empty for ADA."""
    root: Any
    """The XML root of ADA; None for other formats."""
    account: Account
    issues: list[Issue] = field(default_factory=list)
    _writing: Writing | None = field(default=None, repr=False)

    @property
    def keys(self) -> dict[str, str]:
        """`Type/id` of every FHIR resource → the key of the block that it was made of."""
        if self._writing is None:
            return {}
        types = self._writing.part_types
        return {
            f"{types[me.block.type, part]}/{each}": key
            for key, me in self._writing.blocks.items()
            for part, ids in me.parts.items()
            for each in ids
        }


def bundle(resources: list[dict[str, Any]], base: str, kind: str = "collection") -> dict[str, Any]:
    """A Bundle of resources with a full URL for each, under which relative references resolve."""
    entries = [
        {"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each} for each in resources
    ]
    return {"resourceType": "Bundle", "type": kind, **({"entry": entries} if entries else {})}


def message(written: Written) -> bytes:
    """The document of a message that was written.

    Raises `ContentError` for a value that has not the form of the message, for what it lacks, and when the
    blocks are about no client, or about several.
    """
    name = MESSAGES[written.format].rpartition("-")[2]
    if len(written.resources) != 1:
        title, clients = message_types.message(name).title, len(written.resources)
        text = f"a {title} is about one client, the blocks about {clients}"
        raise ContentError(Issue("error", "business-rule", text, rule="OP087"))
    return istandaarden.encode(written.resources[0], name)
