"""Where what was delivered came from, as a resource."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.provenance import Provenance as ProvenanceR4
from fhir.resources.STU3.provenance import Provenance as ProvenanceSTU3

from conformance.stage import EPD
from gateway.exchange.changes.answers import location
from gateway.exchange.changes.asked import Posted
from gateway.exchange.provenance import provenance
from gateway.storage import document
from tests.exchange.house import House
from tests.exchange.resources import as_json, ordinary

KINDS: dict[str, Any] = {"r4": ProvenanceR4, "stu3": ProvenanceSTU3}


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_a_delivery_says_where_its_resources_came_from(house: House, version: Any) -> None:
    posted = Posted("POST", as_json(ordinary()))
    changed = house.pipeline.bundling.change(house.call(EPD), "r4", lambda: posted).changed
    assert changed is not None
    with house.pipeline.books.database.read() as transaction:
        delivered = document(transaction, changed.kept.id)
    targets = [location(done) for done in changed.kept.done]
    tree = provenance(delivered, targets, version)
    KINDS[version].model_validate(tree)
    assert tree == provenance(delivered, targets, version)
    assert tree["id"] == delivered.id
    assert [each["reference"] for each in tree["target"]] == targets
    assert EPD.organisation in str(tree["agent"])
    assert delivered.content_hash in str(tree["entity"])
