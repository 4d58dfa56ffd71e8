"""Fixtures of these tests, which run on both kinds of database."""

from __future__ import annotations

import pytest

from tests.api.client import door
from tests.exchange.house import each_address, house, translator

__all__ = ["door", "each_address", "house", "translator"]


@pytest.fixture
def address(each_address: str) -> str:
    """The URL of an empty database of each kind."""
    return each_address
