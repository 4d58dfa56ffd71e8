"""An EPD posts what Nictiz publishes as examples; the person's PGO gets it, and nothing else."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance import examples
from conformance.stage import EPD, PGO
from gateway.codecs.fhir import fhir_json
from tests.api.client import Door

PERSON, BSN = "nl-core-Patient-01", "111222333"


@pytest.fixture
def address(each_address: str) -> str:
    """Both databases."""
    return each_address


def of_one_person() -> list[dict[str, Any]]:
    """The examples that are about the first Patient, and about nobody else."""
    found = []
    for resource in examples.examples():
        text = fhir_json.encode(resource, "r4").decode()
        persons = set(re.findall(r'"Patient/([A-Za-z0-9.-]+)"', text))
        persons |= {resource["id"]} if resource["resourceType"] == "Patient" else set()
        if persons <= {PERSON}:
            found.append(resource)
    return found


def as_leaves(resource: dict[str, Any]) -> examples.Leaves:
    return examples.leaves({name: value for name, value in resource.items() if name != "meta"})


@pytest.mark.slow
def test_examples_go_in_as_one_transaction_and_come_out_as_they_were(testdata: Path, door: Door) -> None:
    del testdata
    sent = of_one_person()
    assert len(sent) > 150
    entries = [
        {
            "fullUrl": f"{examples.BASE}/{each['resourceType']}/{each['id']}",
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in sent
    ]
    bundle = fhir_json.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries}, "r4")
    epd = {"Authorization": f"Bearer {door.house.stage.token(EPD)}", "Content-Type": "application/fhir+json"}
    answer = door.http.post("/fhir/r4", content=bundle, headers=epd)
    assert {each["response"]["status"] for each in answer.json()["entry"]} == {"201 Created"}

    known = examples.reasons()
    unlike = []
    for kind in sorted({each["resourceType"] for each in sent} - {"Patient"}):
        text = door.get(f"/fhir/r4/{kind}", PGO, BSN).text
        assert BSN not in text
        served = json.loads(text, parse_float=Decimal).get("entry", [])
        there = {entry["resource"]["id"]: as_leaves(entry["resource"]) for entry in served}
        for each in (one for one in sent if one["resourceType"] == kind):
            before, after = as_leaves(each), there.pop(each["id"], None)
            if after is None:
                unlike.append((each["id"], "not there"))
                continue
            differ = {element for element, _ in ((before - after) + (after - before))}
            unlike += [(each["id"], element) for element in differ if (each["id"], element) not in known]
        unlike += [(name, "from nowhere") for name in there]
    assert unlike == []
