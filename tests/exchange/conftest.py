"""Fixtures of these tests."""

from tests.exchange.house import either_house, house, translator

__all__ = ["either_house", "house", "translator"]
