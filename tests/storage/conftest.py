"""Fixtures of these tests."""

from tests.storage.stores import place

__all__ = ["place"]
