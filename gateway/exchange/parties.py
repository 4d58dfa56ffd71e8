"""Who is calling: a signed access token, narrowed by the client's registration.

A token is a JSON Web Token (RFC 7519) signed with ES256 by a key that the gateway knows by its `kid`; no
other algorithm is accepted, and keys or addresses in its header are not looked at.  `CHECKS` lists what its
claims must satisfy.  A token that fails is no token (401).  What it asks for (purpose, role, organisation,
person) is judged by policy, which denies and logs.

The `person` of a PGO's token is a BSN: a token is as confidential as the record.  It is never logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol

from gateway.errors import ContentError, Fault, Issue, Unauthenticated
from gateway.exchange.registrations import Registration, load_registrations
from gateway.policy import Caller, purpose_code
from gateway.settings import Settings
from gateway.storage import normalise_bsn

ALGORITHM = "ES256"
LIFETIME_SECONDS = 3600
"""Longest time between `iat` and `exp`; MedMij issues access tokens for fifteen minutes."""

LEEWAY_SECONDS = 30
"""How far an issuer's clock may run ahead."""

MAX_TOKEN = 8192
"""Longest token in characters."""

TOKENS = 256
"""How many tokens whose signature holds are remembered: a PGO sends one token with dozens of searches."""

MAX_CLAIM = 200
"""Longest text in a claim."""

TYPES = (None, "JWT", "at+jwt")  # RFC 9068 §2.1; another kind of JWT is not for us
KEY_FACTS = {"crv": "P-256", "use": "sig", "alg": ALGORITHM}  # RFC 7517 §4; only crv must be there

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Party:
    """A known caller and what it asks for.

    `organisation` identifies the caller's organisation (a URI).  `bsn` is the person of the token, nine
    digits or "".
    """

    caller: Caller
    purpose: str
    organisation: str
    bsn: str = field(default="", repr=False)


class Signed(NamedTuple):
    """What a token says whose signature holds, by which key; `bsn` is the person of it, "" for none."""

    key: str
    claims: Claims
    bsn: str


class Expected(NamedTuple):
    """What the claims are held against; `now` in seconds, `soon` is now for a clock that runs ahead.

    `bsn` is what the claim `person` is read as.
    """

    issuers: frozenset[str]
    audience: str
    now: float
    soon: float
    bsn: str


class Check(NamedTuple):
    """One claim: what it must be, and the test.  They run in this order; the first that fails ends."""

    claim: str
    must: str
    holds: Callable[[Claims, Expected], bool]
    code: str = "login"


CHECKS = (
    Check("iss", "an accepted issuer", lambda c, x: _text(c, "iss") and c["iss"] in x.issuers),
    Check("aud", "this gateway", lambda c, x: x.audience in _texts(c.get("aud"))),
    Check("iat", "a time, not in the future", lambda c, x: _time(c, "iat") and c["iat"] <= x.soon),
    Check("nbf", "a time that has come", lambda c, x: _time(c, "nbf") and c["nbf"] <= x.soon),
    Check("exp", "a time after iat", lambda c, _: _time(c, "exp") and c["exp"] > c["iat"]),
    Check("exp", "at most one hour after iat", lambda c, _: c["exp"] - c["iat"] <= LIFETIME_SECONDS),
    Check("exp", "in the future", lambda c, x: c["exp"] > x.now, "expired"),
    Check("jti", "an identifier", lambda c, _: _text(c, "jti")),
    Check("client_id", "an identifier", lambda c, _: _text(c, "client_id")),
    Check("role", "a role", lambda c, _: _text(c, "role")),
    Check("organisation", "an identifier", lambda c, _: _text(c, "organisation")),
    Check("purpose", "one purpose, when given", lambda c, _: "purpose" not in c or _text(c, "purpose")),
    Check("user", "an identifier, when given", lambda c, _: "user" not in c or _text(c, "user")),
    Check("person", "a BSN, when given", lambda c, x: "person" not in c or bool(x.bsn)),
    Check("user", "no BSN", lambda c, x: not x.bsn or x.bsn not in c.get("user", "")),  # it is logged
)
"""RFC 7519 §4.1, RFC 9068 §2.2; purpose, role, organisation, user and person are the gateway's own."""


class Parties:
    """The callers that the gateway knows, and the keys of their issuers."""

    def __init__(
        self,
        issuers: frozenset[str],
        audience: str,
        keys: Mapping[str, ECKey],
        registrations: Mapping[str, Registration],
    ) -> None:
        self._issuers, self._audience = issuers, audience
        self._keys, self._registrations = keys, registrations
        self._signed = lru_cache(TOKENS)(self._verified)  # of the same bytes; what they claim is checked anew

    def identify(self, token: str, now: datetime) -> Party:
        """The party of a token.  Raises `Unauthenticated`, naming the claim that failed, never its value."""
        key, claims, bsn = self._signed(token)
        seconds = now.timestamp()
        expected = Expected(self._issuers, self._audience, seconds, seconds + LEEWAY_SECONDS, bsn)
        for check in CHECKS:
            if not check.holds(claims, expected):
                raise _refused(f"the claim '{check.claim}' must be {check.must}", check.code)
        registration = self._registrations.get(claims["client_id"])
        if registration is None:
            raise _refused("the client is not registered")
        if registration.issuer != claims["iss"] or key not in registration.keys:
            raise _refused("the client is registered with another issuer or key")
        return _party(claims, bsn, registration)

    def _verified(self, token: str) -> Signed:
        """What a token says, when its signature holds."""
        if not token:
            raise _refused("an access token is needed")
        if len(token) > MAX_TOKEN:
            raise _refused("the token is too long")
        try:
            found = jwt.decode(token, self._key, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            raise _refused("the token is not signed by a key that the gateway accepts") from None
        if found.header.get("typ") not in TYPES:
            raise _refused("the token is not an access token")
        return Signed(found.header["kid"], found.claims, _bsn(found.claims.get("person")))

    def _key(self, token: GuestProtocol) -> ECKey:
        kid = token.headers().get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise ValueError("no such key")
        return key


def load_parties(settings: Settings) -> Parties:
    """The parties of the settings; nobody, when no keys or registrations are configured.

    Raises `AuthoringError` for the registrations and `Fault` for the keys.
    """
    keys = load_keys(settings.token_keys_file) if settings.token_keys_file else {}
    registrations = load_registrations(settings.parties_file) if settings.parties_file else {}
    return Parties(frozenset(settings.token_issuers), settings.token_audience, keys, registrations)


def load_keys(path: Path) -> Mapping[str, ECKey]:
    """The public keys of a JSON Web Key Set (RFC 7517) by `kid`.

    Raises `Fault` when the file cannot be read, or holds a private key, a key that is not P-256 for
    signatures, or a key without a `kid` of its own.
    """
    try:
        rows = json.loads(path.read_bytes())["keys"]
        keys = [(row.get("kid"), row, ECKey.import_key(row)) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, JoseError):
        raise _unusable("cannot be read as a JSON Web Key Set of P-256 keys") from None
    found: dict[str, ECKey] = {}
    for kid, row, key in keys:
        if "d" in row:
            raise _unusable("holds a private key")
        if any(row.get(name, only) != only for name, only in KEY_FACTS.items()) or "crv" not in row:
            raise _unusable(f"holds a key that is not for {ALGORITHM}")
        if not isinstance(kid, str) or not kid or kid in found:
            raise _unusable("holds a key without an id of its own")
        found[kid] = key
    return found


def _party(claims: Claims, bsn: str, registration: Registration) -> Party:
    """What the token and the registration agree on; where they differ nothing is left, and policy denies."""
    stated = claims.get("purpose", "")
    purpose = (purpose_code(stated) or "unknown") if stated else ""
    own = claims["organisation"] == registration.organisation
    caller = Caller(
        id=registration.id,
        role=registration.role if claims["role"] == registration.role else "",
        organisation=f"{registration.name} ({registration.organisation})" if own else "",
        token_purposes=frozenset({purpose} - {"", "unknown"}),
        registered_purposes=registration.purposes,
        user=claims.get("user", ""),
    )
    return Party(caller, purpose, registration.organisation, bsn)


def _bsn(value: Any) -> str:
    """The nine digits, or "" for what is no BSN."""
    try:
        return normalise_bsn(value) if isinstance(value, str) else ""
    except ContentError:
        return ""


def _text(claims: Claims, name: str) -> bool:
    value = claims.get(name)
    return isinstance(value, str) and 0 < len(value) <= MAX_CLAIM and value.isprintable()


def _texts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _time(claims: Claims, name: str) -> bool:
    return type(claims.get(name)) is int  # not a boolean, not NaN


def _refused(text: str, code: str = "login") -> Unauthenticated:
    return Unauthenticated(Issue("error", code, text))


def _unusable(text: str) -> Fault:
    return Fault(Issue("fatal", "security", text, place="ZIBPOORT_TOKEN_KEYS_FILE"))
