"""Who is calling: every check of a token, and every way around one that is known."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey, OctKey, RSAKey

from conformance.stage import AUDITOR, EPD, ISSUER, PGO, Stage
from gateway.cli.token import PRIVATE, PUBLIC
from gateway.errors import AuthoringError, Fault, Unauthenticated
from gateway.exchange.parties import CHECKS, MAX_TOKEN, Parties, load_keys, load_parties
from gateway.exchange.registrations import load_registrations
from gateway.settings import Settings

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
TIMES = {"iat": int(NOW.timestamp()), "nbf": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 900}
FENNA = "999980014"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    found = Stage(tmp_path)
    found.prepare()
    return found


@pytest.fixture
def parties(stage: Stage) -> Parties:
    return load_parties(settings(stage.folder))


def settings(folder: Path) -> Settings:
    return Settings(
        token_issuers=(ISSUER,), token_keys_file=folder / PUBLIC, parties_file=folder / "parties.yaml"
    )


def key_of(stage: Stage) -> ECKey:
    return ECKey.import_key(json.loads((stage.folder / PRIVATE).read_bytes()))


def claims(**changes: Any) -> dict[str, Any]:
    """Valid claims of the PGO, with changes; None leaves a claim out."""
    usual = {
        "iss": ISSUER,
        "aud": "zibpoort",
        "client_id": PGO.id,
        "role": PGO.role,
        "organisation": PGO.organisation,
        "purpose": "PATRQT",
        "person": FENNA,
        "jti": "1",
        **TIMES,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(stage: Stage, said: dict[str, Any], **header: Any) -> str:
    key = key_of(stage)
    return jwt.encode({"alg": "ES256", "kid": key.kid, "typ": "at+jwt"} | header, said, key)


def test_a_good_token_gives_the_party_of_its_registration(stage: Stage, parties: Parties) -> None:
    party = parties.identify(signed(stage, claims(user="fenna-app")), NOW)
    assert party.caller.id == PGO.id
    assert party.caller.role == "pgo"
    assert party.caller.organisation == f"{PGO.name} ({PGO.organisation})"
    assert party.caller.user == "fenna-app"
    assert party.caller.token_purposes == party.caller.registered_purposes == frozenset({"PATRQT"})
    assert (party.purpose, party.organisation, party.bsn) == ("PATRQT", PGO.organisation, FENNA)
    assert FENNA not in repr(party)


WRONG: dict[str, list[Any]] = {
    "iss": [None, "", 7, "https://somebody.example", [ISSUER]],
    "aud": [None, "", "zibpoort2", ["another"], 7],
    "iat": [None, "now", TIMES["iat"] + 31, True, float(TIMES["iat"])],
    "nbf": [None, TIMES["nbf"] + 31, "0"],
    "exp": [None, TIMES["iat"], TIMES["iat"] + 3601, "later", True],
    "jti": [None, "", 7, "x" * 201],
    "client_id": [None, "", ["a"], "line\nbreak"],
    "role": [None, "", 1],
    "organisation": [None, "", {}],
    "purpose": ["", ["PATRQT"], 7],
    "user": ["", 7],
    "person": ["", 999980014, "123456789", "999980015", "Fenna", ["999980014"]],
}


@pytest.mark.parametrize(
    ("claim", "value"), [(claim, value) for claim, values in WRONG.items() for value in values], ids=repr
)
def test_a_claim_that_fails_its_check_is_named(
    stage: Stage, parties: Parties, claim: str, value: Any
) -> None:
    with pytest.raises(Unauthenticated) as caught:
        parties.identify(signed(stage, claims(**{claim: value})), NOW)
    assert f"'{claim}'" in caught.value.diagnostics()
    if isinstance(value, str) and len(value) > 2:
        assert value not in caught.value.diagnostics()


def test_a_token_that_was_good_before_is_judged_by_the_present_clock(stage: Stage, parties: Parties) -> None:
    token = signed(stage, claims())
    assert parties.identify(token, NOW) == parties.identify(token, NOW)
    with pytest.raises(Unauthenticated, match="exp"):
        parties.identify(token, NOW + timedelta(hours=2))
    head, body, signature = token.split(".")
    with pytest.raises(Unauthenticated, match="not signed"):
        parties.identify(f"{head}.{body}.{signature[::-1]}", NOW)


def test_every_claim_that_is_checked_has_a_wrong_value_here() -> None:
    assert {check.claim for check in CHECKS} == set(WRONG)


@pytest.mark.parametrize(
    ("name", "seconds", "accepted"),
    [
        ("exp", 1, True),
        ("exp", 0, False),
        ("exp", -1, False),
        ("iat", 30, True),
        ("iat", 31, False),
        ("nbf", 30, True),
        ("nbf", 31, False),
    ],
)
def test_times_hold_to_the_second(
    stage: Stage, parties: Parties, name: str, seconds: int, accepted: bool
) -> None:
    said = claims(iat=TIMES["iat"] - 60) | {name: TIMES["iat"] + seconds}
    token = signed(stage, said)
    if accepted:
        assert parties.identify(token, NOW).caller.id == PGO.id
    else:
        with pytest.raises(Unauthenticated):
            parties.identify(token, NOW)


def test_an_expired_token_says_so(stage: Stage, parties: Parties) -> None:
    with pytest.raises(Unauthenticated) as caught:
        parties.identify(signed(stage, claims(iat=TIMES["iat"] - 100, exp=TIMES["iat"] - 1)), NOW)
    assert caught.value.issues[0].code == "expired"


def test_an_audience_may_be_one_of_several(stage: Stage, parties: Parties) -> None:
    assert parties.identify(signed(stage, claims(aud=["other", "zibpoort"])), NOW).caller.id == PGO.id


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(stage: Stage) -> str:
    header = {"alg": "none", "kid": key_of(stage).kid}
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims()).encode())}."


def hmac_with_public_key(stage: Stage) -> str:
    """The public key as a secret: a verifier that takes the algorithm from the header would accept it."""
    key = key_of(stage)
    head = (
        b64(json.dumps({"alg": "HS256", "kid": key.kid}).encode()) + "." + b64(json.dumps(claims()).encode())
    )
    secret = key.as_pem(private=False)
    return head + "." + b64(hmac.new(secret, head.encode(), hashlib.sha256).digest())


def other_key(stage: Stage) -> str:
    key = ECKey.generate_key("P-256")
    return jwt.encode({"alg": "ES256", "kid": key_of(stage).kid}, claims(), key)


def key_in_header(stage: Stage) -> str:
    key = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "kid": key_of(stage).kid, "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims(), key)


def rsa(stage: Stage) -> str:
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": key_of(stage).kid}, claims(), key)


def without_kid(stage: Stage) -> str:
    return jwt.encode({"alg": "ES256"}, claims(), key_of(stage))


def unknown_kid(stage: Stage) -> str:
    return signed(stage, claims(), kid="another")


def cut_signature(stage: Stage) -> str:
    return signed(stage, claims())[:-8]


def changed_claims(stage: Stage) -> str:
    head, _, signature = signed(stage, claims()).split(".")
    return f"{head}.{b64(json.dumps(claims(person='999980026')).encode())}.{signature}"


def another_kind(stage: Stage) -> str:
    return signed(stage, claims(), typ="id+jwt")


def encrypted(stage: Stage) -> str:
    key = OctKey.generate_key(256)
    header = {"alg": "dir", "enc": "A256GCM", "kid": key_of(stage).kid}
    return jwt.encode(header, claims(), key, registry=JWERegistry())


def not_an_object(stage: Stage) -> str:
    key = key_of(stage)
    return jws.serialize_compact({"alg": "ES256", "kid": key.kid}, b"[1]", key)


def critical_extension(stage: Stage) -> str:
    key = key_of(stage)
    head = b64(json.dumps({"alg": "ES256", "kid": key.kid, "crit": ["x"], "x": 1}).encode())
    body = b64(json.dumps(claims()).encode())
    good = jws.serialize_compact({"alg": "ES256", "kid": key.kid}, json.dumps(claims()).encode(), key)
    return f"{head}.{body}.{good.split('.')[2]}"


def nothing(_: Stage) -> str:
    return ""


def too_long(stage: Stage) -> str:
    return signed(stage, claims(more="x" * MAX_TOKEN))


def rubbish(_: Stage) -> str:
    return "a.b.c"


FORGERIES: list[Callable[[Stage], str]] = [
    unsigned,
    hmac_with_public_key,
    other_key,
    key_in_header,
    rsa,
    without_kid,
    unknown_kid,
    cut_signature,
    changed_claims,
    another_kind,
    encrypted,
    not_an_object,
    critical_extension,
    nothing,
    too_long,
    rubbish,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_what_is_not_signed_by_a_known_key_is_no_token(
    stage: Stage, parties: Parties, forge: Callable[[Stage], str]
) -> None:
    with pytest.raises(Unauthenticated):
        parties.identify(forge(stage), NOW)


def test_a_client_is_bound_to_its_own_key(stage: Stage, tmp_path: Path) -> None:
    """A key that the gateway knows may not sign for a client that is registered with another."""
    second = Stage(tmp_path / "second")
    second.prepare()
    keys = [json.loads((folder / PUBLIC).read_bytes())["keys"][0] for folder in (stage.folder, second.folder)]
    (stage.folder / PUBLIC).write_text(json.dumps({"keys": keys}))
    parties = load_parties(settings(stage.folder))
    assert parties.identify(signed(stage, claims()), NOW).bsn == FENNA
    with pytest.raises(Unauthenticated, match="another issuer or key"):
        parties.identify(signed(second, claims()), NOW)


def test_a_client_is_bound_to_its_own_issuer(stage: Stage) -> None:
    both = settings(stage.folder).model_copy(update={"token_issuers": (ISSUER, "https://second.example")})
    with pytest.raises(Unauthenticated, match="another issuer or key"):
        load_parties(both).identify(signed(stage, claims(iss="https://second.example")), NOW)


def test_an_unregistered_client_is_unknown(stage: Stage, parties: Parties) -> None:
    with pytest.raises(Unauthenticated, match="not registered"):
        parties.identify(signed(stage, claims(client_id="somebody")), NOW)


def test_nobody_is_known_without_configuration() -> None:
    with pytest.raises(Unauthenticated):
        load_parties(Settings()).identify("a.b.c", NOW)


@pytest.mark.parametrize(
    ("changes", "role", "organisation", "purposes"),
    [
        ({"role": "auditor"}, "", True, {"PATRQT"}),
        ({"organisation": "urn:x"}, "pgo", False, {"PATRQT"}),
        ({"purpose": "TREAT"}, "pgo", True, {"TREAT"}),
        ({"purpose": "http://terminology.hl7.org/CodeSystem/v3-ActReason|PATRQT"}, "pgo", True, {"PATRQT"}),
        ({"purpose": "http://example.org/purposes|PATRQT"}, "pgo", True, set()),
        ({"purpose": "patrqt"}, "pgo", True, set()),
        ({"purpose": None}, "pgo", True, set()),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_token_never_widens_its_registration(
    stage: Stage, parties: Parties, changes: dict[str, Any], role: str, organisation: bool, purposes: set[str]
) -> None:
    party = parties.identify(signed(stage, claims(**changes)), NOW)
    assert party.caller.role == role
    assert bool(party.caller.organisation) is organisation
    assert party.caller.token_purposes == purposes
    assert party.caller.registered_purposes == {"PATRQT"}


@pytest.mark.parametrize(
    "written", ["999980014", "999 980 014", "9999.80.014", "９９９９８００１４", "999-980-014"]
)
def test_a_person_is_the_same_however_written(stage: Stage, parties: Parties, written: str) -> None:
    assert parties.identify(signed(stage, claims(person=written)), NOW).bsn == FENNA


def test_every_client_of_the_stage_is_known(stage: Stage, parties: Parties) -> None:
    for client in (EPD, PGO, AUDITOR):
        assert parties.identify(stage.token(client), datetime.now(UTC)).caller.role == client.role


def key_set(**changes: Any) -> dict[str, Any]:
    key = ECKey.generate_key("P-256").as_dict(private=False) | {"kid": "one"} | changes
    return {"keys": [{name: value for name, value in key.items() if value is not None}]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": 7}',
        b'{"keys": [7]}',
        json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True) | {"kid": "one"}]}).encode(),
        json.dumps({"keys": [ECKey.generate_key("P-384").as_dict(private=False) | {"kid": "one"}]}).encode(),
        json.dumps({"keys": [OctKey.generate_key(256).as_dict() | {"kid": "one"}]}).encode(),
        json.dumps(key_set(kid=None)).encode(),
        json.dumps(key_set(kid="")).encode(),
        json.dumps(key_set(use="enc")).encode(),
        json.dumps(key_set(alg="ES384")).encode(),
        json.dumps({"keys": key_set()["keys"] * 2}).encode(),
    ],
)
def test_a_key_set_that_is_not_of_public_p256_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    with pytest.raises(Fault) as caught:
        load_keys(path)
    assert caught.value.issues[0].place == "ZIBPOORT_TOKEN_KEYS_FILE"


def test_a_key_set_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Fault):
        load_keys(tmp_path / "absent")


ROW = """version: 1
clients:
  - id: a
    role: {role}
    organisation: urn:x
    name: A
    purposes: [{purpose}]
    issuer: https://i.example
    keys: [k]
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("version: 2\nclients: []\n", 1),
        (ROW.format(role="king", purpose="TREAT"), 4),
        (ROW.format(role="pgo", purpose="SNOOP"), 7),
        (
            ROW.format(role="pgo", purpose="TREAT")
            + ROW.format(role="pgo", purpose="TREAT").split("clients:\n")[1],
            10,
        ),
        (ROW.format(role="pgo", purpose="TREAT") + "    more: 1\n", 3),
    ],
    ids=["empty", "version", "role", "purpose", "twice", "unknown key"],
)
def test_a_fault_in_the_registrations_shows_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "parties.yaml"
    path.write_text(text)
    with pytest.raises(AuthoringError) as caught:
        load_registrations(path)
    assert caught.value.line == line


def test_registrations_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(AuthoringError, match="absent"):
        load_registrations(tmp_path / "absent")
    (tmp_path / "latin").write_bytes(b"version: \xff")
    with pytest.raises(AuthoringError, match="UTF-8"):
        load_registrations(tmp_path / "latin")
