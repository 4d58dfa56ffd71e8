"""Faults in the files of the bridge, each with its place."""

import shutil
from pathlib import Path

import pytest

from gateway import documents
from gateway.errors import AuthoringError
from gateway.mapping import Translator, tools
from gateway.mapping.bridge.bridge import Bridge
from gateway.resources import MAPPINGS

TRANSLATOR = Translator()
BRIDGE = TRANSLATOR.bridge


def faults(name: str, text: str) -> list[AuthoringError]:
    """The faults that there are besides those of the files that are not given."""
    files = dict(BRIDGE.pairs.files) | {"_blocks": BRIDGE.pairs.blocks}
    files[name] = documents.parse(text, f"2017-2020/{name}.yaml")
    return Bridge(files, TRANSLATOR.profiles, TRANSLATOR.maps).check()


def test_the_files_have_no_fault() -> None:
    assert [fault.diagnostics() for fault in BRIDGE.check()] == []


HEAD = "2017: MaritalStatus\n2020: MaritalStatus\n"
CODES = "codes: {MaritalStatus: zib 2020 adds unmarried}\n"


@pytest.mark.parametrize(
    ("name", "text", "line", "column", "said"),
    [
        (
            "Alert",
            "2017: Alert\n2020: Alert\nonly-2020:\n  Comment: none\ncodes: {AlertName: more}\n",
            2,
            1,
            "Alert.EndDateTime is neither carried nor listed under only-2020",
        ),
        (
            "Problem",
            "2017: Problem\n2020: Problem\n",
            1,
            1,
            "ProblemLaterality is neither carried nor listed",
        ),
        (
            "MaritalStatus",
            HEAD,
            1,
            1,
            "the codes of MaritalStatus.MaritalStatus differ (2.16.840.1.113883.5.2#U)",
        ),
        (
            "MaritalStatus",
            HEAD + CODES + "rows: {Nothing: MaritalStatus}\n",
            4,
            8,
            "of 2017 has no concept 'Nothing'",
        ),
        (
            "MaritalStatus",
            HEAD + CODES + "rows: {MaritalStatus: Nothing}\n",
            4,
            8,
            "of 2020 has no concept 'Nothing'",
        ),
        (
            "MaritalStatus",
            HEAD + CODES + "rows: {MaritalStatus: MaritalStatus}\n",
            4,
            8,
            "goes along without a row",
        ),
        (
            "MaritalStatus",
            HEAD + CODES + "rows:\n  MaritalStatus: {to: MaritalStatus, map: Other}\n",
            5,
            38,
            "no concept map 'Other'",
        ),
        (
            "MaritalStatus",
            HEAD + CODES + "only-2017: {MaritalStatus: gone}\n",
            4,
            13,
            "zib 2020 has MaritalStatus too",
        ),
        (
            "MaritalStatus",
            HEAD + CODES + "only-2020: {Nothing: none}\n",
            4,
            13,
            "of 2020 has no concept 'Nothing'",
        ),
        (
            "MaritalStatus",
            HEAD + CODES + "when: MaritalState\nbecause: none\n",
            4,
            1,
            "no concept 'MaritalState'",
        ),
        (
            "MaritalStatus",
            HEAD + "codes: {MaritalStatus: more, Nothing: more}\n",
            3,
            30,
            "no coded concept 'Nothing'",
        ),
        (
            "Nationality",
            "2017: Nationality\n2020: Nationality\ncodes: {Nationality: more}\n",
            3,
            9,
            "do not differ",
        ),
        (
            "Nationality",
            "2017: Nationality\n2020: Nationalities\n",
            2,
            1,
            "release 2020 has no block 'Nationalities'",
        ),
        (
            "Encounter",
            (
                "2017: Encounter\n2020: Encounter\nrows: {ContactReason: ContactReason}\nonly-2020:\n"
                "  ContactReason.CommentContactReason: none\n"
            ),
            3,
            8,
            "goes along without a row",
        ),
        (
            "Encounter",
            "2017: Encounter\n2020: Encounter\nonly-2020:\n  ContactReason.CommentContactReason: none\n",
            1,
            1,
            "the repetition of Encounter.ContactReason differs (False, True): it needs a row",
        ),
        (
            "HealthcareProvider",
            "2017: HealthcareProvider\n2020: HealthcareProvider\n",
            1,
            1,
            "the type of HealthcareProvider.OrganizationLocation differs (text, group): it needs a row",
        ),
        (
            "AdministrationAgreement",
            (
                "2017: AdministrationAgreement\n2020: AdministrationAgreement\n"
                "rows:\n  Supplier: {to: Supplier, take: latest}\n"
            ),
            4,
            3,
            "say because",
        ),
        (
            "AdministrationAgreement",
            (
                "2017: AdministrationAgreement\n2020: AdministrationAgreement\n"
                "rows:\n  Comment: {to: CanceledIndicator, because: none}\n"
            ),
            4,
            3,
            "a text cannot be a boolean",
        ),
        (
            "Problem",
            (
                "2017: Problem\n2020: Problem\nrows:\n"
                "  ProblemLaterality: ProblemAnatomicalLocation.Laterality\n"
                "  Comment: {to: Comment, only: to-2020}\n"
            ),
            5,
            3,
            "a row of one direction says because",
        ),
        (
            "Procedure",
            (
                "2017: Procedure\n2020: Procedure\n"
                "rows: {ProcedureEndDate: {to: ProcedureEndDate, when: Indication}}\n"
            ),
            3,
            49,
            "'Indication' is no truth value",
        ),
        (
            "LivingSituation",
            (
                "2017: LivingSituation\n2020: LivingSituation\nonly-2020:\n"
                "  HomeAdaption: {label: Huis, in: HouseType, because: none}\n  LivingCondition: none\n"
            ),
            4,
            31,
            "'HouseType' is not one text",
        ),
        (
            "PlannedCareActivity",
            "2017: PlannedCareActivity\ninto:\n  StartDate: {EndDate: EndDate}\n",
            3,
            3,
            "'StartDate' of PlannedCareActivity refers to no block",
        ),
        (
            "PlannedCareActivity",
            "2017: PlannedCareActivity\ninto:\n  Vaccination: {StartDate: Date}\n",
            3,
            17,
            "'StartDate: Date' names no concept",
        ),
        (
            "_blocks",
            "renamed: {Nothing: Alert}\nonly-2017: {Alert: gone, Nothing: gone}\nonly-2020: {}\n",
            1,
            11,
            "'Nothing: Alert' names no block of both releases",
        ),
        (
            "_blocks",
            "renamed: {}\nonly-2017: {Alert: gone}\nonly-2020: {}\n",
            2,
            13,
            "release 2020 has Alert too",
        ),
        (
            "_blocks",
            "renamed: {}\nonly-2017: {}\nonly-2020: {Nothing: gone}\n",
            3,
            13,
            "release 2020 has no block 'Nothing'",
        ),
    ],
)
def test_a_fault_names_its_place(name: str, text: str, line: int, column: int, said: str) -> None:
    found = [fault for fault in faults(name, text) if said in str(fault)]
    assert found, [str(fault) for fault in faults(name, text)]
    assert (found[0].file, found[0].line, found[0].column) == (f"2017-2020/{name}.yaml", line, column)
    assert "^" in found[0].diagnostics()


def test_a_block_that_is_not_listed() -> None:
    found = [str(fault) for fault in faults("_blocks", "renamed: {}\nonly-2017: {}\nonly-2020: {}\n")]
    assert any("SOAPReport has no counterpart and is not listed under only-2020" in fault for fault in found)
    assert any(
        "AbilityToGroome has no counterpart and is not listed under only-2017" in fault for fault in found
    )


def test_a_concept_of_a_block_without_file_is_not_forgotten() -> None:
    files = {name: file for name, file in BRIDGE.pairs.files.items() if name != "Alert"}
    found = Bridge(files | {"_blocks": BRIDGE.pairs.blocks}, TRANSLATOR.profiles, TRANSLATOR.maps).check()
    assert {(fault.file, str(fault).partition(": ")[2].split(" ")[0]) for fault in found} >= {
        ("zib_profiles/2020/Alert.yaml", "Alert.EndDateTime")
    }


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("2017: Alert\n2020: Alert\nrow: {}\n", 1, 1),
        ("2017: Alert\n2020: Alert\nrows: {Alert Name: AlertName}\n", 3, 1),
        ("2017: Alert\n2020: Alert\nrows:\n  AlertName: {to: AlertName, because: ''}\n", 4, 30),
        ("2017: Alert\n", 1, 1),
    ],
)
def test_a_file_of_another_make(tmp_path: Path, text: str, line: int, column: int) -> None:
    """The schema is checked when the bridge is loaded; `mapping check` shows the place."""
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)
    (folder / "releases/2017-2020/Alert.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(AuthoringError) as raised:
        _ = Translator(folder).bridge
    fault = raised.value
    assert (fault.file, fault.line, fault.column) == ("2017-2020/Alert.yaml", line, column)
    assert [each.diagnostics() for each in tools.check(folder)] == [fault.diagnostics()]
