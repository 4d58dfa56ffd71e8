"""The list of rows that no test reached: what it says of a run that reaches hardly any."""

import subprocess
import sys

from tests.conftest import ROOT
from tests.mapping_coverage import rows


def test_a_run_of_one_test_names_the_other_rows() -> None:
    test = "tests/mapping/ada/test_overlay.py::test_a_period_of_use_in_days[medicatie_gebruik-MedicationUse]"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mapping_coverage", test]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    assert run.returncode == 1
    assert "1 passed" in run.stdout
    assert lines[-1] == f"{len(set(rows()))} rows, {len(set(rows())) - 1} unreached"
    listed = {line for line in lines if line.startswith("mappings/")}
    assert len(listed) == len(set(rows())) - 1
    systolic = [line for line in listed if line.startswith("mappings/fhir-r4-nl-core/BloodPressure.yaml:17 ")]
    assert [line.partition(" ")[2] for line in sorted(systolic)] == [
        "SystolicBloodPressure read",
        "SystolicBloodPressure write",
    ]
    assert not any(line.endswith("MedicationUse.gebruiksperiode read") for line in listed)
    assert any(line.endswith("MedicationAgreement.gebruiksperiode read") for line in listed)
