"""Envelope encryption: what was sealed opens only where it belongs, and a destroyed key is gone."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault
from gateway.storage import KeyEncryption, KeyFile, record_of
from gateway.storage.keys import RECORD, DataKey, Wrapped
from tests.storage.stores import ANNA_BSN, NOW, Place, document, exchange, faults, opened, problem

KEK: KeyEncryption = KeyFile([b"k" * 32])


@given(st.binary(max_size=100), st.integers(0, 10**6))
def test_a_changed_bit_is_noticed(plain: bytes, where: int) -> None:
    key = DataKey(b"d" * 32)
    sealed = key.seal(plain, "row", 1)
    assert key.open(sealed, "row", 1) == plain
    place = where % len(sealed)
    changed = sealed[:place] + bytes([sealed[place] ^ (1 << where % 8)]) + sealed[place + 1 :]
    with pytest.raises(Fault, match="altered"):
        key.open(changed, "row", 1)
    with pytest.raises(Fault, match="altered"):
        key.open(sealed[:place], "row", 1)


@pytest.mark.parametrize("row", [("row", 2), ("row", "1"), ("row",), ("row1",), ("row", 1, "")])
def test_in_another_row_it_does_not_open(row: tuple[str | int, ...]) -> None:
    key = DataKey(b"d" * 32)
    with pytest.raises(Fault):
        key.open(key.seal(b"text", "row", 1), *row)


def test_under_another_key_it_does_not_open() -> None:
    with pytest.raises(Fault):
        DataKey(b"e" * 32).open(DataKey(b"d" * 32).seal(b"text", "row"), "row")


def test_the_same_text_is_never_sealed_the_same() -> None:
    key = DataKey(b"d" * 32)
    assert len({key.seal(b"text", "row") for _ in range(100)}) == 100


def test_a_fingerprint_tells_parts_apart() -> None:
    key = DataKey(b"d" * 32)
    assert key.fingerprint("a", "b") == key.fingerprint("a", "b")
    assert key.fingerprint("a", "b") not in (key.fingerprint("ab"), DataKey(b"e" * 32).fingerprint("a", "b"))


def test_the_first_key_wraps_and_all_unwrap() -> None:
    old, both = KeyFile([b"o" * 32]), KeyFile([b"n" * 32, b"o" * 32])
    assert both.unwrap(old.wrap(b"secret", b"row"), b"row") == b"secret"
    assert both.wrap(b"secret", b"row").kek == both.current() != old.current()
    assert both.held() == {both.current(), old.current()}
    assert old.held() == {old.current()}
    with pytest.raises(Fault, match="not configured"):
        old.unwrap(both.wrap(b"secret", b"row"), b"row")


def test_a_wrapped_key_belongs_to_its_holder() -> None:
    wrapped = KEK.wrap(b"secret", b"anna")
    with pytest.raises(Fault):
        KEK.unwrap(wrapped, b"bert")
    with pytest.raises(Fault):
        KEK.unwrap(Wrapped(wrapped.kek, b""), b"anna")


def test_keys_are_not_shown(place: Place) -> None:
    assert "kkkk" not in repr(KeyFile([b"k" * 32]))
    assert "dddd" not in repr(DataKey(b"d" * 32))
    with opened(place) as database, database.write() as transaction:
        assert repr(transaction.name_key) not in repr(transaction)


def test_a_key_is_made_once_and_destroyed_for_ever(place: Place) -> None:
    with opened(place) as database:
        with database.write() as transaction:
            assert transaction.vault.key("anna", RECORD) is None
            sealed = transaction.vault.make("anna", RECORD).seal(b"text", "row")
            assert not transaction.vault.destroy("bert", RECORD)
        with database.write() as transaction:
            assert transaction.vault.make("anna", RECORD).open(sealed, "row") == b"text"
            assert transaction.vault.destroy("anna", RECORD)
            assert not transaction.vault.destroy("anna", RECORD)
        with database.write() as transaction:
            assert transaction.vault.key("anna", RECORD) is None
            with pytest.raises(Fault, match="destroyed"):
                transaction.vault.make("anna", RECORD)


def test_the_key_of_the_log_is_one_of_person_and_year(place: Place) -> None:
    with opened(place) as database, database.write() as transaction:
        sealed = transaction.vault.seal("anna", NOW.year, b"text", "row")
        assert transaction.vault.open("anna", NOW.year, sealed, "row") == b"text"
        transaction.vault.make("anna", "log 2027")
        with pytest.raises(Fault):
            transaction.vault.open("anna", 2027, sealed, "row")
        transaction.vault.destroy("anna", "log 2026")
        assert transaction.vault.open("anna", 2026, sealed, "row") is None


def test_rotation_wraps_every_key_anew_and_changes_nothing_else(place: Place) -> None:
    old, new = (base64.b64encode(key * 32).decode() for key in (b"k", b"n"))
    with opened(place) as database, database.write() as transaction:
        person = database.pseudonym(ANNA_BSN)
        exchange(transaction, "x", document(person, problem("1")))
        transaction.vault.make("gone", RECORD)
        transaction.vault.destroy("gone", RECORD)
    with opened(place, kek=f"{new}\n{old}") as database:
        with database.write() as transaction:
            assert transaction.vault.usage() == {KEK.current(): 2}
            assert transaction.vault.rewrap(1) == 1
        with database.write() as transaction:  # as after a rotation that was broken off
            assert transaction.vault.usage() == {KEK.current(): 1, database.kek.current(): 1}
            assert [transaction.vault.rewrap(500) for _ in range(2)] == [1, 0]
    with opened(place, kek=new) as database:
        assert faults(database) == []
        with database.read() as transaction:
            assert transaction.vault.usage() == {database.kek.current(): 2}
            assert [each.block.key for each in record_of(transaction, person).blocks] == ["problem-1"]
    with pytest.raises(Fault, match="not configured"), opened(place):
        pass
