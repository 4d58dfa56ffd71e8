"""The only part that touches a database: persons, keys, records and the log's rows.

    open_database(settings)           SQLite or PostgreSQL, by its URL
      .write() / .read()              a transaction, in which all that follows works
      .record(entries)                entries of the exchange log that stand alone

    store_document(tx, document)      what was delivered: blocks, FHIR resources, or both.  Delivered
                                      again, it is answered as before
    delivered_before(tx, document)    that answer, or None while there is none
    save(tx, document)                what one interaction changes: creates, updates and deletes resources.
                                      `Conflict` when another version holds than was expected
    lock_person(tx, person)           nobody else writes this person until the end: for a condition that must
                                      still hold when it is saved
    record_of(tx, person, sender)     all that holds but Binaries, with the person's revision
    locate(tx, name)                  whose a resource is, its version, sender, whether it was deleted
    version_of(tx, name, version)     one version with its content
    versions_of(tx, name, most)       the newest versions
    document(tx, id)                  what was received, with its account
    documents_of(tx, person)          all that was received of a person
    has_delivered(tx, person, sender) whether any of that is of this organisation

A person is a pseudonym: `Database.pseudonym(bsn)`.  Who may see what is for the caller to decide.
"""

from gateway.storage.checks import DATABASE_CHECKS, Schema, schema_of
from gateway.storage.database import NOTHING, Begun, Database, Transaction
from gateway.storage.documents import (
    NewDocument,
    Stored,
    StoredDocument,
    delivered_before,
    document,
    documents_of,
    has_delivered,
    lock_person,
    save,
    store_document,
)
from gateway.storage.keys import KeyEncryption, KeyFile
from gateway.storage.opening import open_database
from gateway.storage.persons import normalise_bsn
from gateway.storage.records import (
    Located,
    Record,
    StoredBlock,
    StoredResource,
    locate,
    record_of,
    version_of,
    versions_of,
)
from gateway.storage.verifier import verify_records
from gateway.storage.versions import Change, FhirForm, ResourceName, Saved

__all__ = [
    "DATABASE_CHECKS",
    "NOTHING",
    "Begun",
    "Change",
    "Database",
    "FhirForm",
    "KeyEncryption",
    "KeyFile",
    "Located",
    "NewDocument",
    "Record",
    "ResourceName",
    "Saved",
    "Schema",
    "Stored",
    "StoredBlock",
    "StoredDocument",
    "StoredResource",
    "Transaction",
    "delivered_before",
    "document",
    "documents_of",
    "has_delivered",
    "locate",
    "lock_person",
    "normalise_bsn",
    "open_database",
    "record_of",
    "save",
    "schema_of",
    "store_document",
    "verify_records",
    "version_of",
    "versions_of",
]
