"""The profiles of the zibs against themselves, and against every element of published ADA instances."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml
from lxml import etree

from conformance.tools import read_fhir_package
from gateway.blocks.profiles import TYPES, Concept, Profile, Profiles, load_profiles, normalise
from gateway.errors import AuthoringError
from gateway.resources import ZIB_PROFILES

BGZ = [
    "Patient",
    "ContactPerson",
    "HealthProfessional",
    "HealthcareProvider",
    "Payer",
    "AdvanceDirective",
    "FunctionalOrMentalStatus",
    "Problem",
    "LivingSituation",
    "DrugUse",
    "AlcoholUse",
    "TobaccoUse",
    "NutritionAdvice",
    "Alert",
    "AllergyIntolerance",
    "MedicationAgreement",
    "AdministrationAgreement",
    "DispenseRequest",
    "MedicationDispense",
    "MedicalDevice",
    "Vaccination",
    "BloodPressure",
    "BodyWeight",
    "BodyHeight",
    "LaboratoryTestResult",
    "TextResult",
    "Procedure",
    "Encounter",
    "MaritalStatus",
    "Nationality",
    "LanguageProficiency",
    "CareTeam",
    "NursingIntervention",
    "NameInformation",
    "AddressInformation",
    "ContactInformation",
    "TimeInterval",
    "Range",
    "InstructionsForUse",
    "PharmaceuticalProduct",
    "BasicElements",
]
ONLY = {
    "2017": ["TreatmentDirective", "MedicationUse", "PlannedCareActivity"],
    "2020": ["TreatmentDirective2", "MedicationUse2", "LegalSituation", "AnatomicalLocation"],
}
BGZ_DATA_SET = "2.16.840.1.113883.2.4.3.11.60.42.2"  # concepts that BgZ 2.0 adds to the zibs
ZIB_RELEASES = ("2017", "2020")


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return load_profiles()


@pytest.mark.parametrize("release", ZIB_RELEASES)
def test_every_block_of_the_bgz_has_a_profile(profiles: Profiles, release: str) -> None:
    missing = [block for block in BGZ + ONLY[release] if profiles.get(release, block) is None]
    assert missing == []


def test_payer_2017_has_the_nesting_of_the_zib(profiles: Profiles) -> None:
    payer = profiles.get("2017", "Payer")
    assert payer is not None
    company = payer.concepts["InsuranceCompany"]
    assert list(company.concepts["Insurance"].concepts) == ["StartDateTime", "EndDateTime", "InsuranceType"]
    assert {"IdentificationNumber", "OrganizationName", "InsurantNumber"} < company.concepts.keys()
    assert list(payer.concepts["PayerPerson"].concepts) == ["PayerName", "BankInformation"]
    insurance = company.concepts["Insurance"]
    assert (insurance.id, insurance.type, insurance.many, insurance.required) == (
        "NL-CM:1.1.8",
        "group",
        True,
        True,
    )


def test_look_ups_by_id_and_by_name_in_both_languages(profiles: Profiles) -> None:
    pressure = profiles.by_root("2020", "NL-CM:12.4.1")
    assert pressure is not None
    assert pressure.block == "BloodPressure"
    systolic = pressure.by_id("NL-CM:12.4.2")
    assert systolic is not None
    assert systolic is pressure.named("systolische_bloeddruk")
    assert systolic is pressure.named("systolic_blood_pressure")
    assert systolic.type == "quantity"
    assert pressure.by_id("NL-CM:12.1.2") is None


def test_names_are_found_inside_partial_zibs_and_in_the_zibroot(profiles: Profiles) -> None:
    patient = profiles.get("2020", "Patient")
    assert patient is not None
    names = patient.concepts["NameInformation"]
    last_name = profiles.named("2020", names, "geslachtsnaam")
    assert last_name is not None
    assert last_name.id == "NL-CM:20.4.2"
    inside = profiles.named("2020", last_name, "achternaam")
    assert inside is not None
    assert inside.id == "NL-CM:20.4.10"
    subject = profiles.named("2020", patient, "onderwerp")
    assert subject is not None
    assert subject.id == "NL-CM:0.0.11"
    assert subject.via["Patient"]["id"] == "NL-CM:0.0.12"


def test_medication_names_of_the_medication_process_are_found_too(profiles: Profiles) -> None:
    agreement = profiles.get("2017", "MedicationAgreement")
    assert agreement is not None
    assert agreement.root == "NL-CM:9.6.9580"
    assert agreement.named("afspraakdatum") is agreement.concepts["MedicationAgreementDateTime"]


@pytest.mark.parametrize("release", ZIB_RELEASES)
def test_concept_ids_belong_to_their_zib_and_names_differ_in_each_language(
    profiles: Profiles, release: str
) -> None:
    faults = []
    for block in profiles.blocks(release):
        profile = profiles.get(release, block)
        assert profile is not None
        for _, concept in profile.walk():
            if concept.id.rpartition(".")[0] not in {profile.id, BGZ_DATA_SET}:
                faults.append(f"{block}.{concept.name}: {concept.id} is not of {profile.id}")
            if not re.fullmatch(r"[A-Z]\w*", concept.name):
                faults.append(f"{block}.{concept.name} is no name")
        inside = [profile.concepts, *(c.concepts for _, c in profile.walk())]
        for concepts in inside:
            dutch = Counter(normalise(c.nl) for c in concepts.values())
            faults += [f"{block}: two concepts are called {name}" for name, n in dutch.items() if n > 1]
    assert faults == []


def test_value_sets_hold_their_codes_and_no_others(profiles: Profiles) -> None:
    gender = profiles.get("2020", "Patient")
    assert gender is not None
    values = profiles.value_set("2020", gender.concepts["Gender"].values)
    assert values is not None
    assert values.holds("F", "2.16.840.1.113883.5.1")
    assert values.holds("UNK", "2.16.840.1.113883.5.1008")
    assert not values.holds("F", "2.16.840.1.113883.5.2")
    assert not values.holds("X", "2.16.840.1.113883.5.1")
    countries = profiles.value_set("2017", "LandCodelijsten")
    assert countries is not None
    assert countries.holds("NL", "1.0.3166.1.2.2")
    assert countries.holds("6030", "2.16.840.1.113883.2.4.4.16.34")


def test_value_sets_name_systems_by_oid_where_one_is_known(profiles: Profiles) -> None:
    files = [f for release in ZIB_RELEASES for f in (ZIB_PROFILES / release / "valuesets").glob("*.yaml")]
    named = {s for f in files for s in _systems(yaml.safe_load(f.read_text(encoding="utf-8")))}
    assert [s for s in sorted(named) if not re.fullmatch(r"[012](\.\d+)+", s)] == []


def _systems(data: dict[str, object]) -> Iterator[str]:
    systems, codes = data.get("systems", []), data.get("codes", {})
    assert isinstance(systems, list)
    assert isinstance(codes, dict)
    yield from systems
    yield from codes


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [("schema.json", "*/*.yaml"), ("valueset.schema.json", "*/valuesets/*.yaml")],
)
def test_every_file_follows_its_schema(schema: str, pattern: str) -> None:
    validator = jsonschema.Draft202012Validator(
        json.loads((ZIB_PROFILES / schema).read_text(encoding="utf-8"))
    )
    files = sorted(ZIB_PROFILES.glob(pattern))
    assert files
    faults = [
        f"{file.relative_to(ZIB_PROFILES)}: {error.message}"
        for file in files
        for error in validator.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8")))
    ]
    assert faults == []


GOOD = """block: Thing
release: "2020"
id: NL-CM:99.1
version: "1.0"
name: {nl: Ding, en: Thing}
kind: zib
concepts:
  Name: {id: NL-CM:99.1.2, nl: Naam, type: text, card: 0..1}
"""


@pytest.mark.parametrize(
    ("old", "new", "text", "line", "column"),
    [
        ("type: text", "type: txt", "type 'txt' is no type and no partial zib", 8, 38),
        ("card: 0..1", "card: 0-1", "cardinality '0-1' is not like 0..1 or 1..*", 8, 50),
        ("type: text", "type: reference", "a reference, and nothing else, has targets", 8, 38),
        ("type: text", "type: group", "a group, and nothing else, holds concepts", 8, 38),
        ("type: text", "type: reference, to: [Nothing]", "there is no block 'Nothing'", 8, 55),
        ("card: 0..1}", "card: 0..1, values: Nothing}", "there is no value set 'Nothing'", 8, 62),
        ("block: Thing", "block: Other", "stands in a file of another name", 1, 1),
        ('"2020"', '"2017"', "stands in the folder of another release", 2, 1),
        ("kind: zib", "kind: odd", "kind 'odd' is none of", 6, 1),
        ("version:", "vers:", "'version' is missing", 1, 1),
        (", nl: Naam", "", "concept 'Name' has no 'nl'", 8, 3),
        ("{id: NL", "{id: [NL", "not YAML", 8, 61),
    ],
)
def test_a_wrong_profile_shows_file_line_and_column(
    tmp_path: Path, old: str, new: str, text: str, line: int, column: int
) -> None:
    assert old in GOOD
    (tmp_path / "2020").mkdir()
    (tmp_path / "2020" / "Thing.yaml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(AuthoringError, match=re.escape(text)) as caught:
        load_profiles(tmp_path)
    assert caught.value.file == f"{tmp_path.name}/2020/Thing.yaml"
    assert (caught.value.line, caught.value.column) == (line, column)


def test_two_concepts_with_one_id_are_an_error_and_the_good_profile_is_none(tmp_path: Path) -> None:
    (tmp_path / "2020").mkdir()
    file = tmp_path / "2020" / "Thing.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert load_profiles(tmp_path).blocks("2020") == ("Thing",)
    load_profiles.cache_clear()
    file.write_text(GOOD + GOOD.splitlines()[-1].replace("Name", "Again") + "\n", encoding="utf-8")
    with pytest.raises(AuthoringError, match=r"NL-CM:99\.1\.2 stands here twice") as caught:
        load_profiles(tmp_path)
    assert caught.value.line == 9


PACKAGES = {
    "2017": (
        ["nictiz-stu3-zib2017/Profiles - ZIB 2017"],
        ["bgz-msz-1.2/ada", "bgz-medmij-3.1/ada_processed"],
    ),
    "2020": (
        ["nictiz-r4-zib2020/resources/zib", "nictiz-r4-zib2020/resources/nl-core"],
        ["zib2020-pairs/ada"],
    ),
}


@pytest.mark.parametrize("release", ZIB_RELEASES)
def test_the_files_are_what_the_tool_writes_from_the_packages(
    testdata: Path, tmp_path: Path, release: str
) -> None:
    """What differs was edited by hand: state it in conformance/tools/zib_facts_<release>.yaml."""
    structures, instances = PACKAGES[release]
    arguments = Namespace(
        release=release,
        structures=[testdata / folder for folder in structures],
        tables=testdata / "nictiz-stu3-zib2017" / "Mappings",
        instances=[testdata / folder for folder in instances],
    )
    unsettled = read_fhir_package.write(read_fhir_package.read(arguments), tmp_path)
    assert [line for line in unsettled if "no value set" not in line] == []
    made = {f.relative_to(tmp_path): f.read_text(encoding="utf-8") for f in tmp_path.rglob("*.yaml")}
    kept = {f.relative_to(ZIB_PROFILES): f for f in (ZIB_PROFILES / release).rglob("*.yaml")}
    assert set(kept) - set(made) == {Path(release) / "BasicElements.yaml"}
    assert [str(f) for f, text in made.items() if kept[f].read_text(encoding="utf-8") != text] == []


# --- published instances -------------------------------------------------------------------------------

ZIB = "2.16.840.1.113883.2.4.3.11.60.40.1."
FRAMES = re.compile(
    r".*_registratie|zibroot|hcimroot|bouwstenen|referenties|medicamenteuze_behandeling|(sturen|beschikbaarstellen)\w*"
)
SECTIONS = frozenset(
    {
        *("demografie_en_identificatie", "financiele_informatie", "behandelrestricties", "zorgsetting"),
        *("klachten_en_diagnoses", "functionelementale_status", "sociale_anamnese", "waarschuwingen"),
        *("allergieen", "medicatie", "medische_hulpmiddelen", "vaccinaties", "vitale_functies_en_metingen"),
        *("uitslagen", "verrichtingen", "contacten"),
    }
)
# What an application has beside the zibs (parent/element, with all inside it), and why it is no concept.
DEPARTURES = {
    r".*/planned_care_activity_referenced": "BgZ 3.1: a flag that a planned activity points here",
    r"onderwerp/patient-id": "forms of release 2020: the subject by its number",
    r"patient/(huisartsgegevens|eerste_contactpersoon)": "BgZ 2.0: added to the patient",
    r"zorg_team/(verantwoordelijke_organisatie|status)": "BgZ 2.0: added to the care team",
    r".*/metagegevens": "BgZ 2.0: provenance of the set",
    r".*/(aantal|waarde|eenheid|tijdseenheid)": "medication process: number and unit as two elements",
    r"medicatie_?gebruik/(auteur|informant)": "medication process: roles that the zib has in its root",
    r"wisselend_doseerschema|.*/wisselend_doseerschema": "medication process 9.3: no zib",
    r".*/relatie_\w+": "medication process: relations by identification, where the zib has references",
    r"medicamenteuze_behandeling/identificatie": "medication process: the treatment that binds the blocks",
    r"toedieningsschema/is_flexibel": "medication process 9.3: not in the zib",
    r"\w+/(scenario-nr|systeemrol|screenshot)": "medication process: administration of tests",
    r"verstrekkingsverzoek/(geannuleerd_indicator|financiele_indicatiecode)": "medication process 9.3: added",
    r"medicatieafspraak/volgende_behandelaar": "medication process 9.3: added",
    r"toedieningsafspraak/distributievorm": "medication process 9.3: added",
    r"gebruiksperiode/criterium": "medication process 9.3: added to the interval",
    r"medicatietoediening/(prik_plak_locatie|registratie_datum_tijd|toedieningssnelheid)": "the same, 9.3",
    r"patient/toediener_is_patient": "medication process 9.3: a flag where the zib has a reference",
}
DEPARTS = re.compile("|".join(DEPARTURES))
# Other words for a block.
WORDS = {
    "product": "PharmaceuticalProduct", "farmaceutical_product": "PharmaceuticalProduct",
    "contact": "ContactPerson", "planned_care_activity": "PlannedCareActivity",
}  # fmt: skip
KINDS = {
    "reference": {"reference"},
    "code": {"code", "any"},
    "quantity": {"quantity", "any"},
    "moment": {"moment"},
    "identifier": {"identifier"},
    "boolean": {"boolean"},
    "": {"text", "integer", "any", "moment", "blob", "quantity", "identifier"},
}


class Reading:
    """Walks instances of one release and collects what the profiles do not account for."""

    def __init__(self, profiles: Profiles, release: str) -> None:
        self.profiles, self.release = profiles, release
        self.faults: Counter[str] = Counter()
        self.elements = 0
        blocks = [p for b in profiles.blocks(release) if (p := profiles.get(release, b))]
        self.by_id = {p.id: p for p in blocks}
        self.by_name = {normalise(p.block): p for p in blocks} | {normalise(p.nl): p for p in blocks}
        basics = profiles.basics(release)
        assert basics is not None
        self.basics = {c.id: c for c in basics.concepts.values()}
        self.basics |= {v["id"]: c for c in basics.concepts.values() for v in c.via.values()}

    def walk(self, element: etree._Element, scope: Profile | Concept | None, path: tuple[str, ...]) -> None:
        seen: Counter[str] = Counter()
        for child in element.iterchildren(tag=etree.Element):
            name = etree.QName(child).localname
            here = (*path, name)
            if child.get("hidden") == "true" or name == "adaextension" or departs(("", *here)):
                continue
            self.elements += 1
            found = self.find(child, name, scope)
            if found is None:
                self.faults[f"not found: {'/'.join(here[-3:])}"] += 1
            elif isinstance(found, Concept) and found is not scope:
                seen[found.name] += 1
                self.check(child, found, scope, here)
                if seen[found.name] > 1 and not found.many:
                    self.faults[f"repeats: {'/'.join(here[-3:])}"] += 1
            self.walk(child, scope if found is None else found, here)

    def find(
        self, element: etree._Element, name: str, scope: Profile | Concept | None
    ) -> Profile | Concept | None:
        """The concept or block that an element is; the scope itself for what is only a frame."""
        concept = zib_id(element)
        if concept:
            known = self.profiles.by_root(self.release, concept) or self.basics.get(concept)
            zib = self.by_id.get(concept.rpartition(".")[0])
            return known or (scope if concept == "NL-CM:0.0.1" else zib.by_id(concept) if zib else None)
        return self.by_word(name, scope)

    def by_word(self, name: str, scope: Profile | Concept | None) -> Profile | Concept | None:
        if FRAMES.fullmatch(name) or name in SECTIONS:
            return scope or self.by_name["basiselementen"]
        words = WORDS if isinstance(scope, Concept) or name == "product" else {}
        block = self.by_name.get(normalise(words.get(name, name)))
        if scope is None or scope is self.by_name["basiselementen"]:
            return block
        found = self.profiles.named(self.release, scope, name)
        if found is None and isinstance(scope, Concept) and block is not None:
            if block.block == scope.type:
                return scope  # the partial zib once more, inside its concept
            if block.block in scope.targets:
                return scope if element_is_container(name, scope) else block
        return found

    def check(
        self,
        element: etree._Element,
        concept: Concept,
        scope: Profile | Concept | None,
        path: tuple[str, ...],
    ) -> None:
        """Kind and nesting of an element against its concept."""
        kind = kind_of(element)
        if kind == "null":
            return
        group = concept.type in {"group", "reference"} or concept.type not in TYPES
        if concept.type == "quantity" and {child.tag for child in element} & {"aantal", "waarde"}:
            return
        if concept.type == "TimeInterval" and kind == "quantity":
            return  # BgZ 2.0 has the duration where the zib has the interval
        if not (group if kind == "group" else concept.type in KINDS[kind]):
            self.faults[f"{kind or 'text'} for a {concept.type}: {'/'.join(path[-3:])}"] += 1
        zib = self.by_id.get(concept.id.rpartition(".")[0])
        if zib_id(element) == concept.id and zib and zib.block != "BasicElements":
            above = zib.ids[concept.id][:-1]
            parent = zib.at(above).id if above else zib.root
            around = scope.root if isinstance(scope, Profile) else scope.id if scope else ""
            if around.rpartition(".")[0] == zib.id and around != parent:
                self.faults[f"{concept.id} {concept.name} stands in {around}, not in {parent}"] += 1


def element_is_container(name: str, scope: Concept) -> bool:
    """True for the `patient` around the `patient` of a zibroot."""
    return any(normalise(name) in {normalise(v["nl"]), normalise(v["en"])} for v in scope.via.values())


def departs(path: tuple[str, ...]) -> bool:
    return DEPARTS.fullmatch("/".join(path[-2:])) is not None


def zib_id(element: etree._Element) -> str:
    oid = (element.get("conceptId") or "").strip("\u200b ")
    return "NL-CM:" + oid.removeprefix(ZIB) if oid.startswith(ZIB) else ""


def kind_of(element: etree._Element) -> str:
    datatype = element.get("datatype", "")
    if datatype == "reference":
        return "reference"
    if element.get("code") is not None or element.get("codeSystem") is not None:
        return "code"
    if element.get("unit") is not None or datatype == "quantity":
        return "quantity"
    if datatype in {"datetime", "date", "time"}:
        return "moment"
    if element.get("nullFlavor") is not None:
        return "null"
    if element.get("root") is not None and element.get("value") is not None:
        return "identifier"
    if element.get("value") in {"true", "false"}:
        return "boolean"
    return "group" if element.get("value") is None else ""


SETS = {
    "bgz-msz-1.2/ada": ("2017", 5000),
    "bgz-medmij-3.1/ada_processed": ("2017", 7000),
    "bgz-msz-2.0/ada": ("2017", 1500),
    "zib2020-pairs/ada": ("2020", 1000),
    "mp-9.3.0/*/ada": ("2020", 20000),
}


@pytest.mark.parametrize("folder", SETS)
def test_every_element_of_the_published_instances_is_a_concept(
    profiles: Profiles, testdata: Path, folder: str
) -> None:
    release, least = SETS[folder]
    reading = Reading(profiles, release)
    for file in sorted(testdata.glob(f"{folder}/*.xml")):
        root = etree.parse(file).getroot()
        if etree.QName(root).namespace:
            continue  # a list of other documents
        data = root.find("data")
        reading.walk(root if data is None else data, None, ())
    assert reading.elements > least
    assert sorted(f"{n} {fault}" for fault, n in reading.faults.items()) == []
