"""Which format an answer has, and which a document may have."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from gateway.api.negotiation import MEDIA_TYPES, format_sent, is_strict, syntax_wanted
from gateway.api.outcomes import HttpError


def request(query: str = "", **headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": named, "query_string": query.encode(), "method": "GET"})


@pytest.mark.parametrize(
    ("accept", "syntax"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("application/fhir+xml", "xml"),
        ("application/fhir+json", "json"),
        ("application/xml+fhir", "xml"),
        ("application/json+fhir", "json"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "xml"),
        ("application/fhir+json;q=0.1, application/fhir+xml", "xml"),
        ("application/fhir+xml;q=0, application/fhir+json", "json"),
        ("APPLICATION/FHIR+XML; CHARSET=utf-8", "xml"),
        ('application/fhir+xml; fhirVersion="4.0"', "xml"),
        ("application/fhir+xml;fhirVersion=3.0, application/fhir+json;fhirVersion=4.0", "json"),
        ("application/fhir+json; fhirVersion=4.0.1", "json"),
        ("application/fhir+json;q=nonsense, application/fhir+xml", "xml"),
    ],
)
def test_the_syntax_of_an_answer(accept: str, syntax: str) -> None:
    assert syntax_wanted(request(accept=accept), "r4") == syntax


@pytest.mark.parametrize(
    ("query", "syntax"),
    [
        ("_format=xml", "xml"),
        ("_format=json", "json"),
        ("_format=application/fhir%2Bxml", "xml"),
        ("_format=application/fhir+xml", "xml"),
        ("_format=text/xml", "xml"),
        ("_format=", "json"),
    ],
)
def test_format_wins_over_accept(query: str, syntax: str) -> None:
    other = "application/fhir+json" if syntax == "xml" else "application/fhir+json, */*"
    assert syntax_wanted(request(query, accept=other), "r4") == syntax


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png", "application/fhir+turtle", "application/fhir+json;q=0"]
)
def test_what_cannot_be_given_is_not_acceptable(accept: str) -> None:
    if accept.endswith("q=0"):
        assert (
            syntax_wanted(request(accept=accept)) == "json"
        )  # nothing is asked for any more: ours to choose
        return
    with pytest.raises(HttpError) as caught:
        syntax_wanted(request(accept=accept))
    assert caught.value.status == 406


@pytest.mark.parametrize(
    "accept", ["application/fhir+json; fhirVersion=3.0", "application/fhir+xml;fhirVersion=5.0"]
)
def test_another_version_is_a_bad_request(accept: str) -> None:
    with pytest.raises(HttpError) as caught:
        syntax_wanted(request(accept=accept), "r4")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("media", "form", "syntax"),
    [
        ("application/xml", "", "xml"),
        ("text/xml; charset=UTF-8", "", "xml"),
        ("application/xml; charset=ISO-8859-1", "", "xml"),
        ("application/fhir+json", "", "json"),
        ("application/json", "", "json"),
        ("application/fhir+json; fhirVersion=4.0", "fhir-r4", "json"),
        ("application/fhir+xml; fhirVersion=3.0", "fhir-stu3", "xml"),
        ("application/fhir+xml; fhirVersion=3.0.2", "fhir-stu3", "xml"),
    ],
)
def test_the_format_of_a_document(media: str, form: str, syntax: str) -> None:
    assert format_sent(request(content_type=media)) == (form, syntax)


@pytest.mark.parametrize(
    ("media", "encoding"),
    [
        ("", ""),
        ("text/plain", ""),
        ("multipart/form-data", ""),
        ("application/x-www-form-urlencoded", ""),
        ("xml", ""),
        ("application/fhir+json; charset=utf-7", ""),
        ("application/fhir+json; charset=iso-8859-1", ""),
        ("application/fhir+json; fhirVersion=5.0", ""),
        ("application/fhir+json; fhirVersion=4.05", ""),
        ("application/xml", "gzip"),
        ("application/xml", "gzip, gzip"),
        ("application/xml", "br"),
    ],
)
def test_what_is_not_taken_is_an_unsupported_media_type(media: str, encoding: str) -> None:
    headers = {"content_type": media, "content_encoding": encoding}
    with pytest.raises(HttpError) as caught:
        format_sent(request(**{name: value for name, value in headers.items() if value}))
    assert caught.value.status == 415


def test_every_media_type_is_of_one_syntax() -> None:
    assert set(MEDIA_TYPES.values()) == {"json", "xml"}


@pytest.mark.parametrize(
    ("prefer", "strict"),
    [
        ("", False),
        ("handling=lenient", False),
        ("handling=strict", True),
        ("return=representation; handling=strict", True),
        ('handling = "strict"', True),
        ("return=minimal, Handling=Strict", True),
        ("handling=strictly", False),
    ],
)
def test_how_unknown_parameters_are_handled(prefer: str, strict: bool) -> None:
    assert is_strict(request(prefer=prefer)) is strict
