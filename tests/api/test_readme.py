"""The page about the API says what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import gateway.api
from gateway.api.outcomes import CODES, STATUSES
from gateway.exchange.parties import CHECKS
from gateway.exchange.registrations import load_registrations
from gateway.exchange.search import paging
from gateway.exchange.search.filters import MODIFIERS
from gateway.exchange.search.scope import MAX_CHAIN, MAX_COUNT, MAX_INCLUDES, MAX_VALUES, PERSON
from gateway.exchange.search.values import PREFIXES
from gateway.policy import load_register
from tests.api.client import Door
from tests.exchange.search.test_query import RESULTS

PAGE = (Path(gateway.api.__file__).parent / "README.md").read_text()


def test_every_address_is_on_the_page_and_no_other(door: Door) -> None:
    paths = door.get("/openapi.json", None).json()["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"(?:GET|POST|PUT|DELETE) /[\w/{}$]+", PAGE)) == described


@pytest.mark.parametrize("claim", sorted({check.claim for check in CHECKS}))
def test_every_claim_is_on_the_page(claim: str) -> None:
    assert f"`{claim}`" in PAGE


def test_every_status_is_on_the_page() -> None:
    statuses = {status for _, status in STATUSES} | set(CODES.values()) | {406, 415, 500, 503}
    assert {str(status) for status in statuses} <= set(re.findall(r"`(\d{3})`", PAGE))


MODIFIER_NAMES = sorted({f":{name}" for names in MODIFIERS.values() for name in names if name})


@pytest.mark.parametrize("name", [*PERSON, *PREFIXES, *MODIFIER_NAMES, paging.PAGE, *RESULTS])
def test_every_word_of_a_search_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_bounds_of_a_search_are_on_the_page() -> None:
    for bound in (
        f"{MAX_VALUES} values",
        f"{MAX_INCLUDES} includes",
        f"{MAX_CHAIN} dots",
        f"{MAX_COUNT:,} matches",
    ):
        assert bound in PAGE.replace("\n", " ")


def test_the_filters_of_the_log_are_on_the_page(door: Door) -> None:
    parameters = door.get("/openapi.json", None).json()["paths"]["/audit/exchanges"]["get"]["parameters"]
    for parameter in parameters:
        assert f"`{parameter['name']}`" in PAGE


def test_roles_and_purposes_are_those_of_the_register() -> None:
    rows = re.findall(r"\| `([a-z-]+)` \| `([A-Z]+)` \|", PAGE)
    register = {
        (activity.role, purpose) for activity in load_register().activities for purpose in activity.purposes
    }
    assert set(rows) == register


def test_the_example_of_a_registration_is_one(tmp_path: Path) -> None:
    lines = PAGE[PAGE.index("    version: 1") :].splitlines()
    block = "\n".join(line[4:] for line in lines[: next(i for i, line in enumerate(lines) if not line)])
    (tmp_path / "parties.yaml").write_text(block)
    assert load_registrations(tmp_path / "parties.yaml").keys() == {"epd-duinrand"}
    assert yaml.safe_load(block)["version"] == 1
