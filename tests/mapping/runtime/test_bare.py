"""The words for what a bare primitive does not say itself, and for texts and conditions over concepts.

What they do in a whole message is in test_iwmo; here each stands alone, in FHIR.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.blocks.values import Absent, Code, Identifier, Integer, Moment, Quantity, Text
from gateway.errors import AuthoringError
from gateway.mapping import Context
from gateway.mapping.runtime.bare import equal, filled, local, put_known, take_known
from gateway.mapping.runtime.state import Writing
from tests.mapping.compiler.test_words import SNOMED, back, block, write
from tests.mapping.conftest import Draft

SYSTEM = """
block: Problem
resource: Condition
profile: nl-core-Problem
rows:
  ProblemName: {to: language, system: sct}
  Comment: note.text
"""


def test_a_bare_code_gets_the_system_of_its_row(draft: Draft, noon: Context) -> None:
    translator = draft(Problem=SYSTEM)
    problem = block("Problem", ProblemName=Code("386661006", SNOMED))
    (resource,) = write(translator, noon, problem)
    assert resource["language"] == "386661006"
    (again,) = back(translator, noon, problem)
    assert again.values == problem.values


def test_a_code_of_another_system_has_no_place_there(draft: Draft, noon: Context) -> None:
    problem = block("Problem", ProblemName=Code("R50.9", "2.16.840.1.113883.6.3.2"), Comment=Text("x"))
    (resource,) = write(draft(Problem=SYSTEM), noon, problem)
    assert "language" not in resource
    assert resource["note"] == [{"text": "x"}]


AMOUNT = """
block: BodyHeight
resource: Observation
profile: nl-core-BodyHeight
rows:
  HeightValue: {to: valueInteger, unit: 'ucum#m "m"', times: 100}
"""


def test_a_number_is_a_quantity_so_many_times(draft: Draft, noon: Context) -> None:
    translator = draft(BodyHeight=AMOUNT)
    (resource,) = write(translator, noon, block("BodyHeight", HeightValue=Quantity("1.82", "m", "m")))
    assert resource["valueInteger"] == 182
    assert type(resource["valueInteger"]) is int
    (again,) = back(translator, noon, block("BodyHeight", HeightValue=Quantity("1.80", "m", "m")))
    height = again.values["HeightValue"]
    assert (Decimal(height.value), height.unit, height.code) == (Decimal("1.8"), "m", "m")
    (other,) = write(translator, noon, block("BodyHeight", HeightValue=Quantity("182", "cm", "cm")))
    assert "valueInteger" not in other


TEXT = """
block: MedicalDevice
resource: DeviceUseStatement
profile: nl-core-MedicalDevice
fixed:
  note.text: "{Comment} ({EndDate})"
derived:
  status:
    - entered-in-error: StartDate same as EndDate
    - active
rows:
  StartDate: timingPeriod.start
  EndDate: timingPeriod.end
"""


@pytest.mark.parametrize(
    ("values", "status", "note"),
    [
        ({"StartDate": Moment("2026")}, "active", [{"text": "()"}]),
        ({"StartDate": Moment("2026"), "EndDate": Moment("2026")}, "entered-in-error", [{"text": "(2026)"}]),
        ({"StartDate": Moment("2026"), "EndDate": Moment("2027")}, "active", [{"text": "(2027)"}]),
        ({"Comment": Text("loose")}, "active", [{"text": "loose ()"}]),
    ],
)
def test_texts_hold_words_and_conditions_compare(
    draft: Draft, noon: Context, values: dict[str, Any], status: str, note: Any
) -> None:
    translator = draft(MedicalDevice=TEXT)
    (resource,) = write(translator, noon, block("MedicalDevice", **values))
    assert (resource["status"], resource["note"]) == (status, note)
    (again,) = back(translator, noon, block("MedicalDevice", **values))
    assert "Comment" not in again.values


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((Text("Dam"), Integer(1), None), "Dam 1"),
        ((None, Integer(1), Text("a")), "1-a"),
        ((Text("Dam"), None, Text("a")), "Dam -a"),
        ((None, Absent("UNK"), None), ""),
        ((Code("x", "", "shown"), Moment("2026"), Text("a")), "shown 2026-a"),
    ],
)
def test_what_has_no_words_leaves_no_blank(values: tuple[Any, ...], text: str) -> None:
    template = "{} {}-{}" if values[2] is not None else "{} {}{}"
    assert filled(template, *values) == text


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (Moment("2026-01-01", 1), Moment("2026-01-01", 2), True),
        (Moment("2026-01-01"), Moment("2026-01"), False),
        (Code("1", "a", "x"), Code("1", "a", "y"), True),
        (Code("1", "a"), Code("1", "b"), False),
        (Identifier("1", "a"), Text("1"), False),
        (None, None, False),
    ],
)
def test_values_that_say_the_same(one: Any, other: Any, alike: bool) -> None:
    assert equal(one, other) is alike


CODES = {7: "1", 4: "2", 0: "3"}


@pytest.fixture(scope="module")
def writing() -> Writing:
    context = Context(datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC))
    return Writing(context, 0, lambda system: system, typed_references=False)


class _Marks:
    """A reading that notes what was taken and reported."""

    def __init__(self) -> None:
        self.issues: list[Any] = []
        self.members: tuple[str, ...] = ()

    def take_members(self, _element: Any, members: tuple[str, ...], _rule: str) -> int:
        self.members = members
        return 0


@given(st.dates().map(str), st.sampled_from([10, 7, 4, 0]))
def test_a_date_comes_back_as_far_as_it_is_known(writing: Writing, date: str, known: int) -> None:
    value = Moment(date[:known]) if known else Absent("UNK")
    target: dict[str, Any] = {}
    put_known(target, "Datum", "Gebruik", CODES, value, writing, "row")
    assert len(target["Datum"]) == 10
    assert ("Gebruik" in target) is (known < 10)
    values: dict[str, Any] = {}
    c = _Marks()
    lengths = {code: length for length, code in CODES.items()}
    take_known(values, ("Birth",), target, "Datum", "Gebruik", lengths, c, "row")  # type: ignore[arg-type]
    found = values["Birth"]
    assert (found.reason if isinstance(found, Absent) else found.value) == (date[:known] or "UNK")
    assert (c.members, c.issues) == (("Datum", "Gebruik"), [])


@pytest.mark.parametrize("sent", ["1985-07-15", "1900-02-01", "1901-01-01"])
def test_a_date_that_gives_what_is_said_to_be_unknown_is_reported(sent: str) -> None:
    c = _Marks()
    values: dict[str, Any] = {}
    source = {"Datum": sent, "Gebruik": "3"}
    take_known(values, ("Birth",), source, "Datum", "Gebruik", {"3": 0}, c, "row")  # type: ignore[arg-type]
    assert values == {"Birth": Absent("UNK", at=0)}
    assert [(issue.severity, issue.rule) for issue in c.issues] == [("warning", "row")]
    assert sent not in c.issues[0].diagnostics()


def test_a_precision_that_the_row_has_no_code_for_is_not_written(writing: Writing) -> None:
    target: dict[str, Any] = {}
    put_known(target, "Datum", "Gebruik", {4: "2"}, Moment("1985-07"), writing, "row")
    assert target == {}


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-06-12", "2026-06-12"),
        ("2026-06-12T09:30", "2026-06-12T09:30"),
        ("2026-06-12T09:30:15", "2026-06-12T09:30:15"),
        ("2026-06-12T09:30:15+02:00", "2026-06-12T09:30:15"),
        ("2026-06-12T07:30:15Z", "2026-06-12T09:30:15"),
        ("2026-12-31T23:30:15Z", "2027-01-01T00:30:15"),
        ("2026-03-29T02:30:00+01:00", "2026-03-29T02:30:00"),  # a time that summer time skips stays as it is
        ("2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00"),
    ],
)
def test_a_time_is_that_of_the_clocks_of_the_zone(writing: Writing, moment: str, shown: str) -> None:
    assert local(moment, writing) == shown


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("ProblemName: {to: language, system: nix}", "'nix' is no code system"),
        ("ProblemName: {to: code, system: sct}", "a system is for a place that holds only a code"),
        ("Comment: {to: language, system: sct}", "a system is for a place that holds only a code"),
        ("ProblemStartDate: {to: onsetDateTime, time: recorder}", "for a moment at a date"),
        ("ProblemStartDate: {to: onsetDateTime, time: clock}", "has no element 'clock'"),
        ("ProblemStartDate: {to: onsetDateTime, precision: {at: usage, year: 2}}", "has no element 'usage'"),
        ("ProblemStartDate: {to: onsetDateTime, precision: {at: language}}", "precision"),
        ("Comment: {to: note.text, times: 100}", "unit"),
        ("Comment: {to: note.text, times: 0, unit: 'ucum#m'}", "times"),
    ],
)
def test_a_fault_names_the_row(draft: Draft, row: str, complaint: str) -> None:
    text = f"block: Problem\nresource: Condition\nrows:\n  {row}\n"
    with pytest.raises(AuthoringError, match=complaint) as caught:
        draft(Problem=text).loaded("fhir-r4")
    assert caught.value.line == 4


def test_a_text_with_the_words_of_nothing_is_a_fault(draft: Draft) -> None:
    text = (
        'block: Problem\nresource: Condition\nrows: {Comment: note.text}\nfixed:\n  language: "{Nonsense}"\n'
    )
    with pytest.raises(AuthoringError, match="no concept 'Nonsense'") as caught:
        draft(Problem=text).loaded("fhir-r4")
    assert caught.value.line == 5


def test_a_path_of_a_message_is_checked_against_its_table(draft: Draft) -> None:
    translator = draft()
    file = translator._mappings / "iwmo-3.2-wmo301" / "VolledigeNaam.yaml"
    file.write_text(file.read_text().replace("Voorletters: Voorletters", "Voorletters: Initialen"))
    with pytest.raises(AuthoringError, match="CDT_VolledigeNaam has no element 'Initialen' in wmo301"):
        translator.loaded("iwmo-301")
