"""What no zib covers of a FHIR resource is there again in the same format, and in ADA and back."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.blocks import dump, load
from gateway.codecs import ada
from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import types
from gateway.mapping import Context, Read, Translator, bundle, carrying
from tests.steps import calls

NL_CORE = "http://nictiz.nl/fhir/StructureDefinition/nl-core-"
LOINC = "http://loinc.org"
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "meta": {
        "profile": [f"{NL_CORE}Patient"],
        "tag": [{"system": "urn:x", "code": "demo"}],
        "versionId": "3",
    },
    "active": True,
    "name": [
        {"use": "official", "family": "Bakker"},
        {"use": "old", "family": "Visser", "period": {"end": "2001"}},
    ],
    "telecom": [
        {"system": "phone", "value": "010", "rank": 2},
        {"system": "email", "value": "a@example.nl"},
    ],
    "gender": "female",
    "photo": [{"url": "https://example.nl/a.png", "size": 12}],
}
WEIGHT = {
    "resourceType": "Observation",
    "id": "weight-1",
    "meta": {"profile": [f"{NL_CORE}BodyWeight"]},
    "text": {"status": "generated", "div": "<div>80 kg</div>"},
    "status": "final",
    "category": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "vital-signs",
                }
            ]
        }
    ],
    "code": {"coding": [{"system": LOINC, "code": "29463-7"}]},
    "subject": {"reference": "Patient/p"},
    "effectiveDateTime": "2026-05-06",
    "issued": "2026-05-06T10:00:00+02:00",
    "valueQuantity": {
        "value": Decimal("80.50"),
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    },
    "referenceRange": [{"low": {"value": Decimal("60.0")}, "text": "volwassene"}],
}


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def collection(*resources: dict[str, Any]) -> bytes:
    tree = bundle(copy.deepcopy(list(resources)), "https://epd.example/fhir")
    return fhir_json.encode(tree, "r4")


def read(translator: Translator, noon: Context, *resources: dict[str, Any]) -> Read:
    return translator.read(collection(*resources), noon, "fhir-r4")


def again(translator: Translator, noon: Context, *resources: dict[str, Any]) -> list[dict[str, Any]]:
    return translator.write(read(translator, noon, *resources), "fhir-r4", noon).resources


def by_ada(translator: Translator, noon: Context, *resources: dict[str, Any]) -> list[dict[str, Any]]:
    written = translator.write(read(translator, noon, *resources), "ada", noon)
    document = ada.encode(written.root)
    back = translator.read(document, noon, "ada")
    assert [issue for issue in back.issues if issue.severity == "error"] == []
    return translator.write(back, "fhir-r4", noon).resources


def members(resource: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: resource.get(name) for name in names}


@pytest.mark.parametrize("way", [again, by_ada])
def test_a_resource_is_itself_again(translator: Translator, noon: Context, way: Any) -> None:
    patient, weight = way(translator, noon, PATIENT, WEIGHT)
    assert members(patient, "id", "active", "photo") == members(PATIENT, "id", "active", "photo")
    assert [each["system"] for each in patient["telecom"]] == ["phone", "email"]
    assert patient["telecom"][0]["rank"] == 2
    assert {"use": "old", "family": "Visser", "period": {"end": "2001"}} in patient["name"]
    assert patient["meta"]["tag"] == [{"system": "urn:x", "code": "demo"}]
    assert members(weight, "id", "issued", "referenceRange") == members(
        WEIGHT, "id", "issued", "referenceRange"
    )
    assert str(weight["referenceRange"][0]["low"]["value"]) == "60.0"


def test_the_account_says_what_is_carried_and_where_it_is_not(translator: Translator, noon: Context) -> None:
    document = read(translator, noon, PATIENT, WEIGHT)
    states = {}
    for form in ("fhir-r4", "ada", "fhir-stu3"):
        lines = translator.write(document, form, noon).account.lines()
        states[form] = {line.place: line.state for line in lines}
    issued, narrative = "Bundle.entry[1].resource.issued", "Bundle.entry[1].resource.text.div"
    assert [states[form][issued] for form in states] == [
        "carried along",
        "carried along",
        "not representable",
    ]
    assert [states[form][narrative] for form in states] == ["not representable"] * 3
    assert states["fhir-stu3"]["Bundle.entry[1].resource.valueQuantity.value"] == "used"


@pytest.mark.parametrize("way", [again, by_ada])
def test_a_fixed_code_keeps_the_words_that_it_came_with(
    translator: Translator, noon: Context, way: Any
) -> None:
    code = {"coding": [{"system": LOINC, "code": "29463-7", "display": "Gewicht"}]}
    _, weight = way(translator, noon, PATIENT, WEIGHT | {"code": code})
    assert code["coding"][0] in weight["code"]["coding"]
    lines = translator.write(read(translator, noon, WEIGHT | {"code": code}), "fhir-stu3", noon)
    place = "Bundle.entry[0].resource.code.coding[0].display"
    assert [line.state for line in lines.account.lines() if line.place == place] == ["used"]


def test_a_narrative_that_says_more_than_the_data_is_carried(translator: Translator, noon: Context) -> None:
    more = WEIGHT | {"text": {"status": "additional", "div": "<div>met kleren aan</div>"}}
    (weight,) = again(translator, noon, more)
    assert weight["text"] == more["text"]
    (weight,) = again(translator, noon, WEIGHT)
    assert "text" not in weight


@pytest.mark.parametrize(
    "change",
    [
        {"status": "entered-in-error"},
        {"modifierExtension": [{"url": "https://example.nl/not", "valueBoolean": True}]},
        {"implicitRules": "https://example.nl/rules"},
    ],
)
def test_a_block_does_not_go_where_it_would_mean_something_else(
    translator: Translator, noon: Context, change: dict[str, Any]
) -> None:
    document = read(translator, noon, WEIGHT | change)
    again = translator.write(document, "fhir-r4", noon)
    assert again.issues == []
    (weight,) = again.resources
    assert {name: weight[name] for name in change} == change
    for form in ("fhir-stu3", "ada"):
        written = translator.write(document, form, noon)
        assert written.resources == []
        (told,) = [issue for issue in written.issues if "does not go to" in issue.text]
        assert (told.severity, form in told.text) == ("warning", True)
        assert told.place.startswith("Bundle.entry[0].resource.")
        lines = {line.place: line for line in written.account.lines()}
        value = lines["Bundle.entry[0].resource.valueQuantity.value"]
        assert (value.state, value.reason) == (
            "not representable",
            "an element that no zib covers changes what this resource means",
        )


def test_a_resource_that_no_mapping_reads_is_carried_whole(translator: Translator, noon: Context) -> None:
    odd = {"resourceType": "Slot", "id": "s", "status": "free", "comment": "x"}
    document = read(translator, noon, PATIENT, odd)
    written = translator.write(document, "fhir-r4", noon)
    assert odd in written.resources
    states = {line.place: line.state for line in written.account.lines()}
    assert states["Bundle.entry[1].resource.comment"] == "carried along"
    chosen = translator.write(document, "fhir-r4", noon, blocks=document.blocks)  # as a decision lets through
    assert [each["resourceType"] for each in chosen.resources] == ["Patient"]
    states = {line.place: line.state for line in chosen.account.lines()}
    assert states["Bundle.entry[1].resource.comment"] == "not representable"


def test_no_resource_is_made_that_the_source_had_not(translator: Translator, noon: Context) -> None:
    """A professional is a Practitioner and a PractitionerRole in R4, unless the source had only one."""
    one = {"resourceType": "Practitioner", "id": "a", "name": [{"text": "S. Baken", "family": "Baken"}]}
    assert [each["resourceType"] for each in again(translator, noon, one)] == ["Practitioner"]


def test_an_id_that_may_be_the_number_of_a_person_is_not_kept(translator: Translator, noon: Context) -> None:
    (patient,) = again(translator, noon, PATIENT | {"id": "999990019"})
    assert patient["id"] != "999990019"


def test_two_resources_with_one_id_stay_two(translator: Translator, noon: Context) -> None:
    other = WEIGHT | {"effectiveDateTime": "2020-01-01"}
    found = again(translator, noon, WEIGHT, other)
    assert sorted(each["effectiveDateTime"] for each in found) == ["2020-01-01", "2026-05-06"]
    assert len({each["id"] for each in found}) == 2


def test_a_store_keeps_what_is_carried(translator: Translator, noon: Context) -> None:
    document = read(translator, noon, WEIGHT)
    blocks = [load(dump(block)) for block in document.blocks]
    (weight,) = translator.write_blocks(blocks, "fhir-r4", noon, "x").resources
    assert weight["issued"] == WEIGHT["issued"]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "no JSON",
        json.dumps({"format": "hl7v2"}),
        json.dumps({"format": "fhir-r4", "rest": "[{}"}),
        json.dumps(
            {"format": "fhir-r4", "rest": '[{"resourceType": "Observation", "issued": 4}, {"issued": true}]'}
        ),
        json.dumps({"format": "fhir-r4", "rest": '[{"resourceType": "Observation"}, {"issued": true}]'}),
        json.dumps(
            {"format": "fhir-r4", "rest": '[{"resourceType": "Observation", "note": [{}]}, {"note": [1, 2]}]'}
        ),
    ],
)
def test_what_cannot_have_been_carried_is_refused(translator: Translator, noon: Context, text: str) -> None:
    written = translator.write(read(translator, noon, PATIENT, WEIGHT), "ada", noon)
    _, holder = written.root.iter(ada.CARRIED)
    holder.text = text
    issues = translator.read(ada.encode(written.root), noon, "ada").issues
    (issue,) = [each for each in issues if each.severity == "error"]
    assert "carried" in issue.text
    assert "adaextension" in issue.place


def test_a_reference_that_is_carried_leads_to_the_resource_that_is_here(
    translator: Translator, noon: Context
) -> None:
    """The document means its resources by a URN; the one that is written has ids."""
    weight = {name: value for name, value in WEIGHT.items() if name != "id"}
    weight["derivedFrom"] = [{"reference": "urn:uuid:2b8d4d14-0a4e-4d0c-9d0c-0d6f3e0f8a11"}]
    other = {name: value for name, value in WEIGHT.items() if name != "id"} | {"effectiveDateTime": "2020"}
    entries = [
        {"fullUrl": "urn:uuid:9a3d5c5e-4a34-4b5e-8d33-3f0a4c1b7c22", "resource": weight},
        {"fullUrl": "urn:uuid:2b8d4d14-0a4e-4d0c-9d0c-0d6f3e0f8a11", "resource": other},
    ]
    tree = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    document = translator.read(fhir_json.encode(tree, "r4"), noon, "fhir-r4")
    first, second = translator.write(document, "fhir-r4", noon).resources
    assert first["derivedFrom"] == [{"reference": f"Observation/{second['id']}"}]


def is_bsn(element: dict[str, Any]) -> bool:
    return element.get("system") == "urn:bsn"


def test_an_identifier_of_a_system_goes_from_what_is_carried() -> None:
    identifiers = [
        {"system": "urn:bsn", "value": "1", "period": {}},
        {"system": "urn:b", "period": {"end": "2001"}},
    ]
    elements = {"resourceType": "Patient", "identifier": identifiers, "active": True}
    mask = {"identifier": [{"period": True}, {"period": True}], "active": True}
    left = carrying.without(carrying.pack(elements, mask), is_bsn)
    assert carrying.unpack(left) == (
        {"resourceType": "Patient", "identifier": identifiers[1:], "active": True},
        {"identifier": [{"period": True}], "active": True},
    )
    nothing = carrying.pack({"link": [{"other": {"identifier": identifiers[0]}}]}, {"link": True})
    assert carrying.without(nothing, is_bsn) == ""


json_values = st.recursive(
    st.text(max_size=3) | st.integers(0, 9) | st.booleans(),
    lambda inner: (
        st.lists(st.dictionaries(st.sampled_from("abc"), inner, min_size=1), min_size=1, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("defg"), json_values, min_size=1))
def test_restoring_all_of_a_resource_gives_the_resource(elements: dict[str, Any]) -> None:
    target: dict[str, Any] = {"resourceType": "Basic"}
    carrying.restore(target, carrying.pack(elements, dict.fromkeys(elements, True)), {}, types("r4"))
    for name, value in elements.items():
        if isinstance(value, list):
            assert all(each in target[name] for each in value)
        else:
            assert target[name] == value


SPEED = {"value": 10, "unit": "ml/h"}


@pytest.mark.parametrize("text", ["as agreed", ""])
def test_one_variant_of_a_choice_takes_the_place_of_another(text: str) -> None:
    words = {"text": text} if text else {}
    written = {"resourceType": "MedicationRequest", "dosageInstruction": [{**words, "rateRatio": {}}]}
    dosage = {**words, "rateQuantity": SPEED}
    mask = {"dosageInstruction": [{"rateQuantity": True} if text else True]}
    carrying.restore(written, carrying.pack({"dosageInstruction": [dosage]}, mask), {}, types("stu3"))
    assert written["dosageInstruction"] == [dosage]


def test_what_is_carried_goes_to_the_item_that_had_it() -> None:
    role = {"extension": [{"url": "urn:role", "valueReference": {"reference": "PractitionerRole/1"}}]}
    place = {"reference": "Organization/1", "display": "UMC"}
    written: dict[str, Any] = {"resourceType": "Procedure", "performer": [{"actor": place}, {"actor": role}]}
    sent: dict[str, Any] = copy.deepcopy({"performer": [{"actor": {**place, **role}}]})
    sent["performer"][0]["actor"]["extension"][0]["valueReference"]["display"] = "surgeon"
    mask = {"performer": [{"actor": {"extension": [{"valueReference": {"display": True}}]}}]}
    carrying.restore(written, carrying.pack(sent, mask), {}, types("stu3"))
    (extension,) = written["performer"][1]["actor"]["extension"]
    assert extension["valueReference"]["display"] == "surgeon"
    assert written["performer"][0] == {"actor": place}


def trimmed(written: dict[str, Any], sent: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    """What is left of a resource whose source was another."""

    def oid(uri: str) -> str:
        return uri.removeprefix("urn:oid:")

    resource, inside = copy.deepcopy(written), carrying.shape(sent, oid)
    around = [path for each in (sent, *others) for path in carrying.shape(each, oid)]
    trimmer = carrying.Trimmer(types("stu3"), oid, ["urn:beside"])
    trimmer.trim(resource, inside, around, ["contact"])
    return resource


def person(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", **members}


NUMBERS = [{"system": "urn:a", "value": "1"}, {"system": "urn:a", "value": "2"}]
ADDED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an extension": (
        person(_gender={"extension": [{"url": "urn:x", "valueCode": "F"}]}, gender="female"),
        person(gender="female"),
    ),
    "a second coding": (
        person(maritalStatus={"coding": [{"system": "1", "code": "M"}, {"system": "2", "code": "M"}]}),
        person(maritalStatus={"coding": [{"system": "urn:oid:1", "code": "M"}]}),
    ),
    "a null flavor beside words": (
        person(maritalStatus={"coding": [{"system": "urn:v3/NullFlavor", "code": "OTH"}], "text": "a"}),
        person(maritalStatus={"text": "a"}),
    ),
    "the same number twice": (person(identifier=[NUMBERS[0], NUMBERS[0]]), person(identifier=NUMBERS[:1])),
    "a role beside a reference": (
        person(
            generalPractitioner=[
                {
                    "reference": "a/1",
                    "extension": [{"url": "urn:beside", "valueReference": {"reference": "b/1"}}],
                }
            ]
        ),
        person(generalPractitioner=[{"reference": "a/1"}]),
    ),
}


@pytest.mark.parametrize("what", ADDED)
def test_what_the_source_did_not_have_is_trimmed(what: str) -> None:
    written, sent = ADDED[what]
    left = trimmed(written, sent)
    assert carrying.shape(left, str) != carrying.shape(written, str) or len(left["identifier"]) == 1
    assert trimmed(left, left) == left
    assert {path.partition(".")[0] for path in carrying.shape(left, str)} == {
        path.partition(".")[0] for path in carrying.shape(sent, str)
    }


KEPT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the only coding, of another system": (
        person(maritalStatus={"coding": [{"system": "2", "code": "M"}]}),
        person(maritalStatus={"coding": [{"system": "1", "code": "M"}]}),
    ),
    "a reference that stands nowhere else": (
        person(link=[{"type": "refer", "other": {"reference": "Patient/q"}}]),
        person(link=[{"type": "refer"}]),
    ),
    "a reference where a number was sent": (
        person(
            generalPractitioner=[{"reference": "Practitioner/p", "display": "B"}],
            managingOrganization={"reference": "Practitioner/p"},
        ),
        person(
            managingOrganization={"reference": "Practitioner/p"},
            generalPractitioner=[{"identifier": NUMBERS[0], "display": "B"}],
        ),
    ),
    "a number that no other resource has": (person(identifier=NUMBERS), person(identifier=NUMBERS[:1])),
    "what other blocks say": (
        person(contact=[{"gender": "male", "name": {"text": "B"}}]),
        person(contact=[{"gender": "male"}]),
    ),
    "what FHIR requires": (person(link=[{"type": "refer"}]), person(link=[{"id": "1"}])),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_would_be_lost_is_not_trimmed(what: str) -> None:
    written, sent = KEPT[what]
    assert trimmed(written, sent) == written


def test_a_number_goes_that_another_resource_of_the_block_had() -> None:
    left = trimmed(person(identifier=NUMBERS), person(identifier=NUMBERS[:1]), person(identifier=NUMBERS[1:]))
    assert left["identifier"] == NUMBERS[:1]


def test_a_component_goes_only_when_another_says_the_same() -> None:
    def criteria(*rows: tuple[str, str]) -> dict[str, Any]:
        items = [{"code": {"coding": [{"system": "s", "code": code}]}, "value": date} for code, date in rows]
        return {"resourceType": "ImmunizationRecommendation", "recommendation": [{"dateCriterion": items}]}

    sent = criteria(("recommended", "2018"))
    assert trimmed(criteria(("earliest", "2018"), ("recommended", "2018")), sent) == sent
    both = criteria(("earliest", "2017"), ("recommended", "2018"))
    assert trimmed(both, sent) == both


def test_the_shape_of_a_resource_has_no_value_of_it() -> None:
    bsn = {"system": "urn:oid:2.16.840.1.113883.2.4.6.3", "value": "999911120"}
    paths = carrying.shape(
        person(identifier=[bsn], birthDate="1970-01-01"), lambda uri: uri.removeprefix("urn:oid:")
    )
    assert paths == (
        "identifier[2.16.840.1.113883.2.4.6.3]",
        "identifier[2.16.840.1.113883.2.4.6.3].system",
        "identifier[2.16.840.1.113883.2.4.6.3].value",
        "birthDate",
    )


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("identifier", lambda i: {"system": "urn:oid:1.2.3", "value": f"v{i}", "period": {"start": "2020"}}),
        ("component", lambda i: {"code": {"text": f"c{i}"}, "valueString": f"v{i}"}),
        ("note", lambda i: {"text": f"n{i}", "time": "2020-01-01"}),
    ],
)
def test_a_list_takes_no_more_steps_an_item_when_it_is_longer(
    translator: Translator, noon: Context, name: str, item: Callable[[int], dict[str, Any]]
) -> None:
    sodium = {
        "resourceType": "Observation",
        "id": "sodium",
        "meta": {"profile": [f"{NL_CORE}LaboratoryTestResult"]},
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "2951-2"}]},
    }

    def of(length: int) -> None:
        items = [item(i) for i in range(length)]
        (found,) = again(translator, noon, {**sodium, name: items})
        assert found[name] == items

    of(60)  # what is loaded once
    assert calls(lambda: of(900)) < 3.3 * calls(lambda: of(300))
