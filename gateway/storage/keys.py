"""Envelope encryption: every person has data keys of their own, wrapped by a key-encryption key (KEK).

AES-256-GCM throughout, with a random 96-bit nonce.  The additional data binds each ciphertext to its row:
moved to another row, it no longer opens.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, bindparam, func, select, update

from gateway.errors import Fault, Issue
from gateway.exchangelog.entry import canonical
from gateway.settings import KEY_BYTES
from gateway.storage.tables import data_keys, insert_missing

RECORD = "record"
"""Scope of the key of a person's record."""

_NONCE_BYTES = 12
_FORMAT = b"\x01"  # first byte of everything sealed
_KEY = select(data_keys.c.kek, data_keys.c.wrapped).where(
    data_keys.c.holder == bindparam("holder"), data_keys.c.scope == bindparam("scope")
)


def log_scope(year: int) -> str:
    """Scope of the key of a holder's log entries of one year."""
    return f"log {year}"


class Wrapped(NamedTuple):
    """A data key as stored: the id of the KEK, and the ciphertext."""

    kek: str
    data: bytes


class KeyEncryption(Protocol):
    """Wraps data keys.  A file now; a KMS or PKCS#11 token fits the same four functions."""

    def current(self) -> str:
        """Id of the KEK that wraps new keys."""

    def held(self) -> frozenset[str]:
        """Ids of the KEKs whose keys can be unwrapped, the current one included."""

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        """Encrypt a data key with the current KEK."""

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """The data key.  Raises `Fault` when the KEK is not held or the bytes or context are not what was
        wrapped.
        """


class KeyFile:
    """KEKs in memory, read from a file or the environment: the first one wraps, all of them unwrap."""

    def __init__(self, keys: list[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])

    def current(self) -> str:
        """Id of the first key: a hash of it, which tells nothing of a random key."""
        return self._current

    def held(self) -> frozenset[str]:
        """Ids of all keys that were in the file."""
        return frozenset(self._ciphers)

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        """AES-256-GCM under the first key."""
        return Wrapped(self._current, _encrypt(self._ciphers[self._current], key, context))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """Raises `Fault`."""
        cipher = self._ciphers.get(wrapped.kek)
        if cipher is None:
            raise _fault("the key-encryption key of this data is not configured")
        return _decrypt(cipher, wrapped.data, context)

    def __repr__(self) -> str:
        return f"KeyFile(current={self._current!r})"


class DataKey:
    """One key of one holder.  `row` is whatever identifies the row that a ciphertext belongs to."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._fingerprint_key = hmac.digest(key, b"zibpoort fingerprint", "sha256")

    def seal(self, plain: bytes, *row: str | int | None) -> bytes:
        """Encrypt and bind to the row."""
        return _encrypt(self._cipher, plain, canonical(row))

    def open(self, sealed: bytes, *row: str | int | None) -> bytes:
        """Decrypt.  Raises `Fault` when the bytes were altered or belong to another row."""
        return _decrypt(self._cipher, sealed, canonical(row))

    def fingerprint(self, *parts: str) -> str:
        """HMAC-SHA256 in hex: equal parts are found again, and tell nothing without the key."""
        return hmac.digest(self._fingerprint_key, canonical(parts), "sha256").hex()

    def __repr__(self) -> str:
        return "DataKey(…)"


LogKeys = Mapping[tuple[str, int], DataKey]
"""Keys of log entries by holder and year."""

NO_KEYS: Final[LogKeys] = MappingProxyType({})


class Vault:
    """The data keys of one transaction.  Also the `Sealing` of the exchange log.

    `log_keys` are those that sealed entries.  Once the transaction is committed they may be given to the
    next one of the same exchange, which then need not ask for them; no longer, since a key that is destroyed
    is to be gone.
    """

    def __init__(self, connection: Connection, kek: KeyEncryption, log_keys: LogKeys) -> None:
        self._connection = connection
        self._kek = kek
        self.log_keys = dict(log_keys)

    def key(self, holder: str, scope: str) -> DataKey | None:
        """The key, or None when there is none or it was destroyed.  Raises `Fault` when it cannot be
        unwrapped.
        """
        row = self._connection.execute(_KEY, {"holder": holder, "scope": scope}).one_or_none()
        if row is None or row.wrapped is None:
            return None
        return DataKey(self._kek.unwrap(Wrapped(row.kek, row.wrapped), canonical([holder, scope])))

    def make(self, holder: str, scope: str) -> DataKey:
        """The key, made when there is none.  Raises `Fault` when it was destroyed: that is for ever."""
        known = self.key(holder, scope)
        if known is not None:
            return known
        wrapped = self._kek.wrap(os.urandom(KEY_BYTES), canonical([holder, scope]))
        row = {"holder": holder, "scope": scope, "kek": wrapped.kek, "wrapped": wrapped.data}
        insert_missing(self._connection, data_keys, **row)
        made = self.key(holder, scope)  # by this transaction, or by another at the same moment
        if made is None:
            raise _fault("the key of this data was destroyed")
        return made

    def destroy(self, holder: str, scope: str) -> bool:
        """Make all that this key sealed unreadable, for ever; False when there was no key.

        The bytes leave a SQLite file at commit (`secure_delete`) and its write-ahead log at the next
        checkpoint, the tables of PostgreSQL at the next VACUUM, and backups and archived logs when these
        expire.
        """
        done = self._connection.execute(
            update(data_keys)
            .where(data_keys.c.holder == holder, data_keys.c.scope == scope, data_keys.c.wrapped.is_not(None))
            .values(wrapped=None)
        )
        return done.rowcount == 1

    def usage(self) -> Counter[str]:
        """How many data keys each KEK wraps, by its id."""
        query = (
            select(data_keys.c.kek, func.count().label("number"))
            .where(data_keys.c.wrapped.is_not(None))
            .group_by(data_keys.c.kek)
        )
        return Counter({row.kek: row.number for row in self._connection.execute(query)})

    def rewrap(self, limit: int) -> int:
        """Wrap anew up to so many data keys that another KEK than the current one wraps; how many these were.

        The data keys stay what they are, and so does all that they sealed.  Raises `Fault` when one cannot
        be unwrapped.
        """
        query = (
            select(data_keys)
            .where(data_keys.c.wrapped.is_not(None), data_keys.c.kek != self._kek.current())
            .order_by(data_keys.c.holder, data_keys.c.scope)
            .limit(limit)
            .with_for_update()  # so that a key is not destroyed meanwhile, and then there again
        )
        rows = self._connection.execute(query).all()
        for row in rows:
            context = canonical([row.holder, row.scope])
            key = self._kek.unwrap(Wrapped(row.kek, row.wrapped), context)
            wrapped = self._kek.wrap(key, context)
            self._connection.execute(
                update(data_keys)
                .where(data_keys.c.holder == row.holder, data_keys.c.scope == row.scope)
                .values(kek=wrapped.kek, wrapped=wrapped.data)
            )
        return len(rows)

    def seal(self, holder: str, year: int, plain: bytes, context: str) -> bytes:
        """For the exchange log: encrypt with the holder's key of that year."""
        key = self.log_keys.get((holder, year))
        if key is None:
            key = self.log_keys[holder, year] = self.make(holder, log_scope(year))
        return key.seal(plain, context)

    def open(self, holder: str, year: int, sealed: bytes, context: str) -> bytes | None:
        """For the exchange log: decrypt; None when the key is destroyed.  Raises `Fault`."""
        key = self.key(holder, log_scope(year))
        return None if key is None else key.open(sealed, context)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"zibpoort kek\x00" + key).hexdigest()[:16]


def _encrypt(cipher: AESGCM, plain: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + nonce + cipher.encrypt(nonce, plain, context)


def _decrypt(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    nonce = sealed[1 : 1 + _NONCE_BYTES]
    try:
        if not sealed.startswith(_FORMAT):
            raise InvalidTag
        return cipher.decrypt(nonce, sealed[1 + _NONCE_BYTES :], context)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise _fault("stored data was altered, moved, or sealed with another key") from None


def _fault(text: str) -> Fault:
    return Fault(Issue("fatal", "security", text, place="storage"))
