"""Units: words, UCUM and the G-Standaard, by themselves and against what was published."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.errors import AuthoringError
from gateway.resources import MAPPINGS
from gateway.terminology.units import Units, annotation, is_ucum

UNITS = Units.load()
TABLE = yaml.safe_load((MAPPINGS / "units.yaml").read_text(encoding="utf-8"))


def test_the_table_follows_its_schema() -> None:
    schema = json.loads((MAPPINGS / "units.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(TABLE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mmHg", "mm[Hg]"), ("mm[Hg]", "mm[Hg]"), ("dag", "d"), ("dagen", "d"), ("Dag", "d"), ("uur", "h"),
        ("week", "wk"), ("gram", "g"), ("milliliter", "ml"), ("mL", "mL"), ("mmol/l", "mmol/l"),
        ("10*9/L", "10*9/L"), ("mL/min/{1.73_m2}", "mL/min/{1.73_m2}"), ("mmol/(24.h)", "mmol/(24.h)"),
        ("dioptrie", "[diop]"), ("graden", "deg"), ("Stuks", "1"), ("w", "{w}"), ("  kg ", "kg"), ("", ""),
        ("eenheden per dag", "{eenheden per dag}"), ("{cigars}/wk", "{cigars}/wk"), ("a{b}c d", "{abc d}"),
    ],
)  # fmt: skip
def test_text_becomes_a_code_of_ucum(text: str, code: str) -> None:
    assert UNITS.ucum(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mg/dag", "mg/d"), ("/dag", "/d"), ("mg/kg/dag", "mg/kg/d"), ("ml/u", "ml/h"), ("u", "h"),
        ("mM", "{mM}"), ("M", "{M}"), ("mm", "mm"), ("pH", "[pH]"), ("C", "Cel"), ("U/l", "U/l"), ("U", "U"),
    ],
)  # fmt: skip
def test_a_dutch_unit_is_not_taken_for_the_code_that_it_looks_like(text: str, code: str) -> None:
    """In UCUM `dag` is a decagram, `u` a unit of atomic mass, `pH` a picohenry and `C` a coulomb."""
    assert UNITS.ucum(text) == code


@pytest.mark.parametrize(
    ("code", "text"),
    [("d", "dag"), ("mm[Hg]", "mmHg"), ("mmol/L", "mmol/L"), ("{eenheden per dag}", "eenheden per dag"),
     ("{glas}/wk", "{glas}/wk"), ("kg", "kg")],
)  # fmt: skip
def test_a_code_is_shown_as_people_write_it(code: str, text: str) -> None:
    assert UNITS.text(code) == text


@pytest.mark.parametrize("row", TABLE["units"], ids=lambda row: row["ucum"])
def test_every_word_of_the_table_leads_to_its_code_and_back(row: dict[str, str]) -> None:
    assert {UNITS.ucum(word) for word in row.get("words", ())} <= {row["ucum"]}
    assert UNITS.ucum(UNITS.text(row["ucum"])) == row["ucum"]


@pytest.mark.parametrize(
    "text", ["mmol/l", "/min", "%", "kg/m2", "10*12/L", "[arb'U]/mL", "m2", "s-1", "{INR}"]
)
def test_codes_of_ucum_are_known_as_such(text: str) -> None:
    assert is_ucum(text)


@pytest.mark.parametrize(
    "text", ["mmHg", "w", "stuk", "g per week", "mmol//l", "(24.h", "", "kg/", "{a b}", "X"]
)
def test_other_text_is_no_code_of_ucum(text: str) -> None:
    assert not is_ucum(text)


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20))
def test_a_code_stays_the_same_when_it_is_read_again(text: str) -> None:
    code = UNITS.ucum(text)
    assert code == text.strip() == "" or UNITS.ucum(UNITS.text(code)) == code


@given(st.text(max_size=20))
def test_an_annotation_has_no_brace_inside(text: str) -> None:
    made = annotation(text)
    assert made[0] + made[-1] == "{}"
    assert not set("{}") & set(made[1:-1])


def test_basic_units_of_the_g_standaard() -> None:
    assert UNITS.from_g_standaard("245") == "1"
    assert UNITS.from_g_standaard("208") == "1"
    assert UNITS.to_g_standaard("1") == "245"
    assert UNITS.g_standaard_text("215") == "gram"
    assert UNITS.from_g_standaard("999999") is None
    assert UNITS.to_g_standaard("km") is None


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("{ucum: stuk}", "'stuk' is no code of UCUM"),
        ("{ucum: kg, words: [gram]}", "'gram' stands for two units"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, row: str, text: str) -> None:
    file = tmp_path / "units.yaml"
    file.write_text(f"units:\n  - {{ucum: g, words: [gram]}}\n  - {row}\ng_standaard: []\n", encoding="utf-8")
    with pytest.raises(AuthoringError, match=text):
        Units.load(file)


PUBLISHED = [
    "zib2020-pairs/fhir", "lab-l2z-3.0.0/*/fhir-r4", "mp-9.3.0/*/fhir-r4", "bgz-msz-1.2/fhir-stu3",
    "bgz-msz-2.0/fhir-stu3", "bgz-medmij-3.1/fhir_instance_resources",
]  # fmt: skip
# Names of G-Standaard units that the publisher chose at odds with the code beside them.
SLIPS = {("stuk", "g"), ("millimeter", "ml")}


@pytest.mark.parametrize("folder", PUBLISHED)
def test_published_quantities_have_the_code_of_the_table(testdata: Path, folder: str) -> None:
    pairs = set()
    for file in testdata.glob(f"{folder}/*.xml"):
        for quantity in etree.parse(file).getroot().iter(etree.Element):
            parts = {
                etree.QName(child).localname: child.get("value", "") for child in quantity.iterchildren("*")
            }
            if parts.get("system") == "http://unitsofmeasure.org" and "unit" in parts:
                pairs.add((parts["unit"], parts["code"]))
    assert pairs
    wrong = {(unit, code, UNITS.ucum(unit)) for unit, code in pairs - SLIPS if UNITS.ucum(unit) != code}
    assert wrong == set()
