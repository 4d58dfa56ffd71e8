"""Documents in, the record of one person out."""

from __future__ import annotations

import threading

import pytest

from gateway.blocks import Block, Identifier, Text, dump
from gateway.errors import NotFound
from gateway.exchangelog import stamp
from gateway.storage import (
    Change,
    Database,
    ResourceName,
    Stored,
    document,
    locate,
    record_of,
    store_document,
    version_of,
    versions_of,
)
from tests.storage.stores import (
    ANNA_BSN,
    BERT_BSN,
    NOW,
    Place,
    deletion,
    everything,
    faults,
    opened,
    patient,
    problem,
    resource,
    rows_of,
)
from tests.storage.stores import document as new_document


def store(database: Database, *documents: object) -> list[Stored]:
    with database.write() as transaction:
        return [store_document(transaction, each) for each in documents]  # type: ignore[arg-type]


def keys(database: Database, person: str, sender: str = "") -> list[str]:
    with database.read() as transaction:
        return [each.block.key for each in record_of(transaction, person, sender).blocks]


def test_what_goes_in_comes_out(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        blocks = [patient(), problem("1"), problem("2")]
        (stored,) = store(database, new_document(anna, *blocks))
        with database.read() as transaction:
            record = record_of(transaction, anna)
        assert [dump(each.block) for each in record.blocks] == [dump(block) for block in blocks]
        assert {(each.document, each.sender) for each in record.blocks} == {(stored.id, "Ziekenhuis")}


def test_nobody_has_no_record(place: Place) -> None:
    with opened(place) as database:
        store(database, new_document(database.pseudonym(ANNA_BSN), patient()))
        assert keys(database, database.pseudonym(BERT_BSN)) == []


def test_a_binary_is_found_by_its_name_and_is_in_no_record(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        name = ResourceName("fhir-r4", "Binary", "b")
        store(
            database, new_document(anna, changes=[resource("c"), Change(name, b'{"resourceType":"Binary"}')])
        )
        with database.read() as transaction:
            assert [each.name.id for each in record_of(transaction, anna).resources] == ["c"]
            found, there = version_of(transaction, name), locate(transaction, name)
        assert found is not None
        assert there is not None
        assert (found.content, there.person) == (b'{"resourceType":"Binary"}', anna)
        assert faults(database) == []


def test_the_versions_of_a_resource_are_given_newest_first(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        changes = [resource("c", "1"), deletion("c"), resource("c", "3")]
        store(database, *(new_document(anna, number=i, changes=[each]) for i, each in enumerate(changes)))
        with database.read() as transaction:
            every = versions_of(transaction, changes[0].name, 9)
            some = versions_of(transaction, changes[0].name, 1, below=3)
            assert versions_of(transaction, ResourceName("fhir-r4", "Condition", "d"), 9) == []
        assert [(each.version, each.deleted) for each in every] == [(3, False), (2, True), (1, False)]
        assert some == every[1:2]


def test_records_are_kept_apart(place: Place) -> None:
    with opened(place) as database:
        anna, bert = database.pseudonym(ANNA_BSN), database.pseudonym(BERT_BSN)
        store(database, new_document(anna, problem("1")), new_document(bert, problem("1", key="of-bert")))
        assert keys(database, anna) == ["problem-1"]
        assert keys(database, bert) == ["of-bert"]


def test_a_document_received_before_is_answered_as_before(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        (first,) = store(database, new_document(anna, problem("1")))
        again, changed, other, elsewhere = store(
            database,
            new_document(anna, problem("1"), received=NOW.replace(year=2027)),
            new_document(anna, problem("1"), content=b"<adaxml/>"),
            new_document(anna, problem("1"), identifier="doc-9"),
            new_document(anna, problem("1"), sender="Huisarts"),
        )
        assert first.new
        assert again == Stored(first.id, first.received, new=False)
        assert len({first.id, changed.id, other.id, elsewhere.id}) == 4
        assert len(rows_of(place)["documents"]) == 4


def test_the_newest_document_holds_and_the_earlier_one_stays(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        old, new = store(
            database,
            new_document(anna, patient("Ana"), problem("1", "oud", key="a"), problem("2", key="b")),
            new_document(anna, patient("Anna"), problem("1", "nieuw", key="z"), number=2),
        )
        with database.read() as transaction:
            record = record_of(transaction, anna)
        assert [(each.block.key, each.document) for each in record.blocks] == [
            ("b", old.id),
            ("p", new.id),
            ("z", new.id),
        ]
        assert record.current[old.id, "a"] == (new.id, "z")  # a reference to the old one finds the new one
        assert record.current[old.id, "p"] == (new.id, "p")
        assert record.current[old.id, "b"] == (old.id, "b")
        assert len(rows_of(place)["versions"]) == 5


def test_what_one_sender_delivered_no_other_replaces(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        store(
            database,
            new_document(anna, patient("Ana"), problem("1", key="a")),
            new_document(anna, patient("Anna"), problem("1", key="b"), number=2, sender="Huisarts"),
            new_document(anna, problem("1", key="c"), number=3, sender="Huisarts"),
        )
        assert keys(database, anna) == ["a", "p", "c"], "of the patient itself there is one"
        assert keys(database, anna, "Ziekenhuis") == ["p", "a"]
        with database.read() as transaction:
            record = record_of(transaction, anna)
        assert {name: key for (_, name), (_, key) in record.current.items()} == {
            "p": "p",
            "a": "a",
            "b": "c",
            "c": "c",
        }
        assert faults(database) == []


def test_newest_is_the_order_of_receipt_and_not_the_clock(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        store(database, new_document(anna, problem("1", key="first"), number=9))
        store(database, new_document(anna, problem("1", key="second"), number=2))
        assert keys(database, anna) == ["second"]


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        # zibroot identification: system and number
        (problem("1", key="a"), problem("1", key="b"), 1),
        (problem("1", key="a"), problem("2", key="a"), 2),
        (
            Block("Problem", "2020", "a", {"IdentificationNumber": Identifier("1", "s1")}),
            Block("Problem", "2020", "a", {"IdentificationNumber": Identifier("1", "s2")}),
            2,
        ),
        # the same thing in two releases is one thing
        (
            Block("Problem", "2017", "a", {"IdentificationNumber": [Identifier("1", "s")]}),
            Block("Problem", "2020", "b", {"IdentificationNumber": [Identifier("1", "s")]}),
            1,
        ),
        # one number of two types is two things
        (
            Block("Problem", "2020", "a", {"IdentificationNumber": Identifier("1", "s")}),
            Block("Procedure", "2020", "a", {"IdentificationNumber": Identifier("1", "s")}),
            2,
        ),
        # the number that the type itself has
        (
            Block(
                "HealthProfessional",
                "2020",
                "a",
                {"HealthProfessionalIdentificationNumber": Identifier("9", "u")},
            ),
            Block(
                "HealthProfessional",
                "2020",
                "b",
                {"HealthProfessionalIdentificationNumber": Identifier("9", "u")},
            ),
            1,
        ),
        # without a number: another document, another block
        (Block("DrugUse", "2020", "a", {"Comment": Text("x")}), Block("DrugUse", "2020", "a", {}), 2),
    ],
)
def test_what_identifies_a_block(place: Place, one: Block, other: Block, kept: int) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        store(database, new_document(anna, one), new_document(anna, other, number=2))
        assert len(keys(database, anna)) == kept


def test_a_document_sent_again_replaces_its_blocks_without_a_number(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        one, other = (Block("DrugUse", "2020", "a", {"Comment": Text(text)}) for text in ("oud", "nieuw"))
        store(database, new_document(anna, one), new_document(anna, other, content=b"corrected"))
        with database.read() as transaction:
            (found,) = record_of(transaction, anna).blocks
        assert found.block.values == {"Comment": Text("nieuw")}


def test_the_account_is_there_for_the_sender(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        (stored,) = store(database, new_document(anna, problem("1"), account=b'{"lines":[1]}'))
        with database.read() as transaction:
            found = document(transaction, stored.id)
            with pytest.raises(NotFound):
                document(transaction, "no-such")
        assert (found.person, found.sender, found.identifier, found.format) == (
            anna,
            "Ziekenhuis",
            "doc-1",
            "ada-2020",
        )
        assert (found.account, found.row_count) == (b'{"lines":[1]}', 1)
        assert found.received == stored.received == stamp(new_document(anna).received)


def test_a_document_without_blocks_or_identifier(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        one, again = store(database, new_document(anna, identifier=""), new_document(anna, identifier=""))
        assert (one.id, again.new) == (again.id, False)


def test_nothing_of_the_person_stands_in_the_clear(place: Place) -> None:
    with opened(place) as database:
        block = problem(ANNA_BSN, "zeer geheim")
        document = new_document(
            database.pseudonym(ANNA_BSN), block, identifier="nummer-7", account=b"verslag"
        )
        store(database, document)
    stored = everything(place)
    for secret in (
        ANNA_BSN.encode(),
        b"geheim",
        b"nummer-7",
        b"verslag",
        block.key.encode(),
        document.content,
    ):
        assert secret not in stored


def test_fifty_at_once_store_one(place: Place) -> None:
    with opened(place) as database:
        anna = database.pseudonym(ANNA_BSN)
        results: list[Stored] = []

        def deliver() -> None:
            results.extend(store(database, new_document(anna, problem("1"))))

        threads = [threading.Thread(target=deliver) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 50
        assert sum(each.new for each in results) == 1
        assert len({each.id for each in results}) == 1
