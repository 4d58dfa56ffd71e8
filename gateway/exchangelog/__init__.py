"""The exchange log: NEN 7513 entries as leaves of a Merkle tree.  No I/O but its store."""

from gateway.exchangelog.entry import FIELDS, DecisionEntry, Entry, Field, OutcomeEntry, stamp
from gateway.exchangelog.log import Exchange, ExchangeLog, LogStore, Opening, Receipt, Row, Sealing, Search
from gateway.exchangelog.merkle import Frontier
from gateway.exchangelog.verifier import Report, verify

__all__ = [
    "FIELDS",
    "DecisionEntry",
    "Entry",
    "Exchange",
    "ExchangeLog",
    "Field",
    "Frontier",
    "LogStore",
    "Opening",
    "OutcomeEntry",
    "Receipt",
    "Report",
    "Row",
    "Sealing",
    "Search",
    "stamp",
    "verify",
]
