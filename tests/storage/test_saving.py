"""Resources created, updated and deleted: versions, conflicts, and what holds in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from gateway.errors import Conflict, Taken
from gateway.exchangelog import stamp
from gateway.storage import (
    Change,
    Database,
    Located,
    NewDocument,
    Record,
    ResourceName,
    Saved,
    Stored,
    StoredResource,
    locate,
    lock_person,
    record_of,
    save,
    store_document,
    version_of,
)
from tests.storage.stores import (
    ANNA_BSN,
    BERT_BSN,
    Place,
    deletion,
    everything,
    faults,
    opened,
    problem,
    resource,
    rows_of,
)
from tests.storage.stores import document as new_document

A = ResourceName("fhir-r4", "Condition", "a")
AT_ONCE = 50


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    """An open database of each kind; in the end everything in it verifies."""
    with opened(place) as opening:
        yield opening
        assert faults(opening) == []


def write(database: Database, *changes: Change, bsn: str = ANNA_BSN, **more: Any) -> Stored:
    """Save changes in a transaction of their own."""
    with database.write() as transaction:
        return save(transaction, new_document(database.pseudonym(bsn), changes=changes, **more))


def record(database: Database, bsn: str = ANNA_BSN, sender: str = "") -> Record:
    with database.read() as transaction:
        return record_of(transaction, database.pseudonym(bsn), sender)


def found(database: Database, version: int | None = None, name: ResourceName = A) -> StoredResource | None:
    with database.read() as transaction:
        return version_of(transaction, name, version)


def located(database: Database, name: ResourceName = A) -> Located | None:
    with database.read() as transaction:
        return locate(transaction, name)


def test_every_write_makes_a_version_and_the_newest_holds(database: Database) -> None:
    created = write(database, resource("a", "een"))
    updated = write(database, resource("a", "twee"), number=2)
    assert created.saved == (Saved(A, 1, deleted=False, created=True),)
    assert updated.saved == (Saved(A, 2, deleted=False, created=False),)
    (held,) = record(database).resources
    assert held == StoredResource(
        A, 2, updated.id, updated.received, "Ziekenhuis", resource("a", "twee").content
    )
    assert found(database) == held
    assert found(database, 1) == StoredResource(
        A, 1, created.id, created.received, "Ziekenhuis", resource("a", "een").content
    )
    assert found(database, 3) is None


def test_a_deletion_is_a_version_and_what_is_created_after_it_another(database: Database) -> None:
    write(database, resource("a"))
    gone = write(database, deletion("a"), number=2)
    assert gone.saved == (Saved(A, 2, deleted=True, created=False),)
    assert record(database).resources == ()
    held = found(database)
    assert held is not None
    assert (held.deleted, held.content) == (True, b"")
    assert write(database, deletion("a"), number=3).saved == (Saved(A, 2, deleted=True, created=False),)
    back = write(database, resource("a", "terug"), number=4)
    assert back.saved == (Saved(A, 3, deleted=False, created=True),)
    assert [each.version for each in record(database).resources] == [3]


def test_deleting_what_never_was_makes_no_version(database: Database) -> None:
    assert write(database, deletion("a")).saved == (Saved(A, 0, deleted=True, created=False),)
    assert located(database) is None


def test_where_a_resource_is(database: Database) -> None:
    assert located(database) is None
    stored = write(database, resource("a"))
    anna = database.pseudonym(ANNA_BSN)
    assert located(database) == Located(anna, "Ziekenhuis", stored.id, 1, stored.received, deleted=False)
    gone = write(database, deletion("a"), number=2)
    assert located(database) == Located(anna, "Ziekenhuis", gone.id, 2, gone.received, deleted=True)
    assert located(database, ResourceName("fhir-stu3", "Condition", "a")) is None
    assert located(database, ResourceName("fhir-r4", "Observation", "a")) is None


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ([], resource("a", expected=1)),
        ([], deletion("a", expected=1)),
        ([resource("a")], resource("a", expected=0)),
        ([resource("a")], resource("a", expected=2)),
        ([resource("a"), resource("a")], resource("a", expected=1)),
        ([resource("a"), resource("a")], deletion("a", expected=1)),
        ([resource("a"), deletion("a")], resource("a", expected=2)),
    ],
)
def test_another_version_than_expected_changes_nothing(
    database: Database, before: Sequence[Change], change: Change
) -> None:
    for number, each in enumerate(before):
        write(database, each, number=number)
    held = record(database)
    with pytest.raises(Conflict, match="another version"):
        write(database, resource("b"), change)
    assert record(database) == held


@pytest.mark.parametrize(
    ("before", "change", "version"),
    [
        ([], resource("a", expected=0), 1),
        ([resource("a")], resource("a", expected=1), 2),
        ([resource("a")], deletion("a", expected=1), 2),
        ([resource("a"), deletion("a")], resource("a", expected=0), 3),
    ],
)
def test_the_version_that_was_expected(
    database: Database, before: Sequence[Change], change: Change, version: int
) -> None:
    for number, each in enumerate(before):
        write(database, each, number=number)
    assert write(database, change).saved[0].version == version


@pytest.mark.parametrize("change", [resource("a", "ander"), deletion("a")])
@pytest.mark.parametrize("other", [{"bsn": BERT_BSN}, {"sender": "Huisarts"}])
def test_a_resource_stays_with_its_person_and_sender(
    database: Database, change: Change, other: dict[str, str]
) -> None:
    write(database, resource("a"))
    with pytest.raises(Conflict, match="not free") as caught:
        write(database, change, **other)
    assert ANNA_BSN not in caught.value.diagnostics()
    assert [each.version for each in record(database).resources] == [1]


def test_many_changes_at_once_are_one_document(database: Database) -> None:
    stored = write(database, resource("a"), resource("b"), resource("a", form="fhir-stu3"))
    assert [each.version for each in stored.saved] == [1, 1, 1]
    assert {each.document for each in record(database).resources} == {stored.id}


def test_the_revision_grows_with_every_write_of_the_person(database: Database) -> None:
    assert record(database).revision == 0
    write(database, resource("a"))
    write(database, resource("z"), bsn=BERT_BSN)
    with database.write() as transaction:
        store_document(transaction, new_document(database.pseudonym(ANNA_BSN), problem("1"), number=2))
    assert (record(database).revision, record(database, BERT_BSN).revision) == (2, 1)


def test_an_organisation_reads_back_what_it_delivered(database: Database) -> None:
    write(database, resource("a"))
    write(database, resource("b"), sender="Huisarts")
    assert [each.name.id for each in record(database).resources] == ["a", "b"]
    assert [each.name.id for each in record(database, sender="Huisarts").resources] == ["b"]


def test_the_same_interaction_twice_is_two_versions(database: Database) -> None:
    assert [write(database, resource("a")).saved[0].version for _ in range(2)] == [1, 2]


def test_a_document_of_resources_delivered_again_is_answered_as_before(database: Database) -> None:
    anna = database.pseudonym(ANNA_BSN)
    changes = [resource("a"), resource("b"), deletion("c")]
    write(database, resource("c"))
    write(database, resource("b"), number=2)
    delivered = new_document(anna, problem("1"), number=3, changes=changes)
    answers = []
    for _ in range(2):
        with database.write() as transaction:
            answers.append(store_document(transaction, delivered))
    first, again = answers
    assert [(each.version, each.created) for each in first.saved] == [(1, True), (2, False), (2, False)]
    assert again == Stored(first.id, first.received, new=False, saved=first.saved)
    assert first.received == stamp(delivered.received)


def test_no_id_stands_in_the_clear(place: Place) -> None:
    with opened(place) as database:
        write(database, resource("patient-999911120", "zeer geheim"))
    stored = everything(place)
    for secret in (b"999911120", b"geheim", ANNA_BSN.encode()):
        assert secret not in stored
    assert len(rows_of(place)["versions"]) == 1


def at_once(count: int, work: Callable[[int], object]) -> list[BaseException]:
    """What went wrong when so many threads did this at the same moment."""
    gate, wrong = threading.Barrier(count), list[BaseException]()

    def run(number: int) -> None:
        gate.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - it is handed to the test
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_fifty_identical_conditional_creates_create_one(database: Database) -> None:
    anna = database.pseudonym(ANNA_BSN)
    created: list[str] = []
    existing: list[str] = []

    def create(number: int) -> None:
        with database.write() as transaction:
            lock_person(transaction, anna)
            if held := record_of(transaction, anna).resources:
                existing.append(held[0].name.id)
                return
            document: NewDocument = new_document(anna, changes=[resource(f"id-{number}")])
            created.append(save(transaction, document).saved[0].name.id)

    assert at_once(AT_ONCE, create) == []
    assert len(created) == 1
    assert existing == created * (AT_ONCE - 1)
    assert record(database).revision == 1


def test_of_fifty_updates_of_one_version_one_succeeds(database: Database) -> None:
    write(database, resource("a"))
    wrong = at_once(AT_ONCE, lambda _: write(database, resource("a", expected=1)))
    assert [type(error) for error in wrong] == [Conflict] * (AT_ONCE - 1)
    assert [each.version for each in record(database).resources] == [2]


def test_one_id_for_two_persons_at_the_same_moment_is_of_one_of_them(database: Database) -> None:
    people = [ANNA_BSN, BERT_BSN]
    wrong = at_once(2, lambda number: write(database, resource("a"), bsn=people[number]))
    assert [type(error) for error in wrong] == [Taken]
    assert sum(len(record(database, bsn).resources) for bsn in people) == 1
