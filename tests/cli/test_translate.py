"""`zibpoort translate`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from conformance.stage import DOCUMENT
from gateway.cli.translation import POOL_FROM, Order, documents_in, plan
from tests.cli.command import Ended, command, process

NOW = "2026-07-01T12:00:00+02:00"
BGZ = DOCUMENT.read_bytes()


@pytest.fixture
def zibpoort(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*words: str) -> Ended:
        return command(capsys, monkeypatch, *words)

    return run


@pytest.mark.parametrize("to", ["fhir-r4", "fhir-stu3"])
def test_one_document_goes_to_standard_output(zibpoort: Any, to: str) -> None:
    done = zibpoort("translate", str(DOCUMENT), "--to", to, "--now", NOW)
    assert done.code == 0, done.err
    bundle = json.loads(done.out)
    assert bundle["resourceType"] == "Bundle"
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert {"Patient", "Condition", "Observation"} <= kinds


def test_ada_is_an_output_too(zibpoort: Any) -> None:
    done = zibpoort("translate", str(DOCUMENT), "--to", "ada", "--now", NOW)
    assert done.code == 0, done.err
    root = etree.fromstring(done.out.encode())
    assert root.tag == "adaxml"
    assert len(root.findall("data")) == 1


def test_fhir_can_be_written_as_xml(zibpoort: Any) -> None:
    done = zibpoort("translate", str(DOCUMENT), "--to", "fhir-r4", "--format", "xml", "--now", NOW)
    assert etree.fromstring(done.out.encode()).tag == "{http://hl7.org/fhir}Bundle"


def test_the_same_input_and_moment_give_the_same_bytes(zibpoort: Any) -> None:
    words = ("translate", str(DOCUMENT), "--to", "fhir-stu3", "--now", NOW)
    first, second = zibpoort(*words), zibpoort(*words)
    assert first.out == second.out
    other = zibpoort(*words[:-1], "2026-08-01T12:00:00+02:00")
    assert other.out != first.out, "T-dates count from now"


def test_the_format_is_detected_or_said(zibpoort: Any, tmp_path: Path) -> None:
    r4 = zibpoort("translate", str(DOCUMENT), "--to", "fhir-r4", "--now", NOW).out
    (tmp_path / "r4.json").write_text(r4)
    words = ("translate", str(tmp_path / "r4.json"), "--to", "fhir-stu3", "--now", NOW)
    assert zibpoort(*words).code == 0
    assert zibpoort(*words).out == zibpoort(*words, "--from", "fhir-r4").out
    assert zibpoort(*words, "--from", "ada").code == 3


def test_the_account_has_a_line_for_every_leaf(zibpoort: Any, tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    assert zibpoort("translate", str(DOCUMENT), "--to", "fhir-r4", "--account", str(path)).code == 0
    account = json.loads(path.read_bytes())
    assert sum(account["counts"].values()) == len(account["lines"])
    assert all(line["place"] and line["state"] in account["counts"] for line in account["lines"])
    assert "999980014" not in path.read_text()


def test_a_reference_may_lead_to_a_document_beside(zibpoort: Any, tmp_path: Path) -> None:
    whole = json.loads(zibpoort("translate", str(DOCUMENT), "--to", "fhir-r4", "--now", NOW).out)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "bgz.xml").write_bytes(BGZ)
    (tmp_path / "beside" / "broken.xml").write_bytes(b"<")
    pressure = Path(__file__).parent.parent / "fixtures" / "ada" / "blood_pressure.xml"
    alone, beside = (
        json.loads(zibpoort("translate", str(pressure), "--to", "fhir-r4", "--now", NOW, *more).out)
        for more in ((), ("--with", str(tmp_path / "beside")))
    )
    assert len(alone["entry"]) == len(beside["entry"]), "what lies beside is not put out"
    assert len(whole["entry"]) > len(beside["entry"])


BAD = {
    "not well-formed": b"<adaxml>",
    "unknown": b"<something/>",
    "no format": b"hello",
    "empty": b"",
    "dangling": BGZ.replace(b'<probleem value="probleem-2"', b'<probleem value="probleem-9"'),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_document_is_refused_with_its_place(zibpoort: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.xml"
    path.write_bytes(BAD[name])
    done = zibpoort("translate", str(path), "--to", "fhir-r4")
    assert (done.code, done.out) == (3, "")
    assert done.err.strip()
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        (str(DOCUMENT),),
        (str(DOCUMENT), "--to", "pdf"),
        ("absent.xml", "--to", "fhir-r4"),
        (str(DOCUMENT), "--to", "fhir-r4", "--now", "yesterday"),
        (str(DOCUMENT), "--to", "fhir-r4", "--now", "2026-07-01T12:00:00"),
        (str(DOCUMENT), str(DOCUMENT), "--to", "fhir-r4"),
        (str(DOCUMENT.parent), "--to", "fhir-r4"),
        (str(DOCUMENT), "--to", "fhir-r4", "--with", "absent"),
    ],
)
def test_wrong_usage_is_told_apart(zibpoort: Any, words: tuple[str, ...]) -> None:
    done = zibpoort("translate", *words)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_a_fault_of_ours_is_told_without_a_traceback(zibpoort: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise KeyError("999980014")

    monkeypatch.setattr("gateway.cli.translation.Worker.translate", fail)
    done = zibpoort("translate", str(DOCUMENT), "--to", "fhir-r4")
    assert done.code == 1
    assert "a fault of zibpoort: KeyError" in done.err
    assert "999980014" not in done.err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two good documents and one that is refused, one of them deeper."""
    made = tmp_path / "in"
    (made / "deep").mkdir(parents=True)
    (made / "one.xml").write_bytes(BGZ)
    (made / "deep" / "two.xml").write_bytes(BGZ)
    (made / "notes.txt").write_text("not a document")
    return made


def test_a_folder_is_translated_as_it_is_built(zibpoort: Any, folder: Path, tmp_path: Path) -> None:
    out, accounts = tmp_path / "out", tmp_path / "accounts"
    done = zibpoort(
        "translate",
        str(folder),
        "--to",
        "fhir-r4",
        "--out",
        str(out),
        "--account",
        str(accounts),
        "--now",
        NOW,
    )
    assert (done.code, done.out) == (0, "")
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.*")) == ["deep/two.json", "one.json"]
    assert sorted(path.name for path in accounts.rglob("*.*")) == ["one.json", "two.json"]
    assert "2 of 2" in done.err
    assert json.loads((out / "one.json").read_bytes())["resourceType"] == "Bundle"


def test_a_refused_document_does_not_end_the_others(zibpoort: Any, folder: Path, tmp_path: Path) -> None:
    (folder / "bad.xml").write_bytes(b"<")
    out = tmp_path / "out"
    done = zibpoort("translate", str(folder), "--to", "fhir-stu3", "--out", str(out), "--format", "xml")
    assert done.code == 3
    assert sorted(path.name for path in out.rglob("*.*")) == ["one.xml", "two.xml"]
    assert f"refused: {folder / 'bad.xml'}: " in done.err
    assert "2 of 3" in done.err


def test_our_fault_outweighs_a_refusal(
    zibpoort: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bad.xml").write_bytes(b"<")
    monkeypatch.setattr("gateway.cli.translation.bundle", lambda *_: 1 / 0)
    done = zibpoort("translate", str(folder), "--to", "fhir-r4", "--out", str(tmp_path / "out"))
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    assert not list((tmp_path / "out").rglob("*.json"))


def test_quiet_says_nothing(zibpoort: Any, folder: Path, tmp_path: Path) -> None:
    done = zibpoort("translate", str(folder), "--to", "fhir-r4", "--out", str(tmp_path / "out"), "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.slow
def test_many_documents_are_translated_by_several_processes(folder: Path, tmp_path: Path) -> None:
    for number in range(POOL_FROM):
        (folder / f"more{number}.xml").write_bytes(BGZ)
    (folder / "bad.xml").write_bytes(b"<")
    out = tmp_path / "out"
    done = process("translate", str(folder), "--to", "fhir-r4", "--out", str(out), "--now", NOW)
    assert done.code == 3, done.err
    assert len(list(out.rglob("*.json"))) == POOL_FROM + 2
    assert len({path.read_bytes() for path in out.rglob("*.json")}) == 1


def test_the_plan_keeps_folders_and_tells_formats(tmp_path: Path, folder: Path) -> None:
    order = Order("ada", None)  # type: ignore[arg-type]
    jobs = plan([folder, folder / "one.xml"], tmp_path, None, order.suffix)
    assert [str(job.target.relative_to(tmp_path)) for job in jobs] == ["deep/two.xml", "one.xml", "one.xml"]
    assert documents_in(folder / "notes.txt") == [folder / "notes.txt"]


def test_translating_needs_no_web_or_database() -> None:
    words = ["translate", str(DOCUMENT), "--to", "fhir-r4"]
    code = (
        "import sys; from gateway.cli.app import app; "
        f"app({words!r}, standalone_mode=False); "
        "names = {'fastapi', 'sqlalchemy', 'uvicorn', 'cryptography', 'rich.table'}; "
        "sys.exit(str(names & set(sys.modules)) if names & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_breaks_base_fhir_is_refused_with_its_place(zibpoort: Any, tmp_path: Path) -> None:
    wrong = {"resourceType": "Observation", "status": "nee"}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    done = zibpoort("translate", str(tmp_path / "wrong.json"), "--to", "fhir-stu3", "--now", NOW)
    assert done.code == 3
    assert "Observation.status" in done.err
    assert "code is required here" in done.err
    assert "nee" not in done.err.replace("wrong.json", "")
