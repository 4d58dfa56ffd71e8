"""Minimisation takes what a decision withholds, all of it and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.blocks import Block, Boolean, Code, Identifier, Origin, Ref, Text
from gateway.policy import Decision, Effect, Obligation, decide, load_register, minimise, minimise_all
from tests.policy.rows import request

PATIENT = Block(
    type="Patient",
    release="2020",
    key="p",
    values={
        "PatientIdentificationNumber": [Identifier("123456782", "2.16.840.1.113883.2.4.6.3")],
        "NameInformation": [{"FirstNames": Text("Anna"), "LastName": {"LastName": Text("Jansen")}}],
        "Gender": Code("F", "2.16.840.1.113883.5.1"),
        "DeathIndicator": Boolean(value=False),
        "Comment": [],
    },
)


def decision(*obligations: Obligation, blocks: frozenset[str] | None = None) -> Decision:
    return Decision(Effect.LESS, "0" * 64, "row", blocks=blocks, obligations=obligations)


def test_nothing_goes_when_nothing_must() -> None:
    assert minimise(PATIENT, decision()) == (PATIENT, [])


def test_a_denial_leaves_nothing() -> None:
    assert minimise(PATIENT, Decision(Effect.DENY, "0" * 64)) == (None, ["Patient"])


def test_a_block_type_that_is_not_permitted_goes_whole() -> None:
    assert minimise(PATIENT, decision(blocks=frozenset({"Problem"}))) == (None, ["Patient"])


def test_an_excepted_concept_goes_and_the_block_given_stays_as_it_was() -> None:
    less, removed = minimise(
        PATIENT, decision(Obligation("Patient", None, frozenset({"PatientIdentificationNumber"})))
    )
    assert less is not None
    assert set(less.values) == set(PATIENT.values) - {"PatientIdentificationNumber"}
    assert removed == ["Patient.PatientIdentificationNumber"]
    assert "PatientIdentificationNumber" in PATIENT.values


def carrying(rest: str, *, modifies: bool = False) -> Block:
    """The patient, with something that no concept covers."""
    origins = (Origin("fhir-r4", "Patient", "p", rest=rest, modifies=modifies, inside=("name.family",)),)
    return Block("Patient", "2020", "p", PATIENT.values, origins=origins)


def test_what_no_concept_covers_goes_when_a_decision_is_about_concepts() -> None:
    """Nobody can tell whether it says what a concept that is withheld says."""
    sent = carrying("[{},{}]")
    assert minimise(sent, decision()) == (sent, [])
    for obligation in (
        Obligation("Patient", None, frozenset({"Gender"})),
        Obligation("Patient", frozenset({"Gender"}), frozenset()),
    ):
        less, removed = minimise(sent, decision(obligation))
        assert less is not None
        assert less.origins == (Origin("fhir-r4", "Patient", "p"),)
        assert removed[-1] == "Patient.carried along"


def test_a_block_that_means_something_else_without_it_goes_whole() -> None:
    sent = carrying("[{},{}]", modifies=True)
    assert minimise(sent, decision()) == (sent, [])
    assert minimise(sent, decision(Obligation("Patient", None, frozenset({"Gender"})))) == (None, ["Patient"])


def test_a_reference_that_is_carried_goes_with_a_block_that_is_withheld() -> None:
    sent = carrying('[{"encounter":{"reference":"Encounter/1"}},{}]')
    hidden = Block("Encounter", "2020", "e", {})
    blocks, removed = minimise_all([sent, hidden], decision(blocks=frozenset({"Patient"})))
    assert [block.origins[0].rest for block in blocks] == [""]
    assert removed == ["Encounter", "Patient.carried along"]


def test_what_is_carried_without_a_reference_stays_when_another_block_goes() -> None:
    sent, hidden = carrying('[{"extension":[{"url":"x"}]},{}]'), Block("Encounter", "2020", "e", {})
    blocks, removed = minimise_all([sent, hidden], decision(blocks=frozenset({"Patient"})))
    assert (blocks, removed) == ([sent], ["Encounter"])


def goal(*, modifies: bool = False) -> Block:
    """A goal whose resource holds a status, of which something was read by no row."""
    origins = (Origin("fhir-r4", "Goal", "g", rest='[{"target":[{}]},{}]', modifies=modifies),)
    return Block("TreatmentObjective", "2020", "g", {"DesiredHealthCondition": Ref("s")}, origins=origins)


def status(part: str = "") -> Block:
    """A status; without a part it stood in the resource of the goal."""
    values = {"StatusName": Text("walking"), "Subject": Ref("g")}
    return Block("FunctionalOrMentalStatus", "2020", "s", values, origins=(Origin("fhir-r4", part),))


GOALS = frozenset({"TreatmentObjective"})
NAMELESS = Obligation("FunctionalOrMentalStatus", None, frozenset({"StatusName"}))


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("decided", [decision(blocks=GOALS), decision(NAMELESS)])
def test_what_is_carried_goes_with_a_block_that_stood_in_the_same_resource(
    order: int, decided: Decision
) -> None:
    blocks, removed = minimise_all([goal(), status()][::order], decided)
    assert [each.origins[0].rest for each in blocks if each.type in GOALS] == [""]
    assert "TreatmentObjective.carried along" in removed


def test_a_block_that_means_something_else_goes_with_a_block_that_stood_in_it() -> None:
    blocks, removed = minimise_all([goal(modifies=True), status()], decision(NAMELESS))
    assert [(each.type, each.values) for each in blocks] == [("FunctionalOrMentalStatus", {})]
    assert removed == [
        "FunctionalOrMentalStatus.StatusName",
        "TreatmentObjective",
        "FunctionalOrMentalStatus.Subject",
    ]


@pytest.mark.parametrize(
    ("other", "decided"),
    [(status("Observation"), decision(blocks=GOALS)), (status(), decision(Obligation("Patient")))],
)
def test_what_is_carried_stays_when_nothing_in_its_resource_is_withheld(
    other: Block, decided: Decision
) -> None:
    sent = goal()
    blocks, _ = minimise_all([sent, other], decided)
    assert [each.origins for each in blocks if each.type in GOALS] == [sent.origins]


def test_a_concept_inside_a_group_of_a_list() -> None:
    less, removed = minimise(
        PATIENT, decision(Obligation("Patient", None, frozenset({"NameInformation.LastName"})))
    )
    assert less is not None
    assert less.values["NameInformation"] == [{"FirstNames": Text("Anna")}]
    assert removed == ["Patient.NameInformation.LastName"]


def test_a_group_that_lost_everything_goes_too() -> None:
    without = frozenset({"NameInformation.LastName", "NameInformation.FirstNames"})
    less, _ = minimise(PATIENT, decision(Obligation("Patient", None, without)))
    assert less is not None
    assert "NameInformation" not in less.values


def test_only_what_is_listed_stays() -> None:
    only = frozenset({"Gender", "NameInformation.LastName"})
    less, removed = minimise(PATIENT, decision(Obligation("Patient", only)))
    assert less is not None
    assert less.values == {
        "NameInformation": [{"LastName": {"LastName": Text("Jansen")}}],
        "Gender": PATIENT.values["Gender"],
    }
    assert removed == [
        "Patient.PatientIdentificationNumber",
        "Patient.NameInformation.FirstNames",
        "Patient.DeathIndicator",
        "Patient.Comment",
    ]


def test_an_exception_wins_over_a_listed_concept() -> None:
    rule = Obligation("Patient", frozenset({"NameInformation"}), frozenset({"NameInformation.LastName"}))
    less, _ = minimise(PATIENT, decision(rule))
    assert less is not None
    assert less.values == {"NameInformation": [{"FirstNames": Text("Anna")}]}


def test_a_reference_to_a_withheld_block_goes_with_it() -> None:
    problem = Block("Problem", "2020", "pr", {"Subject": Ref("p"), "Comment": Text("c")})
    plan = Block(
        "Procedure", "2020", "x", {"Indication": [{"Problem": Ref("pr")}], "Parts": [Ref("pr"), Ref("p")]}
    )
    kept, removed = minimise_all(
        [PATIENT, problem, plan], decision(blocks=frozenset({"Patient", "Procedure"}))
    )
    assert kept == [PATIENT, Block("Procedure", "2020", "x", {"Parts": [Ref("p")]})]
    assert removed == ["Problem", "Procedure.Indication.Problem", "Procedure.Parts"]


def test_without_withheld_blocks_references_stay() -> None:
    problem = Block("Problem", "2020", "pr", {"Subject": Ref("p")})
    assert minimise_all([PATIENT, problem], decision()) == ([PATIENT, problem], [])


def test_the_register_of_the_gateway_takes_the_bsn_from_what_a_pgo_reads() -> None:
    less, removed = minimise(PATIENT, decide(request(blocks=None), load_register()))
    assert less is not None
    assert "123456782" not in repr(less)
    assert removed == ["Patient.PatientIdentificationNumber"]


NAMES = ["A", "B", "C"]
PATHS = [*NAMES, *(f"{a}.{b}" for a in NAMES for b in NAMES)]
leaves = st.builds(Text, st.sampled_from(["x", "y"]))
values = st.recursive(
    leaves | st.lists(leaves, min_size=1, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3),
    max_leaves=8,
)


def paths_in(item: Any, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The concept path of every value."""
    if isinstance(item, dict):
        return {path for name, each in item.items() for path in paths_in(each, (*above, name))}
    return {above}


@given(
    st.dictionaries(st.sampled_from(NAMES), values, max_size=3),
    st.none() | st.frozensets(st.sampled_from(PATHS)),
    st.frozensets(st.sampled_from(PATHS)),
)
def test_a_value_stays_exactly_when_its_path_may(
    group: dict[str, Any], only: frozenset[str] | None, without: frozenset[str]
) -> None:
    def may_stay(path: tuple[str, ...]) -> bool:
        prefixes = {".".join(path[:n]) for n in range(1, len(path) + 1)}
        return not prefixes & without and (only is None or bool(prefixes & only))

    less, removed = minimise(Block("T", "2020", "k", group), decision(Obligation("T", only, without)))
    assert less is not None
    stays = {path for path in paths_in(group) if path and may_stay(path)}
    assert {path for path in paths_in(less.values) if path} == stays
    assert bool(removed) == (stays != {path for path in paths_in(group) if path})
