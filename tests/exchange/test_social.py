"""A document of the sociaal domein takes the same way: another vocabulary, the same seven steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ContentError
from tests.exchange.house import House, kinds

BSN = "999900006"


@pytest.fixture
def message(fixtures: Path) -> bytes:
    return (fixtures / "iwmo" / "assignments_of_every_status.xml").read_bytes()


def number(message: bytes) -> str:
    return message.split(b"Bsn>")[1].split(b"<")[0].decode()


def test_a_message_is_taken_in_and_served_as_fhir(house: House, message: bytes) -> None:
    delivery = house.deliver(message)
    assert delivery.blocks["Client"] == 1
    bundle = house.search("r4", "ServiceRequest?_include=ServiceRequest:subject", number(message))
    assert kinds(bundle)["ServiceRequest"] == delivery.blocks["Toewijzing"]
    assert kinds(bundle)["Patient"] == 1
    assert number(message) not in str(bundle)


def test_what_another_version_has_no_place_for_is_accounted_for(house: House, message: bytes) -> None:
    delivery = house.deliver(message)
    assert delivery.values["fhir-r4"]["used"] > 0
    totals = {sum(counts.values()) for counts in delivery.values.values()}
    assert len(totals) == 1, "each format accounts for every leaf"


def test_a_message_without_a_valid_number_is_refused(house: House, message: bytes) -> None:
    with pytest.raises(ContentError) as caught:
        house.deliver(message.replace(number(message).encode(), b"123456789"))
    assert "WMO.Client.Bsn" in {issue.concept for issue in caught.value.issues}
