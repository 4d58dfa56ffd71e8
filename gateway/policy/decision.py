"""May this exchange happen?  A pure, total function of a request and the register; deny unless a row permits.

    1. role and action      the caller is the sender (deliver) or the receiver (read, audit) of the activity
    2. purpose              asked, in the caller's token, in its registration, and in the activity
    3. person               whose record: the token's own person, or one stated person
    4. consent              the kind that the activity needs is established
    5. building blocks      at least one of those asked for is allowed; the others are withheld

A row permits when all five hold.  The answer never depends on what is stored, so it cannot tell whether a
record exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.policy.purpose import PURPOSES
from gateway.policy.register import Activity, Concepts, Register

_PERSON = re.compile(r"[0-9a-f]{64}")  # a keyed HMAC in hex: a bare BSN in its place is no person


class Effect(StrEnum):
    """What is decided."""

    PERMIT = "permit"
    LESS = "permit-with-less"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a registered client, for an organisation.  Roles and names come from the registration.

    `user` is the natural person who acts, where there is one.  `token_purposes` were granted by the token,
    `registered_purposes` by the registration: a purpose counts only when it is in both.
    """

    id: str
    role: str
    organisation: str
    token_purposes: frozenset[str] = frozenset()
    registered_purposes: frozenset[str] = frozenset()
    user: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.  Persons are pseudonyms (64 hex digits), "" when there is none.

    `person` is whose record it is about, `token_person` the person of the caller's token.  `blocks` are the
    block types asked for or delivered; None means the whole record.
    """

    caller: Caller
    action: str
    purpose: str
    person: str = ""
    token_person: str = ""
    blocks: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, as a code of `REASONS`.  For the log and the auditor: a caller is told no more than "denied"."""

    code: str

    @property
    def nl(self) -> str:
        """The reason in Dutch."""
        return REASONS[self.code][0]

    @property
    def en(self) -> str:
        """The reason in English."""
        return REASONS[self.code][1]


@dataclass(frozen=True, slots=True)
class Obligation:
    """What must go from one block type: all but `only` (None: nothing by that rule), and `without`."""

    block: str
    only: Concepts | None = None
    without: Concepts = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and its grounds.

    `activity` is the row that permits, or the row that the request came nearest to; `articles` are given
    only with a permit.  `blocks` are the block types that may be exchanged (None: all).  `policy` is the
    SHA-256 of the register in hex.
    """

    effect: Effect
    policy: str
    activity: str = ""
    articles: tuple[str, ...] = ()
    consent: str = ""
    reasons: tuple[Reason, ...] = ()
    blocks: frozenset[str] | None = frozenset()
    obligations: tuple[Obligation, ...] = field(default=())

    @property
    def permitted(self) -> bool:
        """True for permit and permit-with-less."""
        return self.effect is not Effect.DENY

    def obligation(self, block: str) -> Obligation | None:
        """What must go from this block type; None when the whole block must."""
        if not self.permitted or not (self.blocks is None or block in self.blocks):
            return None
        return next((each for each in self.obligations if each.block == block), Obligation(block))


REASONS = {
    "permitted": ("een verwerking in het register laat dit toe", "an activity of the register permits this"),
    "less": ("een deel wordt niet verstrekt", "a part is withheld"),
    "caller-unknown": (
        "de aanroeper of zijn organisatie is niet bekend",
        "caller or organisation is not known",
    ),
    "action-not-listed": ("geen verwerking kent deze handeling", "no activity has this action"),
    "role-not-listed": ("de rol van de aanroeper past niet", "the caller's role does not fit"),
    "purpose-missing": ("er is geen doel opgegeven", "no purpose is stated"),
    "purpose-unknown": ("het doel is geen code van v3-ActReason", "the purpose is no code of v3-ActReason"),
    "purpose-not-in-token": ("het token noemt dit doel niet", "the token does not grant this purpose"),
    "purpose-not-registered": (
        "de aanroeper is niet voor dit doel geregistreerd",
        "the caller is not registered for this purpose",
    ),
    "purpose-not-listed": ("de verwerking kent dit doel niet", "the activity does not have this purpose"),
    "person-missing": ("niet bekend om wiens gegevens het gaat", "not known whose data it is"),
    "person-invalid": ("de persoon is geen pseudoniem", "the person is not a pseudonym"),
    "person-mismatch": ("de persoon is niet die van het token", "the person is not the token's"),
    "consent-not-established": (
        "de benodigde toestemming is niet vastgesteld",
        "the consent that is needed is not established",
    ),
    "blocks-not-listed": ("de bouwstenen zijn niet toegestaan", "the building blocks are not allowed"),
}
"""Every reason: code to Dutch and English."""


def decide(request: Request, register: Register) -> Decision:
    """Deny, unless a row of the register permits.  The first row that permits decides.

    Total: gives a decision for every request, whatever its texts hold.
    """
    nearest: Activity | None = None
    fewest: list[str] = ["action-not-listed"]
    for activity in register.activities:
        if activity.action != request.action:
            continue
        failed = [*_caller_faults(request.caller, activity), *_request_faults(request, activity)]
        if not failed:
            return _permit(request, activity, register.policy)
        if nearest is None or len(failed) < len(fewest):
            nearest, fewest = activity, failed
    named = nearest.id if nearest else ""
    return Decision(Effect.DENY, register.policy, named, reasons=tuple(Reason(code) for code in fewest))


def _caller_faults(caller: Caller, activity: Activity) -> Iterator[str]:
    if not caller.id or not caller.organisation:
        yield "caller-unknown"
    if caller.role != activity.role:
        yield "role-not-listed"


def _request_faults(request: Request, activity: Activity) -> Iterator[str]:
    yield from _purpose_faults(request, activity)
    fault = _person_fault(request, activity)
    if fault:
        yield fault
    if not _consent_established(activity, person_holds=not fault):
        yield "consent-not-established"
    if not _some_block_allowed(request, activity):
        yield "blocks-not-listed"


def _purpose_faults(request: Request, activity: Activity) -> Iterator[str]:
    purpose = request.purpose
    if not purpose:
        yield "purpose-missing"
    elif purpose not in PURPOSES:
        yield "purpose-unknown"
    else:
        if purpose not in request.caller.token_purposes:
            yield "purpose-not-in-token"
        if purpose not in request.caller.registered_purposes:
            yield "purpose-not-registered"
        if purpose not in activity.purposes:
            yield "purpose-not-listed"


def _person_fault(request: Request, activity: Activity) -> str:
    stated, own = request.person, request.token_person
    if any(person and not _PERSON.fullmatch(person) for person in (stated, own)):
        return "person-invalid"
    if activity.subject != "optional" and not stated:
        return "person-missing"
    if activity.subject == "own" and not own:
        return "person-missing"
    if stated and own and stated != own:
        return "person-mismatch"
    return ""


def _consent_established(activity: Activity, *, person_holds: bool) -> bool:
    if activity.consent == "own-request":
        return person_holds and activity.subject == "own"
    # Consent of the kinds `explicit` and `presumed-by-referral` must be shown; unknown never permits.
    return activity.consent in ("none", "statutory")


def _some_block_allowed(request: Request, activity: Activity) -> bool:
    if activity.blocks is None:
        return True
    if request.blocks is None:
        return bool(activity.blocks)
    return not request.blocks or not request.blocks.isdisjoint(activity.blocks)


def _permit(request: Request, activity: Activity, policy: str) -> Decision:
    allowed = _allowed(request, activity)
    obligations = tuple(_obligations(activity, allowed))
    less = bool(obligations) or allowed != request.blocks
    return Decision(
        effect=Effect.LESS if less else Effect.PERMIT,
        policy=policy,
        activity=activity.id,
        articles=tuple(str(article) for article in activity.basis),
        consent=activity.consent,
        reasons=(Reason("permitted"), Reason("less")) if less else (Reason("permitted"),),
        blocks=allowed,
        obligations=obligations,
    )


def _allowed(request: Request, activity: Activity) -> frozenset[str] | None:
    if activity.blocks is None:
        return request.blocks
    listed = frozenset(activity.blocks)
    return listed if request.blocks is None else request.blocks & listed


def _obligations(activity: Activity, allowed: frozenset[str] | None) -> Iterator[Obligation]:
    for block in sorted({*(activity.blocks or ()), *activity.without}):
        only = (activity.blocks or {}).get(block)
        without = activity.without.get(block, frozenset())
        if (allowed is None or block in allowed) and (only is not None or without):
            yield Obligation(block, only, without)
