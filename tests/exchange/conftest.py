"""Fixtures of these tests."""

from tests.exchange.house import house, translator

__all__ = ["house", "translator"]
