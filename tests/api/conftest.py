"""Fixtures of these tests."""

from tests.api.client import door
from tests.exchange.house import house, translator

__all__ = ["door", "house", "translator"]
