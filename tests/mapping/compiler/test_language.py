"""The mapping language: text to rows, paths, conditions and literals."""

import pytest

from gateway import documents
from gateway.errors import AuthoringError
from gateway.mapping.compiler.language import Coding, Condition, Mapping, Selector, Step
from gateway.mapping.compiler.notation import Notation, constant
from gateway.mapping.compiler.parsing import Parser


def parse(text: str) -> Mapping:
    return Parser(documents.parse(text, "X.yaml")).mapping()


def path_of(text: str) -> tuple[Step, ...]:
    return Notation(documents.parse("x: y", "X.yaml")).path(text).steps


def condition_of(text: str) -> Condition | None:
    return Notation(documents.parse("x: y", "X.yaml")).condition(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('loinc#8480-6 "Systolic blood pressure"', Coding("loinc", "8480-6", "Systolic blood pressure")),
        ("sct#85549003", Coding("sct", "85549003")),
        ("2.16.840.1.113883.5.90#PRF", Coding("2.16.840.1.113883.5.90", "PRF")),
        ("http://loinc.org#1-8", Coding("http://loinc.org", "1-8")),
        ("final", "final"),
        ('"true"', "true"),
        (True, True),
        (3, 3),
    ],
)
def test_constants(text: str | bool | int, value: object) -> None:
    assert constant(text) == value


def test_a_path_goes_down_and_through_selectors_and_extensions() -> None:
    assert path_of("component[code = loinc#8480-6].valueQuantity") == (
        Step("component", selectors=(Selector(("code",), Coding("loinc", "8480-6")),)),
        Step("valueQuantity"),
    )
    assert path_of("gender.extension[ext-CodeSpecification].valueCodeableConcept")[1] == Step(
        "extension", url="ext-CodeSpecification"
    )
    assert path_of("telecom[system = phone, use = work]")[0].selectors == (
        Selector(("system",), "phone"),
        Selector(("use",), "work"),
    )
    assert path_of("value[x]") == (Step("value[x]"),)
    assert path_of(".") == ()


def test_a_comma_or_bracket_in_a_display_is_text() -> None:
    (step,) = path_of('component[code = sct#1 "blood, whole [fresh]"]')
    assert step.selectors == (Selector(("code",), Coding("sct", "1", "blood, whole [fresh]")),)


@pytest.mark.parametrize("text", ["a..b", "a[b", "a b", "", "component[code]"])
def test_what_is_not_a_path_is_refused(text: str) -> None:
    with pytest.raises(AuthoringError):
        path_of(text)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("EndDate", Condition("has", ("EndDate",))),
        ("not EndDate", Condition("lacks", ("EndDate",))),
        ("Period.EndDate is past", Condition("past", ("Period", "EndDate"))),
        ("StartDate is future", Condition("future", ("StartDate",))),
        ("Status = active", Condition("is", ("Status",), ("active",))),
        ("Status in 1, 2", Condition("is", ("Status",), ("1", "2"))),
        ("Status not in a", Condition("is-not", ("Status",), ("a",))),
        ("LaboratoryTest more than 1", Condition("more-than", ("LaboratoryTest",), (1,))),
    ],
)
def test_conditions(text: str, condition: Condition) -> None:
    assert condition_of(text) == condition


def test_and_binds_closer_than_or() -> None:
    found = condition_of("A and not B or C")
    assert found is not None
    assert found.op == "or"
    assert [part.op for part in found.parts] == ["and", "has"]


def test_a_condition_that_is_none_is_refused() -> None:
    with pytest.raises(AuthoringError, match="is not a condition"):
        condition_of("when the moon is full")


def test_rows_places_and_parts() -> None:
    mapping = parse(
        """
block: MedicalDevice
parts:
  DeviceUseStatement:
    profile: nl-core-MedicalDevice
    rows:
      Indication: [reasonReference, {to: note.text, only: write, because: a test}]
      Reaction: {to: reaction, rows: {Symptom: manifestation}}
    links: {device: Device}
  Device:
    when: Product
    each: Product
    rows: {Product.ProductType: {to: type, map: m, keep: coding}}
"""
    )
    statement, device = mapping.parts
    assert statement.profiles == ("nl-core-MedicalDevice",)
    assert [place.only for place in statement.rows[0].places] == ["", "write"]
    assert statement.rows[1].rows[0].concept == ("Symptom",)
    assert statement.links[0].part == "Device"
    assert device.type == "Device"
    assert device.when == Condition("has", ("Product",))
    assert device.rows[0].places[0].map == "m"
    assert str(device.rows[0].mark) == "X.yaml:13"
    assert [row.concept for _, row in mapping.all_rows()] == [
        ("Indication",),
        ("Reaction",),
        ("Symptom",),
        ("Product", "ProductType"),
    ]


def test_derived_cases_keep_their_order() -> None:
    mapping = parse(
        "block: X\nresource: Encounter\nrows: {A: b}\n"
        "derived:\n  status:\n    - finished: End is past\n    - planned: Start is future\n    - unknown\n"
    )
    (derived,) = mapping.parts[0].derived
    assert [values for values, _ in derived.cases] == [("finished",), ("planned",), ("unknown",)]
    assert derived.cases[-1][1] is None
