"""What a FHIR package states, read from StructureDefinitions of the project's own."""

from pathlib import Path

import pytest

from gateway.errors import ContentError, SyntaxFault
from gateway.mapping.pairs.package import Pair, read_package
from gateway.mapping.pairs.steps import Step, begins

BASE = "http://nictiz.nl/fhir/StructureDefinition/"


@pytest.fixture
def pairs(fixtures: Path) -> dict[tuple[str, str, str], Pair]:
    return {each.key: each for each in read_package(fixtures / "pairs").pairs}


def test_a_slice_is_told_by_what_is_fixed_in_it(pairs: dict[tuple[str, str, str], Pair]) -> None:
    pair = pairs["zib-BloodPressure", "Observation.component:systolic.value[x]", "NL-CM:12.4.2"]
    component = Step("component", marks=frozenset({(("code",), "8480-6")}))
    assert pair.steps == (component, Step("value[x]", "valueQuantity"))


def test_an_inherited_slice_has_the_url_of_the_profile_of_its_element(
    pairs: dict[tuple[str, str, str], Pair],
) -> None:
    pair = pairs["zib-Burnwound", "Condition.bodySite.extension:laterality.value[x]", "NL-CM:19.4.10"]
    assert pair.steps[1] == Step("extension", url=f"{BASE}ext-AnatomicalLocation.Laterality")


def test_a_profile_descends_from_those_that_it_is_made_from(fixtures: Path) -> None:
    lineage = list(read_package(fixtures / "pairs").lineage(f"{BASE}nl-core-BloodPressure"))
    assert lineage[:2] == [f"{BASE}nl-core-BloodPressure", f"{BASE}zib-BloodPressure"]


def test_a_file_that_is_no_xml_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<StructureDefinition>", encoding="utf-8")
    with pytest.raises(SyntaxFault, match=r"broken\.xml"):
        read_package(tmp_path)


def test_a_profile_is_not_made_from_itself(tmp_path: Path) -> None:
    head = '<StructureDefinition xmlns="http://hl7.org/fhir"><url value="http://{}"/><baseDefinition value="http://{}"/>'
    for name, base in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.xml").write_text(
            f"{head.format(name, base)}</StructureDefinition>", encoding="utf-8"
        )
    with pytest.raises(ContentError, match="is made from itself"):
        read_package(tmp_path)


@pytest.mark.parametrize(
    ("other", "allowed"),
    [
        (Step("component"), True),
        (Step("component", marks=frozenset({(("code",), "8480-6")})), True),
        (Step("component", marks=frozenset({(("code",), "8462-4")})), False),
        (Step("component", marks=frozenset({(("value",), "8462-4")})), True),
        (Step("referenceRange"), False),
    ],
)
def test_a_step_allows_what_does_not_contradict_it(other: Step, allowed: bool) -> None:
    component = Step("component", marks=frozenset({(("code",), "8480-6")}))
    assert component.allows(other) == allowed
    assert begins((other, Step("value[x]")), (component,)) == allowed


def test_two_types_of_a_choice_and_two_extensions_are_not_the_same() -> None:
    assert not Step("value[x]", "valueQuantity").allows(Step("value[x]", "valueString"))
    assert Step("value[x]").allows(Step("value[x]", "valueString"))
    assert not Step("extension", url="http://one").allows(Step("extension", url="http://other"))
