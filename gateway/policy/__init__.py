"""Purpose, legal basis and minimisation: what may be exchanged, and why.  No I/O but loading the register."""

from gateway.policy.decision import Caller, Decision, Effect, Obligation, Reason, Request, decide
from gateway.policy.explain import explain
from gateway.policy.minimise import minimise, minimise_all
from gateway.policy.purpose import purpose_code
from gateway.policy.register import Activity, Article, Register, load_register, parse_register

__all__ = [
    "Activity",
    "Article",
    "Caller",
    "Decision",
    "Effect",
    "Obligation",
    "Reason",
    "Register",
    "Request",
    "decide",
    "explain",
    "load_register",
    "minimise",
    "minimise_all",
    "parse_register",
    "purpose_code",
]
