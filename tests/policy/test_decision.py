"""decide(): denies unless a row permits.

The model below is a second reading of the rules, made from the YAML rows and not from the code.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import event, example, find, given
from hypothesis import strategies as st

from gateway.policy import Effect, Obligation, Request, decide, load_register
from tests.policy.rows import ANNA, BERT, activity, caller, register, request

AUDIT = activity(
    id="audit",
    action="audit",
    purposes=["HCOMPL"],
    receiver="auditor",
    subject="optional",
    consent="statutory",
    blocks={"allow": {}},
)
DELIVER = activity(
    id="deliver",
    action="deliver",
    purposes=["TREAT"],
    sender="care-provider",
    receiver="gateway",
    subject="stated",
    consent="none",
)


def reasons(asked: Request, *rows: dict[str, Any]) -> list[str]:
    return [reason.code for reason in decide(asked, register(*rows)).reasons]


def test_a_person_reads_the_own_record() -> None:
    decision = decide(request(), register(activity()))
    assert (decision.effect, decision.activity) == (Effect.PERMIT, "row")
    assert decision.articles == ("AVG art. 15",)
    assert decision.permitted


def test_an_empty_register_denies_everything() -> None:
    decision = decide(request(), register())
    assert decision.effect is Effect.DENY
    assert [reason.code for reason in decision.reasons] == ["action-not-listed"]
    assert decision.blocks == frozenset()
    assert decision.obligation("Problem") is None


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"action": "delete"}, "action-not-listed"),
        ({"action": ""}, "action-not-listed"),
        ({"caller": caller("care-provider")}, "role-not-listed"),
        ({"caller": caller("")}, "role-not-listed"),
        ({"caller": caller(id="")}, "caller-unknown"),
        ({"caller": caller(organisation="")}, "caller-unknown"),
        ({"purpose": ""}, "purpose-missing"),
        ({"purpose": "patrqt"}, "purpose-unknown"),
        ({"purpose": "http://snomed.info/sct|PATRQT"}, "purpose-unknown"),
        ({"purpose": "TREAT"}, "purpose-not-in-token"),
        ({"caller": caller(token_purposes=frozenset())}, "purpose-not-in-token"),
        ({"caller": caller(registered_purposes=frozenset())}, "purpose-not-registered"),
        ({"person": ""}, "person-missing"),
        ({"token_person": ""}, "person-missing"),
        ({"person": BERT}, "person-mismatch"),
        ({"token_person": BERT}, "person-mismatch"),
        ({"person": "123456782", "token_person": "123456782"}, "person-invalid"),
        ({"person": ANNA.upper(), "token_person": ANNA.upper()}, "person-invalid"),
        ({"person": ANNA + "\n", "token_person": ANNA + "\n"}, "person-invalid"),
    ],
)
def test_denied_and_why(changes: dict[str, Any], because: str) -> None:
    decision = decide(request(**changes), register(activity()))
    assert decision.effect is Effect.DENY
    assert because in [reason.code for reason in decision.reasons]
    assert decision.articles == ()


def test_the_purpose_must_be_of_the_activity_too() -> None:
    both = frozenset({"PATRQT", "TREAT"})
    asked = request(purpose="TREAT", caller=caller(token_purposes=both, registered_purposes=both))
    assert reasons(asked, activity()) == ["purpose-not-listed"]


@pytest.mark.parametrize("kind", ["explicit", "presumed-by-referral"])
def test_consent_that_nobody_established_never_permits(kind: str) -> None:
    assert reasons(request(), activity(consent=kind)) == ["consent-not-established"]


def test_an_epd_may_not_deliver_about_another_than_its_token_names() -> None:
    purposes = {"token_purposes": frozenset({"TREAT"}), "registered_purposes": frozenset({"TREAT"})}
    epd = caller("care-provider", **purposes)
    of_anna = request(caller=epd, action="deliver", purpose="TREAT", token_person="")
    assert decide(of_anna, register(DELIVER)).permitted
    assert reasons(request(caller=epd, action="deliver", purpose="TREAT", token_person=BERT), DELIVER) == [
        "person-mismatch"
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(["far", "near", "also-near"])), ids=" ".join)
def test_the_nearest_activity_explains_a_denial_of_equals_the_first(order: tuple[str, ...]) -> None:
    rows = {
        "far": activity(id="far", purposes=["TREAT"]),
        "near": activity(id="near"),
        "also-near": activity(id="also-near"),
    }
    asked, listed = request(person=BERT), register(AUDIT, *(rows[name] for name in order), DELIVER)
    decision = decide(asked, listed)
    assert decision.activity == next(name for name in order if name != "far")
    assert reasons(asked, *(rows[name] for name in order)) == ["person-mismatch", "consent-not-established"]


def test_blocks_that_are_not_listed_are_withheld() -> None:
    row = activity(blocks={"allow": {"Problem": "*", "Patient": ["NameInformation"]}})
    some = decide(request(blocks=frozenset({"Problem", "DrugUse"})), register(row))
    assert (some.effect, some.blocks) == (Effect.LESS, frozenset({"Problem"}))
    assert [reason.code for reason in some.reasons] == ["permitted", "less"]
    whole = decide(request(blocks=None), register(row))
    assert whole.blocks == frozenset({"Problem", "Patient"})
    assert whole.obligation("Patient").only == {"NameInformation"}  # type: ignore[union-attr]
    assert whole.obligation("Problem") == Obligation("Problem")  # all of it
    assert whole.obligation("DrugUse") is None
    none = decide(request(blocks=frozenset({"DrugUse"})), register(row))
    assert [reason.code for reason in none.reasons] == ["blocks-not-listed"]


def test_a_concept_that_is_excepted_makes_it_less() -> None:
    row = activity(blocks={"allow": "*", "except": {"Patient": ["PatientIdentificationNumber"]}})
    assert decide(request(), register(row)).effect is Effect.PERMIT  # no Patient asked
    decision = decide(request(blocks=None), register(row))
    assert (decision.effect, decision.blocks) == (Effect.LESS, None)
    assert decision.obligation("Patient").without == {"PatientIdentificationNumber"}  # type: ignore[union-attr]


def test_the_auditor_reads_the_log_and_no_record() -> None:
    purposes = {"token_purposes": frozenset({"HCOMPL"}), "registered_purposes": frozenset({"HCOMPL"})}
    asked = {"caller": caller("auditor", **purposes), "purpose": "HCOMPL", "token_person": ""}
    own = load_register()
    assert decide(request(**asked, action="audit", person="", blocks=frozenset()), own).permitted
    assert decide(request(**asked, action="audit", blocks=frozenset()), own).permitted
    assert not decide(request(**asked, action="audit", blocks=None), own).permitted
    assert not decide(request(**asked, action="read"), own).permitted


# ---- against the model

ACTIONS = ["deliver", "read", "audit", "export", ""]
ROLES = ["care-provider", "pgo", "gateway", "auditor", ""]
PURPOSES = ["PATRQT", "TREAT", "HCOMPL", "BTG", "patrqt", ""]
PERSONS = [ANNA, BERT, "", "123456782"]
BLOCKS = ["Patient", "Problem", "DrugUse"]
CONSENTS = ["none", "statutory", "own-request", "explicit", "presumed-by-referral"]

blocks_allowed = st.one_of(
    st.just("*"),
    st.dictionaries(st.sampled_from(BLOCKS), st.just("*") | st.just(["Comment"]), max_size=2),
)


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for number in range(draw(st.integers(0, 3))):
        consent = draw(st.sampled_from(CONSENTS))
        subject = "own" if consent == "own-request" else draw(st.sampled_from(["own", "stated", "optional"]))
        made.append(
            activity(
                id=f"row-{number}",
                action=draw(st.sampled_from(ACTIONS[:3])),
                purposes=draw(st.lists(st.sampled_from(PURPOSES[:4]), min_size=1, unique=True)),
                sender=draw(st.sampled_from(ROLES[:4])),
                receiver=draw(st.sampled_from(ROLES[:4])),
                subject=subject,
                consent=consent,
                blocks={"allow": draw(blocks_allowed)},
            )
        )
    return made


purposes = st.frozensets(st.sampled_from(PURPOSES))


@st.composite
def near_requests(draw: st.DrawFn, listed: list[dict[str, Any]]) -> Request:
    """Any request; half of the time built to fit a row, then one thing changed or none."""
    free = Request(
        caller=caller(
            draw(st.sampled_from(ROLES)),
            id=draw(st.sampled_from(["client", ""])),
            organisation=draw(st.sampled_from(["Organisation", ""])),
            token_purposes=draw(purposes),
            registered_purposes=draw(purposes),
        ),
        action=draw(st.sampled_from(ACTIONS)),
        purpose=draw(st.sampled_from(PURPOSES)),
        person=draw(st.sampled_from(PERSONS)),
        token_person=draw(st.sampled_from(PERSONS)),
        blocks=draw(st.none() | st.frozensets(st.sampled_from(BLOCKS))),
    )
    if not listed or draw(st.booleans()):
        return free
    row = draw(st.sampled_from(listed))
    purpose = draw(st.sampled_from(row["purposes"]))
    granted = {"token_purposes": frozenset({purpose}), "registered_purposes": frozenset({purpose})}
    fitting: dict[str, Any] = {
        "caller": caller(row["sender"] if row["action"] == "deliver" else row["receiver"], **granted),
        "action": row["action"],
        "purpose": purpose,
        "person": ANNA,
        "token_person": ANNA,
        "blocks": None if row["blocks"]["allow"] else frozenset(),
    }
    changed = draw(st.sampled_from([None, *fitting]))
    return Request(**fitting | ({changed: getattr(free, changed)} if changed else {}))


def model_permits(row: dict[str, Any], asked: Request) -> bool:
    """The rules once more, over one YAML row."""
    who = asked.caller
    side = row["sender"] if row["action"] == "deliver" else row["receiver"]
    allow = row["blocks"]["allow"]
    same = asked.person == asked.token_person
    pseudonyms = (ANNA, BERT)
    right_person = {
        "own": asked.person in pseudonyms and same,
        "stated": asked.person in pseudonyms and (same or asked.token_person == ""),
        "optional": asked.person in (*pseudonyms, "")
        and asked.token_person in (*pseudonyms, "")
        and (same or asked.person == "" or asked.token_person == ""),
    }[row["subject"]]
    if allow == "*" or asked.blocks == frozenset():
        some_block = True
    elif asked.blocks is None:
        some_block = allow != {}
    else:
        some_block = any(block in allow for block in asked.blocks)
    return (
        who.id != ""
        and who.organisation != ""
        and who.role == side
        and asked.action == row["action"]
        and asked.purpose in row["purposes"]
        and asked.purpose in who.token_purposes
        and asked.purpose in who.registered_purposes
        and right_person
        and row["consent"] in ("none", "statutory", "own-request")
        and some_block
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], Request]:
    listed = draw(rows())
    return listed, draw(near_requests(listed))


@given(cases())
def test_permits_exactly_what_the_model_permits(case: tuple[list[dict[str, Any]], Request]) -> None:
    listed, asked = case
    decision = decide(asked, register(*listed))
    permitting = [row for row in listed if model_permits(row, asked)]
    event("permitted" if permitting else "denied")
    assert decision.permitted == bool(permitting)
    if not permitting:
        assert decision.blocks == frozenset()
        return
    row = permitting[0]
    assert decision.activity == row["id"]
    for block in BLOCKS:
        asked_for = asked.blocks is None or block in asked.blocks
        listed_here = row["blocks"]["allow"] == "*" or block in row["blocks"]["allow"]
        assert (decision.obligation(block) is not None) == (asked_for and listed_here)


@given(rows(), st.text(), st.text(), st.text(), st.text(), st.frozensets(st.text()))
@example([activity()], "read", "PATRQT", "own", "own", frozenset({"PATRQT"}))
def test_total_for_any_text(
    listed: list[dict[str, Any]], action: str, purpose: str, person: str, own: str, granted: frozenset[str]
) -> None:
    who = caller(token_purposes=granted, registered_purposes=granted)
    decision = decide(Request(who, action, purpose, person, own), register(*listed))
    assert decision.permitted == any(
        model_permits(row, Request(who, action, purpose, person, own)) for row in listed
    )


@pytest.mark.parametrize("effect", list(Effect))
def test_the_comparison_meets_every_effect(effect: Effect) -> None:
    """It would prove little if it only saw denials."""
    found = find(cases(), lambda case: decide(case[1], register(*case[0])).effect is effect)
    assert decide(found[1], register(*found[0])).effect is effect
