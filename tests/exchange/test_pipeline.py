"""What happens to a document and to a question, with the real parts."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from conformance.stage import AUDITOR, EPD, PGO, Client
from gateway.errors import (
    ContentError,
    Denied,
    Fault,
    InputError,
    Issue,
    NotFound,
    SyntaxFault,
    Unauthenticated,
)
from gateway.exchange import Answer, Call, Question, Sent, renditions
from gateway.exchange.parties import load_parties
from gateway.exchange.record import Reader, Whole
from gateway.exchange.renditions import FORMATS
from gateway.exchangelog import Search as LogSearch
from gateway.exchangelog import verify
from gateway.storage import Record, store_document, verify_records
from tests.exchange.house import BGZ, BRAM, FENNA, House, kinds

NOTHING = {"persons": 0, "documents": 0, "versions": 0}
SIGNED_BY_ANOTHER = Client(PGO.id, "care-provider", PGO.organisation, PGO.name, "TREAT")


def effects(house: House) -> list[tuple[str, str]]:
    return [(d["effect"], o["status"] if o else "gap") for d, o in house.log()]


def of(bsn: str, text: bytes = BGZ) -> bytes:
    return text.replace(FENNA.encode(), bsn.encode())


def test_a_document_is_stored_whole_with_its_account(house: House) -> None:
    delivery = house.deliver()
    assert delivery.new
    assert house.rows() == {"persons": 1, "documents": 1, "versions": delivery.blocks.total()}
    assert delivery.blocks["Problem"] == 2
    assert delivery.values.keys() == set(FORMATS.values())
    assert all(counts["used"] > 0 for counts in delivery.values.values())
    assert effects(house) == [("permit", "completed")]


def test_the_same_document_is_answered_as_before(house: House) -> None:
    first, again = house.deliver(), house.deliver()
    assert (again.id, again.new) == (first.id, False)
    assert (again.blocks, again.values) == (first.blocks, first.values)
    assert house.rows()["documents"] == 1
    assert house.log()[1][1]["code"] == "duplicate"  # type: ignore[index]


def test_fifty_of_the_same_at_once_are_stored_once(house: House) -> None:
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(house.deliver().new)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(found) == {True: 1, False: 49}
    assert house.rows()["documents"] == 1


def test_a_document_of_another_person_is_another_record(house: House) -> None:
    house.deliver()
    house.deliver(of(BRAM))
    assert house.rows()["persons"] == 2
    fenna, bram = (house.search("r4", "Condition", person) for person in (FENNA, BRAM))
    ids = [{entry["resource"]["id"] for entry in bundle["entry"]} for bundle in (fenna, bram)]
    assert not ids[0] & ids[1]


def test_no_bsn_stands_in_the_clear(house: House) -> None:
    house.deliver()
    house.search("stu3", "Patient")
    assert FENNA.encode() not in house.stored()
    assert b"Duinkerk" not in house.stored()


@pytest.mark.parametrize("client", [PGO, AUDITOR, SIGNED_BY_ANOTHER], ids=lambda client: client.role)
def test_who_may_not_deliver_is_refused_before_a_byte_is_read(house: House, client: Client) -> None:
    def receive() -> Sent:
        raise AssertionError("read")

    with pytest.raises(Denied):
        house.pipeline.deliver(house.call(client, FENNA), receive)
    assert effects(house) == [("deny", "refused")]
    assert house.rows() == NOTHING


def test_a_token_for_one_person_delivers_of_that_person_only(house: House) -> None:
    with pytest.raises(Denied):
        house.pipeline.deliver(house.call(EPD, BRAM), lambda: Sent(BGZ))
    assert house.log()[0][0]["reasons"] == ["person-mismatch"]
    assert house.rows() == NOTHING


@pytest.mark.parametrize("purpose", ["PATRQT", "ETREAT", "BTG", "HRESCH", "nonsense", None])
def test_another_purpose_is_denied(house: House, purpose: str | None) -> None:
    with pytest.raises(Denied):
        house.pipeline.deliver(house.call(EPD, purpose=purpose or "TREAT2"), lambda: Sent(BGZ))
    assert effects(house) == [("deny", "refused")]


def test_who_is_not_known_leaves_no_entry(house: House) -> None:
    with pytest.raises(Unauthenticated):
        house.pipeline.deliver(Call("a.b.c"), lambda: Sent(BGZ))
    assert house.log() == []


BAD: list[tuple[str, bytes, type[InputError]]] = [
    ("not well-formed", BGZ[:-20], SyntaxFault),
    ("empty", b"", SyntaxFault),
    ("no BSN", re.sub(rb'<identificatienummer value="9999[^>]*>', b"", BGZ), ContentError),
    ("invalid BSN", of("123456789"), ContentError),
]


@pytest.mark.parametrize(("content", "kind"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_document_leaves_nothing_but_a_refusal(
    house: House, content: bytes, kind: type[InputError]
) -> None:
    with pytest.raises(kind) as caught:
        house.deliver(content)
    assert house.rows() == NOTHING
    (decision, outcome), *_ = house.log()
    assert outcome is not None
    assert (decision["effect"], outcome["status"]) == ("deny", "refused")
    assert outcome["code"] == caught.value.issues[0].code


def test_a_failure_while_storing_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store_document

    def half(*arguments: Any) -> Any:
        real(*arguments)
        raise RuntimeError("power cut")

    monkeypatch.setattr("gateway.exchange.pipeline.store_document", half)
    with pytest.raises(RuntimeError):
        house.deliver()
    assert house.rows() == NOTHING
    assert effects(house) == [("permit", "failed")]


def test_the_store_and_the_log_verify_after_all_of_this(house: House) -> None:
    house.deliver()
    house.deliver(of(BRAM))
    house.search("r4", "Observation")
    with house.pipeline.books.database.read() as transaction:
        assert verify(transaction.log.store).problems == ()
        assert verify_records(transaction) == []


@pytest.mark.parametrize("version", FORMATS)
def test_a_record_is_served_in_both_versions(house: House, version: Any) -> None:
    house.deliver()
    bundle = house.search(version, "Observation?code=http://loinc.org|85354-9")
    assert (bundle["type"], bundle["total"]) == ("searchset", 1)
    base = f"https://gateway.example/fhir/{version}"
    assert bundle["link"] == [
        {"relation": "self", "url": f"{base}/Observation?code=http://loinc.org%7C85354-9"}
    ]
    (entry,) = bundle["entry"]
    assert entry["fullUrl"] == f"{base}/Observation/{entry['resource']['id']}"
    assert entry["search"] == {"mode": "match"}


@pytest.mark.parametrize("version", FORMATS)
def test_no_answer_holds_a_bsn(house: House, version: Any) -> None:
    house.deliver()
    for kind in house.pipeline.served(version):
        answer = house.ask(Question(version, kind))
        assert FENNA.encode() not in answer.body, kind
        assert b"NamingSystem/bsn" not in answer.body, kind


def test_an_answer_with_a_bsn_is_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault elsewhere would have to let it through; then nothing goes."""
    careless = Whole([], {})

    def whole(record: Record, _read: Reader) -> Whole:
        return careless._replace(blocks=[each.block for each in record.blocks])

    monkeypatch.setattr(renditions, "whole", whole)
    monkeypatch.setattr(renditions, "minimise_all", lambda blocks, _: (blocks, []))
    house.deliver()
    with pytest.raises(Fault, match="BSN"):
        house.search("r4", "Patient")
    assert effects(house)[-1] == ("permit-with-less", "failed")


def test_a_resource_is_read_by_its_id(house: House) -> None:
    house.deliver()
    found = house.search("r4", "Condition")["entry"][0]["resource"]
    answer = house.ask(Question("r4", "Condition", id=found["id"]))
    assert json.loads(answer.body) == found
    assert answer.media == "application/fhir+json; fhirVersion=4.0; charset=utf-8"
    assert answer.headers["ETag"] == f'W/"{found["meta"]["versionId"]}"'
    told = parsedate_to_datetime(answer.headers["Last-Modified"])
    assert told == datetime.fromisoformat(found["meta"]["lastUpdated"]).replace(microsecond=0)


def test_ids_are_the_same_every_time_and_after_the_document_was_sent_anew(house: House) -> None:
    house.deliver()
    before = {e["resource"]["id"] for e in house.search("r4", "Condition")["entry"]}
    house.deliver(BGZ.replace(b"Pijn bij traplopen.", b"Geen pijn meer."))
    after = house.search("r4", "Condition")["entry"]
    assert {e["resource"]["id"] for e in after} == before
    assert "Geen pijn meer." in json.dumps(after)
    assert "traplopen" not in json.dumps(after)


def test_the_decision_is_on_record_when_the_answer_leaves_and_the_outcome_is_not(house: House) -> None:
    house.deliver()
    seen: list[tuple[str, str]] = []
    call = house.call(PGO, FENNA)
    house.pipeline.query(call, Question("r4", "Condition"), lambda _: seen.append(effects(house)[-1]))
    assert seen == [("permit-with-less", "gap")]
    assert effects(house)[-1] == ("permit-with-less", "completed")


def test_an_answer_that_does_not_leave_is_a_failed_exchange(house: House) -> None:
    def release(_: Answer) -> None:
        raise Fault(Issue("error", "incomplete", "the caller went away"))

    with pytest.raises(Fault):
        house.pipeline.query(house.call(PGO, FENNA), Question("r4", "Condition"), release)
    assert effects(house) == [("permit-with-less", "failed")]


def test_somebody_elses_resource_is_not_found_as_one_that_is_not_there(house: House) -> None:
    house.deliver()
    found = house.search("r4", "Condition")["entry"][0]["resource"]["id"]
    told = []
    for resource_id in (found, "0" * 32):
        with pytest.raises(NotFound) as caught:
            house.ask(Question("r4", "Condition", id=resource_id), BRAM)
        told.append(caught.value.diagnostics())
    assert told[0] == told[1]


def test_somebody_else_gets_an_empty_record_and_may_not_name_another_patient(house: House) -> None:
    house.deliver()
    fenna = house.search("r4", "Patient")["entry"][0]["resource"]["id"]
    empty = house.search("r4", "Condition", BRAM)
    assert (empty["total"], empty.get("entry")) == (0, None)
    told = []
    for patient in (fenna, "0" * 32):
        with pytest.raises(Denied) as caught:
            house.search("r4", f"Condition?patient={patient}", BRAM)
        told.append(caught.value.diagnostics())
    assert told[0] == told[1]
    assert effects(house)[-2:] == [("permit-with-less", "refused")] * 2


def test_includes_stay_within_the_record(house: House) -> None:
    house.deliver()
    house.deliver(of(BRAM))
    bundle = house.search("r4", "Condition?_include=Condition:subject")
    assert kinds(bundle) == {"Condition": 2, "Patient": 1}
    assert bundle["total"] == 2


@pytest.mark.parametrize("client", [EPD, AUDITOR], ids=lambda client: client.role)
def test_only_a_pgo_may_ask(house: House, client: Client) -> None:
    with pytest.raises(Denied):
        house.ask(Question("r4", "Condition"), FENNA, client)
    assert effects(house) == [("deny", "refused")]


def test_a_pgo_without_a_person_is_denied(house: House) -> None:
    with pytest.raises(Denied):
        house.ask(Question("r4", "Condition"), "")
    assert "person-missing" in house.log()[0][0]["reasons"]


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_an_answer_in_pages_is_the_whole_answer(house: House, version: Any) -> None:
    house.deliver()
    whole = house.search(version, "Observation")
    assert whole["total"] > 2
    assert [link["relation"] for link in whole["link"]] == ["self"]
    seen, query = [], "Observation?_count=2"
    while query:
        page = house.search(version, query)
        assert page["total"] == whole["total"]
        seen += [entry["fullUrl"] for entry in page["entry"]]
        links = {link["relation"]: link["url"].rpartition("/")[2] for link in page["link"]}
        assert links["self"] == query
        query = links.get("next", "")
    assert seen == [entry["fullUrl"] for entry in whole["entry"]]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        (Question("r4", "Nonsense"), NotFound),
        (Question("r4", "Bundle"), NotFound),
        (Question("r4", "Condition", (("x", "1"),), strict=True), InputError),
        (Question("r4", "Condition", (("code:in", "1"),)), InputError),
        (Question("r4", "Condition", (("_id", FENNA),)), InputError),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_on_record(
    house: House, question: Question, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        house.ask(question)
    assert effects(house) == [("permit-with-less", "refused")]
    assert FENNA not in json.dumps(house.log())


def account(house: House, document: str, client: Client = EPD) -> Any:
    answers: list[Answer] = []
    house.pipeline.account(house.call(client), document, answers.append)
    return json.loads(answers[0].body)


def test_the_sender_gets_the_account(house: House) -> None:
    delivery = house.deliver()
    found = account(house, delivery.id)
    assert {form: part["counts"] for form, part in found.items()} == delivery.values
    lines = found["fhir-r4"]["lines"]
    assert len(lines) == sum(delivery.values["fhir-r4"].values())
    assert FENNA not in json.dumps(found)
    assert "Duinkerk" not in json.dumps(found)


@pytest.mark.parametrize("document", ["0" * 32, "", "nonsense"])
def test_an_account_that_is_not_there_is_not_found(house: House, document: str) -> None:
    with pytest.raises(NotFound):
        account(house, document)
    assert effects(house) == [("deny", "refused")]


def test_an_account_of_another_organisation_is_not_found_either(house: House, tmp_path: Any) -> None:
    delivery = house.deliver()
    registrations = (tmp_path / "parties.yaml").read_text()
    moved = registrations.replace(EPD.organisation, "urn:oid:2.16.528.1.1007.3.3.90000099")
    (tmp_path / "parties.yaml").write_text(moved)
    house.pipeline.parties = load_parties(house.settings)
    other = Client(EPD.id, EPD.role, "urn:oid:2.16.528.1.1007.3.3.90000099", EPD.name, EPD.purpose)
    told = []
    for document in (delivery.id, "0" * 32):
        with pytest.raises(NotFound) as caught:
            account(house, document, other)
        told.append(caught.value.diagnostics())
    assert told[0] == told[1]


@pytest.mark.parametrize("client", [PGO, AUDITOR], ids=lambda client: client.role)
def test_others_may_not_ask_for_accounts(house: House, client: Client) -> None:
    delivery = house.deliver()
    with pytest.raises(Denied):
        account(house, delivery.id, client)


def read_log(house: House, client: Client = AUDITOR, **search: Any) -> Any:
    answers: list[Answer] = []
    house.pipeline.read_log(house.call(client), LogSearch(**search), answers.append)
    return json.loads(answers[0].body)


def test_an_auditor_reads_the_log_and_that_is_in_it(house: House) -> None:
    house.deliver()
    page = read_log(house)
    assert [each["decision"]["activity"] for each in page["exchanges"]] == [
        "auditor-reads-log",
        "epd-delivers-document",
    ]
    assert page["next"] is None
    assert FENNA not in json.dumps(page)
    assert effects(house) == [("permit", "completed")] * 2


def test_the_log_is_read_page_by_page(house: House) -> None:
    for _ in range(4):
        house.search("r4", "Condition")
    first = read_log(house, caller=PGO.id, limit=3)
    second = read_log(house, caller=PGO.id, limit=3, before=first["next"])
    seen = [each["decision"]["exchange"] for page in (first, second) for each in page["exchanges"]]
    assert (len(seen), len(set(seen)), second["next"]) == (4, 4, None)


def test_the_log_of_one_person(house: House) -> None:
    house.search("r4", "Condition", FENNA)
    house.search("r4", "Condition", BRAM)
    person = house.pipeline.books.database.pseudonym(BRAM)
    (found,) = (e for e in read_log(house, person=person)["exchanges"] if e["decision"]["caller"] == PGO.id)
    assert found["decision"]["person"] == person


@pytest.mark.parametrize("client", [PGO, EPD], ids=lambda client: client.role)
def test_nobody_else_reads_the_log(house: House, client: Client) -> None:
    with pytest.raises(Denied):
        read_log(house, client)
    assert effects(house) == [("deny", "refused")]


def test_an_expired_token_ends_an_access(house: House) -> None:
    house.shift = timedelta(hours=2)
    with pytest.raises(Unauthenticated):
        house.search("r4", "Condition")
