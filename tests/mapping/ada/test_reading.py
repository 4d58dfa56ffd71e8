"""What stands where in an ADA document, and what it refers to: one document a rule."""

import pytest

from gateway.blocks.values import Absent, Boolean, Code, Identifier, Moment, Quantity, Ref, Text
from gateway.codecs import ada
from gateway.errors import ContentError, SyntaxFault
from gateway.mapping.runtime.context import Context
from gateway.mapping.runtime.state import Reading
from tests.mapping.ada.documents import FIXTURES, NOON, fixture, read, reader

BSN = "2.16.840.1.113883.2.4.6.3"
SNOMED = "2.16.840.1.113883.6.96"


def test_a_form_in_adaxml() -> None:
    found = fixture("problem_in_adaxml")
    assert found.lost() == []
    assert not found.state.issues
    assert found.values("Problem/pr-1") == {
        "Subject": Ref(identifier=Identifier("999910012", BSN)),
        "ProblemType": Code("409586006", SNOMED, "Klacht"),
        "ProblemName": Code("267038008", SNOMED, "Oedeem", "2025-09-30", "dikke enkels"),
        "ProblemAnatomicalLocation": {
            "Location": Code("344001", SNOMED, "Enkel"),
            "Laterality": Code("7771000", SNOMED, "Links"),
        },
        "ProblemStartDate": Moment("2012-08"),
        "Comment": Text("Langzaam erger geworden."),
    }


def test_a_form_that_is_the_root_and_a_key_without_bsn() -> None:
    found = fixture("bare_registration_of_a_patient")
    assert list(found.blocks) == ["Patient/1"]
    assert found.values("Patient/1") == {
        "NameInformation": {
            "Initials": Text("W."),
            "LastName": {"Prefix": Text("van"), "LastName": Text("Duinen")},
        },
        "PatientIdentificationNumber": [Identifier("999910012", BSN)],
        "DateOfBirth": Moment("1951"),
        "DeathIndicator": Boolean(False),
    }


def test_a_bsn_as_id_is_not_in_the_key() -> None:
    found = read(
        b'<patient_registratie app="zib2020-nl"><patient id="999910012">'
        b'<geboortedatum value="1951"/></patient></patient_registratie>'
    )
    assert list(found.blocks) == ["Patient/1"]


def test_the_same_document_gives_the_same_keys() -> None:
    for name in ("copies_in_full", "sections_and_building_stones", "references_by_id"):
        assert list(fixture(name).blocks) == list(fixture(name).blocks)


def test_placeholders_are_left_and_not_lost() -> None:
    found = fixture("hidden_placeholders")
    assert list(found.blocks) == ["ContactPerson/cp-1"]
    values = found.values("ContactPerson/cp-1")
    assert values["NameInformation"] == {"GivenName": Text("Piet")}
    assert values["Role"] == [Code("01", "2.16.840.1.113883.2.4.3.11.22.472")]
    (lost,) = found.lost()  # the one that holds a value
    assert (lost.place.rpartition("/")[2], lost.state) == ("initialen-start", "placeholder")


def test_hidden_elements_are_known_by_name() -> None:
    root = ada.decode((FIXTURES / "hidden_placeholders.xml").read_bytes())
    hidden = [element.tag for element in root.iter() if element.get("hidden") == "true"]
    assert hidden
    assert all(str(tag).endswith("-start") for tag in hidden)


def test_the_same_name_in_two_languages() -> None:
    assert list(fixture("contact_of_two_languages").blocks) == ["ContactPerson/c-1"]
    dutch = read(
        b'<sturen app="bgz2017-2.0"><contacten><contact id="c-1">'
        b'<begin_datum_tijd value="2026"/></contact></contacten></sturen>'
    )
    assert list(dutch.blocks) == ["Encounter/c-1"]


def test_names_of_the_other_language_are_understood() -> None:
    found = read(
        b'<probleem_registratie app="zib2020-nl"><problem id="1"><problem_start_date value="2012"/>'
        b'<subject><patient-id value="999910012"/></subject></problem></probleem_registratie>'
    )
    assert found.values("Problem/1") == {
        "ProblemStartDate": Moment("2012"),
        "Subject": Ref(identifier=Identifier("999910012", BSN)),
    }


def test_elements_by_concept_id_by_plain_name_and_unknown() -> None:
    found = fixture("unknown_elements")
    assert found.values("BloodPressure/bd-1") == {
        "SystolicBloodPressure": Quantity("142", "mmHg", "mm[Hg]"),  # <bovendruk>, by its concept id
        "DiastolicBloodPressure": Quantity("88", "mmHg", "mm[Hg]"),  # spelled without underscores
        "Position": Code("33586001", SNOMED),
    }
    lost = {leaf.place.rpartition("/")[2]: leaf for leaf in found.lost()}
    assert set(lost) == {"polsdruk", "houding[2]", "adaextension", "extra", "pijnmeting", "score"}
    assert "NL-CM:12.4.99" in lost["polsdruk"].reason
    assert "one more" in lost["houding[2]"].reason
    assert not found.state.issues


def test_references_by_id_and_the_subject_of_what_stands_inside() -> None:
    found = fixture("references_by_id")
    subject = Ref(identifier=Identifier("999910012", BSN))
    assert found.lost() == []
    assert list(found.blocks) == ["TreatmentDirective2/ba-1", "AdvanceDirective/wv-1", "ContactPerson/cp-1"]
    values = found.values("TreatmentDirective2/ba-1")
    assert values["AdvanceDirective"] == [Ref("AdvanceDirective/wv-1")]
    assert values["AgreementParty"] == [
        {"Representative": Ref("ContactPerson/cp-1")},
        {"HealthProfessional": Absent("NI")},
    ]
    assert [found.values(key)["Subject"] for key in found.blocks] == [subject, subject, subject]
    assert found.blocks["ContactPerson/cp-1"].values["Subject"].at == -1


def test_a_reference_to_nothing_stays_as_sent_with_an_issue() -> None:
    found = fixture("reference_to_nothing")
    assert found.values("NutritionAdvice/va-1")["Indication"] == Ref(literal="prob-9")
    (issue,) = found.state.issues
    assert (issue.severity, issue.code, issue.concept, issue.line) == (
        "error",
        "not-found",
        "NL-CM:7.11.5",
        6,
    )
    assert issue.place == "/voedingsadvies_registratie/voedingsadvies/indicatie/probleem"


def test_a_reference_by_identifier() -> None:
    found = read(
        b'<medicatie_contra_indicatie_registratie app="zib2020-nl"><medicatie_contra_indicatie id="1">'
        b'<melder><zorgverlener value="12345" root="2.16.528.1.1007.3.1"/></melder>'
        b"</medicatie_contra_indicatie></medicatie_contra_indicatie_registratie>"
    )
    (values,) = (found.values(key) for key in found.blocks)
    assert list(values.values()) == [Ref(identifier=Identifier("12345", "2.16.528.1.1007.3.1"))]


def test_a_subject_by_bsn_is_the_patient_of_the_document() -> None:
    found = fixture("two_forms_about_one_person")
    assert found.values("BodyHeight/1") == {
        "Subject": Ref("Patient/pat-1"),
        "HeightValue": Quantity("1.80", "m", "m"),
        "HeightDateTime": Moment("2012-02-29T08:30"),  # twenty years after the birth
    }


def test_a_date_from_a_birth_that_is_not_there() -> None:
    found = fixture("birth_date_missing")
    assert found.values("BodyHeight/l-1")["HeightDateTime"] == Absent("UNK")
    assert found.issues() == [("error", "value")]


def test_copies_in_full_are_one_block() -> None:
    found = fixture("copies_in_full")
    assert not found.state.issues
    assert found.lost() == []
    assert list(found.blocks) == ["Patient/pat-A", "MaritalStatus/1", "Alert/alert-7", "Problem/prob-1"]
    alert = found.values("Alert/alert-7")
    assert alert["Subject"] == Ref("Patient/pat-A")
    assert alert["Condition"] == Ref("Problem/prob-1")
    assert alert["IdentificationNumber"] == [Identifier("alert-7", "2.16.840.1.113883.2.4.3.11.999.7")]
    assert next(leaf.reason for leaf in found.leaves if leaf.state == "duplicate") == "Patient/pat-A"


def test_a_concept_of_another_zib_is_a_block_beside() -> None:
    found = fixture("copies_in_full")
    assert found.values("MaritalStatus/1") == {
        "MaritalStatus": Code("M", "2.16.840.1.113883.5.2", "Married"),
        "Subject": Ref("Patient/pat-A"),
    }


def test_in_a_document_about_one_person_every_block_is_about_that_person() -> None:
    assert fixture("copies_in_full").values("Problem/prob-1")["Subject"] == Ref("Patient/pat-A")
    assert "Subject" not in fixture("copies_in_full").values("Patient/pat-A")


def test_copies_that_differ_are_kept_apart_with_a_warning() -> None:
    found = fixture("copies_that_differ")
    assert list(found.blocks) == ["Problem/prob-1", "MedicalDevice/dev-1", "Problem/prob-1~2"]
    assert found.values("MedicalDevice/dev-1")["Indication"] == [Ref("Problem/prob-1~2")]
    assert found.values("Problem/prob-1~2")["ProblemName"].code == "195967001"
    assert found.issues() == [("warning", "duplicate")]


def test_copies_without_id_are_known_by_what_they_say() -> None:
    found = fixture("copies_without_id")
    assert list(found.blocks) == ["Procedure/1", "HealthcareProvider/prov-1", "Procedure/2"]
    assert found.values("Procedure/2")["Location"] == Ref("HealthcareProvider/prov-1")
    assert not found.state.issues


def test_equal_blocks_at_the_top_without_id_stay_two() -> None:
    one = b'<alcohol_use><comment value="x"/></alcohol_use>'
    assert list(read(b"<bundle>" + one + one + b"</bundle>").blocks) == ["AlcoholUse/1", "AlcoholUse/2"]


def test_a_second_form_with_the_same_id_and_content_is_a_duplicate() -> None:
    one = b'<alcohol_use id="a"><comment value="x"/></alcohol_use>'
    other = b'<alcohol_use id="a"><comment value="y"/></alcohol_use>'
    assert list(read(b"<bundle>" + one + one + b"</bundle>").blocks) == ["AlcoholUse/a"]
    differing = read(b"<bundle>" + one + other + b"</bundle>")
    assert list(differing.blocks) == ["AlcoholUse/a", "AlcoholUse/a~2"]
    assert differing.issues() == [("warning", "duplicate")]


def test_laboratory_exchange_names_the_result_in_its_own_way_and_adds_a_mark() -> None:
    found = fixture("laboratory_exchange")
    values = found.values("LaboratoryTestResult/L-7")
    assert values["IdentificationNumber"] == [Identifier("L-7", "2.16.840.1.113883.2.4.3.11.999.7")]
    assert values["Subject"] == Ref("Patient/1")
    (mark,) = found.lost()
    assert mark.place.endswith("/kopie_indicator")
    assert mark.reason == "no concept of zib LaboratoryTestResult"


def test_sections_references_and_dosage_of_bgz_2() -> None:
    found = fixture("sections_and_building_stones")
    assert found.lost() == []
    assert not found.state.issues
    agreement = found.values("MedicationAgreement/ma-1")
    assert agreement == {
        "Subject": Ref("Patient/pat-B"),
        "MedicationAgreementDateTime": Moment("2026-05-17"),
        "PeriodOfUse": {"Duration": Quantity("15", "dag", "d")},
        "Prescriber": Ref("HealthProfessional/zv-1"),
        "AgreedMedicine": Ref("PharmaceuticalProduct/drug-1"),
        "InstructionsForUse": {
            "DosingInstructions": [
                {
                    "Dosage": [
                        {
                            "Dose": {
                                "MinimumValue": Quantity(
                                    "1", "STUK", "ST", "2.16.840.1.113883.2.4.4.1.900.2"
                                ),
                                "MaximumValue": Quantity(
                                    "2.0", "STUK", "ST", "2.16.840.1.113883.2.4.4.1.900.2"
                                ),
                            },
                            "AdministeringSchedule": {
                                "Frequency": {"NominalValue": Quantity("3", "/(2.d)", "/(2.d)")}
                            },
                        }
                    ]
                }
            ]
        },
    }
    assert found.values("MedicationUse/mg-1")["Author"] == Ref("Patient/pat-B")
    assert found.values("PharmaceuticalProduct/drug-1")["Subject"] == Ref("Patient/pat-B")


def test_an_author_who_is_the_patient_is_the_subject_also_when_that_is_known_last() -> None:
    found = read(
        b'<sturen app="bgz2017-2.0"><medicatie_gebruik id="m">'
        b'<auteur><auteur_is_patient value="true"/></auteur></medicatie_gebruik>'
        b'<patient id="p"><geboortedatum value="1960"/></patient></sturen>'
    )
    assert found.values("MedicationUse/m") == {"Author": Ref("Patient/p"), "Subject": Ref("Patient/p")}


def test_every_value_names_the_line_that_it_was_read_by() -> None:
    found = fixture("sections_and_building_stones")
    rows = {element.tag: row for element, _, row in found.state.taken}
    assert rows["zorgverlener_identificatienummer"].startswith("zib_profiles/2017/HealthProfessional.yaml:")
    assert rows["gebruiksperiode"].startswith("mappings/ada/bgz2017-2.0.yaml:")
    for row in rows.values():
        file, _, line = row.rpartition(":")
        text = (FIXTURES.parents[2] / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert ":" in text


def test_every_value_knows_its_place_in_the_account() -> None:
    found = fixture("problem_in_adaxml")
    values = found.blocks["Problem/pr-1"].values
    element, _, _ = found.state.taken[values["ProblemName"].at]
    assert element.tag == "probleem_naam"


def refusal(name: str) -> ContentError:
    with pytest.raises(ContentError) as caught:
        fixture(name)
    return caught.value


def test_an_unknown_application_is_refused_by_name() -> None:
    (issue,) = refusal("unknown_application").issues
    assert (issue.code, issue.place) == ("not-supported", "/adaxml/data/iets_registratie")
    assert "zib2030-nl" in issue.text
    assert "zib2020-nl" in issue.text


def test_an_unknown_zib_is_refused_by_place_and_concept() -> None:
    (issue,) = refusal("unknown_zib").issues
    assert issue.place == "/adaxml/data/toverdrank_registratie/toverdrank"
    assert issue.concept == "NL-CM:99.9.1"
    assert "groot" not in issue.diagnostics()


@pytest.mark.parametrize(
    "data",
    [b"<adaxml><data/></adaxml>", b"<adaxml/>", b"<bundle/>", b'<x_registratie app="zib2020-nl"/>',
     b'<probleem_registratie app="zib2020-nl"><probleem/></probleem_registratie>', b"<html/>"],
)  # fmt: skip
def test_a_document_without_a_block_is_refused(data: bytes) -> None:
    with pytest.raises(ContentError):
        read(data)


def test_what_is_not_xml_is_refused_by_the_codec() -> None:
    with pytest.raises(SyntaxFault):
        read(b"<adaxml><data></adaxml>")


def test_detecting_an_application() -> None:
    def name(file: str) -> str:
        return reader().detect(ada.decode((FIXTURES / f"{file}.xml").read_bytes()))

    assert name("problem_in_adaxml") == "zib2020-nl"
    assert name("bare_registration_of_a_patient") == "zib2020-nl"
    assert name("copies_in_full") == "bgz2017-en"
    assert name("sections_and_building_stones") == "bgz2017-2.0"


def test_issues_beyond_a_hundred_are_only_said() -> None:
    wrong = b'<observation_of_use><start_date value="nooit"/></observation_of_use>'
    row = b"<alcohol_use>" + wrong + b'<comment value="x"/></alcohol_use>'
    found = read(b"<bundle>" + row * 150 + b"</bundle>")
    assert len(found.blocks) == 150
    assert len(found.state.issues) == 101
    assert found.state.issues[-1].code == "throttled"
    assert len(found.lost()) == 150


def test_many_blocks_of_one_name_stay_quick() -> None:
    row = b'<alcohol_use id="a"><comment value="%d"/></alcohol_use>'
    found = read(b"<bundle>" + b"".join(row % i for i in range(3000)) + b"</bundle>")
    assert len(found.blocks) == 3000


def test_the_source_names_elements_concepts_and_rows() -> None:
    source = reader().source("zib2020-nl", "Problem")
    compile(source, "Problem", "exec")
    assert 'case "probleem_naam": put(v, "ProblemName", code, kid, c, PROBLEM_' in source
    assert "# NL-CM:5.1.3" in source


@pytest.mark.parametrize(("application", "block"), [("zib2099", "Problem"), ("zib2020-nl", "Elixir")])
def test_source_that_there_is_not(application: str, block: str) -> None:
    with pytest.raises(ContentError):
        reader().source(application, block)


def test_every_block_of_every_application_compiles() -> None:
    reader().check()
    assert set(reader().applications) >= {"zib2020-nl", "bgz2017-en", "bgz2017-2.0"}


def test_reading_twice_gives_the_same() -> None:
    root = ada.decode((FIXTURES / "copies_in_full.xml").read_bytes())
    first, second = Reading(Context(NOON)), Reading(Context(NOON))
    assert reader().read(root, first) == reader().read(root, second)
