"""Zibpoort: a gateway between Dutch record systems that translates, decides and proves."""

__version__ = "0.1.0"
