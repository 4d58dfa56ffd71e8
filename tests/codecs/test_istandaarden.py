"""Messages of iStandaarden: to a tree and back, and what may be wrong with one, by its path and line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from gateway.blocks.profiles import load_profiles
from gateway.codecs import detect
from gateway.codecs.fhir.elements import Element
from gateway.codecs.istandaarden import MOST_ISSUES, decode, encode
from gateway.codecs.limits import Limits
from gateway.codecs.message_types import ROOT, describe, message, messages, of_namespace
from gateway.errors import ContentError, SyntaxFault
from tests.codecs.hostile import SECRET, refusal
from tests.codecs.messages import trees

WMO301 = message("wmo301")
NAMES = ["assignments_of_every_status", "birth_date_unknown", "client_every_element", "client_least_elements"]


@pytest.fixture(scope="module")
def valid(fixtures: Path) -> bytes:
    return (fixtures / "iwmo" / "client_every_element.xml").read_bytes()


@pytest.fixture(scope="module")
def least(fixtures: Path) -> bytes:
    return (fixtures / "iwmo" / "client_least_elements.xml").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_message_comes_back_byte_for_byte(fixtures: Path, name: str) -> None:
    data = (fixtures / "iwmo" / f"{name}.xml").read_bytes()
    assert encode(decode(data, "wmo301"), "wmo301") == data


@given(trees())
def test_any_message_that_the_table_allows_comes_back(tree: dict[str, Any]) -> None:
    assert decode(encode(tree, "wmo301"), "wmo301") == tree


def test_the_fixture_has_every_element_of_the_message(valid: bytes) -> None:
    names = set(re.findall(r"<\w+:(\w+)>", valid.decode()))
    assert WMO301.types.names() - names == {ROOT}  # which has its namespaces behind its name


def test_a_tree_is_plain(valid: bytes) -> None:
    tree = decode(valid, "wmo301")
    assert list(tree) == ["resourceType", "Header", "Client"]
    assert tree["Header"]["BerichtVersie"] == 3
    client = tree["Client"]
    assert client["Naam"]["Geslachtsnaam"] == {"Achternaam": "Proefpersoon", "Voorvoegsel": "van de"}
    assert [each["Soort"] for each in client["Contactgegevens"]["Contact"]] == ["01", "04"]
    assert client["Commentaar"].endswith("& de hond is lief <echt>; ruïne aan de ĳdijk")


def test_what_is_written_is_as_op192_asks(least: bytes) -> None:
    tree = decode(least, "wmo301")
    tree["Client"] = dict(reversed(tree["Client"].items()))  # the order is that of the message
    tree["Client"]["Commentaar"] = "twee\nregels"
    data = encode(tree, "wmo301")
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\r\n<wmo301:Bericht')
    assert data.count(b"\n") == data.count(b"\r\n")
    assert decode(data, "wmo301") == tree


def test_prefixes_line_ends_comments_and_blanks_around_numbers_say_nothing(least: bytes) -> None:
    other = least.replace(b"wmo301:", b"").replace(b"xmlns:wmo301=", b"xmlns=").replace(b"iwmo:", b"i:")
    other = (
        other.replace(b"xmlns:i:=", b"xmlns:i=").replace(b"xmlns:iwmo=", b"xmlns:i=").replace(b"\r\n", b"\n")
    )
    other = other.replace(b">12<", b"><!-- twelve --> 12\t<").replace(b">3<", b"> 3 <")
    assert decode(other, "wmo301") == decode(least, "wmo301")


Defect = tuple[str, str, str, str, str, int]
# In the message with the least elements: what is replaced, by what; of the issue place, code, words, line.
DEFECTS: dict[str, Defect] = {
    "bsn_missing": (r"\s*<wmo301:Bsn>.*?</wmo301:Bsn>", "", "Client.Bsn", "required", "missing", 18),
    "bsn_of_eight_digits": (">999911004<", ">99991100<", "Client.Bsn", "value", "form of its type", 19),
    "bsn_with_letters": (">999911004<", f">{SECRET}0000<", "Client.Bsn", "value", "form of its type", 19),
    "header_missing": (r"<wmo301:Header>.*</wmo301:Header>", "", "Header", "required", "missing", 2),
    "last_name_missing": (
        "<iwmo:Achternaam>Proefpersoon</iwmo:Achternaam>", "", "Achternaam", "required", "missing", 25
    ),
    "contact_missing": (
        r"<wmo301:Contact>.*</wmo301:Contact>", "", "Contactgegevens.Contact", "required", "missing", 30
    ),
    "code_of_wijkverpleging": (">414<", ">428<", "Header.BerichtCode", "value", "it is not 414", 4),
    "version_2": (
        ">3</wmo301:BerichtVersie>", ">2</wmo301:BerichtVersie>", "BerichtVersie", "value", "it is not 3", 5
    ),
    "subversion_spelled_as_in_2_0": (
        "BerichtSubversie>", "BerichtSubVersie>", "Bericht.Header", "structure", "does not have", 6
    ),
    "identification_of_36_characters": (
        ">MINST0000001<", f">{'6f1c' * 9}<",
        "BerichtIdentificatie.Identificatie", "too-long", "12 characters", 10
    ),
    "agb_of_seven_digits": (">98000001<", ">9800001<", "Header.Ontvanger", "value", "form of its type", 8),
    "date_without_hyphens": (">1953-09-14<", ">19530914<", "Geboortedatum.Datum", "value", "not a date", 21),
    "date_that_does_not_exist": (
        ">1953-09-14<", ">1953-02-30<", "Geboortedatum.Datum", "value", "not a date", 21
    ),
    "date_with_zone": (">1953-09-14<", ">1953-09-14Z<", "Geboortedatum.Datum", "value", "time zone", 21),
    "time_with_zone": (">09:30:15<", ">09:30:15+02:00<", "Toewijzingstijd", "value", "time zone", 51),
    "gender_unknown_code": (
        ">0</wmo301:Geslacht>", ">9</wmo301:Geslacht>", "Client.Geslacht", "code-invalid", "no such code", 23
    ),
    "street_of_25_characters": (
        ">Voorbeeldstraat<", f">{SECRET * 5}<", "Adres.Straatnaam", "too-long", "24 characters", 38
    ),
    "house_number_too_large": (">12<", ">100000<", "Huis.Huisnummer", "value", "larger than 99999", 35),
    "house_number_of_a_million_digits": (
        ">12<", f">{'9' * 1_000_000}<", "Huis.Huisnummer", "value", "larger than 99999", 35
    ),
    "house_number_with_letter": (">12<", ">12a<", "Huis.Huisnummer", "value", "not a whole number", 35),
    "assignment_number_of_ten_digits": (
        ">2001<", ">1234567890<", "ToegewezenProduct[0].ToewijzingNummer", "too-long", "9 characters", 46
    ),
    "postcode_empty": (">1234AB<", "><", "Adres.Postcode", "required", "empty", 37),
    "postcode_blank": (">1234AB<", "> <", "Adres.Postcode", "required", "empty", 37),
    "postcode_twice": (
        r"(<iwmo:Postcode>1234AB</iwmo:Postcode>)", r"\1\1",
        "Adres.Postcode", "structure", "more than once", 37
    ),
    "postcode_before_house": (
        r"(<iwmo:Huis>.*</iwmo:Huis>)\s*(<iwmo:Postcode>.*?</iwmo:Postcode>)", r"\2\1",
        "Adres.Huis", "structure", "order", 34
    ),
    "assignments_before_contacts": (
        r"(<wmo301:Contactgegevens>.*</wmo301:Contactgegevens>)\s*(<wmo301:ToegewezenProducten>.*</wmo301:ToegewezenProducten>)",
        r"\2\1", "Client.Contactgegevens", "structure", "order", 40
    ),
    "secret_client_of_2_0": (
        "<wmo301:Geslacht>", "<wmo301:GeheimeClient>2</wmo301:GeheimeClient><wmo301:Geslacht>",
        "Bericht.Client", "structure", "that WMO301 of iWmo 3.2 does not have (child 3)", 23
    ),
    "gender_inside_name": (
        "<iwmo:NaamGebruik>", "<wmo301:Geslacht>1</wmo301:Geslacht><iwmo:NaamGebruik>",
        "Client.Naam", "structure", "Geslacht is not an element of this group", 28
    ),
    "element_named_after_a_person": (
        "<wmo301:Geslacht>", f"<wmo301:{SECRET}/><wmo301:Geslacht>",
        "Bericht.Client", "structure", "does not have", 23
    ),
    "element_of_message_in_basisschema": (
        r"wmo301:Geslacht>", "iwmo:Geslacht>", "Client.Geslacht", "structure", "namespace of the message", 23
    ),
    "element_of_basisschema_in_message": (
        r"iwmo:Datum>", "wmo301:Datum>",
        "Geboortedatum.Datum", "structure", "namespace of the basisschema", 21
    ),
    "attribute": (
        "<wmo301:Bsn>", f'<wmo301:Bsn soort="{SECRET}">', "Client.Bsn", "structure", "attribute", 19
    ),
    "attribute_of_group": (
        "<wmo301:Client>", '<wmo301:Client a="1">', "Bericht.Client", "structure", "attribute", 18
    ),
    "attribute_of_root": (
        "<wmo301:Bericht ", '<wmo301:Bericht a="1" ', "Bericht", "structure", "attributes", 2
    ),
    "text_between_elements": (
        "<wmo301:Bsn>", f"{SECRET}<wmo301:Bsn>", "Bericht.Client", "structure", "text between", 18
    ),
    "elements_in_a_value": (
        ">0</wmo301:Geslacht>", "><a/></wmo301:Geslacht>",
        "Client.Geslacht", "structure", "holds elements", 23
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_refused_where_it_stands(least: bytes, name: str) -> None:
    old, new, place, code, words, line = DEFECTS[name]
    text, count = re.subn(old, new, least.decode(), flags=re.DOTALL)
    assert count
    fault = refusal(decode, text.encode(), "wmo301")
    found = [each for each in fault.issues if each.place.endswith(place) and each.code == code]
    assert found, fault.diagnostics()
    assert words in found[0].text
    assert found[0].line == line


def test_all_defects_are_listed_together_up_to_a_bound(least: bytes) -> None:
    two = least.replace(b">98000001<", b">1<").replace(b">1234AB<", b"><")
    assert [each.place for each in refusal(decode, two, "wmo301").issues] == [
        "Bericht.Header.Ontvanger",
        "Bericht.Client.Contactgegevens.Contact[0].Adres.Postcode",
    ]
    many = least.replace(b"<wmo301:Bsn>", b"<wmo301:X/>" * 100 + b"<wmo301:Bsn>")
    assert len(refusal(decode, many, "wmo301").issues) == MOST_ISSUES + 1


def test_a_value_of_the_wrong_form_names_its_type(least: bytes) -> None:
    fault = refusal(decode, least.replace(b">98000001<", b">1<"), "wmo301")
    assert fault.issues[0].rule == "LDT_AgbCode of iWmo 3.2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), "byte order mark", id="utf8_with_mark"),
        pytest.param(
            lambda text: text.replace("UTF-8", "UTF-16").encode("utf-16"), "byte order mark", id="utf16"
        ),
        pytest.param(
            lambda text: text.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
            "is in UTF-8",
            id="latin1_declared",
        ),
        pytest.param(
            lambda text: text.replace("Teststad", "Coëvorden").encode("latin-1"),
            "not of the declared",
            id="latin1_bytes",
        ),
        pytest.param(
            lambda text: text.replace("\r\n<", "\r\n<!DOCTYPE x><", 1).encode(), "DOCTYPE", id="doctype"
        ),
        pytest.param(lambda text: text[:900].encode(), "does not end", id="cut_off"),
    ],
)
def test_bytes_that_op192_does_not_allow_are_refused(
    least: bytes, change: Callable[[str], bytes], words: str
) -> None:
    fault = refusal(decode, change(least.decode()), "wmo301")
    assert words in fault.issues[0].text
    assert fault.issues[0].line


def test_a_document_that_is_too_large_is_refused(least: bytes) -> None:
    assert "larger" in refusal(decode, least, "wmo301", Limits(max_bytes=1000)).issues[0].text


@pytest.mark.parametrize(
    ("namespace", "words"),
    [
        ("http://www.istandaarden.nl/iwmo/2_0/wmo301/schema/2_0", "but a WMO301 of iWmo 2.0"),
        ("http://www.istandaarden.nl/ijw/3_2/jw301/schema", "but a JW301 of iJw 3.2"),
        ("http://www.istandaarden.nl/iwmo/3_2/wmo302/schema", "but a WMO302 of iWmo 3.2"),
        ("http://www.istandaarden.nl/iwmo/3_2/basisschema/schema", "but no message of an iStandaard"),
        ("http://example.org/Wieke", "but no message of an iStandaard"),
    ],
)
def test_another_message_is_told_by_its_namespace(least: bytes, namespace: str, words: str) -> None:
    other = least.replace(WMO301.namespace.encode(), namespace.encode())
    fault = refusal(decode, other, "wmo301")
    assert fault.issues[0].text == f"this is not a WMO301 of iWmo 3.2 {words}"
    assert fault.issues[0].line == 2


def test_another_root_in_the_namespace_is_refused(least: bytes) -> None:
    other = least.replace(b"wmo301:Bericht>", b"wmo301:WMO301>").replace(
        b"<wmo301:Bericht ", b"<wmo301:WMO301 "
    )
    assert refusal(decode, other, "wmo301").issues[0].text == "this is not a WMO301 of iWmo 3.2"


def test_messages_of_the_first_release_are_told_by_it(testdata: Path) -> None:
    files = sorted((testdata / "iwmo-2.0-samples").rglob("*.xml"))
    assert len(files) == 11
    for file in files:
        sniffed = detect.sniff(file.read_bytes())
        assert of_namespace(sniffed.namespace) is None
        assert re.fullmatch(r"a WMO3\d\d of iWmo 2\.0", describe(sniffed.namespace))
        with pytest.raises(SyntaxFault, match=r"but a WMO3\d\d of iWmo 2\.0"):
            decode(file.read_bytes(), "wmo301")


@pytest.mark.parametrize(
    ("path", "value", "place", "words"),
    [
        (("Client", "Bsn"), None, "Bericht.Client.Bsn", "missing"),
        (("Client", "Bsn"), SECRET, "Bericht.Client.Bsn", "form of its type"),
        (("Client", "Bsn"), ["999911004"] * 2, "Bericht.Client.Bsn", "more than once"),
        (("Client", "Bsn"), {}, "Bericht.Client.Bsn", "a group where a value stands"),
        (("Client", "Naam"), SECRET, "Bericht.Client.Naam", "a group where a value stands"),
        (("Client", "Geslacht"), "male", "Bericht.Client.Geslacht", "longer than 1"),
        (("Client", "_Geslacht"), {}, "Bericht.Client._Geslacht", "no such element"),
        (("Client", "Commentaar"), "a\x00b", "Bericht.Client.Commentaar", "character that XML"),
        (("Header", "BerichtCode"), "428", "Bericht.Header.BerichtCode", "it is not 414"),
        (("Client", "Contactgegevens", "Contact"), [], "Bericht.Client.Contactgegevens.Contact", "missing"),
        (
            ("Client", "Contactgegevens", "Contact"),
            [{"Soort": "01"}, {}],
            "Bericht.Client.Contactgegevens.Contact[1].Soort",
            "missing",
        ),
    ],
)
def test_a_tree_that_is_no_message_is_not_written(
    least: bytes, path: tuple[str, ...], value: Any, place: str, words: str
) -> None:
    tree = decode(least, "wmo301")
    node = tree
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    with pytest.raises(ContentError) as caught:
        encode(tree, "wmo301")
    (issue,) = caught.value.issues
    assert issue.place == place
    assert words in issue.text
    assert SECRET not in caught.value.diagnostics()


def test_a_tree_with_much_wrong_is_not_written_either() -> None:
    with pytest.raises(ContentError) as caught:
        encode({"resourceType": ROOT, "Client": {f"X{i}": "" for i in range(100)}}, "wmo301")
    assert len(caught.value.issues) == MOST_ISSUES + 1


def test_the_table_is_asked_like_that_of_fhir() -> None:
    types = WMO301.types
    assert types.child("Client", "Geslacht") == Element("Geslacht", "code", many=False, min=1)
    assert types.child("Contactgegevens", "Contact") == Element("Contact", "Contact", many=True, min=1)
    assert types.child("Client", "gender") is None
    assert types.child("Nothing", "Geslacht") is None
    assert [each.name for each in types.children("CDT_Omvang")] == ["Volume", "Eenheid", "Frequentie"]
    assert types.is_resource("Bericht")
    assert not types.is_resource("Client")
    assert types.is_primitive("code")
    assert not types.is_primitive("CDT_Adres")


def test_every_type_of_the_table_is_there_and_is_used() -> None:
    for found in messages().values():
        slots = [slot for group in found.types.groups.values() for slot in group]
        assert {slot.group for slot in slots if not slot.simple} <= found.types.groups.keys()
        reached = {ROOT}
        while more := {s.group for name in reached for s in found.types.groups[name] if s.group} - reached:
            reached |= more
        assert reached == found.types.groups.keys()
        assert {slot.simple.kind for slot in slots if slot.simple} == {
            "string",
            "code",
            "date",
            "time",
            "integer",
        }


def test_the_order_and_cardinality_are_those_that_were_transcribed(testdata: Path) -> None:
    """Every element of 301 stands in the transcription of the release, with the same cardinality."""
    text = (testdata / "iwmo-ijw-3.2" / "iwmo-ijw-3.2-structure.txt").read_text(encoding="utf-8")
    (line,) = [each for each in text.splitlines() if each.strip().startswith('"301"')]
    for group in ("Client", "Relatie", "Contact", "ToegewezenProduct"):
        for slot in WMO301.types.groups[group]:
            if slot.name in ("Relaties", "Contactgegevens", "ToegewezenProducten"):
                continue
            assert f"{slot.name}{'=' if slot.required else '?'}" in line, slot.name


def test_the_codes_are_those_of_the_value_sets() -> None:
    profiles = load_profiles()
    lists = {
        "Geslacht": "COD046",
        "Vorm": "COD747",
        "NaamGebruik": "COD700",
        "Eenheid": "WJ756",
        "Frequentie": "WMO757",
        "RedenWijziging": "WMO002",
        "JuridischeStatus": "WJ232",
        "WettelijkeVertegenwoordiging": "WJ003",
        "AanduidingWoonadres": "NUM061",
    }
    slots = [slot for group in WMO301.types.groups.values() for slot in group]
    for name, number in {**lists, "Relatie.Soort": "COD472", "Contact.Soort": "COD757"}.items():
        group, _, last = name.rpartition(".")
        among = WMO301.types.groups[group] if group else slots
        simple = next(slot.simple for slot in among if slot.name == last)
        values = profiles.value_set("sociaal", number)
        assert simple is not None
        assert values is not None
        assert values.codes == {f"https://www.istandaarden.nl/ibieb/codesystemen/{number}": simple.codes}


def test_a_message_is_found_by_its_namespace_alone() -> None:
    assert of_namespace(WMO301.namespace) is WMO301
    assert of_namespace(WMO301.basis) is None
    assert all(of_namespace(each.namespace) is each for each in messages().values())
