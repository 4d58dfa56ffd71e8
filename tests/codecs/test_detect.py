"""The head of a document tells what it is."""

import pytest

from gateway.codecs.detect import HEAD, Sniffed, sniff
from tests.codecs.hostile import refusal

FHIR = "http://hl7.org/fhir"
WMO = "http://www.istandaarden.nl/iwmo/3_2/wmo301/schema"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"<adaxml><data/></adaxml>", Sniffed("xml", "adaxml")),
        (b'<?xml version="1.0"?>\n<?xml-stylesheet href="x.xsl"?>\n<adaxml\n>', Sniffed("xml", "adaxml")),
        (b"<bloeddruk_registratie app='zib2020'/>", Sniffed("xml", "bloeddruk_registratie")),
        (b'<bundle count="38">', Sniffed("xml", "bundle")),
        (b'\xef\xbb\xbf <Patient xmlns="http://hl7.org/fhir">', Sniffed("xml", "Patient", FHIR)),
        (b"<f:Patient a='>' xmlns:f='http://hl7.org/fhir'/>", Sniffed("xml", "Patient", FHIR)),
        (b'<ServiceRequest xmlns="http://hl7.org/fhir"/>', Sniffed("xml", "ServiceRequest", FHIR, "r4")),
        (
            b'<ProcedureRequest xmlns="http://hl7.org/fhir"/>',
            Sniffed("xml", "ProcedureRequest", FHIR, "stu3"),
        ),
        (b'<PRPA_IN900350NL xmlns="urn:hl7-org:v3"/>', Sniffed("xml", "PRPA_IN900350NL", "urn:hl7-org:v3")),
        (
            f'<w:Bericht xmlns="http://www.zinl.nl" xmlns:w="{WMO}">'.encode(),
            Sniffed("xml", "Bericht", WMO, "3.2"),
        ),
        (b'<!-- <Patient xmlns="http://hl7.org/fhir"> --><a/>', Sniffed("xml", "a")),
        (b'<a b="<Patient"/>', Sniffed("xml", "a")),
        (b'{"resourceType": "Patient"}', Sniffed("json", "Patient")),
        (
            b'\xef\xbb\xbf\r\n{"id":"1","resourceType":"ServiceRequest"',
            Sniffed("json", "ServiceRequest", "", "r4"),
        ),
        (b'{"contained":[{"resourceType":"Goal"}],"resourceType"\n:"Patient"}', Sniffed("json", "Patient")),
        (
            b'{"a":"resourceType","b":"\\"resourceType\\":\\"Goal\\"","resourceType":"List"}',
            Sniffed("json", "List"),
        ),
        (b'{"entry":[{"resource":{"resourceType":"Goal"}}]}', Sniffed("json", "")),
        (b"{}", Sniffed("json", "")),
    ],
)
def test_a_head_tells(head: bytes, expected: Sniffed) -> None:
    assert sniff(head) == expected


def test_only_the_head_is_read() -> None:
    document = '<?xml version="1.0" encoding="UTF-16"?><adaxml a="' + "é" * HEAD + '\U0001f600"/>'
    assert sniff(document.encode("utf-16")) == Sniffed("xml", "adaxml")
    # The cut falls inside a pair of surrogates.
    split = "<a>" + "\U0001f600" * HEAD
    assert sniff(split.encode("utf-16")) == Sniffed("xml", "a")
    assert sniff(b"<a>" + b"<" * 50_000_000) == Sniffed("xml", "a")
    assert sniff(b'{"resourceType":"Patient",' + b'"' * 50_000_000) == Sniffed("json", "Patient")
    assert sniff(b'{"id":"' + b"x" * HEAD + b'","resourceType":"Patient"}') == Sniffed("json", "")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "the document is empty"),
        (b"\xef\xbb\xbf \n", "the document is empty"),
        (b" " * 100, "the document is empty"),
        (b"Wieke", "neither"),
        (b"[]", "neither"),
        (b"\x1f\x8b\x08\x00", "neither"),
        (b"<", "no name"),
        (b"< Wieke/>", "no name"),
        (b"<!DOCTYPE Wieke><a/>", "DOCTYPE"),
        (b"<!-- Wieke", "does not end"),
        (b"<!-- -->", "no root"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "not accepted"),
        ("<a/>".encode("utf-16-le"), "byte order mark"),
    ],
)
def test_what_is_neither_is_refused(head: bytes, words: str) -> None:
    assert words in refusal(sniff, head).issues[0].text
