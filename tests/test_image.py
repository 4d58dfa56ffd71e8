"""The image, built as the Dockerfile says and run, where Debian's tools for that are installed.

No registry of images is asked: a base of Debian's own packages stands in for the one that the Dockerfile
names.  It has another Python; all else is as in the image that an operator builds.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.stage import free_port
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

TOOLS = ("buildah", "mmdebstrap")
PACKAGES = "python3-venv,python3-pip,ca-certificates,passwd"
LIKE_THE_BASE = 'ln -s python3 "$1/usr/bin/python"; rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED'
"""What the official images of Python have and Debian has not: `python`, and a pip that installs."""

PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
CERTIFICATES = Path("/etc/ssl/certs")
RUN = """
zibpoort serve --host 127.0.0.1 --port {port} & server=$!
for attempt in $(seq 150); do {check} 2> /dev/null && break; sleep 0.2; done
{check} && echo lives
echo user $(id -u)
for place in / /opt/zibpoort /var/lib/zibpoort; do test -w $place && echo writes $place; done
kill -TERM $server; wait $server; echo ended $?
"""


@dataclass(frozen=True)
class Buildah:
    """Images and containers in a folder of their own."""

    folder: Path

    def __call__(self, *words: str) -> str:
        """What a command prints; fails with all that it said."""
        place = ("--root", self.folder / "images", "--runroot", self.folder / "run")
        done = subprocess.run(
            ["buildah", "--storage-driver", "vfs", *map(str, place), *words],
            check=False,
            cwd=ROOT,
            env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout.strip()

    def base(self) -> str:
        """The name of an image with Python, made of Debian's packages."""
        tar = self.folder / "base.tar"
        debian = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
        subprocess.run([*debian, f"--customize-hook={LIKE_THE_BASE}", "bookworm", str(tar)], check=True)
        container = self("from", "scratch")
        self("add", "--quiet", container, str(tar), "/")
        self("config", "--env", f"PATH={PATH}", container)
        self("commit", "--quiet", container, "localhost/python:base")
        self("rm", container)
        return "localhost/python:base"

    def build(self, base: str) -> str:
        """The name of the image of the Dockerfile on this base."""
        pip = self.folder / "pip.conf"
        pip.write_text(f"[global]\ncert = {CERTIFICATES / 'ca-certificates.crt'}\n")
        seen = ("--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro", "--volume", f"{pip}:/etc/pip.conf:ro")
        self("build", "--format", "docker", "--build-arg", f"PYTHON={base}", *seen, "--tag", "zibpoort", ".")
        return "localhost/zibpoort"


@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[Buildah]:
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        pytest.skip(f"no image is built without {' and '.join(missing)}")
    if os.geteuid():
        pytest.skip("an image is built by root only")
    found = Buildah(tmp_path)
    yield found
    found("rm", "--all")
    shutil.rmtree(tmp_path)


def test_the_image_builds_serves_and_ends(buildah: Buildah) -> None:
    container = buildah("from", buildah.build(buildah.base()))
    port = free_port()
    (kind, *check) = json.loads(buildah("inspect", container))["Docker"]["config"]["Healthcheck"]["Test"]
    assert kind == "CMD"
    script = RUN.format(port=port, check=shlex.join(check).replace("8080", str(port)))
    said = buildah("run", container, "--", "sh", "-c", script).splitlines()
    assert said == ["lives", "user 10001", "writes /var/lib/zibpoort", "ended 0"]
