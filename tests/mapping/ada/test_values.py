"""How ADA spells a value, attribute by attribute: the block holds what was sent, or why there is nothing."""

from typing import Any

import pytest

from gateway.blocks.values import Absent, Blob, Boolean, Code, Identifier, Integer, Moment, Quantity, Text
from tests.mapping.ada.documents import element, plain

NULL = 'codeSystem="2.16.840.1.113883.5.1008"'
SNOMED = "2.16.840.1.113883.6.96"


def value(block: str, tag: str, attributes: str) -> Any:
    """The value of an element with these attributes in a block of zib 2020."""
    found = element(f"<{tag} {attributes}/>", block)
    assert not found.state.issues
    (holder,) = found.blocks.values()
    (each,) = holder.values.values()
    return plain(each[0] if isinstance(each, list) else each)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (f'code="123" codeSystem="{SNOMED}"', Code("123", SNOMED)),
        (f'value="4" code="123" codeSystem="{SNOMED}"', Code("123", SNOMED)),  # value is a place in a list
        (
            f'code=" 123 " codeSystem="{SNOMED}" displayName="x" codeSystemVersion="2025" codeSystemName="y"',
            Code("123", SNOMED, "x", "2025"),
        ),
        (
            f'code="OTH" {NULL} originalText="eigen woorden"',
            Code("OTH", "2.16.840.1.113883.5.1008", text="eigen woorden"),
        ),
        (f'code="OTH" {NULL} displayName="Other"', Absent("OTH", "Other")),
        (f'code="UNK" {NULL} displayName="Unknown"', Absent("UNK", "Unknown")),
        (f'code="UNK" {NULL} originalText="weet niet"', Absent("UNK", "weet niet")),
        ('nullFlavor="NI"', Absent("NI")),
        ('nullFlavor="OTH" originalText="anders"', Absent("OTH", "anders")),
        ('originalText="alleen tekst"', Code("", text="alleen tekst")),
        ('displayName="alleen naam"', Code("", text="alleen naam")),
        ('value="los woord"', Code("", text="los woord")),
    ],
)
def test_a_code(attributes: str, expected: Any) -> None:
    assert value("probleem", "probleem_naam", attributes) == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('value="142" unit="mm[Hg]"', Quantity("142", "mm[Hg]", "mm[Hg]")),
        ('value="1.10" unit="kg"', Quantity("1.10", "kg", "kg")),  # digits as sent
        ('value="-3.5" unit="Cel"', Quantity("-3.5", "Cel", "Cel")),
        ('value="+5" unit="kg"', Quantity("5", "kg", "kg")),
        ('value="&lt;5" unit="mmol/l"', Quantity("5", "mmol/l", "mmol/l", comparator="<")),
        ('value="&gt;= 60" unit="ml"', Quantity("60", "ml", "ml", comparator=">=")),
        ('value=" 7 " unit=" dag "', Quantity("7", "dag", "d")),
        ('value="3" unit="eenheden per dag"', Quantity("3", "eenheden per dag", "{eenheden per dag}")),
        ('value="12"', Quantity("12")),
        ('nullFlavor="UNK"', Absent("UNK")),
    ],
)
def test_a_quantity(attributes: str, expected: Any) -> None:
    assert value("bloeddruk", "systolische_bloeddruk", attributes) == expected


@pytest.mark.parametrize(
    "moment",
    ["2012", "2012-05", "2012-05-06", "2012-05-06T07:08", "2012-05-06T07:08:09", "2012-05-06T07:08:09.123",
     "2012-05-06T07:08:09+02:00", "2012-05-06T07:08Z", "2024-02-29", "08:30", "08:30:15"],
)  # fmt: skip
def test_a_moment_keeps_its_precision_and_offset(moment: str) -> None:
    assert value("probleem", "probleem_begin_datum", f'value="{moment}&#xA;" datatype="datetime"') == Moment(
        moment
    )


@pytest.mark.parametrize(
    "moment",
    [
        "2012-13",
        "2012-00-10",
        "2023-02-29",
        "2012-05-06T24:00",
        "2012-05-06T07",
        "06-05-2012",
        "20120506",
        "gisteren",
        "24:01",
    ],
)
def test_what_is_no_moment_is_an_issue(moment: str) -> None:
    found = element(f'<probleem_begin_datum value="{moment}"/><toelichting value="x"/>', "probleem")
    assert found.issues() == [("error", "value")]
    assert found.values("Problem/1") == {"Comment": Text("x")}
    assert [leaf.state for leaf in found.lost()] == ["unknown"]
    assert moment not in found.state.issues[0].diagnostics()


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('value=" tekst&#xA;met regels "', Text("tekst\nmet regels")),
        ('nullFlavor="MSK"', Absent("MSK")),
        (f'code="UNK" {NULL}', Absent("UNK")),
        (f'code="123" codeSystem="{SNOMED}" displayName="Rood"', Text("Rood")),
        (f'code="OTH" {NULL} originalText="Paars"', Text("Paars")),
    ],
)
def test_text(attributes: str, expected: Any) -> None:
    assert value("probleem", "toelichting", attributes) == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('value="true"', Boolean(True)),
        ('value="false"', Boolean(False)),
        ('value="1"', Boolean(True)),
        ('nullFlavor="NI"', Absent("NI")),
        (f'code="NI" {NULL}', Absent("NI")),
    ],
)
def test_a_boolean(attributes: str, expected: Any) -> None:
    assert value("patient", "overlijdens_indicator", attributes) == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [('value="7"', Integer(7)), ('value=" 12 "', Integer(12)), ('nullFlavor="NI"', Absent("NI"))],
)
def test_an_integer(attributes: str, expected: Any) -> None:
    assert value("apgar_score", "apgar_score_totaal", attributes) == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('value="12345" root="2.16.528.1.1007.3.1"', Identifier("12345", "2.16.528.1.1007.3.1")),
        ('value="12345"', Identifier("12345")),
        ('nullFlavor="MSK" root="2.16.840.1.113883.2.4.6.3"', Absent("MSK")),
    ],
)
def test_an_identifier(attributes: str, expected: Any) -> None:
    assert value("zorgverlener", "zorgverlener_identificatienummer", attributes) == expected


def test_a_document_in_base64() -> None:
    assert value("wilsverklaring", "wilsverklaring_document", 'value="JVBERi0xLjQ="') == Blob("JVBERi0xLjQ=")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('datatype="quantity" value="138" unit="mmol/l"', Quantity("138", "mmol/l", "mmol/l")),
        ('value="138" unit="mmol/l"', Quantity("138", "mmol/l", "mmol/l")),
        ('value="0.50"', Quantity("0.50")),
        ('datatype="string" value="138"', Text("138")),
        ('value="geen groei"', Text("geen groei")),
        (f'datatype="code" value="2" code="123" codeSystem="{SNOMED}"', Code("123", SNOMED)),
        (f'code="123" codeSystem="{SNOMED}"', Code("123", SNOMED)),
        ('datatype="boolean" value="true"', Boolean(True)),
        ('datatype="count" value="3"', Integer(3)),
        ('datatype="datetime" value="2025-01"', Moment("2025-01")),
        ('datatype="quantity" nullFlavor="PINF"', Absent("PINF")),
    ],
)
def test_a_value_whose_type_the_zib_leaves_open(attributes: str, expected: Any) -> None:
    found = element(
        f"<laboratorium_test><test_uitslag {attributes}/></laboratorium_test>", "laboratorium_uitslag"
    )
    assert found.values("LaboratoryTestResult/1") == {"LaboratoryTest": [{"TestResult": expected}]}


@pytest.mark.parametrize("attributes", ["", 'value=""', 'value="  "', 'value="" nullFlavor=""', 'unit="kg"'])
def test_an_element_without_a_value_is_nothing(attributes: str) -> None:
    found = element(f'<gewicht_waarde {attributes}/><toelichting value="x"/>', "lichaamsgewicht")
    assert found.values("BodyWeight/1") == {"Comment": Text("x")}
    assert found.lost() == []
    assert not found.state.issues


@pytest.mark.parametrize(
    ("block", "tag", "attributes"),
    [
        ("bloeddruk", "systolische_bloeddruk", 'value="1,5"'),
        ("bloeddruk", "systolische_bloeddruk", 'value="1e3"'),
        ("bloeddruk", "systolische_bloeddruk", f'code="123" codeSystem="{SNOMED}"'),
        ("patient", "overlijdens_indicator", 'value="ja"'),
        ("patient", "geboortedatum", f'code="123" codeSystem="{SNOMED}"'),
        ("apgar_score", "apgar_score_totaal", 'value="7.5"'),
        ("apgar_score", "apgar_score_totaal", 'value="zeven"'),
    ],
)
def test_a_value_of_the_wrong_type_is_an_issue_that_names_its_place(
    block: str, tag: str, attributes: str
) -> None:
    concept = 'conceptId="2.16.840.1.113883.2.4.3.11.60.40.1.12.4.2"'
    other = '<referenties><probleem id="p"><toelichting value="x"/></probleem></referenties>'
    found = element(f"<{tag} {attributes} {concept}/>{other}", block)
    (issue,) = found.state.issues
    assert (issue.severity, issue.code, issue.concept) == ("error", "value", "NL-CM:12.4.2")
    assert issue.place.endswith(f"/{tag}")
    assert issue.line == 1
    assert [leaf.state for leaf in found.lost()] == ["unknown"]
