"""Dockerfile and compose.yaml, as far as they can be checked without an engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from gateway.settings import PREFIX, Settings
from tests.conftest import ROOT

EXACT = re.compile(r"[a-z][\w./-]*:\d+\.\d+(\.\d+)?-[a-z]+[\w.-]*(@sha256:[0-9a-f]{64})?")
"""An image by a tag that names a patch release and a distribution."""


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments, continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(words[0], words[2].strip()) for line in joined if (words := line.partition(" "))[0]]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, from its FROM on."""
    found: list[list[tuple[str, str]]] = []
    for name, argument in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, argument))
    return found


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_the_base_is_one_exact_image() -> None:
    arguments = dict(argument.split("=", 1) for name, argument in instructions() if name == "ARG")
    bases = [argument.split(" ")[0] for name, argument in instructions() if name == "FROM"]
    assert bases == ["${PYTHON}", "${PYTHON}"]
    assert EXACT.fullmatch(arguments["PYTHON"])


def test_what_runs_is_built_elsewhere_and_runs_as_an_ordinary_user() -> None:
    *_, last = stages()
    names = [name for name, _ in last]
    assert len(stages()) > 1
    assert [argument for name, argument in last if name == "COPY"] == [
        "--from=build /opt/zibpoort /opt/zibpoort"
    ]
    (user,) = [argument for name, argument in last if name == "USER"]
    assert user not in ("root", "0")
    (made,) = [argument for name, argument in last if name == "RUN"]
    assert re.search(rf"useradd .*--uid [1-9]\d+ .*{user}$", made)
    assert names.index("USER") < names.index("CMD")


def test_the_image_says_whether_it_lives_with_what_it_has() -> None:
    (check,) = [argument for name, argument in stages()[-1] if name == "HEALTHCHECK"]
    assert '"python"' in check
    assert "/health/live" in check
    assert not re.search(r"curl|wget", check)


def test_the_image_knows_only_settings_that_there_are() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", (ROOT / "Dockerfile").read_text()))
    assert named <= known
    environment = set(compose()["services"]["gateway"]["environment"])
    assert environment
    assert environment <= known


def test_no_secret_stands_in_the_environment() -> None:
    for name, service in compose()["services"].items():
        for key, value in service["environment"].items():
            secret = re.search(r"PASSWORD|KEK|HMAC|METRICS_TOKEN|DATABASE_URL", key)
            assert not secret or (key.endswith("_FILE") and value.startswith("/run/secrets/")), (
                f"{name} {key}"
            )


def test_every_secret_is_a_file_that_a_service_is_given() -> None:
    found = compose()
    given = {secret for service in found["services"].values() for secret in service["secrets"]}
    assert given == found["secrets"].keys()
    for name, service in found["services"].items():
        files = re.findall(r"/run/secrets/([\w-]+)", str(service["environment"]))
        assert sorted(files) == sorted(service["secrets"]), name
    assert all(row == {"file": f"./secrets/{name}"} for name, row in found["secrets"].items())


@pytest.mark.parametrize("name", ["database", "gateway"])
def test_a_service_is_watched_and_comes_back(name: str) -> None:
    service = compose()["services"][name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert {volume.split(":")[0] for volume in service["volumes"]} & compose()["volumes"].keys()


def test_the_database_is_postgresql_17_by_an_exact_tag() -> None:
    image = compose()["services"]["database"]["image"]
    assert EXACT.fullmatch(image)
    assert image.startswith("postgres:17.")


def test_the_gateway_has_no_more_rights_than_it_needs_and_time_to_finish() -> None:
    gateway = compose()["services"]["gateway"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in gateway["ports"])
    assert int(gateway["stop_grace_period"].rstrip("s")) > Settings.model_fields["grace_seconds"].default
    assert gateway["depends_on"] == {"database": {"condition": "service_healthy"}}
