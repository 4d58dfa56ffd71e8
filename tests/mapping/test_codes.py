"""Codes that their value set does not hold."""

import pytest

from gateway.mapping import Context, Translator

FORM = (
    '<patient_registratie app="zib2020-nl"><patient>'
    '<identificatienummer value="999900006" root="2.16.840.1.113883.2.4.6.3"/>{}'
    "</patient></patient_registratie>"
)
PROBLEM = '<probleem_registratie app="zib2020-nl"><probleem>{}</probleem></probleem_registratie>'


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def issues(translator: Translator, noon: Context, text: str) -> list[tuple[str, str, str]]:
    read = translator.read(text.encode(), noon)
    return [(each.severity, each.code, each.concept) for each in read.issues]


def test_a_code_outside_a_closed_list_is_a_fault_with_its_place(
    translator: Translator, noon: Context
) -> None:
    text = FORM.format('\n<geslacht code="Q" codeSystem="2.16.840.1.113883.5.1"/>')
    (issue,) = translator.read(text.encode(), noon).issues
    assert (issue.severity, issue.code, issue.concept) == ("error", "code-invalid", "NL-CM:0.1.9")
    assert issue.place.endswith("/geslacht")
    assert issue.line == 2
    assert "valuesets/GeslachtCodelijst" in issue.rule
    assert "Q" not in issue.text


def test_a_code_of_an_open_terminology_is_a_warning(translator: Translator, noon: Context) -> None:
    text = PROBLEM.format('<probleem_status code="1234" codeSystem="2.16.840.1.113883.6.96"/>')
    assert issues(translator, noon, text) == [("warning", "code-invalid", "NL-CM:5.1.4")]


@pytest.mark.parametrize(
    "text",
    [
        FORM.format('<geslacht code="F" codeSystem="2.16.840.1.113883.5.1"/>'),
        FORM.format('<geslacht nullFlavor="UNK"/>'),
        PROBLEM.format(
            '<probleem_naam code="OTH" codeSystem="2.16.840.1.113883.5.1008" originalText="anders"/>'
        ),
        PROBLEM.format('<probleem_status code="55561003" codeSystem="2.16.840.1.113883.6.96"/>'),
    ],
)
def test_known_codes_null_flavors_and_original_text_pass(
    translator: Translator, noon: Context, text: str
) -> None:
    assert issues(translator, noon, text) == []
