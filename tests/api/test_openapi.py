"""What the gateway says of its addresses holds whatever is sent there: no fault of ours, nothing unsaid.

schemathesis makes the requests from the OpenAPI that is served.  Seed and number are fixed: the three runs
take some forty seconds, half of it to start.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.stage import AUDITOR, DOCUMENT, EPD, PGO, Client, Stage

pytestmark = pytest.mark.slow

FENNA = "999980014"
SEED, EXAMPLES = "20261126", "25"
MOST_SECONDS = 60
"""For one caller, on a machine that is busy."""

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("openapi")) as found:
        found.prepare()
        found.start()
        assert found.post(DOCUMENT.read_bytes(), found.token(EPD)).status == 201
        yield found
        log = (found.folder / "server.log").read_text()
    for secret in ("Traceback", FENNA, "Bearer", "eyJ"):
        assert secret not in log


@pytest.fixture(scope="module")
def openapi(stage: Stage) -> Any:
    """The OpenAPI as served, with the resource types and parameters that the CapabilityStatement adds."""
    found = stage.ask("GET", "/openapi.json").json
    rows = stage.ask("GET", "/fhir/r4/metadata").json["rest"][0]["resource"]
    names = sorted({each["name"] for row in rows for each in row.get("searchParam", ())})
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            parameters = operation.get("parameters", [])
            for each in parameters:
                if each["name"] == "kind":
                    each["schema"] = {"enum": [row["type"] for row in rows]}
            if method == "get" and path.endswith("/{kind}"):
                parameters += ({"name": name, "in": "query", "schema": {"type": "string"}} for name in names)
    return found


@pytest.mark.parametrize(
    ("client", "person", "paths"),
    [(EPD, "", "^/documents|^/fhir"), (PGO, FENNA, "^/fhir"), (AUDITOR, "", "^/audit|^/health")],
    ids=lambda value: getattr(value, "role", ""),
)
def test_every_answer_is_one_that_was_announced(
    stage: Stage, openapi: Any, tmp_path: Path, client: Client, person: str, paths: str
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(openapi))
    options = {
        "--url": stage.base,
        "--seed": SEED,
        "--max-examples": EXAMPLES,
        "--phases": "coverage,fuzzing",
        "--checks": CHECKS,
        "--include-path-regex": paths,
        "--header": f"Authorization: Bearer {stage.token(client, person)}",
    }
    words = [word for option in options.items() for word in option]
    ran = subprocess.run(
        [SCHEMATHESIS, "run", file, *words, "--no-color"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert " passed" in ran.stdout
    assert stage.ask("GET", "/health/ready").status == 200


def test_a_refusal_is_announced_as_an_outcome(openapi: Any) -> None:
    for path, operations in openapi["paths"].items():
        for operation in operations.values():
            refusals = {status for status in operation["responses"] if status.startswith(("4", "5"))}
            assert {"4XX", "5XX"} <= refusals, path
            assert "422" not in refusals, path
            assert "application/fhir+json" in operation["responses"]["4XX"]["content"]
