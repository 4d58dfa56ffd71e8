"""Fixtures of these tests."""

from tests.exchange.house import address, house, translator

__all__ = ["address", "house", "translator"]
