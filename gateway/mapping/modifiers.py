"""Elements of FHIR resources that may deny what all others say, and their values that deny nothing."""

from __future__ import annotations

from typing import Any, Final

MODIFIERS: Final = frozenset(
    (
        *("status", "clinicalStatus", "verificationStatus", "lifecycleStatus", "intent", "implicitRules"),
        *("doNotPerform", "notDone", "notGiven", "isSubpotent"),
        "except",  # of a Consent: what the rest of it does not hold for
    )
)
"""Elements of resources that FHIR R4 or STU3 labels Is Modifier, and one that is no less."""
DEEP_MODIFIERS: Final = frozenset(("doNotPerform", "prohibited", "forecastStatus", "provision"))
"""Those that stand inside an element of a resource: an activity of a plan, an exception to a provision."""
AFFIRMING: Final = {
    "clinicalStatus": ("active",),
    "verificationStatus": ("confirmed", "unknown"),
    "lifecycleStatus": ("active",),
    "forecastStatus": ("due", "overdue"),
}
"""Values of modifiers that say no more than a block that is there."""
PROCEEDING: Final = ("active", "in-progress", "finished", "unknown")
"""Values of a status that follows from the dates of a block, and that denies nothing without them too."""
OVER: Final = frozenset(("Procedure", "ServiceRequest"))
"""Types of what was done, be it completed; of what is in use or goes on, completed says that it ended."""


def affirms(name: str, value: Any) -> bool:
    """True for a status that denies nothing: a code in STU3, a concept of one coding or more in R4."""
    known = AFFIRMING.get(name, ())
    return value is False or all(code in known for code in _codes(value))


def proceeds(kind: str, name: str, value: Any) -> bool:
    """True for the status of a resource of a type that denies nothing, whatever its dates are."""
    codes = _codes(value)
    return affirms(name, value) or all(
        code in PROCEEDING or (code == "completed" and kind in OVER) for code in codes
    )


def _codes(value: Any) -> list[str]:
    """The codes of a status; one that is empty for a concept without any."""
    if not isinstance(value, dict):
        return [str(value)]
    return [str(each.get("code", "")) for each in value.get("coding", ())] or [""]
