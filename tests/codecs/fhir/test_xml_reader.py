"""What FHIR XML does not have is refused with its path and line, and never quoted."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.errors import GatewayError, SyntaxFault
from tests.codecs.hostile import SECRET, refusal
from tests.codecs.trees import DIV

XMLNS = 'xmlns="http://hl7.org/fhir"'
STRANGE_DIV = DIV.replace("<br/>", "<Wieke xmlns='urn:x'/>")
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def patient(content: str, attributes: str = "") -> bytes:
    return f"<Patient {XMLNS} {attributes}>{content}</Patient>".encode()


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ("<Wieke/>", "Patient", "an element that FHIR 4.0.1 does not have (child 1)"),
        ("<active value='true'/><comment value='Wieke'/>", "Patient", "comment is not an element"),
        ("<name/><name><valueCode value='Wieke'/></name>", "Patient.name[1]", "valueCode is not an element"),
        ("<active xmlns='' value='true'/>", "Patient", "not in the namespace"),
        ("<x:active xmlns:x='urn:x' value='true'/>", "Patient", "not in the namespace"),
        ("<name xmlns='http://www.w3.org/1999/xhtml'/>", "Patient", "not in the namespace"),
        (DIV, "Patient", "not in the namespace"),
        ("<active value='true' Wieke='1'/>", "Patient.active", "an attribute"),
        ("<active value='true' xmlns:x='urn:x' x:value='1'/>", "Patient.active", "an attribute"),
        ("<name value='Wieke'><family value='a'/></name>", "Patient.name", "an attribute"),
        ("<name url='Wieke'><family value='a'/></name>", "Patient.name", "an attribute"),
        ("<extension><url value='Wieke'/></extension>", "Patient.extension", "url is not an element"),
        ("<active value='true'/><active value='false'/>", "Patient.active[1]", "more than once"),
        ("<gender id='a' value='male'/><gender value='Wieke'/>", "Patient.gender[1]", "more than once"),
        ("<gender value='male'/><gender id='a'/>", "Patient.gender[1]", "more than once"),
        ("<gender id='a'/><gender id='b'/>", "Patient.gender[1]", "more than once"),
        ("<maritalStatus id='a'/><maritalStatus id='b'/>", "Patient.maritalStatus[1]", "more than once"),
        ("<active value='Wieke'/>", "Patient.active", "not a value of type boolean"),
        ("<active value='True'/>", "Patient.active", "not a value of type boolean"),
        ("<active id='a' value='1'/>", "Patient.active", "not a value of type boolean"),
        ("<multipleBirthInteger value='1.0'/>", "Patient.multipleBirthInteger", "of type integer"),
        ("<multipleBirthInteger value='1_0'/>", "Patient.multipleBirthInteger", "of type integer"),
        ("<extension><valueDecimal value='1,5'/></extension>", "Patient.extension.valueDecimal", "decimal"),
        ("<active/>", "Patient.active", "neither a value nor an extension"),
        ("<name/>", "Patient.name", "empty"),
        ("<name>Wieke</name>", "Patient.name", "empty"),
        ("Wieke", "Patient", "text outside"),
        ("<active value='true'>Wieke</active>", "Patient.active", "text outside"),
        ("<name><family value='a'/>Wieke</name>", "Patient.name", "text outside"),
        (f"<text>{DIV}Wieke</text>", "Patient.text", "text outside"),
        ("<contained/>", "Patient.contained", "exactly one resource"),
        ("<contained><Basic/><Basic/></contained>", "Patient.contained", "exactly one resource"),
        ("<contained id='a'><Basic/></contained>", "Patient.contained", "exactly one resource"),
        ("<contained><Wieke/></contained>", "Patient.contained", "not a resource of FHIR 4.0.1"),
        ("<contained><Basic xmlns=''/></contained>", "Patient.contained", "not a resource"),
        ("<contained><Basic id='a'/></contained>", "Patient.contained", "a resource has no attributes"),
        ("<contained><Sequence/></contained>", "Patient.contained", "Sequence is one of FHIR 3.0.2"),
        (f"<text>{STRANGE_DIV}</text>", "Patient.text.div", "not XHTML"),
    ],
)  # fmt: skip
def test_what_fhir_does_not_have_is_refused_with_its_path(content: str, place: str, words: str) -> None:
    issue = refusal(fhir_xml.decode, patient("\n" + content), "r4").issues[-1]
    assert issue.place == place
    assert words in issue.text
    assert issue.line == 2 or issue.text == "text outside an attribute"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"<Patient/>", "not a resource"),
        (f"<Wieke {XMLNS}/>".encode(), "not a resource"),
        (f"<HumanName {XMLNS}/>".encode(), "not a resource"),
        (f"<ProcedureRequest {XMLNS}/>".encode(), "ProcedureRequest is one of FHIR 3.0.2"),
        (patient("", 'id="a"'), "a resource has no attributes"),
        (patient("", f'{XSI} xsi:type="a"'), "a resource has no attributes"),
    ],
)
def test_a_root_that_is_no_resource_is_refused(document: bytes, words: str) -> None:
    (issue,) = refusal(fhir_xml.decode, document, "r4").issues
    assert words in issue.text


def test_all_issues_are_told_up_to_a_number() -> None:
    fault = refusal(fhir_xml.decode, patient("<active value='x'/>\n<name/><Wieke/>"), "r4")
    assert [issue.line for issue in fault.issues] == [1, 2, 2]
    fault = refusal(fhir_xml.decode, patient("<a/>" * 4_000), "r4")
    assert len(fault.issues) == 21
    assert fault.issues[-1].text == "more issues were not listed"


SPACES = " " * 19_000_000
NAMESPACES = "".join(f" xmlns:a{n}='urn:{n}'" for n in range(300_000))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(patient("<extension>" * 10_000), id="deep"),
        pytest.param(patient("<extension url='a'>" * 64 + "</extension>" * 64), id="extensions"),
        pytest.param(patient("<name/>" * 1_000_000), id="1,000,000 elements"),
        pytest.param(patient("", " ".join(f"a{n}=''" for n in range(300_000))), id="300,000 attributes"),
        pytest.param(patient("", NAMESPACES + " x=''"), id="300,000 namespaces"),
        pytest.param(patient(f"<active value='true'>{SPACES}Wieke</active>"), id="white space"),
        pytest.param(patient(f"<text>{DIV.replace('</div>', '<b>' * 3000)}"), id="deep narrative"),
        pytest.param(patient("<name><given value='1'/></name>" * 90_000 + "<name/>" * 30), id="wide"),
    ],
)
def test_a_bomb_is_refused_soon(document: bytes) -> None:
    assert refusal(fhir_xml.decode, document, "r4").issues


def test_a_bundle_of_ten_thousand_entries_is_read() -> None:
    entries = "<entry><resource><Basic/></resource></entry>" * 10_000
    assert len(fhir_xml.decode(f"<Bundle {XMLNS}>{entries}</Bundle>".encode(), "r4")["entry"]) == 10_000


PIECES = st.binary(max_size=3) | st.sampled_from([b"<", b">", b"/>", b'"', b"&", b"{", b"}", b",", b"\\u"])


@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 4), PIECES), min_size=1, max_size=3)
)
@pytest.mark.parametrize("syntax", ["xml", "json"])
def test_a_damaged_document_is_read_or_refused(
    syntax: str, fixtures: Path, damage: list[tuple[float, int, bytes]]
) -> None:
    document = bytearray((fixtures / "codecs" / f"r4_patient_primitive_extensions.{syntax}").read_bytes())
    for where, length, piece in damage:
        at = int(where * len(document))
        document[at : at + length] = piece
    codec = fhir_xml if syntax == "xml" else fhir_json
    told = ""
    try:
        tree = codec.decode(bytes(document), "r4")
        assert fhir_json.decode(fhir_json.encode(tree, "r4"), "r4") == tree
        again = fhir_xml.decode(fhir_xml.encode(tree, "r4"), "r4")
        assert fhir_xml.encode(again, "r4") == fhir_xml.encode(tree, "r4")
        assert syntax == "json" or again == tree
    except GatewayError as fault:
        told = fault.diagnostics()
        assert isinstance(fault, SyntaxFault) or syntax == "json"  # noqa: PT017  # one of two outcomes
    assert SECRET not in told
