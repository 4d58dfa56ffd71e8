"""Message 301 of iWmo 3.2: to blocks, to FHIR R4, and back to the same message, by mappings alone."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from gateway import mapping
from gateway.blocks import Block, Code, Identifier, Moment, Quantity, dump, load
from gateway.blocks.values import Absent
from gateway.codecs import istandaarden
from gateway.codecs.fhir import fhir_json, fhir_xml
from gateway.codecs.message_types import message as message_named
from gateway.errors import ContentError
from gateway.mapping import Context, Read, Translator, bundle
from gateway.mapping.recognition import recognise
from gateway.mapping.results import message
from gateway.mapping.runtime.state import BSN
from gateway.policy import load_register
from tests.codecs.messages import trees

NOON = Context(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")))
LISTS = "https://www.istandaarden.nl/ibieb/codesystemen/"
OWN = "https://zibpoort.example/fhir/StructureDefinition/iwmo-"
FIXTURES = sorted((Path(__file__).parent.parent / "fixtures" / "iwmo").glob("*.xml"))
Resource = dict[str, Any]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


@pytest.fixture(scope="module")
def sent(fixtures: Path) -> Callable[[str], bytes]:
    """A message of the fixtures."""
    return lambda name: (fixtures / "iwmo" / f"{name}.xml").read_bytes()


def to_fhir(translator: Translator, data: bytes, context: Context = NOON) -> list[Resource]:
    """The resources of a message."""
    return translator.write(translator.read(data, context), "fhir-r4", context).resources


def of_fhir(translator: Translator, resources: list[Resource], context: Context = NOON) -> Read:
    """What the resources say, as an EPD would post them."""
    return translator.read(fhir_json.encode(bundle(resources, context.base), "r4"), context)


def to_message(translator: Translator, resources: list[Resource], context: Context = NOON) -> bytes:
    """The message of resources."""
    return message(translator.write(of_fhir(translator, resources, context), "iwmo-301", context))


def kind(resources: list[Resource], name: str) -> list[Resource]:
    """The resources of one type."""
    return [each for each in resources if each["resourceType"] == name]


def extension(element: Any, name: str) -> Any:
    """The value of an extension of the gateway's own."""
    found = [each for each in element["extension"] if each["url"] == OWN + name]
    return next(value for key, value in found[0].items() if key != "url")


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_a_message_comes_back_from_fhir_as_it_was(translator: Translator, file: Path) -> None:
    data = file.read_bytes()
    read = translator.read(data, NOON)
    written = translator.write(read, "fhir-r4", NOON)
    assert read.format == "iwmo-301"
    assert (read.issues, written.issues) == ([], [])
    assert [line for line in written.account.lines() if line.state != "used"] == []
    assert to_message(translator, written.resources) == data
    assert message(translator.write(read, "iwmo-301", NOON)) == data


def with_birth_dates_of_the_standard(tree: Any) -> Any:
    """The tree with the placeholders of IV009 where a birth date is not wholly known."""
    if isinstance(tree, list):
        return [with_birth_dates_of_the_standard(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    tree = {name: with_birth_dates_of_the_standard(value) for name, value in tree.items()}
    if "DatumGebruik" in tree:
        known = {"1": 7, "2": 4, "3": 0}[tree["DatumGebruik"]]
        tree["Datum"] = tree["Datum"][:known] + "1900-01-01"[known:]
    return tree


@settings(max_examples=60)
@given(trees().map(with_birth_dates_of_the_standard))
def test_any_message_comes_back_from_fhir(translator: Translator, tree: Resource) -> None:
    data = istandaarden.encode(tree, "wmo301")
    resources = to_fhir(translator, data)
    assert fhir_xml.decode(fhir_xml.encode(bundle(resources, NOON.base), "r4"), "r4")
    assert istandaarden.decode(to_message(translator, resources), "wmo301") == tree


def test_blocks_go_to_the_store_and_back(translator: Translator, sent: Callable[[str], bytes]) -> None:
    data = sent("client_every_element")
    stored = [load(dump(block)) for block in translator.read(data, NOON).blocks]
    assert message(translator.write_blocks(stored, "iwmo-301", NOON, "seed")) == data


def test_the_resources_are_fhir_r4(translator: Translator, sent: Callable[[str], bytes]) -> None:
    """By tables of others: FHIR R4B has these resources as R4 has them."""
    for resource in to_fhir(translator, sent("client_every_element")):
        name = resource["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{name.lower()}"), name)
        assert model.model_validate_json(fhir_json.encode(resource, "r4")).get_resource_type() == name


def test_no_module_of_the_mapping_knows_an_element_of_the_message() -> None:
    words = {
        "Bericht",
        "Client",
        "Code",
        "Contact",
        "Header",
        "Postcode",
        "Product",
        "Volume",
    }  # that others have too
    names = message_named("wmo301").types.names() - words
    for file in Path(mapping.__path__[0]).glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert [name for name in names if re.search(rf"\b{name}\b", text)] == [], file.name


def test_a_message_is_a_client_with_a_header_relations_and_assignments(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    read = translator.read(sent("client_every_element"), NOON)
    blocks: dict[str, list[Block]] = {}
    for block in read.blocks:
        blocks.setdefault(block.type, []).append(block)
    assert {name: len(found) for name, found in blocks.items()} == {
        "Client": 1,
        "Relatie": 2,
        "Toewijzing": 3,
        "Bericht": 1,
    }
    (client,) = blocks["Client"]
    assert {block.release for block in read.blocks} == {"sociaal"}
    assert {block.values["Subject"].key for block in read.blocks if block is not client} == {client.key}
    assert read.persons() == [("999911004", client.values["Bsn"].at)]
    place = read.place(client.values["Bsn"].at)
    assert place is not None
    assert place.place == "Bericht.Client.Bsn"
    assert (client.values["Bsn"].value, client.values["Bsn"].system) == ("999911004", BSN)
    assert (client.values["Geslacht"].code, client.values["Geslacht"].system) == ("2", LISTS + "COD046")
    assert client.values["Contactgegevens"][0]["Adres"]["Huis"]["Huisnummer"].value == 12
    assert client.values["Contactgegevens"][0]["Adres"]["LandCode"].system == "1.0.3166.1.2.2"
    first, aspecific, generic = (block.values for block in blocks["Toewijzing"])
    assert first["Toewijzingsdatum"].value == "2026-06-12T09:30:15"
    assert first["Product"]["Code"].code == "02A03"
    assert list(aspecific["Product"]) == ["Categorie"]
    assert "Product" not in generic
    assert bare(generic["Budget"]) == Quantity("12345.67", "euro", "EUR", "urn:iso:std:iso:4217")
    header = blocks["Bericht"][0].values
    assert header["Afzender"].system == "https://zibpoort.example/fhir/NamingSystem/gemeentecode"
    assert header["Ontvanger"].system == "2.16.840.1.113883.2.4.6.1"


def bare(value: Any) -> Any:
    """A value without its place in the account."""
    return type(value)(**{**{name: getattr(value, name) for name in value.__struct_fields__}, "at": -1})


def test_a_relation_of_whom_a_purpose_may_not_know_is_left_out(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    read = translator.read(sent("client_every_element"), NOON)
    rest = [block for block in read.blocks if block.type != "Relatie"]
    written = translator.write(read, "iwmo-301", NOON, blocks=rest)
    assert b"Relatie" not in message(written)
    states = {line.place: line.state for line in written.account.lines()}
    assert states["Bericht.Client.Relaties.Relatie[0].Nummer"] == "not representable"


def test_the_register_names_concepts_of_these_blocks(translator: Translator) -> None:
    named = {each.id: each.without.get("Client", frozenset()) for each in load_register().activities}
    client = translator.profiles.get("sociaal", "Client")
    assert client is not None
    assert named["person-reads-own-record"] == {"Bsn"} <= client.concepts.keys()


@pytest.mark.parametrize(
    ("name", "moment", "element"),
    [
        ("birth_day_unknown", Moment("1949-09"), {"birthDate": "1949-09"}),
        ("birth_day_and_month_unknown", Moment("1953"), {"birthDate": "1953"}),
        ("birth_date_unknown", Absent("UNK"), {"_birthDate": "UNK"}),
        ("client_least_elements", Moment("1953-09-14"), {"birthDate": "1953-09-14"}),
    ],
)
def test_as_much_of_a_birth_date_as_is_known(
    translator: Translator,
    sent: Callable[[str], bytes],
    name: str,
    moment: Moment | Absent,
    element: dict[str, str],
) -> None:
    read = translator.read(sent(name), NOON)
    assert bare(read.blocks[0].values["Geboortedatum"]) == moment
    (patient,) = kind(to_fhir(translator, sent(name)), "Patient")
    found = {key: value for key, value in patient.items() if "irthDate" in key}
    if "_birthDate" in found:
        found["_birthDate"] = found["_birthDate"]["extension"][0]["valueCode"]
    assert found == element


def test_a_birth_date_that_contradicts_itself_is_reported(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    data = sent("birth_day_unknown").replace(b"1949-09-01", b"1949-09-17")
    read = translator.read(data, NOON)
    (issue,) = read.issues
    assert (issue.severity, issue.concept) == ("warning", "Geboortedatum")
    assert "DatumGebruik" in issue.text
    assert issue.rule.startswith("iwmo-3.2-wmo301/Client.yaml:")
    assert read.blocks[0].values["Geboortedatum"].value == "1949-09"


@pytest.mark.parametrize(
    ("usage", "family", "use", "order"),
    [
        ("1", "van de Proefpersoon", "official", "NL1"),
        ("2", "ten Voorbeeld", "official", "NL2"),
        ("3", "ten Voorbeeld-van de Proefpersoon", "official", "NL3"),
        ("4", "van de Proefpersoon-ten Voorbeeld", "official", "NL4"),
        ("5", "van de Proefpersoon", "anonymous", None),
        ("6", "van de Proefpersoon", "official", None),
    ],
)
def test_a_name_is_written_as_the_person_wants_it(
    translator: Translator, sent: Callable[[str], bytes], usage: str, family: str, use: str, order: str | None
) -> None:
    data = sent("client_every_element").replace(b"NaamGebruik>3<", f"NaamGebruik>{usage}<".encode())
    resources = to_fhir(translator, data)
    (name,) = kind(resources, "Patient")[0]["name"]
    assert (name["family"], name["use"]) == (family, use)
    assert name["given"] == ["Anna Maria", "AM"]
    orders = [each["valueCode"] for each in name["extension"] if each["url"].endswith("assembly-order")]
    assert orders == ([order] if order else [])
    assert to_message(translator, resources) == data


def test_telephone_and_mail_stand_where_fhir_looks_for_them(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    resources = to_fhir(translator, sent("client_every_element"))
    (client,) = kind(resources, "Patient")
    telecom = [(each["system"], each["value"]) for each in client["telecom"]]
    assert telecom == [("phone", "0101234567"), ("phone", "0301234567"), ("email", "client@example.org")]
    assert client["telecom"][1]["extension"][0]["valueString"] == "0049"
    assert extension(client["address"][0], "Telefoon02") == client["telecom"][1]
    assert [each.get("use") for each in client["address"]] == ["home", "temp"]
    assert client["address"][0]["line"] == ["Voorbeeldstraat TO 12 A 2 hg"]


def test_who_needs_an_interpreter_for_no_language_has_an_unknown_language(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    data = re.sub(rb"\s*<iwmo:Taal>.*?</iwmo:Taal>", b"", sent("client_every_element"))
    data = data.replace(b"Vorm>1<", b"Vorm>2<")
    resources = to_fhir(translator, data)
    (language,) = [each["language"] for each in kind(resources, "Patient")[0]["communication"]]
    assert [each["valueCode"] for each in language["extension"]] == ["unknown"]
    assert to_message(translator, resources) == data


@pytest.mark.parametrize(
    ("now", "statuses"),
    [
        ("2026-06-30", ["entered-in-error", "active", "active", "active", "completed"]),
        ("2026-07-01", ["entered-in-error", "completed", "active", "active", "completed"]),
        ("2026-07-02", ["entered-in-error", "completed", "completed", "active", "completed"]),
        ("2026-02-01", ["entered-in-error", "active", "active", "active", "active"]),
    ],
)
def test_the_status_follows_from_reason_dates_and_clock(
    translator: Translator, sent: Callable[[str], bytes], now: str, statuses: list[str]
) -> None:
    context = Context(datetime.datetime.fromisoformat(f"{now}T12:00:00+02:00"))
    resources = to_fhir(translator, sent("assignments_of_every_status"), context)
    assert [each["status"] for each in kind(resources, "ServiceRequest")] == statuses
    assert to_message(translator, resources, context) == sent("assignments_of_every_status")


def test_an_assignment_is_a_request(translator: Translator, sent: Callable[[str], bytes]) -> None:
    resources = to_fhir(translator, sent("client_every_element"))
    specific, aspecific, generic = kind(resources, "ServiceRequest")
    (client,) = kind(resources, "Patient")
    assert {each["subject"]["reference"] for each in (specific, aspecific, generic)} == {
        f"Patient/{client['id']}"
    }
    assert {each["intent"] for each in (specific, aspecific, generic)} == {"order"}
    assert specific["authoredOn"] == "2026-06-12T09:30:15+02:00"
    assert specific["occurrencePeriod"] == {"start": "2026-07-01", "end": "2026-12-31"}
    assert specific["basedOn"][0]["identifier"]["value"] == "315-2026-0007"
    assert specific["quantityQuantity"] | {"extension": []} == {
        "value": 120,
        "unit": "minuut",
        "code": "01",
        "system": LISTS + "WJ756",
        "extension": [],
    }
    assert extension(specific["quantityQuantity"], "Frequentie")["code"] == "2"
    assert extension(specific, "RedenWijziging") == {"system": LISTS + "WMO002", "code": "04"}
    assert [("category" in each, "code" in each) for each in (specific, aspecific, generic)] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert extension(generic, "Budget") == {"value": Decimal("12345.67"), "currency": "EUR"}


def test_an_amount_in_eurocents_says_so(translator: Translator, sent: Callable[[str], bytes]) -> None:
    requests = kind(to_fhir(translator, sent("assignments_of_every_status")), "ServiceRequest")
    units = [(each["quantityQuantity"]["value"], each["quantityQuantity"]["unit"]) for each in requests[1:4]]
    assert units == [(4, "uur"), (250000, "eurocent"), (2, "dagdeel")]


def test_the_time_of_an_assignment_is_that_of_the_clocks_here(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    data = sent("client_least_elements")
    resources = to_fhir(translator, data)
    (request,) = kind(resources, "ServiceRequest")
    request["authoredOn"] = "2026-06-12T07:30:15Z"
    assert to_message(translator, resources) == data
    request["authoredOn"] = "2026-06-12T08:30:15+01:00"
    assert to_message(translator, resources) == data


def test_a_budget_in_another_currency_is_not_written(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    resources = to_fhir(translator, sent("client_every_element"))
    extension(kind(resources, "ServiceRequest")[2], "Budget")["currency"] = "USD"
    read = of_fhir(translator, resources)
    written = translator.write(read, "iwmo-301", NOON)
    assert b"Budget" not in message(written)
    lost = [line for line in written.account.lines() if line.place.endswith("valueMoney.value")]
    assert [(line.state, line.rule.partition(":")[0]) for line in lost] == [
        ("not representable", "iwmo-3.2-wmo301/Client.yaml")
    ]


@pytest.mark.parametrize(
    "spelling",
    [
        "http://istandaarden.nl/ibieb/codesystemen/",
        "http://istandaarden.nl/ibieb/codelijsten/",
        "https://www.istandaarden.nl/ibieb/codelijsten/",
        "https://informatiemodel.istandaarden.nl/informatiemodel/iwmo/3.2/codelijsten/",
    ],
)
def test_code_lists_are_known_under_every_spelling(
    translator: Translator, sent: Callable[[str], bytes], spelling: str
) -> None:
    data = sent("client_every_element")
    text = fhir_json.encode(bundle(to_fhir(translator, data), NOON.base), "r4").decode()
    other = re.sub(rf'"{LISTS}(\w+)"', lambda found: f'"{spelling}{found[1].lower()}/"', text)
    assert other.count(spelling) > 10
    read = translator.read(other.encode(), NOON)
    assert message(translator.write(read, "iwmo-301", NOON)) == data


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        pytest.param(
            lambda found: found.remove(kind(found, "MessageHeader")[0]),
            "Bericht.Header",
            "missing",
            id="no_header",
        ),
        pytest.param(
            lambda found: kind(found, "Patient")[0].update(gender="other"),
            "Client.Geslacht",
            "missing",
            id="gender",
        ),
        pytest.param(
            lambda found: kind(found, "Patient")[0]["address"][0].update(city="x" * 81),
            "Contact[0].Adres.Plaatsnaam",
            "longer than 80",
            id="city_too_long",
        ),
        pytest.param(
            lambda found: kind(found, "ServiceRequest")[0]["identifier"][0].update(system="urn:oid:1.2.3"),
            "ToegewezenProduct[0].ToewijzingNummer",
            "missing",
            id="number_of_another_system",
        ),
    ],
)
def test_what_the_message_cannot_be_without_is_asked_for(
    translator: Translator,
    sent: Callable[[str], bytes],
    change: Callable[[list[Resource]], object],
    place: str,
    words: str,
) -> None:
    resources = to_fhir(translator, sent("client_least_elements"))
    change(resources)
    with pytest.raises(ContentError) as caught:
        to_message(translator, resources)
    (issue,) = caught.value.issues
    assert issue.place.endswith(place)
    assert words in issue.text


def test_a_relation_whose_gender_is_masked_goes_without(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    resources = to_fhir(translator, sent("client_every_element"))
    relation = kind(resources, "RelatedPerson")[0]
    del relation["gender"]
    absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    relation["_gender"] = {"extension": [{"url": absent, "valueCode": "masked"}]}
    first = istandaarden.decode(to_message(translator, resources), "wmo301")["Client"]["Relaties"]["Relatie"][
        0
    ]
    assert "Geslacht" not in first
    assert first["Soort"] == "12"


@pytest.mark.parametrize("clients", [0, 2])
def test_a_message_is_about_one_client(
    translator: Translator, sent: Callable[[str], bytes], clients: int
) -> None:
    read = translator.read(sent("client_least_elements"), NOON)
    client = read.blocks[0]
    blocks = [Block("Client", "sociaal", f"Client/{i}", client.values) for i in range(clients)]
    written = translator.write(read, "iwmo-301", NOON, blocks=blocks)
    with pytest.raises(ContentError, match=f"is about one client, the blocks about {clients}"):
        message(written)


def test_zibs_have_no_place_in_a_message_and_the_account_says_so(
    translator: Translator, fixtures: Path
) -> None:
    read = translator.read((fixtures / "ada" / "blood_pressure.xml").read_bytes(), NOON)
    written = translator.write(read, "iwmo-301", NOON)
    assert written.resources == []
    assert written.account.counts()["used"] < written.account.counts()["not representable"]


def test_assignments_have_no_place_among_zibs_and_the_account_says_so(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    written = translator.write(translator.read(sent("client_least_elements"), NOON), "fhir-stu3", NOON)
    assert written.resources == []
    assert written.account.counts()["not representable"] == 25


def test_a_patient_without_the_profile_is_that_of_the_zibs(translator: Translator) -> None:
    data = b'{"resourceType":"Patient","identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911004"}]}'
    (block,) = translator.read(data, NOON).blocks
    assert (block.type, block.release) == ("Patient", "2020")


def test_a_message_is_known_by_its_namespace_and_not_by_its_root(sent: Callable[[str], bytes]) -> None:
    data = sent("client_least_elements")
    assert recognise(data) == "iwmo-301"
    unprefixed = data.replace(b"wmo301:", b"").replace(b"xmlns:wmo301=", b"xmlns=").replace(b"<xmlns", b"<x")
    assert recognise(unprefixed.replace(b"iwmo:", b"b:")) == "iwmo-301"
    assert recognise(b"<Bericht/>") == "ada"


@pytest.mark.parametrize(
    ("namespace", "title"),
    [
        ("http://www.istandaarden.nl/iwmo/2_0/wmo301/schema/2_0", "a WMO301 of iWmo 2.0"),
        ("http://www.istandaarden.nl/ijw/3_2/jw301/schema", "a JW301 of iJw 3.2"),
        ("http://www.istandaarden.nl/iwmo/3_2/wmo305/schema", "a WMO305 of iWmo 3.2"),
        ("http://www.istandaarden.nl/iwlz/2_2/aw33/schema", "a AW33 of iWlz 2.2"),
    ],
)
def test_another_message_is_refused_by_its_name(translator: Translator, namespace: str, title: str) -> None:
    with pytest.raises(ContentError) as caught:
        translator.read(f'<b:Bericht xmlns:b="{namespace}"/>'.encode(), NOON)
    (issue,) = caught.value.issues
    assert issue.text == f"the document is {title}, and what can be read is WMO301 of iWmo 3.2"


def test_a_code_outside_the_lists_that_the_xsds_spell_out_is_a_warning(
    translator: Translator, sent: Callable[[str], bytes]
) -> None:
    data = sent("client_least_elements").replace(b">NL<", b">XX<").replace(b">15<", b">99<")
    issues = translator.read(data, NOON).issues
    assert [(issue.severity, issue.place.rpartition(".")[2]) for issue in issues] == [
        ("warning", "LandCode"),
        ("warning", "Categorie"),
    ]


def test_a_code_without_the_system_of_its_list_is_not_written(translator: Translator) -> None:
    client = Block(
        "Client", "sociaal", "Client/0", {"Bsn": Identifier("999911004", BSN), "Geslacht": Code("1", "x")}
    )
    with pytest.raises(ContentError) as caught:
        message(translator.write_blocks([client], "iwmo-301", NOON, "seed"))
    assert "Bericht.Client.Geslacht" in {issue.place for issue in caught.value.issues}
