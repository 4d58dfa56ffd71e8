"""Fixtures of these tests."""

from tests.api.client import door
from tests.exchange.house import either_house, house, translator

__all__ = ["door", "either_house", "house", "translator"]
