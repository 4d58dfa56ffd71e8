"""Every decision explains itself, in Dutch and in English."""

from gateway.policy import decide, explain, load_register
from gateway.policy.decision import REASONS
from tests.policy.rows import BERT, request


def test_a_permit_names_activity_articles_and_what_is_withheld() -> None:
    register = load_register()
    decision = decide(request(blocks=None), register)
    text = explain(decision, "en", register)
    assert "Permitted, with less" in text
    assert "Person retrieves the own record with a PGO (person-reads-own-record)" in text
    assert "AVG art. 15 (to be confirmed by a jurist)" in text
    assert "Withheld: Patient.PatientIdentificationNumber" in text
    assert register.policy in text


def test_the_same_in_dutch() -> None:
    register = load_register()
    text = explain(decide(request(blocks=None), register), "nl", register)
    assert "Toegestaan, met minder" in text
    assert "Persoon haalt het eigen dossier op met een PGO" in text
    assert "nog te bevestigen door een jurist" in text
    assert "Niet verstrekt: Patient.PatientIdentificationNumber" in text


def test_a_denial_says_why_and_names_no_person() -> None:
    text = explain(decide(request(person=BERT), load_register()), "nl")
    assert text.startswith("Geweigerd: de persoon is niet die van het token")
    assert "Grondslag" not in text
    assert BERT not in text


def test_every_reason_has_both_languages() -> None:
    assert all(nl and en and nl != en for nl, en in REASONS.values())
