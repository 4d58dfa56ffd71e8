"""`zibpoort token`: keys and access tokens to develop and demonstrate with.

In production the care provider's authorization server issues them; the gateway only checks.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="FOR DEVELOPMENT ONLY: make keys and access tokens.")

PRIVATE, PUBLIC = "token-key.json", "token-keys.json"
SECONDS = 900
"""MedMij: fifteen minutes."""

Folder = Annotated[Path, typer.Argument(help="Folder for the two files.")]
KeyFile = Annotated[Path, typer.Option("--key", help=f"The private key: {PRIVATE}.", exists=True)]
Issuer = Annotated[str, typer.Option(help="Who issues it (iss).")]
Client = Annotated[str, typer.Option(help="The client's id, as registered.")]
Role = Annotated[str, typer.Option(help="care-provider, pgo or auditor.")]
Organisation = Annotated[str, typer.Option(help="The organisation's identifier, as registered.")]
Purpose = Annotated[str, typer.Option(help="A code of v3-ActReason: TREAT, PATRQT, HCOMPL.")]
Person = Annotated[str, typer.Option(help="For a PGO: the person's BSN.  Use one of the test range.")]
Audience = Annotated[str, typer.Option(help="The gateway (aud).")]
Seconds = Annotated[int, typer.Option(help="How long it is valid.", min=1, max=3600)]


@app.command("keys")
def keys(folder: Folder) -> None:
    """Make a key pair: a private key to sign tokens, and the key set for ZIBPOORT_TOKEN_KEYS_FILE."""
    new_keys(folder)
    typer.echo(f"{folder / PRIVATE}\n{folder / PUBLIC}")


@app.command("mint")
def mint_token(
    key: KeyFile,
    issuer: Issuer,
    client: Client,
    role: Role,
    organisation: Organisation,
    purpose: Purpose,
    person: Person = "",
    audience: Audience = "zibpoort",
    seconds: Seconds = SECONDS,
) -> None:
    """Print an access token."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "client_id": client,
        "role": role,
        "organisation": organisation,
        "purpose": purpose,
        **({"person": person} if person else {}),
    }
    typer.echo(mint(key, claims, seconds))


def new_keys(folder: Path) -> str:
    """Make both files, the private one for its owner's eyes; the key's id.  Replaces no file."""
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
    kid = key.thumbprint()
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / PRIVATE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(key.as_dict(private=True) | {"kid": kid}, file)
    (folder / PUBLIC).write_text(json.dumps({"keys": [key.as_dict(private=False) | {"kid": kid}]}))
    return kid


def mint(key_file: Path, claims: dict[str, Any], seconds: int = SECONDS) -> str:
    """A token with these claims, signed; times and `jti` are added unless they are given."""
    from joserfc import jwt
    from joserfc.jwk import ECKey

    key = ECKey.import_key(json.loads(key_file.read_bytes()))
    now = int(datetime.now(UTC).timestamp())
    standard = {"iat": now, "nbf": now, "exp": now + seconds, "jti": secrets.token_hex(16)}
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, standard | claims, key)
