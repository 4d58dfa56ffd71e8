"""The tool that writes the tables of parameters: from a package made here, and the rows added by hand."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from conformance.tools.fhir_search_parameters import Parameter, added, read_parameters, row, table, write
from gateway.codecs.fhir.elements import Version, types
from gateway.exchange.search.definitions import Definitions, definitions

URL = "http://hl7.org/fhir/SearchParameter/"


def parameter(code: str, kind: str, expression: str, *bases: str, **more: Any) -> dict[str, Any]:
    return {"url": URL + code, "code": code, "type": kind, "expression": expression, "base": bases} | more


PACKAGE = [
    parameter("date", "date", "Observation.effective | Flag.period", "Observation", "Flag"),
    parameter("patient", "reference", "Flag.subject.where(resolve() is Patient)", "Flag", target=["Patient"]),
    parameter("email", "token", "Patient.telecom.where(system='email')", "Patient"),
    parameter("value", "token", "(Observation.value as CodeableConcept)", "Observation"),
    parameter("code", "token", "Observation.code", "Observation"),
    parameter(
        "both",
        "composite",
        "Observation",
        "Observation",
        component=[
            {"definition": f"{URL}code", "expression": "code"},
            {"definition": f"{URL}value", "expression": "value.as(CodeableConcept)"},
        ],
    ),
    parameter("own", "token", "Patient.extension('http://example.org/x')", "Patient"),
    parameter("phonetic", "string", "Patient.name", "Patient"),
    parameter("code", "token", "Observation.status", "Observation", url=f"{URL}example-code"),
    {"url": f"{URL}none", "code": "none", "type": "special", "base": ["Patient"]},
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        for number, made in enumerate(PACKAGE):
            data = json.dumps(made).encode()
            info = tarfile.TarInfo(f"package/SearchParameter-{number}.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return tmp_path / "package.tgz"


def test_expressions_become_paths(package: Path) -> None:
    rows = table(list(read_parameters(package)), "r4")
    effective = "effectiveDateTime effectivePeriod effectiveTiming effectiveInstant"
    assert rows["Observation"] == {
        "date": f"date {effective}",
        "value": "token valueCodeableConcept",
        "code": "token code",
        "both": "composite . token/code token/valueCodeableConcept",
    }
    assert rows["Flag"] == {
        "date": "date period",
        "patient": "reference=Patient subject",
        "category": "token category",
    }
    assert rows["Patient"] == {"email": "token telecom[system=email]"}


def test_stu3_has_only_what_its_elements_are(package: Path) -> None:
    rows = table(list(read_parameters(package)), "stu3")
    assert rows["Observation"]["date"] == "date effectiveDateTime effectivePeriod"


def test_what_can_be_any_type_names_none() -> None:
    every = tuple(sorted(types("r4").resources))
    anything = Parameter("Provenance", "target", "reference", ("Provenance.target",), every)
    assert row(anything, types("r4")) == "reference target"
    some = Parameter("Provenance", "target", "reference", ("Provenance.target",), every[:2])
    assert row(some, types("r4")) == f"reference:{','.join(every[:2])} target"
    assert row(Parameter("Flag", "x", "token", ("Flag.nothing",)), types("r4")) == ""


def test_what_is_written_can_be_read(package: Path, tmp_path: Path) -> None:
    rows = {"Resource": {"_id": "token id"}, **table(list(read_parameters(package)), "r4")}
    write(tmp_path / "r4.json", rows, {"Flag": "id status"}, "here")
    known = Definitions(types("r4"), json.loads((tmp_path / "r4.json").read_text()))
    assert list(known.of("Flag")) == ["_id", "category", "date", "patient"]
    assert known.of("Flag")["patient"].narrow
    assert known.summary("Flag") == {"id", "status"}


@pytest.mark.parametrize("version", ["r4", "stu3"])
def test_the_rows_added_by_hand_are_in_the_tables(version: Version) -> None:
    rows = list(added(version))
    assert rows
    for each in rows:
        found = definitions(version).of(each.kind)[each.name]
        text = row(each, types(version))
        assert text.split()[1:] == [element.path for element in found.elements]
        assert found.type == each.type
