"""Mappings: the language, its compiler, and the translator that runs what it makes."""

from gateway.mapping.results import Read, Written, bundle
from gateway.mapping.runtime.context import Context
from gateway.mapping.translator import Translator

__all__ = ["Context", "Read", "Translator", "Written", "bundle"]
