"""The only part that touches a database: persons, keys, records and the log's rows."""

from gateway.storage.database import Database, Transaction, open_database
from gateway.storage.keys import KeyEncryption, KeyFile
from gateway.storage.persons import normalise_bsn
from gateway.storage.records import (
    NewDocument,
    Record,
    Stored,
    StoredBlock,
    StoredDocument,
    blocks_of,
    document,
    store_document,
)
from gateway.storage.verifier import verify_records

__all__ = [
    "Database",
    "KeyEncryption",
    "KeyFile",
    "NewDocument",
    "Record",
    "Stored",
    "StoredBlock",
    "StoredDocument",
    "Transaction",
    "blocks_of",
    "document",
    "normalise_bsn",
    "open_database",
    "store_document",
    "verify_records",
]
