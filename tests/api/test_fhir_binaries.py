"""Binaries: bytes that hang on a resource of a person."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from conformance.hostile.specimen import uuid
from conformance.stage import EPD, PGO
from gateway.codecs.fhir import fhir_xml
from gateway.policy import parse_register
from gateway.policy.register import REGISTER
from tests.api.client import Door
from tests.api.epd import NEIGHBOUR, door, fenna, made, outcomes, places, post, send, statuses
from tests.exchange.house import BRAM, FENNA
from tests.exchange.resources import BSN, NUMBERS, bundle, entry, patient, pressure

__all__ = ["door"]

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nlittle of it\x00\xff\n%%EOF"
NOTHING = {"persons": 0, "documents": 0, "versions": 0}
DATA = {"r4": "data", "stu3": "content"}


def binary(context: str, version: str = "r4", content: bytes = PDF, **changes: Any) -> Any:
    """A Binary of a PDF."""
    about = {"securityContext": {"reference": context}} if context else {}
    return {
        "resourceType": "Binary",
        "contentType": "application/pdf",
        **about,
        DATA[version]: base64.b64encode(content).decode(),
    } | changes


def letter(subject: str, url: str = "", version: str = "r4", **changes: Any) -> Any:
    """A DocumentReference to a Binary."""
    indexed = {"indexed": "2026-03-04T10:00:00Z", "type": {"text": "brief"}} if version == "stu3" else {}
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": subject},
        "content": [{"attachment": {"contentType": "application/pdf", "url": url}}],
        **indexed,
    } | changes


def delivered(door: Door, version: str = "r4") -> tuple[str, str, str]:
    """`Type/id` of a Patient, a DocumentReference and a Binary, of one transaction."""
    tree = bundle(
        entry(patient(), 1),
        entry(letter(uuid(1), uuid(3), version), 2),
        entry(binary(uuid(2), version), 3),
    )
    answer = post(door, tree, version)
    assert statuses(answer) == ["201"] * 3, answer.text
    return made(answer, 0), made(answer, 1), made(answer, 2)


def give(door: Door, path: str, accept: str = "", client: Any = EPD) -> Any:
    return door.get(f"/fhir/{path}", client, headers={"Accept": accept} if accept else {"Accept": "*/*"})


def raw(
    door: Door, method: str, path: str, context: str = "", media: str = "application/pdf", **more: str
) -> Any:
    about = {"X_Security_Context": context} if context else {}
    headers: Any = about | {"Content_Type": media} | more
    return send(door, method, path, PDF, **headers)


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_a_binary_comes_back_as_resource_or_as_bytes(door: Door, version: str) -> None:
    _, document, name = delivered(door, version)
    kept = give(door, f"{version}/{name}", "application/fhir+json").json()
    assert kept["securityContext"] == {"reference": document}
    assert base64.b64decode(kept[DATA[version]]) == PDF
    pointed = send(door, "GET", f"{version}/{document}").json()["content"][0]["attachment"]["url"]
    assert pointed == name
    xml = give(door, f"{version}/{name}", "application/fhir+xml")
    assert fhir_xml.decode(xml.content, version)["securityContext"] == kept["securityContext"]  # type: ignore[arg-type]
    for accept in ("", "*/*", "application/pdf", "text/html, application/fhir+json;q=0.5", "image/png"):
        file = give(door, f"{version}/{name}", accept)
        assert (file.status_code, file.content) == (200, PDF)
        assert file.headers["content-type"] == "application/pdf"
        assert file.headers["content-disposition"] == "attachment"
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["etag"] == 'W/"1"'
    assert give(door, f"{version}/{name}?_format=json").json() == kept


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_bytes_live_from_create_to_delete(door: Door, version: str) -> None:
    who = made(post(door, bundle(entry(patient(), 1)), version))
    created = raw(door, "POST", f"{version}/Binary", who)
    assert (created.status_code, created.content) == (201, b"")
    name = created.headers["location"].partition(f"/fhir/{version}/")[2].partition("/_history/")[0]
    assert give(door, f"{version}/{name}").content == PDF
    context = f"https://gateway.example/fhir/{version}/{who}"
    updated = raw(door, "PUT", f"{version}/{name}", context, "image/png", Prefer="return=representation")
    assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
    assert updated.json()["securityContext"] == {"reference": who}
    assert give(door, f"{version}/{name}").headers["content-type"] == "image/png"
    first = give(door, f"{version}/{name}/_history/1")
    assert (first.headers["content-type"], first.content) == ("application/pdf", PDF)
    assert raw(door, "PUT", f"{version}/{name}", who, If_Match='W/"1"').status_code == 412
    assert raw(door, "PUT", f"{version}/Binary/mine", who).status_code == 201
    assert send(door, "DELETE", f"{version}/{name}").status_code == 204
    assert give(door, f"{version}/{name}").status_code == 410
    assert (
        give(door, f"{version}/{name}/_history/2", "application/fhir+json").json()["contentType"]
        == "image/png"
    )


@pytest.mark.parametrize("media", ["application/xml", "text/xml; charset=utf-8", "application/json"])
def test_json_and_xml_may_be_bytes(door: Door, media: str) -> None:
    who = fenna(door)
    created = raw(door, "POST", "r4/Binary", who, media)
    assert created.status_code == 201, created.text
    file = give(door, created.headers["location"].partition("/fhir/")[2])
    assert (file.headers["content-type"], file.content) == (media, PDF)
    assert raw(door, "POST", "r4/Binary", media=media).status_code == 400, "without a context it is FHIR"
    assert raw(door, "POST", "r4/Binary", who, "application/fhir+json").status_code == 400


def test_an_html_page_goes_as_a_file(door: Door) -> None:
    who = fenna(door)
    page = b"<script>alert(1)</script>"
    sent = send(door, "POST", "r4/Binary", binary(who, content=page, contentType="text/html"))
    file = give(door, f"r4/Binary/{sent.json()['id']}", "text/html")
    assert file.content == page
    assert file.headers["content-disposition"] == "attachment"
    assert "sandbox" in file.headers["content-security-policy"]


def test_a_binary_is_as_large_as_a_document(door: Door) -> None:
    who, most = fenna(door), door.house.settings.max_bytes
    headers = {
        "Authorization": f"Bearer {door.house.stage.token(EPD)}",
        "Content-Type": "application/pdf",
        "X-Security-Context": who,
    }
    assert door.http.post("/fhir/r4/Binary", content=bytes(most + 1), headers=headers).status_code == 413
    created = door.http.post("/fhir/r4/Binary", content=bytes(most), headers=headers)
    assert created.status_code == 201
    name = created.headers["location"].partition("/fhir/")[2]
    assert len(give(door, name).content) == most
    assert len(give(door, name, "application/fhir+json").content) > most


@pytest.mark.parametrize(
    "context",
    [
        "",
        "Patient/nobody",
        "DocumentReference/none",
        "Binary/mine",
        "http://elsewhere.example/Patient/1",
        "#a",
    ],
)
def test_what_hangs_on_nothing_is_refused(door: Door, context: str) -> None:
    who = fenna(door)
    raw(door, "PUT", "r4/Binary/mine", who)
    rows = door.house.rows()
    for answer in (
        raw(door, "POST", "r4/Binary", context),
        send(door, "POST", "r4/Binary", binary(context)),
        post(door, bundle(entry(patient(), 1), entry(binary(context), 2))),
    ):
        assert answer.status_code == 422, answer.text
        assert "securityContext" in " ".join(places(answer))
    assert door.house.rows() == rows


def test_what_a_neighbour_delivered_is_nothing_to_hang_on(door: Door) -> None:
    who, document, name = delivered(door)
    for context in (who, document):
        sent = send(door, "POST", "r4/Binary", binary(context), NEIGHBOUR)
        nobody = send(door, "POST", "r4/Binary", binary(context.split("/")[0] + "/none"), NEIGHBOUR)
        assert (sent.status_code, sent.content) == (422, nobody.content)
    assert send(door, "GET", f"r4/{name}", client=NEIGHBOUR).status_code == 404


def test_a_binary_stays_with_its_person(door: Door) -> None:
    _, _, name = delivered(door)
    bram = made(post(door, bundle(entry(patient(BRAM), 1))))
    moved = send(door, "PUT", f"r4/{name}", binary(bram, id=name.partition("/")[2]))
    assert moved.status_code == 422
    together = post(door, bundle(entry(patient(), 1), entry(binary(bram), 2)))
    assert together.status_code == 422


@pytest.mark.parametrize(
    "changes", [{"contentType": "x"}, {"contentType": "a/b\r\nX: y"}, {"data": "no*base64"}]
)
def test_a_binary_that_is_none_is_refused(door: Door, changes: Any) -> None:
    who = fenna(door)
    answer = send(door, "POST", "r4/Binary", binary(who) | changes)
    assert answer.status_code == 400, answer.text
    assert places(answer) == [f"Binary.{next(iter(changes))}"]


def test_a_binary_has_nothing_to_be_found_by(door: Door) -> None:
    who = fenna(door)
    answer = send(door, "PUT", f"r4/Binary?identifier={NUMBERS}|1", binary(who))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "not-supported")
    assert door.get("/fhir/r4/Binary").status_code == 404
    row = door.get("/fhir/r4/metadata", None).json()["rest"][0]["resource"][0]
    assert (row["type"], row["conditionalUpdate"]) == ("Binary", False)
    assert {"code": "search-type"} not in row["interaction"]


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_the_person_gets_what_hangs_on_a_document(door: Door, version: str) -> None:
    _, _, name = delivered(door, version)
    file = give(door, f"{version}/{name}", "application/pdf", PGO)
    assert (file.status_code, file.content) == (200, PDF), file.text
    assert file.headers["content-disposition"] == "attachment"
    assert (
        give(door, f"{version}/{name}", "application/fhir+json", PGO).json()["contentType"]
        == "application/pdf"
    )
    decision, outcome = door.house.log()[-1]
    assert (decision["activity"], decision["effect"], decision["blocks"]) == (
        "person-reads-own-record",
        "permit",
        ["DocumentReference"],
    )
    assert outcome is not None
    assert outcome["counts"] == {"Binary": 1}
    other = "stu3" if version == "r4" else "r4"
    assert give(door, f"{other}/{name}", client=PGO).status_code == 404


def test_it_hangs_on_the_blocks_of_its_resource(door: Door) -> None:
    who = fenna(door)
    observed = send(door, "POST", "r4/Observation", pressure(who)).json()["id"]
    name = send(door, "POST", "r4/Binary", binary(f"Observation/{observed}")).json()["id"]
    assert give(door, f"r4/Binary/{name}", client=PGO).status_code == 200
    assert door.house.log()[-1][0]["blocks"] == ["BloodPressure"]
    send(door, "DELETE", f"r4/Observation/{observed}")
    gone = give(door, f"r4/Binary/{name}", client=PGO)
    assert (gone.status_code, gone.json()["issue"][0]["code"]) == (403, "forbidden")
    assert "hangs on is not there" in gone.text


def test_what_hangs_on_the_patient_stays_where_the_number_may_not_leave(door: Door) -> None:
    who = fenna(door)
    name = send(door, "POST", "r4/Binary", binary(who)).json()["id"]
    assert give(door, f"r4/Binary/{name}").status_code == 200, "who delivered it reads it back"
    denied = give(door, f"r4/Binary/{name}", client=PGO)
    assert denied.status_code == 403
    assert "whole or not at all" in denied.text
    assert outcomes(door)[-1] == ("permit-with-less", "refused")


def test_what_a_purpose_may_not_see_stays(door: Door) -> None:
    _, _, name = delivered(door)
    text = REGISTER.read_text()
    start = text.index("action: read\n")
    narrowed = text[start:].replace('allow: "*"', 'allow: {Problem: "*"}', 1)
    register = parse_register((text[:start] + narrowed).encode(), "register.yaml")
    object.__setattr__(door.house.pipeline.books, "register", register)
    assert give(door, f"r4/{name}", client=PGO).status_code == 403
    assert outcomes(door)[-1] == ("deny", "refused")


NUMBER = {"system": BSN, "value": FENNA}


@pytest.mark.parametrize(
    ("page", "context"),
    [
        (f"BSN {FENNA}", {}),
        (f"BSN {FENNA[:4]}.{FENNA[4:6]}.{FENNA[6:]}", {}),
        ("a page", {"identifier": NUMBER}),
        ("a page", {"display": f"letter about {FENNA}"}),
    ],
)
def test_bytes_in_which_or_beside_which_the_number_can_be_read_stay(
    door: Door, page: str, context: Any
) -> None:
    _, document, _ = delivered(door)
    tree = binary(document, content=page.encode())
    tree["securityContext"] |= context
    name = send(door, "POST", "r4/Binary", tree).json()["id"]
    denied = give(door, f"r4/Binary/{name}", client=PGO)
    assert denied.status_code == 403
    assert FENNA not in denied.text


def test_of_another_person_there_is_none(door: Door) -> None:
    _, _, name = delivered(door)
    theirs = door.get(f"/fhir/r4/{name}", PGO, BRAM)
    nothing = door.get("/fhir/r4/Binary/none", PGO, BRAM)
    assert theirs.status_code == 404
    assert theirs.content == nothing.content


def test_a_binary_is_in_no_search_and_in_bundles_as_a_resource(door: Door) -> None:
    who, _, name = delivered(door)
    everything = door.get(f"/fhir/r4/{who}/$everything").text
    assert '"Binary"' not in everything
    tree = bundle({"request": {"method": "GET", "url": name}}, kind="batch")
    assert post(door, tree).json()["entry"][0]["resource"]["contentType"] == "application/pdf"


def test_a_published_document_is_pulled_by_the_person(testdata: Path, door: Door) -> None:
    """MedMij PDF/A.  The published Binaries do not say whose they are: their sender adds that."""
    folder = testdata / "nictiz-stu3-zib2017" / "Examples"
    read = [
        fhir_xml.decode((folder / f"pdfa-{name}-01.xml").read_bytes(), "stu3")
        for name in ("DocumentReference", "Binary")
    ]
    document, file = read
    file["securityContext"] = {"reference": f"DocumentReference/{document['id']}"}
    person = patient(id=document["subject"]["reference"].partition("/")[2])
    tree = bundle(*(entry(each, number, "PUT") for number, each in enumerate([person, *read])))
    answer = send(door, "POST", "stu3", fhir_xml.encode(tree, "stu3"), Content_Type="application/fhir+xml")
    assert statuses(answer) == ["201"] * 3, answer.text
    back = send(door, "GET", f"stu3/DocumentReference/{document['id']}").json()
    url = back["content"][0]["attachment"]["url"]
    pulled = give(door, f"stu3/{url}", "application/pdf", PGO)
    assert pulled.status_code == 200
    assert pulled.headers["content-type"] == "application/pdf"
    assert pulled.content == base64.b64decode(file["content"])
    assert pulled.content.startswith(b"%PDF")
    as_xml = give(door, f"stu3/{url}", "application/fhir+xml", PGO)
    assert fhir_xml.decode(as_xml.content, "stu3")["content"] == file["content"]


@pytest.mark.parametrize("media", ["application/fhir+json", "application/fhir+xml"])
def test_bytes_within_a_resource_stay_too_when_the_number_can_be_read(door: Door, media: str) -> None:
    who = fenna(door)
    data = base64.b64encode(f"BSN {FENNA}".encode()).decode()
    tree = {
        "resourceType": "Consent",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-AdvanceDirective"]},
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "adr"}]
        },
        "category": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/consentcategorycodes", "code": "acd"}
                ]
            }
        ],
        "patient": {"reference": who},
        "policy": [{"uri": "https://wetten.overheid.nl/"}],
        "sourceAttachment": {"contentType": "text/plain", "title": "brief", "data": data},
    }
    assert send(door, "POST", "r4/Consent", tree).status_code == 201
    found = door.get("/fhir/r4/Consent", headers={"Accept": media})
    assert found.status_code == 200
    assert "brief" in found.text
    assert data not in found.text
    assert "masked" in found.text
