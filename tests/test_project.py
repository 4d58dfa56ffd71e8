"""The project keeps its own promises: layout, dependencies, documents, metadata."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gateway
from tests.conftest import ROOT

TOP_LEVEL = {
    *("gateway", "mappings", "zib_profiles", "conformance", "tests"),
    *("pyproject.toml", "requirements.lock", "Makefile", "Dockerfile", "compose.yaml", "docs", ".ci"),
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "publiccode.yml"),
    *(".dockerignore", ".editorconfig", ".gitignore"),
}
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/operations.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# A path that exists on one machine only, standing by itself: not the middle of a URL or of an XPath.
MACHINE_PATH = re.compile(r"(?<![\w.:/*{}\])-])/(?:work|home|root|Users|tmp|mnt)/\w")


def project_files() -> list[Path]:
    """Every file that git holds or would hold."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def declared() -> list[Requirement]:
    """Every requirement of pyproject.toml: to run, to develop, to build."""
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [
        Requirement(line) for line in project["dependencies"] + extras + PROJECT["build-system"]["requires"]
    ]


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def closure(requirements: list[Requirement]) -> set[str]:
    """The names of these requirements and of all that they need on this interpreter."""
    names: set[str] = set()
    seen: set[tuple[str, str]] = set()
    queue = [(canonicalize_name(r.name), extra) for r in requirements for extra in ("", *r.extras)]
    while queue:
        name, extra = pair = queue.pop()
        if pair in seen:
            continue
        seen.add(pair)
        names.add(name)
        for line in requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                queue += [(canonicalize_name(needed.name), e) for e in ("", *needed.extras)]
    return names


def code_lines(document: str) -> list[str]:
    """Every indented line and every inline code of a Markdown document."""
    text = (ROOT / document).read_text()
    return re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)


def command_words(line: str) -> tuple[str, ...]:
    """`zibpoort log list --last 5` → (log, list): the words before the first argument or option."""
    words = line.partition("zibpoort ")[2].split()
    stop = next((i for i, word in enumerate(words) if not re.fullmatch(r"[a-z][a-z-]*", word)), len(words))
    return tuple(words[:stop])


def test_the_top_level_is_exactly_what_the_design_names() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in project_files()} == TOP_LEVEL


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in project_files():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
            if MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_a_dependency_has_a_lower_bound(requirement: Requirement) -> None:
    assert {specifier.operator for specifier in requirement.specifier} & {">=", "~=", "=="}


def test_the_lock_fits_every_dependency() -> None:
    versions = locked()
    for requirement in declared():
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_the_lock_holds_the_whole_closure() -> None:
    assert closure(declared()) - locked().keys() == set()


def test_the_lock_names_versions_only() -> None:
    lines = [x for x in (ROOT / "requirements.lock").read_text().splitlines() if not x.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+!]*", line)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_names_only_targets_of_the_makefile(document: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {m.group(1) for line in code_lines(document) if (m := re.match(r"make ([a-z0-9-]+)", line))}
    assert named
    assert named <= targets


def test_the_documents_name_only_commands_that_exist() -> None:
    named = {command_words(line) for document in DOCUMENTS for line in code_lines(document)} - {()}
    assert named
    zibpoort = Path(sys.executable).with_name("zibpoort")
    for words in sorted(named):
        told = subprocess.run([zibpoort, *words, "--help"], capture_output=True, text=True, check=False)
        assert told.returncode == 0, f"zibpoort {' '.join(words)}: {told.stderr}"


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_a_document_links_only_to_files_that_exist(document: str) -> None:
    folder = (ROOT / document).parent
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / document).read_text())
    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []


def test_publiccode_yml_follows_the_standard() -> None:
    # Mandatory keys and limits: publiccode.yml standard, version 0, "The Standard (core)".
    said: dict[str, Any] = yaml.safe_load((ROOT / "publiccode.yml").read_text())
    mandatory = {"publiccodeYmlVersion", "name", "url", "platforms", "categories", "developmentStatus"}
    mandatory |= {"softwareType", "description", "legal", "maintenance", "localisation"}
    assert mandatory <= said.keys()
    assert said["publiccodeYmlVersion"] == "0"
    assert said["softwareVersion"] == gateway.__version__
    assert said["legal"]["license"] == PROJECT["project"]["license"]
    assert said["developmentStatus"] in {"concept", "development", "beta", "stable", "obsolete"}
    assert said["maintenance"]["type"] == "community"
    assert all(contact["name"] for contact in said["maintenance"]["contacts"])
    assert said["localisation"].keys() >= {"localisationReady", "availableLanguages"}
    for text in said["description"].values():
        assert len(text["shortDescription"]) <= 150
        assert 150 <= len(text["longDescription"]) <= 10_000
        assert text["features"]


def test_the_changelog_opens_with_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first.group(1) == gateway.__version__
