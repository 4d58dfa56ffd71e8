"""Clients that others made, against the running server: a PGO's app pulls, an EPD's software posts.

fhirpy and fhirclient come with the extra dev; fhir-kit-client is installed with npm where node is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRServer
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome

from conformance.hostile.specimen import BSN, bundle, pressure
from conformance.stage import DOCUMENT, EPD, PGO, Client, Stage

pytestmark = pytest.mark.slow

CODE = "http://loinc.org|85354-9"
KIT = "fhir-kit-client@2.0.3"
SCRIPT = Path(__file__).parent / "clients" / "kit.mjs"
VERSIONS = ("r4", "stu3")
ABOUT = {"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": BSN}}
"""Whom a single resource is about, for who does not know the id of her Patient."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("clients")) as found:
        found.prepare()
        found.start()
        assert found.post(DOCUMENT.read_bytes(), found.token(EPD)).status == 201
        yield found


@pytest.fixture
def taking_posts(stage: Stage) -> None:
    """Skips where the server does not take resources at the address of a FHIR version."""
    for path in ("/fhir/r4", "/fhir/r4/Observation"):
        if stage.ask("POST", path, stage.token(EPD)).status in (404, 405):
            pytest.skip(f"not served yet: POST {path}")


def fhirpy(stage: Stage, client: Client, person: str = "", version: str = "r4") -> Any:
    return SyncFHIRClient(
        f"{stage.base}/fhir/{version}", authorization=f"Bearer {stage.token(client, person)}"
    )


def fhirclient(stage: Stage, client: Client, person: str = "") -> Any:
    server = FHIRServer(None, base_uri=f"{stage.base}/fhir/r4")
    server.session.headers["Authorization"] = f"Bearer {stage.token(client, person)}"
    return server


@pytest.mark.parametrize("version", VERSIONS)
def test_fhirpy_searches_and_reads(stage: Stage, version: str) -> None:
    client = fhirpy(stage, PGO, BSN, version)
    (found,) = client.resources("Observation").search(code=CODE).fetch()
    assert found["code"]["coding"][0]["code"] == "85354-9"
    assert client.reference("Observation", found["id"]).to_resource() == found
    assert client.resources("Patient").first()["birthDate"] == "1961-03-08"


@pytest.mark.parametrize("version", VERSIONS)
def test_fhirpy_pages(stage: Stage, version: str) -> None:
    observations = fhirpy(stage, PGO, BSN, version).resources("Observation")
    paged = [each["id"] for each in observations.limit(2).fetch_all()]
    assert len(paged) == len(set(paged)) == observations.count()
    assert paged == [each["id"] for each in observations.fetch()]


def test_fhirpy_is_told_what_is_wrong(stage: Stage) -> None:
    with pytest.raises(OperationOutcome) as caught:
        fhirpy(stage, PGO, BSN).resources("Observation").search(patient=BSN).fetch()
    assert caught.value.resource["issue"][0]["code"] == "security"


def test_fhirclient_searches_and_reads(stage: Stage) -> None:
    server = fhirclient(stage, PGO, BSN)
    (found,) = Observation.where({"code": CODE}).perform_resources_iter(server)
    assert found.component[0].valueQuantity.unit == "mm[Hg]"
    assert Observation.read(found.id, server).as_json() == found.as_json()
    (person,) = Patient.where({}).perform_resources_iter(server)
    assert person.birthDate.isostring == "1961-03-08"


def test_fhirclient_pages(stage: Stage) -> None:
    server = fhirclient(stage, PGO, BSN)
    found = [each.id for each in Observation.where({"_count": "2"}).perform_resources_iter(server)]
    total = next(iter(Observation.where({}).perform_iter(server))).total
    assert len(found) == len(set(found)) == total


@pytest.mark.usefixtures("taking_posts")
def test_fhirpy_posts(stage: Stage) -> None:
    client = fhirpy(stage, EPD)
    made = client.resource("Observation", **pressure(subject=ABOUT, effectiveDateTime="2026-05-01"))
    made.save()
    assert made["id"]
    answer = client.execute("", method="post", data=bundle(pressure(effectiveDateTime="2026-05-02")))
    assert {entry["response"]["status"][:3] for entry in answer["entry"]} <= {"200", "201"}
    days = {each["effectiveDateTime"] for each in pulled(stage)}
    assert days >= {"2026-05-01", "2026-05-02"}


@pytest.mark.usefixtures("taking_posts")
def test_fhirclient_posts(stage: Stage) -> None:
    made = Observation(pressure(subject=ABOUT, effectiveDateTime="2026-05-03"))
    assert made.create(fhirclient(stage, EPD))
    assert "2026-05-03" in {each["effectiveDateTime"] for each in pulled(stage)}


def pulled(stage: Stage) -> list[Any]:
    """The blood pressures that the person's PGO finds."""
    found: list[Any] = fhirpy(stage, PGO, BSN).resources("Observation").search(code=CODE).fetch_all()
    return found


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of these tests, in a folder that has the client."""
    if not (npm := shutil.which("npm")) or not shutil.which("node"):
        pytest.skip("node and npm are not there")
    folder = tmp_path_factory.mktemp("kit")
    ran = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", KIT],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if ran.returncode:
        pytest.skip(f"npm could not install {KIT}")
    return Path(shutil.copy(SCRIPT, folder))


def run_kit(script: Path, *arguments: str) -> Any:
    ran = subprocess.run(
        ["node", script, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


@pytest.mark.parametrize(("version", "release"), [("r4", "4.0.1"), ("stu3", "3.0.2")])
def test_fhir_kit_client_pulls(stage: Stage, kit: Path, version: str, release: str) -> None:
    told = run_kit(kit, f"{stage.base}/fhir/{version}", stage.token(PGO, BSN), "pull")
    assert (told["version"], told["read"]) == (release, True)
    assert len(told["found"]) == len(set(told["found"])) == told["total"] > 1


@pytest.mark.usefixtures("taking_posts")
def test_fhir_kit_client_posts(stage: Stage, kit: Path) -> None:
    body = json.dumps(bundle(pressure(effectiveDateTime="2026-05-04")))
    told = run_kit(kit, f"{stage.base}/fhir/r4", stage.token(EPD), "post", body)
    assert told["type"] == "transaction-response"
    assert "2026-05-04" in {each["effectiveDateTime"] for each in pulled(stage)}
