"""A decision in words, for the log's reader and the privacy officer; not for the caller."""

from __future__ import annotations

from typing import Literal

from gateway.policy.decision import Decision, Effect, Obligation
from gateway.policy.register import Register

Language = Literal["nl", "en"]

_WORDS = {
    "nl": {
        Effect.PERMIT: "Toegestaan",
        Effect.LESS: "Toegestaan, met minder",
        Effect.DENY: "Geweigerd",
        "activity": "Verwerking",
        "nearest": "Verwerking die het dichtst bij komt",
        "none": "geen",
        "basis": "Grondslag",
        "unconfirmed": "nog te bevestigen door een jurist",
        "consent": "Toestemming",
        "withheld": "Niet verstrekt",
        "except": "alles behalve",
        "policy": "Register (SHA-256)",
    },
    "en": {
        Effect.PERMIT: "Permitted",
        Effect.LESS: "Permitted, with less",
        Effect.DENY: "Denied",
        "activity": "Activity",
        "nearest": "Nearest activity",
        "none": "none",
        "basis": "Legal basis",
        "unconfirmed": "to be confirmed by a jurist",
        "consent": "Consent",
        "withheld": "Withheld",
        "except": "all but",
        "policy": "Register (SHA-256)",
    },
}


def explain(decision: Decision, language: Language, register: Register | None = None) -> str:
    """The decision in a few lines; given the register, with titles and what a jurist must confirm."""
    words = _WORDS[language]
    reasons = "; ".join(reason.nl if language == "nl" else reason.en for reason in decision.reasons)
    lines = [f"{words[decision.effect]}: {reasons}."]
    heading = words["activity"] if decision.permitted else words["nearest"]
    lines.append(f"{heading}: {_title(decision, language, register) or words['none']}.")
    if decision.articles:
        open_ones = _unconfirmed(decision, register)
        named = [f"{a} ({words['unconfirmed']})" if a in open_ones else a for a in decision.articles]
        lines.append(f"{words['basis']}: {'; '.join(named)}.")
        lines.append(f"{words['consent']}: {decision.consent}.")
    lines += [f"{words['withheld']}: {_what_goes(each, words['except'])}." for each in decision.obligations]
    lines.append(f"{words['policy']}: {decision.policy}.")
    return "\n".join(lines)


def _title(decision: Decision, language: Language, register: Register | None) -> str:
    for activity in register.activities if register else ():
        if activity.id == decision.activity:
            return f"{activity.title[language]} ({activity.id})"
    return decision.activity


def _unconfirmed(decision: Decision, register: Register | None) -> set[str]:
    rows = register.unconfirmed() if register else ()
    return {str(article) for activity, article in rows if activity == decision.activity}


def _what_goes(obligation: Obligation, all_but: str) -> str:
    parts = [f"{obligation.block}.{path}" for path in sorted(obligation.without)]
    if obligation.only is not None:
        parts.insert(0, f"{obligation.block} {all_but} {', '.join(sorted(obligation.only))}")
    return "; ".join(parts)
