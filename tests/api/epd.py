"""Requests of an EPD under `/fhir/`, and of a second one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from conformance.stage import EPD, Client
from gateway.exchange.parties import load_parties
from tests.api.client import Door
from tests.exchange.house import House
from tests.exchange.resources import NUMBERS, as_json, bundle, entry, patient, pressure

__all__ = ["NEIGHBOUR", "door", "fenna", "made", "numbered", "outcomes", "places", "post", "send", "statuses"]

NEIGHBOUR = Client(
    "epd-noord", "care-provider", "urn:oid:2.16.528.1.1007.3.3.90000099", "Ziekenhuis Noord", "TREAT"
)


@pytest.fixture
def door(house: House) -> Door:
    """An application in which nothing has happened yet, with a second EPD."""
    file = house.settings.parties_file
    assert file is not None
    known = yaml.safe_load(file.read_text())
    told = {name: getattr(NEIGHBOUR, name) for name in ("id", "role", "organisation", "name")}
    known["clients"].append(known["clients"][0] | told)
    file.write_text(yaml.safe_dump(known))
    house.pipeline.parties = load_parties(house.settings)
    return Door(house)


def send(door: Door, method: str, path: str, tree: Any = None, client: Client = EPD, **headers: str) -> Any:
    """A request under `/fhir/`."""
    own = {
        "Authorization": f"Bearer {door.house.stage.token(client)}",
        "Content-Type": "application/fhir+json",
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = tree if isinstance(tree, bytes) else as_json(tree) if tree is not None else None
    return door.http.request(method, f"/fhir/{path}", content=content, headers=own | named)


def post(door: Door, tree: Any, version: str = "r4", **headers: Any) -> Any:
    """A Bundle."""
    return send(door, "POST", version, tree, **headers)


def statuses(answer: Any) -> list[str]:
    """The status of each entry."""
    return [each["response"]["status"][:3] for each in answer.json()["entry"]]


def places(answer: Any) -> list[str]:
    """Where an OperationOutcome says that something is wrong."""
    return [place for issue in answer.json()["issue"] for place in issue.get("expression", ())]


def made(answer: Any, number: int = 0) -> str:
    """`Type/id` of what an entry of a transaction made."""
    location: str = answer.json()["entry"][number]["response"]["location"]
    return location.partition("/_history/")[0]


def fenna(door: Door) -> str:
    """`Patient/id` of Fenna, just delivered."""
    return made(post(door, bundle(entry(patient(), 1))))


def outcomes(door: Door) -> list[tuple[str, str]]:
    return [(d["effect"], o["status"] if o else "gap") for d, o in door.house.log()]


def numbered(who: str, number: str = "17") -> Any:
    return pressure(who, identifier=[{"system": NUMBERS, "value": number}])
