"""What is special in medication: a Dosage for each dosage, times in a period, basic units, statuses."""

from decimal import Decimal
from typing import Any, Literal

import pytest

from gateway.blocks.values import (
    Absent,
    Block,
    Boolean,
    Code,
    Identifier,
    Integer,
    Moment,
    Quantity,
    Ref,
    Text,
)
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Read, Translator, bundle
from gateway.mapping.account import Leaf
from gateway.mapping.runtime.state import Reading
from gateway.terminology.units import G_STANDAARD
from tests.mapping.compiler.test_words import bare

Version = Literal["r4", "stu3"]
SNOMED = "2.16.840.1.113883.6.96"
STOP_2017 = "2.16.840.1.113883.2.4.3.11.60.20.77.5.2.1"
ORAL = Code("9", "2.16.840.1.113883.2.4.4.9", "Oraal")
EXACT = {"url": "http://hl7.org/fhir/StructureDefinition/timing-exact", "valueBoolean": True}
RELEASE = {"r4": "2020", "stu3": "2017"}
VERSIONS: tuple[Version, ...] = ("r4", "stu3")


@pytest.fixture(scope="module")
def translator() -> Translator:
    """The project's own mappings."""
    return Translator()


def pieces(number: str = "2", unit: str = "stuk", code: str = "245") -> Quantity:
    return Quantity(number, unit, code, G_STANDAARD)


def days(number: str) -> Quantity:
    return Quantity(number, "dag", "d")


def agreement(release: str, *dosing: dict[str, Any], **instructions: Any) -> Block:
    """A medication agreement with dosing instructions and the rest of the instructions for use."""
    values = {**instructions, **({"DosingInstructions": list(dosing)} if dosing else {})}
    return Block("MedicationAgreement", release, "MedicationAgreement/1", {"InstructionsForUse": values})


def dosage(dose: Any = None, schedule: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One dosage: a dose, and when it is taken."""
    found = {"Dose": {"NominalValue": dose}} if dose else {}
    return {**found, **({"AdministeringSchedule": schedule} if schedule else {}), **more}


def write(translator: Translator, noon: Context, version: Version, *blocks: Block) -> list[dict[str, Any]]:
    return translator.write_blocks(blocks, f"fhir-{version}", noon, "seed").resources


def back(translator: Translator, noon: Context, version: Version, *blocks: Block) -> list[Block]:
    """What the blocks are after a trip through FHIR."""
    resources = write(translator, noon, version, *blocks)
    data = fhir_json.encode(bundle(resources, noon.base), version)
    return [bare(each) for each in translator.read(data, noon, f"fhir-{version}").blocks]


def dosages(translator: Translator, noon: Context, version: Version, block: Block) -> list[dict[str, Any]]:
    (resource,) = write(translator, noon, version, block)
    found: list[dict[str, Any]] = resource.get("dosageInstruction", [])
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_each_dosage_says_what_holds_for_all_and_comes_back_in_its_instruction(
    translator: Translator, noon: Context, version: Version
) -> None:
    extra = Code("1018", "2.16.840.1.113883.2.4.4.5", "aanbrengen")
    per_day = {"Frequency": {"NominalValue": Quantity("1", "/dag", "/d")}}
    block = agreement(
        RELEASE[version],
        {"SequenceNumber": Integer(1), "DoseDuration": days("3"), "Dosage": [dosage(pieces("2"), per_day)]},
        {
            "SequenceNumber": Integer(2),
            "DoseDuration": days("7"),
            "Dosage": [
                dosage(pieces("1"), {"TimeOfDay": [Code("73775008", SNOMED)]}),
                dosage(
                    pieces("0.5"),
                    {"TimeOfDay": [Code("3157002", SNOMED)], "WeekDay": [Code("307145004", SNOMED)]},
                ),
            ],
        },
        RouteOfAdministration=ORAL,
        AdditionalInstructions=[extra, Text("met water")],
        Description=Text("afbouwen"),
    )
    found = dosages(translator, noon, version, block)
    assert [each["sequence"] for each in found] == [1, 2, 2]
    assert [str(each["timing"]["repeat"]["boundsDuration"]["value"]) for each in found] == ["3", "7", "7"]
    assert all(each["route"]["coding"][0]["code"] == "9" for each in found)
    assert all(len(each["additionalInstruction"]) == 2 for each in found)
    assert [each.get("text") for each in found] == (["afbouwen"] * 3 if version == "stu3" else [None] * 3)
    assert [bare(block)] == back(translator, noon, version, block)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_dosages_repeat_is_used_once_and_counted_as_used(
    translator: Translator, noon: Context, version: Version
) -> None:
    block = agreement(
        RELEASE[version],
        {"SequenceNumber": Integer(1), "Dosage": [dosage(pieces("1")), dosage(pieces("2"))]},
        RouteOfAdministration=ORAL,
        AdditionalInstructions=[Text("met water")],
    )
    resources = write(translator, noon, version, block)
    read = translator.read(fhir_json.encode(bundle(resources, noon.base), version), noon, f"fhir-{version}")
    assert translator.write(read, f"fhir-{version}", noon).account.counts()["not representable"] == 0


def test_a_dosage_of_another_route_is_nowhere_given_that_of_the_first(
    translator: Translator, noon: Context
) -> None:
    block = agreement(
        "2020", {"Dosage": [dosage(pieces("1")), dosage(pieces("2"))]}, RouteOfAdministration=ORAL
    )
    (resource,) = write(translator, noon, "r4", block)
    resource["dosageInstruction"][1]["route"]["coding"][0]["code"] = "12"
    read = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4")
    for form, state in (
        ("fhir-r4", "carried along"),
        ("ada", "not representable"),
        ("fhir-stu3", "not representable"),
    ):
        written = translator.write(read, form, noon)
        assert bool(written.issues) is (form != "fhir-r4")
        assert {
            line.state for line in written.account.lines() if "dosageInstruction[1].route" in line.place
        } == {state}
    (same,) = translator.write(read, "fhir-r4", noon).resources
    assert same["dosageInstruction"] == resource["dosageInstruction"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_limit_is_not_written_where_only_a_number_has_room(
    translator: Translator, noon: Context, version: Version
) -> None:
    often = Quantity("3", "/dag", "/d", comparator="<")
    length = Quantity("2", "uur", "h", comparator="<")
    schedule = {"Frequency": {"NominalValue": often}}
    block = agreement(
        RELEASE[version],
        {"Dosage": [dosage(pieces("1"), schedule, DurationOfAdministration={"Duration": length})]},
    )
    (found,) = dosages(translator, noon, version, block)
    assert "timing" not in found


@pytest.mark.parametrize("version", VERSIONS)
def test_an_interval_beside_a_frequency_does_not_make_it_another(
    translator: Translator, noon: Context, version: Version
) -> None:
    """Three a day, every eight hours: three in eight hours would be nine a day."""
    often, interval = Quantity("3", "/dag", "/d", at=0), Quantity("8", "uur", "h", at=1)
    schedule = {"Frequency": {"NominalValue": often}, "Interval": interval}
    block = agreement(RELEASE[version], {"Dosage": [dosage(schedule=schedule)]})
    read = Read(
        "", "", [block], Reading(noon), lambda: [Leaf("often", 0, "x"), Leaf("interval", 1, "x")], "seed"
    )
    read.state.taken = [(None, None, "x")] * 2
    written = translator.write(read, f"fhir-{version}", noon)
    (resource,) = written.resources
    (found,) = resource["dosageInstruction"]
    assert found["timing"]["repeat"] == {"frequency": 3, "period": Decimal(1), "periodUnit": "d"}
    states = {line.place: line.state for line in written.account.lines()}
    assert states == {"often": "used", "interval": "not representable"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_most_per_another_period_does_not_change_the_least(
    translator: Translator, noon: Context, version: Version
) -> None:
    times = {"MinimumValue": Quantity("2", "/dag", "/d"), "MaximumValue": Quantity("10", "/week", "/wk")}
    block = agreement(RELEASE[version], {"Dosage": [dosage(schedule={"Frequency": times})]})
    (found,) = dosages(translator, noon, version, block)
    assert found["timing"]["repeat"] == {"frequency": 2, "period": Decimal(1), "periodUnit": "d"}


ONE = {"doseAndRate": [{"doseQuantity": {"value": Decimal(1), "unit": "mg"}}]}
DAILY = {"frequency": 1, "period": Decimal(1), "periodUnit": "d"}


@pytest.mark.parametrize(
    "dosages",
    [
        [ONE | {"asNeededBoolean": True}],
        [ONE | {"timing": {"repeat": DAILY | {"periodMax": Decimal(2)}}}],
        [ONE | {"timing": {"repeat": DAILY | {"count": 3}}}],
        [ONE | {"timing": {"repeat": DAILY | {"boundsPeriod": {"end": "2026-08-01"}}}}],
        [ONE | {"timing": {"repeat": {"when": ["MORN", "AC"]}}}],
        [ONE | {"timing": {"code": {"text": "BID"}}}],
        [ONE | {"timing": {"event": ["2026-07-02"]}}],
        [ONE | {"maxDosePerAdministration": {"value": Decimal(2), "unit": "mg"}}],
        [{"doseAndRate": [*ONE["doseAndRate"], {"doseQuantity": {"value": Decimal(2), "unit": "mg"}}]}],
        [ONE | {"additionalInstruction": [{"text": "zo nodig"}]}, ONE],
        [ONE | {"text": "twee"}, ONE | {"text": "een"}],
    ],
)
def test_a_dose_does_not_go_where_it_would_be_another(
    translator: Translator, noon: Context, dosages: list[dict[str, Any]]
) -> None:
    (resource,) = write(translator, noon, "r4", agreement("2020", {"Dosage": [dosage(pieces("1"))]}))
    resource["dosageInstruction"] = dosages
    read = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4")
    for form in ("fhir-stu3", "ada"):
        written = translator.write(read, form, noon)
        assert written.resources == []
        assert [issue.code for issue in written.issues] == ["incomplete"]


@pytest.mark.parametrize(
    "more",
    [
        {"asNeededBoolean": False},
        {"text": "een per dag"},
        {"patientInstruction": "met water"},
        {"site": {"text": "links"}},
        {"timing": {"repeat": DAILY, "code": {"text": "dagelijks"}}},
    ],
)
def test_a_dose_goes_when_what_it_loses_leaves_it_as_it_is(
    translator: Translator, noon: Context, more: dict[str, Any]
) -> None:
    (resource,) = write(translator, noon, "r4", agreement("2020", {"Dosage": [dosage(pieces("1"))]}))
    resource["dosageInstruction"] = [ONE | more]
    read = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4")
    (request,) = translator.write(read, "fhir-stu3", noon).resources
    (found,) = request["dosageInstruction"]
    assert found["doseQuantity"]["value"] == 1
    assert found.get("text") == more.get("text")


@pytest.mark.parametrize("version", VERSIONS)
def test_instructions_without_a_dosage_are_one_dosage(
    translator: Translator, noon: Context, version: Version
) -> None:
    block = agreement(RELEASE[version], RouteOfAdministration=ORAL)
    (found,) = dosages(translator, noon, version, block)
    assert found.keys() == {"route"}
    assert [bare(block)] == back(translator, noon, version, block)


def test_no_instructions_are_no_dosage(translator: Translator, noon: Context) -> None:
    block = Block("MedicationAgreement", "2020", "MedicationAgreement/1", {"Comment": Text("geen")})
    assert dosages(translator, noon, "r4", block) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("frequency", "repeat"),
    [
        (
            {"NominalValue": Quantity("3", "/dag", "/d")},
            {"frequency": 3, "period": Decimal(1), "periodUnit": "d"},
        ),
        (
            {"NominalValue": Quantity("1", "/2 week", "/(2.wk)")},
            {"frequency": 1, "period": Decimal(2), "periodUnit": "wk"},
        ),
        (
            {"MinimumValue": Quantity("1", "/dag", "/d"), "MaximumValue": Quantity("2", "/dag", "/d")},
            {"frequency": 1, "frequencyMax": 2, "period": Decimal(1), "periodUnit": "d"},
        ),
        (
            {"MaximumValue": Quantity("4", "/dag", "/d")},
            {"frequencyMax": 4, "period": Decimal(1), "periodUnit": "d"},
        ),
        ({"NominalValue": Quantity("2")}, {"count": 2}),
    ],
)
def test_a_number_of_times_is_spread_over_the_timing_and_comes_back(
    translator: Translator, noon: Context, version: Version, frequency: dict[str, Any], repeat: dict[str, Any]
) -> None:
    block = agreement(RELEASE[version], {"Dosage": [dosage(None, {"Frequency": frequency})]})
    (found,) = dosages(translator, noon, version, block)
    assert found["timing"]["repeat"] == repeat
    assert [bare(block)] == back(translator, noon, version, block)


def test_a_frequency_in_words_is_understood(translator: Translator, noon: Context) -> None:
    times = Quantity("3", "maal per dag", "{maal per dag}")
    block = agreement("2020", {"Dosage": [dosage(None, {"Frequency": {"NominalValue": times}})]})
    (found,) = dosages(translator, noon, "r4", block)
    assert found["timing"]["repeat"] == {"frequency": 3, "period": Decimal(1), "periodUnit": "d"}


@pytest.mark.parametrize("times", [Quantity("1.5", "/dag", "/d"), Quantity("2", "/kuur", "/{kuur}")])
def test_what_is_no_number_of_times_in_a_period_is_not_written(
    translator: Translator, noon: Context, times: Quantity
) -> None:
    block = agreement("2020", {"Dosage": [dosage(None, {"Frequency": {"NominalValue": times}})]})
    assert dosages(translator, noon, "r4", block) == []


@pytest.mark.parametrize(
    ("version", "repeat"),
    [
        ("r4", {"extension": [EXACT], "frequency": 1, "period": 8, "periodUnit": "h"}),
        ("stu3", {"period": 8, "periodUnit": "h"}),
    ],
)
def test_an_interval_is_a_period_that_is_no_frequency(
    translator: Translator, noon: Context, version: Version, repeat: dict[str, Any]
) -> None:
    block = agreement(RELEASE[version], {"Dosage": [dosage(None, {"Interval": Quantity("8", "uur", "h")})]})
    (found,) = dosages(translator, noon, version, block)
    assert found["timing"]["repeat"] == repeat
    assert [bare(block)] == back(translator, noon, version, block)


def test_exact_times_of_day_are_a_frequency_and_not_an_interval(
    translator: Translator, noon: Context
) -> None:
    per_day = {
        "Frequency": {"NominalValue": Quantity("1", "/dag", "/d")},
        "AdministrationTime": [Moment("08:30")],
    }
    (resource,) = write(translator, noon, "r4", agreement("2020", {"Dosage": [dosage(None, per_day)]}))
    resource["dosageInstruction"][0]["timing"]["repeat"]["extension"] = [EXACT]
    (block,) = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4").blocks
    (found,) = block.values["InstructionsForUse"]["DosingInstructions"][0]["Dosage"]
    assert found["AdministeringSchedule"].keys() == {"Frequency", "AdministrationTime"}


def test_of_an_administration_time_with_a_day_only_the_time_is_written(
    translator: Translator, noon: Context
) -> None:
    times = {
        "AdministrationTime": [Moment("2026-05-17T12:00"), Moment("18:15:30+02:00"), Moment("2026-05-17")]
    }
    (found,) = dosages(translator, noon, "stu3", agreement("2017", {"Dosage": [dosage(None, times)]}))
    assert [each for each in found["timing"]["repeat"]["timeOfDay"] if each] == ["12:00:00", "18:15:30"]


def test_a_length_in_a_unit_that_is_no_time_is_not_written(translator: Translator, noon: Context) -> None:
    odd = {"DurationOfAdministration": {"Duration": Quantity("2", "kuur", "{kuur}")}}
    assert dosages(translator, noon, "r4", agreement("2020", {"Dosage": [dosage(**odd)]})) == []


def test_r4_has_a_dose_in_ucum_with_its_translation_to_the_g_standaard(
    translator: Translator, noon: Context
) -> None:
    block = agreement("2020", {"Dosage": [dosage(pieces("2", "dosis", "208"))]})
    (found,) = dosages(translator, noon, "r4", block)
    dose = found["doseAndRate"][0]["doseQuantity"]
    (translation,) = dose.pop("extension")
    assert dose == {"value": Decimal(2), "unit": "dosis", "system": "http://unitsofmeasure.org", "code": "1"}
    assert (translation["valueQuantity"]["code"], translation["valueQuantity"]["unit"]) == ("208", "dosis")
    assert [bare(block)] == back(translator, noon, "r4", block)


def test_stu3_has_a_dose_in_the_units_of_the_g_standaard_only(translator: Translator, noon: Context) -> None:
    (found,) = dosages(
        translator, noon, "stu3", agreement("2017", {"Dosage": [dosage(Quantity("2.5", "mg", "mg"))]})
    )
    system = f"urn:oid:{G_STANDAARD}"
    assert found["doseQuantity"] == {"value": Decimal("2.5"), "unit": "mg", "system": system, "code": "229"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dose", [Quantity("1", "STUK", "ST", G_STANDAARD), Quantity("3", "mmol", "mmol")])
def test_a_unit_that_only_one_of_them_knows_is_kept(
    translator: Translator, noon: Context, version: Version, dose: Quantity
) -> None:
    block = agreement(RELEASE[version], {"Dosage": [dosage(dose)]})
    assert [bare(block)] == back(translator, noon, version, block)


def test_a_translation_that_says_another_number_is_read_and_the_number_in_ucum_accounted_for(
    translator: Translator, noon: Context
) -> None:
    (resource,) = write(translator, noon, "r4", agreement("2020", {"Dosage": [dosage(pieces("2"))]}))
    dose = resource["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    dose["value"] = Decimal(3)
    read = translator.read(fhir_json.encode(resource, "r4"), noon, "fhir-r4")
    for form, state in (("fhir-r4", "carried along"), ("fhir-stu3", "not representable")):
        lines = translator.write(read, form, noon).account.lines()
        beside = [line.place for line in lines if line.state == state]
        assert any(place.endswith("doseQuantity.value") for place in beside)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("most", "denominator"),
    [
        (Quantity("600", "mg/dag", "mg/d"), ("1", "d")),
        (Quantity("6", "dosis/2 week", "1/(2.wk)"), ("2", "wk")),
    ],
)
def test_a_maximum_dose_is_a_ratio(
    translator: Translator, noon: Context, version: Version, most: Quantity, denominator: tuple[str, str]
) -> None:
    block = agreement(RELEASE[version], {"Dosage": [dosage(AsNeeded={"MaximumDose": most})]})
    (found,) = dosages(translator, noon, version, block)
    ratio = found["maxDosePerPeriod"]
    assert (str(ratio["denominator"]["value"]), ratio["denominator"]["code"]) == denominator
    assert str(ratio["numerator"]["value"]) == most.value
    assert [bare(block)] == back(translator, noon, version, block)


def test_a_maximum_dose_that_is_per_nothing_is_not_written(translator: Translator, noon: Context) -> None:
    block = agreement("2017", {"Dosage": [dosage(AsNeeded={"MaximumDose": Quantity("600", "mg", "mg")})]})
    assert dosages(translator, noon, "stu3", block) == []


PRK = Code("67903", "2.16.840.1.113883.2.4.4.10", "Paracetamol tablet 500mg")
GPK = Code("2194", "2.16.840.1.113883.2.4.4.1", "Paracetamol tablet")
ATC = Code("N02BE01", "2.16.840.1.113883.6.73", "paracetamol")


def product(release: str, *codes: Any, **specifications: Any) -> Block:
    values: dict[str, Any] = {"MedicationCode": list(codes)} if codes else {}
    more = {"ProductSpecifications": specifications} if specifications else {}
    return Block("PharmaceuticalProduct", release, "PharmaceuticalProduct/1", {**values, **more})


@pytest.mark.parametrize(
    ("codes", "chosen", "text"),
    [([GPK, PRK], PRK.code, PRK.display), ([GPK, ATC], GPK.code, GPK.display), ([ATC], None, None)],
)
def test_r4_marks_the_most_specific_code_of_the_g_standaard_and_names_the_product_after_it(
    translator: Translator, noon: Context, codes: list[Code], chosen: str | None, text: str | None
) -> None:
    block = product("2020", *codes)
    (medication,) = write(translator, noon, "r4", block)
    selected = [each["code"] for each in medication["code"]["coding"] if each.get("userSelected")]
    assert selected == ([chosen] if chosen else [])
    assert medication["code"].get("text") == text
    assert [bare(block)] == back(translator, noon, "r4", block)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_name_of_a_product_is_the_text_of_its_code(
    translator: Translator, noon: Context, version: Version
) -> None:
    block = product(RELEASE[version], PRK, Medication=Text("zelfgemaakt"))
    (medication,) = write(translator, noon, version, block)
    assert medication["code"]["text"] == "zelfgemaakt"
    assert [bare(block)] == back(translator, noon, version, block)


def test_a_product_without_a_code_keeps_the_reason_and_its_ingredients(
    translator: Translator, noon: Context
) -> None:
    ingredient = {
        "SubstanceCode": ATC,
        "Concentration": {
            "IngredientAmount": pieces("10", "gram", "215"),
            "ProductAmount": pieces("100", "gram", "215"),
        },
    }
    block = product("2020", Absent("OTH", "overig"), Medication=Text("zalf"), Ingredient=[ingredient])
    (medication,) = write(translator, noon, "r4", block)
    assert medication["code"]["coding"][0]["display"] == "overig"
    (found,) = back(translator, noon, "r4", block)
    assert found.values["ProductSpecifications"] == bare(block).values["ProductSpecifications"]


def test_a_reference_to_a_product_shows_its_first_code(translator: Translator, noon: Context) -> None:
    use = Block("MedicationUse", "2017", "MedicationUse/1", {"ProductUsed": Ref("PharmaceuticalProduct/1")})
    statement = write(translator, noon, "stu3", use, product("2017", PRK, GPK))[0]
    assert statement["medicationReference"]["display"] == PRK.display


def use(release: str, taken: Any = None, stop: Code | None = None) -> Block:
    values = {"UseIndicator": taken, "MedicationUseStopType": stop}
    kind = "MedicationUse" if release == "2017" else "MedicationUse2"
    return Block(
        kind, release, f"{kind}/1", {name: each for name, each in values.items() if each is not None}
    )


@pytest.mark.parametrize(
    ("taken", "stop", "status"),
    [
        (Boolean(True), None, "active"),
        (Boolean(False), None, "not-taken"),
        (Boolean(False), Code("385655000", SNOMED, "onderbroken"), "on-hold"),
        (Boolean(False), Code("410546004", SNOMED, "stopgezet"), "stopped"),
        (Boolean(False), Code("113381000146106", SNOMED, "tijdelijk"), "on-hold"),
        (Boolean(True), Code("410546004", SNOMED, "stopgezet"), "stopped"),
        (None, None, "unknown"),
        (None, Code("123", SNOMED, "iets anders"), "unknown"),
    ],
)
def test_the_status_of_use_in_r4_and_whether_it_was_taken(
    translator: Translator, noon: Context, taken: Any, stop: Code | None, status: str
) -> None:
    block = use("2020", taken, stop)
    (statement,) = write(translator, noon, "r4", block)
    assert statement["status"] == status
    assert back(translator, noon, "r4", block)[0].values == bare(block).values


@pytest.mark.parametrize(
    ("taken", "stop", "status", "code"),
    [
        (Boolean(True), None, "active", "y"),
        (Boolean(False), Code("1", STOP_2017), "on-hold", "n"),
        (Absent("NA"), Code("2", STOP_2017), "stopped", "na"),
    ],
)
def test_the_status_of_use_in_stu3_and_whether_it_was_taken(
    translator: Translator, noon: Context, taken: Any, stop: Code | None, status: str, code: str
) -> None:
    block = use("2017", taken, stop)
    (statement,) = write(translator, noon, "stu3", block)
    assert (statement["status"], statement["taken"]) == (status, code)
    assert back(translator, noon, "stu3", block)[0].values == bare(block).values


def test_use_of_which_nothing_is_said_is_unknown_in_stu3(translator: Translator, noon: Context) -> None:
    (statement,) = write(translator, noon, "stu3", use("2017", stop=Code("3", STOP_2017)))
    assert (statement["status"], statement["taken"]) == ("active", "unk")


def test_a_status_that_no_stop_type_means_gives_no_stop_type(translator: Translator, noon: Context) -> None:
    (statement,) = write(translator, noon, "stu3", use("2017", Boolean(True)))
    statement["status"] = "completed"
    (block,) = translator.read(fhir_json.encode(statement, "stu3"), noon, "fhir-stu3").blocks
    assert bare(block).values == {"UseIndicator": Boolean(True)}


@pytest.mark.parametrize(
    ("version", "canceled", "status"),
    [
        ("stu3", Boolean(True), "entered-in-error"),
        ("stu3", Boolean(False), "completed"),
        ("r4", Boolean(True), "entered-in-error"),
        ("r4", Boolean(False), "unknown"),
    ],
)
def test_an_administration_agreement_that_was_cancelled_is_an_error(
    translator: Translator, noon: Context, version: Version, canceled: Boolean, status: str
) -> None:
    values = {"CanceledIndicator": canceled}
    block = Block("AdministrationAgreement", RELEASE[version], "AdministrationAgreement/1", values)
    (dispense,) = write(translator, noon, version, block)
    assert dispense["status"] == status
    kept = canceled.value or version == "stu3"
    assert back(translator, noon, version, block)[0].values == (values if kept else {})


DOCTOR = Block(
    "HealthProfessional",
    "2017",
    "HealthProfessional/1",
    {
        "HealthProfessionalIdentificationNumber": Identifier("000001111", "2.16.528.1.1007.3.1"),
        "Specialty": Code("01.015", "2.16.840.1.113883.2.4.15.111", "Huisarts"),
    },
)


def test_stu3_has_the_prescriber_as_agent_and_in_a_role_and_reads_one(
    translator: Translator, noon: Context
) -> None:
    block = Block("MedicationAgreement", "2017", "MedicationAgreement/1", {"Prescriber": Ref(DOCTOR.key)})
    requester = write(translator, noon, "stu3", block, DOCTOR)[0]["requester"]
    assert requester["agent"]["reference"].startswith("Practitioner/")
    assert requester["extension"][0]["valueReference"]["reference"].startswith("PractitionerRole/")
    resources = write(translator, noon, "stu3", block, DOCTOR)
    read = translator.read(fhir_json.encode(bundle(resources, noon.base), "stu3"), noon, "fhir-stu3")
    assert translator.write(read, "fhir-stu3", noon).account.counts()["not representable"] == 0


@pytest.mark.parametrize(
    ("author", "kind"), [(DOCTOR, "PractitionerRole"), (Block("Patient", "2017", "Patient/1", {}), "Patient")]
)
def test_stu3_has_the_author_of_use_as_a_role_or_as_the_patient(
    translator: Translator, noon: Context, author: Block, kind: str
) -> None:
    block = Block("MedicationUse", "2017", "MedicationUse/1", {"Author": Ref(author.key)})
    statement = write(translator, noon, "stu3", block, author)[0]
    (extension,) = statement["extension"]
    assert extension["valueReference"]["reference"].startswith(f"{kind}/")


@pytest.mark.parametrize(
    ("old", "new"),
    [(Code("1", STOP_2017, "Tijdelijk"), "385655000"), (Code("2", STOP_2017, "Definitief"), "410546004")],
)
def test_a_stop_type_is_recoded_between_the_releases(
    translator: Translator, noon: Context, old: Code, new: str
) -> None:
    (use_2020,) = translator.bridge.carry([use("2017", Boolean(False), old)], "2020").blocks
    assert (use_2020.type, use_2020.values["MedicationUseStopType"].code) == ("MedicationUse2", new)
    (again,) = translator.bridge.carry([use_2020], "2017").blocks
    assert again.type == "MedicationUse"
    assert (again.values["MedicationUseStopType"].code, again.values["MedicationUseStopType"].system) == (
        old.code,
        STOP_2017,
    )
    assert again.values["UseIndicator"] == Boolean(False)


@pytest.mark.parametrize(("canceled", "stop"), [(True, "89925002"), (False, None)])
def test_release_2020_stops_what_release_2017_cancelled(
    translator: Translator, canceled: bool, stop: str | None
) -> None:
    old = Block(
        "MedicationAgreement", "2017", "MedicationAgreement/1", {"CanceledIndicator": Boolean(canceled)}
    )
    (new,) = translator.bridge.carry([old], "2020").blocks
    found = new.values.get("MedicationAgreementStopType")
    assert (found.code if found else None) == stop


def test_a_dosage_is_the_same_in_both_releases(translator: Translator) -> None:
    per_day = {
        "Frequency": {"NominalValue": Quantity("3", "/dag", "/d")},
        "TimeOfDay": [Code("73775008", SNOMED)],
    }
    old = agreement(
        "2017",
        {"SequenceNumber": Integer(1), "Dosage": [dosage(pieces("1"), per_day)]},
        RouteOfAdministration=ORAL,
    )
    (new,) = translator.bridge.carry([old], "2020").blocks
    assert new.values == old.values
    assert translator.bridge.carry([new], "2017").blocks[0].values == old.values


MAXIMUM = b"""<adaxml><data>
<sturen app="bgz2017-2.0"><medicatie><medicatieafspraak id="a1"><gebruiksinstructie>
<doseerinstructie><dosering><zo_nodig><maximale_dosering>
  <aantal value="6"/>
  <eenheid code="245" codeSystem="2.16.840.1.113883.2.4.4.1.900.2" displayName="stuk"/>
  <tijdseenheid value="2" unit="dag"/>
</maximale_dosering></zo_nodig>
</dosering></doseerinstructie></gebruiksinstructie></medicatieafspraak></medicatie></sturen>
</data></adaxml>"""


def test_a_number_its_unit_and_a_time_in_ada_are_one_quantity(translator: Translator, noon: Context) -> None:
    read = translator.read(MAXIMUM, noon, "ada")
    (block,) = read.blocks
    (found,) = block.values["InstructionsForUse"]["DosingInstructions"][0]["Dosage"]
    assert bare(found["AsNeeded"]["MaximumDose"]) == Quantity("6", "stuk/2 dag", "1/(2.d)")
    assert translator.write(read, "fhir-stu3", noon).account.counts()["not representable"] == 0
