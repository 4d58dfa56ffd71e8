"""Deliveries: what is taken in, and every kind of bad input."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fhir.resources.operationoutcome import OperationOutcome

from conformance.stage import AUDITOR, EPD, PGO
from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.mapping import Context, Translator, bundle
from tests.api.client import Door
from tests.exchange.house import BGZ, BRAM, FENNA, House

NOTHING = {"persons": 0, "documents": 0, "versions": 0}


def issues(response: Any) -> list[dict[str, Any]]:
    """The issues of an answer that is a valid OperationOutcome."""
    assert response.headers["content-type"].startswith("application/fhir+json")
    OperationOutcome.model_validate_json(response.content)
    found: list[dict[str, Any]] = response.json()["issue"]
    return found


def as_fhir(translator: Translator, house: House, form: str) -> dict[str, Any]:
    """The synthetic BgZ as a Bundle, with the BSN in it, as an EPD would send it."""
    context = Context(house.pipeline.books.now())
    written = translator.write(translator.read(BGZ, context), form, context)
    return bundle(written.resources, context.base)


def test_a_new_document_is_created(door: Door) -> None:
    response = door.post()
    assert response.status_code == 201
    told = [issue["diagnostics"] for issue in issues(response)]
    assert told[0].startswith("stored ")
    assert "Problem 2" in told[0]
    assert [text.split(":")[0] for text in told[1:3]] == ["values in fhir-r4", "values in fhir-stu3"]
    where = response.headers["location"]
    assert re.fullmatch(r"https://gateway\.example/documents/[0-9a-f]{32}/account", where)
    account = door.get(where.removeprefix("https://gateway.example"), EPD)
    assert account.status_code == 200
    assert account.headers["content-type"] == "application/json"
    assert account.json().keys() == {"fhir-r4", "fhir-stu3"}


def test_the_same_document_again_is_answered_as_before(door: Door) -> None:
    first, again = door.post(), door.post()
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]


@pytest.mark.parametrize("syntax", ["json", "xml"])
@pytest.mark.parametrize(("form", "version"), [("fhir-r4", "r4"), ("fhir-stu3", "stu3")])
@pytest.mark.parametrize("stated", [True, False])
def test_a_fhir_bundle_is_taken_in_and_given_in_the_other_version(
    door: Door, house: House, translator: Translator, form: str, version: Any, syntax: str, stated: bool
) -> None:
    codec = fhir_json if syntax == "json" else fhir_xml
    content = codec.encode(as_fhir(translator, house, form), version)
    media = f"application/fhir+{syntax}" + (
        f"; fhirVersion={'4.0' if version == 'r4' else '3.0'}" if stated else ""
    )
    response = door.post(content, media)
    assert response.status_code == 201, response.text
    other = "stu3" if version == "r4" else "r4"
    found = door.get(f"/fhir/{other}/Observation?code=http://loinc.org|85354-9").json()
    assert found["total"] == 1


@pytest.mark.parametrize(
    ("client", "status"), [(PGO, 403), (AUDITOR, 403)], ids=lambda value: getattr(value, "role", None)
)
def test_who_may_not_deliver_is_refused_whatever_it_sends(door: Door, client: Any, status: int) -> None:
    for content in (BGZ, b"<", b""):
        response = door.post(content, client=client)
        assert response.status_code == status
        assert issues(response)[0]["code"] == "forbidden"
    assert door.house.rows() == NOTHING


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer a.b.c", "Basic eDp5", "bearer  x"])
def test_who_is_not_known_is_told_how(door: Door, authorization: str | None) -> None:
    headers = {"Content-Type": "application/xml"} | (
        {"Authorization": authorization} if authorization else {}
    )
    response = door.http.post("/documents", content=BGZ, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith('Bearer realm="zibpoort"')
    assert ("invalid_token" in response.headers["www-authenticate"]) is bool(authorization)
    assert issues(response)[0]["code"] == "login"
    assert door.house.log() == []


def test_two_authorizations_are_none(door: Door) -> None:
    token = door.house.stage.token(EPD)
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    assert door.http.post("/documents", content=BGZ, headers=headers).status_code == 401


def test_a_token_in_the_address_is_none(door: Door) -> None:
    token = door.house.stage.token(EPD)
    assert door.http.post(f"/documents?access_token={token}", content=BGZ).status_code == 401


DECLARED = b'<?xml version="1.0" encoding="UTF-8"?>'
BODY = BGZ.removeprefix(DECLARED)
OTHER_ZIB = BGZ.replace(b'app="bgz2017-2.0" shortName="sturen"', b'app="tarot-1.0" shortName="kaarten"')
TWO_PERSONS = re.sub(
    rb'(<patient id="duinkerk">.*?</patient>\s*(?=</demografie))',
    lambda found: (
        found[1] + found[1].replace(b'"duinkerk"', b'"bram"').replace(FENNA.encode(), BRAM.encode())
    ),
    BGZ,
    flags=re.DOTALL,
)
NOTHING_THERE = BGZ.replace(b'<probleem value="probleem-2"', b'<probleem value="probleem-9"')
UNKNOWN_CODE = BGZ.replace(
    b'code="F" codeSystem="2.16.840.1.113883.5.1"', b'code="Q" codeSystem="2.16.840.1.113883.5.1"'
)
DEEP = b"<adaxml>" + b"<a>" * 10_000 + b"</a>" * 10_000 + b"</adaxml>"

BAD: dict[str, tuple[bytes, str, int, str]] = {
    "not well-formed": (BGZ.replace(b"</adaxml>", b"</data>"), "application/xml", 400, "structure"),
    "nothing": (b"", "application/xml", 400, ""),
    "not XML": (b"BgZ van Fenna", "application/xml", 400, ""),
    "DOCTYPE": (DECLARED + b"<!DOCTYPE adaxml>" + BODY, "application/xml", 400, ""),
    "external entity": (
        DECLARED + b'<!DOCTYPE adaxml [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + BODY,
        "application/xml",
        400,
        "",
    ),
    "billion laughs": (
        DECLARED + b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        "application/xml",
        400,
        "",
    ),
    "Latin-1 bytes that are declared UTF-8": (BGZ.replace("ë".encode(), b"\xeb"), "application/xml", 400, ""),
    "UTF-7": (BGZ.replace(b"UTF-8", b"UTF-7"), "application/xml", 400, ""),
    "10,000 levels deep": (DEEP, "application/xml", 400, ""),
    "10,000 levels deep in JSON": (
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "application/fhir+json",
        400,
        "",
    ),
    "JSON cut off": (b'{"resourceType": "Bundle", "entry": [', "application/fhir+json", 400, ""),
    "a name twice": (
        b'{"resourceType": "Bundle", "type": "collection", "type": "document"}',
        "application/fhir+json",
        400,
        "",
    ),
    "XML said to be JSON": (BGZ, "application/fhir+json", 400, "structure"),
    "JSON said to be XML": (b'{"resourceType": "Bundle"}', "application/fhir+xml", 400, "structure"),
    "unknown zib": (OTHER_ZIB, "application/xml", 422, "not-supported"),
    "missing BSN": (
        re.sub(rb'<identificatienummer value="9999[^>]*>', b"", BGZ),
        "application/xml",
        422,
        "required",
    ),
    "invalid BSN": (BGZ.replace(FENNA.encode(), b"123456789"), "application/xml", 422, "value"),
    "two persons": (TWO_PERSONS, "application/xml", 422, "invalid"),
    "reference to nothing": (NOTHING_THERE, "application/xml", 422, "not-found"),
    "unknown code": (UNKNOWN_CODE, "application/xml", 422, "code-invalid"),
    "another media type": (BGZ, "text/plain", 415, "not-supported"),
    "another FHIR version": (b"{}", "application/fhir+json; fhirVersion=5.0", 415, "not-supported"),
}
PLACED = ("missing BSN", "invalid BSN", "two persons", "reference to nothing", "unknown code")


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_the_callers_fault_and_leaves_nothing(door: Door, name: str) -> None:
    content, media, status, code = BAD[name]
    response = door.post(content, media)
    assert response.status_code == status, response.text
    found = issues(response)
    assert {issue["severity"] for issue in found} <= {"error", "fatal"}
    if code:
        assert code in {issue["code"] for issue in found}
    assert door.house.rows() == NOTHING
    ((decision, outcome),) = door.house.log()
    assert outcome is not None
    assert (decision["caller"], outcome["status"]) == (EPD.id, "refused")
    assert outcome["code"] == found[0]["code"]
    for secret in (FENNA, BRAM, "123456789", "Duinkerk", "Traceback", "root:"):
        assert secret not in response.text


@pytest.mark.parametrize("name", PLACED)
def test_bad_content_is_named_by_place_concept_and_rule(door: Door, name: str) -> None:
    content, media, _, code = BAD[name]
    (issue, *_) = [each for each in issues(door.post(content, media)) if each["code"] == code]
    assert re.search(r"\((NL-CM:[\d.]+)\)", issue["diagnostics"]), issue
    assert re.search(r"rule \S", issue["diagnostics"]), issue
    assert issue.get("location") or issue.get("expression"), issue
    if name != "missing BSN":
        line = [each["valueInteger"] for each in issue["extension"] if each["url"].endswith("issue-line")]
        assert line, issue


@pytest.mark.parametrize("name", ["not well-formed", "DOCTYPE", "JSON cut off"])
def test_bad_syntax_is_named_by_line(door: Door, name: str) -> None:
    content, media, *_ = BAD[name]
    (issue, *_) = issues(door.post(content, media))
    assert [each["valueInteger"] for each in issue["extension"] if each["url"].endswith("issue-line")]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_an_encoded_document_is_not_unpacked(door: Door, encoding: str) -> None:
    response = door.post(b"\x1f\x8b" + b"\0" * 100, headers={"Content-Encoding": encoding})
    assert response.status_code == 415
    assert door.house.rows() == NOTHING


def test_a_document_that_is_too_large_is_not_held(door: Door) -> None:
    small = door.house.settings.model_copy(update={"max_bytes": 1000})
    door.http.app.state.settings = small  # type: ignore[attr-defined]
    response = door.post(b"<a>" + b" " * 5000)
    assert response.status_code == 413
    assert issues(response)[0]["code"] == "too-long"
    assert door.house.rows() == NOTHING
    assert door.house.log()[0][1]["code"] == "too-long"  # type: ignore[index]


def test_all_faults_of_a_document_are_told_together(door: Door) -> None:
    content = NOTHING_THERE.replace(FENNA.encode(), b"123456789")
    codes = {issue["code"] for issue in issues(door.post(content))}
    assert codes >= {"not-found", "value"}


def test_faults_are_told_in_xml_to_who_wants_that(door: Door) -> None:
    response = door.post(b"<", headers={"Accept": "application/fhir+xml"})
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/fhir+xml")
    assert '<OperationOutcome xmlns="http://hl7.org/fhir">' in response.text


def test_an_error_is_told_also_to_who_accepts_nothing_of_ours(door: Door) -> None:
    response = door.post(b"<", headers={"Accept": "text/html"})
    assert response.status_code == 400
    assert issues(response)


def test_many_issues_are_cut_off_with_their_number(door: Door) -> None:
    many = re.sub(
        rb'(<probleem id="probleem-1">.*?</probleem>\s*(?=<probleem id))',
        lambda found: b"".join(found[1].replace(b'value="duinkerk"', b'value="x%d"' % i) for i in range(150)),
        BGZ,
        flags=re.DOTALL,
    )
    found = issues(door.post(many))
    assert len(found) == 101
    assert re.fullmatch(r"\d+ issues in all", found[-1]["diagnostics"])


def test_the_account_is_for_its_sender(door: Door) -> None:
    where = door.post().headers["location"].removeprefix("https://gateway.example")
    assert door.get(where, PGO).status_code == 403
    assert door.get(where, AUDITOR).status_code == 403
    assert door.get(where, None).status_code == 401
    assert door.get("/documents/nonsense/account", EPD).status_code == 404
    assert json.loads(door.get(where, EPD).content)["fhir-r4"]["counts"]["used"] > 0
