"""Persons and organisations in both FHIR versions: names, addresses, telephones, and who refers to whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.blocks.values import Absent, Block, Boolean, Code, Identifier, Moment, Ref, Text
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.runtime.names import family_name, initials_of, other_initials
from tests.mapping.compiler.test_words import bare

Tree = dict[str, Any]
RELEASE = {"fhir-r4": "2020", "fhir-stu3": "2017"}
VERSION = {"fhir-r4": "r4", "fhir-stu3": "stu3"}
BOTH = pytest.mark.parametrize("form", ["fhir-r4", "fhir-stu3"])
USE = "2.16.840.1.113883.5.1119"
NAME_USAGE = "2.16.840.1.113883.2.4.3.11.60.101.5.4"
ROLES = "2.16.840.1.113883.2.4.3.11.22.472"
NULL_FLAVOR = "2.16.840.1.113883.5.1008"
QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def name(usage: str = "", **texts: str) -> Tree:
    """NameInformation of a person; `own` and `partner` as `prefix|name`."""
    values: Tree = {}
    if usage:
        values["NameUsage"] = Code(usage, NAME_USAGE)
    for key, parts in (("own", ("LastName", "Prefix", "LastName")),
                       ("partner", ("LastNamePartner", "PartnerPrefix", "PartnerLastName"))):  # fmt: skip
        if key in texts:
            prefix, _, last = texts.pop(key).rpartition("|")
            group: Tree = {parts[1]: Text(prefix)} if prefix else {}
            values[parts[0]] = group | {parts[2]: Text(last)}
    return values | {key: Text(text) for key, text in texts.items()}


def person(form: str, **values: Any) -> Block:
    return Block("Patient", RELEASE[form], "Patient/1", values)


def written(translator: Translator, context: Context, form: str, *blocks: Block) -> dict[str, list[Tree]]:
    """The resources by type."""
    found: dict[str, list[Tree]] = {}
    for resource in translator.write_blocks(blocks, form, context, "seed").resources:
        found.setdefault(resource["resourceType"], []).append(resource)
    return found


def returned(translator: Translator, context: Context, form: str, *resources: Tree) -> dict[str, list[Tree]]:
    """The values of the blocks that resources are read as, by block type; without their subject."""
    version: Any = VERSION[form]
    data = fhir_json.encode(bundle(list(resources), context.base), version)
    found: dict[str, list[Tree]] = {}
    for block in translator.read(data, context, form).blocks:
        block.values.pop("Subject", None)
        found.setdefault(block.type, []).append(bare(block.values))
    return found


def round_trip(translator: Translator, context: Context, form: str, *blocks: Block) -> dict[str, list[Tree]]:
    resources = translator.write_blocks(blocks, form, context, "seed").resources
    return returned(translator, context, form, *resources)


def given(element: Tree) -> list[tuple[str, str]]:
    """Each given name with its qualifier."""
    beside = element.get("_given", [])
    return [(each, beside[i]["extension"][0]["valueCode"]) for i, each in enumerate(element.get("given", []))]


@pytest.mark.parametrize(
    ("usage", "family"),
    [
        ("NL1", "van Dalen"),
        ("NL2", "de Beer"),
        ("NL3", "de Beer-van Dalen"),
        ("NL4", "van Dalen-de Beer"),
        ("", "van Dalen-de Beer"),
    ],
)
def test_the_family_name_follows_the_name_usage(usage: str, family: str) -> None:
    assert family_name(name(usage, own="van|Dalen", partner="de|Beer"), None) == family


@BOTH
def test_a_family_name_that_does_not_say_whose_its_parts_are_is_ones_own(
    translator: Translator, noon: Context, form: str
) -> None:
    patient = {"resourceType": "Patient", "id": "1", "name": [{"use": "official", "family": "de Beer"}]}
    (values,) = returned(translator, noon, form, patient)["Patient"]
    found = values["NameInformation"]
    assert (found[0] if isinstance(found, list) else found) == name(own="de Beer")


@BOTH
def test_a_name_in_words_that_no_concept_holds_is_accounted_for(
    translator: Translator, noon: Context, form: str
) -> None:
    spoken = [{"use": "official", "text": "mevrouw De Beer", "family": "de Beer"}]
    patient = {"resourceType": "Patient", "id": "1", "name": spoken}
    version: Any = VERSION[form]
    read = translator.read(fhir_json.encode(bundle([patient], noon.base), version), noon, form)
    assert translator.write(read, form, noon).resources[0]["name"][0]["text"] == "mevrouw De Beer"
    lines = json.loads(translator.write(read, "ada", noon).account.dump())["lines"]
    states = {line["place"].rpartition(".")[2]: line["state"] for line in lines if ".name" in line["place"]}
    # ADA of zib 2020 carries it along; that of 2017 has a bridge between.
    assert states["text"] == {"fhir-r4": "carried along", "fhir-stu3": "not representable"}[form]
    assert states["family"] == "used"


def test_a_name_usage_that_asks_for_a_name_that_is_not_there_takes_the_other() -> None:
    assert family_name(name("NL2", own="Dalen"), None) == "Dalen"


@pytest.mark.parametrize(
    ("names", "initials", "others"),
    [
        ("Anna", "A.B.C.", ["B.", "C."]),
        ("Anna Bea", "A.B.", []),
        ("Anna Bea", "A.", []),
        ("Thea", "Th.M.", ["M."]),
        ("Anna", "X.", None),
        ("", "A.B", ["A.", "B"]),
    ],
)
def test_initials_that_first_names_stand_for_are_not_said_twice(
    names: str, initials: str, others: list[str] | None
) -> None:
    assert other_initials(names.split(), initials_of(initials)) == others


def test_first_names_and_other_initials_in_r4(translator: Translator, noon: Context) -> None:
    """Examples of nl-core-NameInformation: a given name is a first name or an initial."""
    block = person("fhir-r4", NameInformation=name(FirstNames="Hendrik", Initials="H.J.W.", own="Schemer"))
    official = written(translator, noon, "fhir-r4", block)["Patient"][0]["name"][0]
    assert given(official) == [("Hendrik", "BR"), ("J.", "IN"), ("W.", "IN")]
    assert official["text"] == "Hendrik J.W. Schemer"
    read = round_trip(translator, noon, "fhir-r4", block)["Patient"][0]["NameInformation"]
    assert (read["FirstNames"], read["Initials"]) == (Text("Hendrik"), Text("H.J.W."))


def test_initials_that_contradict_the_first_names_are_a_name_of_their_own(
    translator: Translator, noon: Context
) -> None:
    values = name(FirstNames="Hendrik Willem", Initials="H.J.W.", own="Schemer")
    block = person("fhir-r4", NameInformation=values)
    official, initials = written(translator, noon, "fhir-r4", block)["Patient"][0]["name"]
    assert given(official) == [("Hendrik", "BR"), ("Willem", "BR")]
    assert initials.keys() == {"use", "given", "_given"}
    assert given(initials) == [("H.", "IN"), ("J.", "IN"), ("W.", "IN")]
    assert round_trip(translator, noon, "fhir-r4", block)["Patient"][0] == block.values


def test_the_given_name_is_a_name_of_its_own_in_r4(translator: Translator, noon: Context) -> None:
    block = person("fhir-r4", NameInformation=name(FirstNames="Hendrika", GivenName="Riek", own="Bos"))
    official, usual = written(translator, noon, "fhir-r4", block)["Patient"][0]["name"]
    assert official["use"] == "official"
    assert usual == {"use": "usual", "given": ["Riek"]}
    assert round_trip(translator, noon, "fhir-r4", block)["Patient"][0] == block.values


def test_a_name_without_a_use_is_the_official_one(translator: Translator, noon: Context) -> None:
    sent = {"resourceType": "Patient", "id": "a", "name": [{"family": "Bos", "given": ["Riek"]}]}
    found = returned(translator, noon, "fhir-r4", sent)["Patient"][0]
    assert found["NameInformation"]["FirstNames"] == Text("Riek")


def test_all_given_names_stand_in_one_name_in_stu3(translator: Translator, noon: Context) -> None:
    values = name(
        "NL3", FirstNames="Anna Bea", Initials="A.B.C.", GivenName="Annie", own="van|Dalen", partner="Beer"
    )
    block = person("fhir-stu3", NameInformation=values)
    (found,) = written(translator, noon, "fhir-stu3", block)["Patient"][0]["name"]
    assert given(found) == [("Anna Bea", "BR"), ("A.B.C.", "IN"), ("Annie", "CL")]
    assert found["text"] == "Anna Bea A.B.C. Beer-van Dalen"
    assert round_trip(translator, noon, "fhir-stu3", block)["Patient"][0] == block.values


def test_a_family_name_alone_is_no_text_in_stu3(translator: Translator, noon: Context) -> None:
    block = person("fhir-stu3", NameInformation=name(own="de|Boer"))
    assert "text" not in written(translator, noon, "fhir-stu3", block)["Patient"][0]["name"][0]


@BOTH
def test_an_unknown_name_usage_is_written_as_such(translator: Translator, noon: Context, form: str) -> None:
    block = person(form, NameInformation=name(own="Bos") | {"NameUsage": Absent("UNK")})
    found = written(translator, noon, form, block)["Patient"][0]["name"][0]
    url = "http://hl7.org/fhir/StructureDefinition/humanname-assembly-order"
    assert found["extension"] == [{"url": url, "valueCode": "UNK"}]
    assert round_trip(translator, noon, form, block)["Patient"][0] == block.values


def address(form: str, kind: str = "HP", **texts: str) -> Block:
    values: Tree = {key: Text(text) for key, text in texts.items()}
    if kind:
        values["AddressType"] = Code(kind, USE)
    return person(form, AddressInformation=[values])


def test_letter_and_addition_of_a_house_number_share_a_suffix_in_r4(
    translator: Translator, noon: Context
) -> None:
    block = address(
        "fhir-r4", Street="Laan", HouseNumber="7", HouseNumberLetter="A", HouseNumberAddition="2 hoog"
    )
    found = written(translator, noon, "fhir-r4", block)["Patient"][0]["address"][0]
    parts = {each["url"].rpartition("-")[2]: each["valueString"] for each in found["_line"][0]["extension"]}
    assert parts == {"streetName": "Laan", "houseNumber": "7", "buildingNumberSuffix": "A 2 hoog"}
    assert found["line"] == ["Laan 7 A 2 hoog"]
    assert (found["use"], found["type"]) == ("home", "both")
    assert round_trip(translator, noon, "fhir-r4", block)["Patient"][0]["AddressInformation"][0].keys() == {
        "Street", "HouseNumber", "HouseNumberLetter", "HouseNumberAddition", "AddressType"
    }  # fmt: skip


@BOTH
@pytest.mark.parametrize(
    "texts",
    [
        {"HouseNumberLetter": "A", "HouseNumberAddition": "2e"},
        {"HouseNumberLetter": "A"},
        {"HouseNumberAddition": "2e"},
    ],
)
def test_a_suffix_comes_back_as_what_it_was(
    translator: Translator, noon: Context, form: str, texts: dict[str, str]
) -> None:
    block = address(form, "", Street="Laan", HouseNumber="7", **texts)
    assert round_trip(translator, noon, form, block)["Patient"][0] == block.values


@BOTH
@pytest.mark.parametrize("kind", ["HP", "PHYS", "PST", "TMP", "WP", "HV"])
def test_the_type_of_an_address_comes_back(
    translator: Translator, noon: Context, form: str, kind: str
) -> None:
    found = round_trip(translator, noon, form, address(form, kind, Street="Laan"))
    assert found["Patient"][0]["AddressInformation"][0]["AddressType"].code == kind


def test_the_official_address_is_marked_as_such_in_stu3(translator: Translator, noon: Context) -> None:
    official = "http://fhir.nl/fhir/StructureDefinition/nl-core-address-official"
    block = address("fhir-stu3", "HP", Street="Laan", Postcode="1012 AB")
    found = written(translator, noon, "fhir-stu3", block)["Patient"][0]["address"][0]
    assert {"url": official, "valueBoolean": True} in found["extension"]
    assert (found["use"], found["type"], found["postalCode"]) == ("home", "physical", "1012AB")

    def read(value: bool) -> Tree:
        extension = [{"url": official, "valueBoolean": value}]
        sent = {"resourceType": "Patient", "id": "a", "address": [{"extension": extension, "city": "Ede"}]}
        found: Tree = returned(translator, noon, "fhir-stu3", sent)["Patient"][0]["AddressInformation"][0]
        return found

    assert read(True)["AddressType"].code == "HP"
    assert "AddressType" not in read(False)


def test_home_alone_does_not_say_whether_an_address_is_official(
    translator: Translator, noon: Context
) -> None:
    sent = {"resourceType": "Patient", "id": "a", "address": [{"use": "home", "city": "Ede"}]}
    found = returned(translator, noon, "fhir-r4", sent)["Patient"][0]["AddressInformation"][0]
    assert found == {"PlaceOfResidence": Text("Ede")}


@pytest.mark.parametrize(
    ("form", "system", "code", "words"),
    [
        ("fhir-r4", "1.0.3166.1.2.2", "NL", "Nederland"),
        ("fhir-stu3", "1.0.3166.1.2.2", "NL", "NL"),
        ("fhir-stu3", "2.16.840.1.113883.2.4.4.16.34", "6030", "NL"),
        ("fhir-stu3", "2.16.840.1.113883.2.4.4.16.34", "9089", "Nederland"),
    ],
)
def test_a_country_is_words_beside_its_code(
    translator: Translator, noon: Context, form: str, system: str, code: str, words: str
) -> None:
    block = person(form, AddressInformation=[{"Country": Code(code, system, "Nederland")}])
    assert written(translator, noon, form, block)["Patient"][0]["address"][0]["country"] == words
    assert round_trip(translator, noon, form, block)["Patient"][0] == block.values


MOBILE, LAND_LINE = (
    Code("MC", USE, "Mobile"),
    Code("LL", "2.16.840.1.113883.2.4.3.11.60.40.4.22.1", "Land line"),
)


@BOTH
def test_telephones_and_mail_are_one_group_again(translator: Translator, noon: Context, form: str) -> None:
    contact = {
        "TelephoneNumbers": [
            {"TelephoneNumber": Text("+31600000001"), "TelecomType": MOBILE, "NumberType": Code("HP", USE)},
            {"TelephoneNumber": Text("+31200000002"), "TelecomType": LAND_LINE},
            {"TelephoneNumber": Text("+31200000003")},
        ],
        "EmailAddresses": [{"EmailAddress": Text("a@example.org"), "EmailAddressType": Code("WP", USE)}],
    }
    block = person(form, ContactInformation=contact)
    found = written(translator, noon, form, block)["Patient"][0]["telecom"]
    assert [(each["system"], each.get("use")) for each in found] == [
        ("phone", "home"),
        ("phone", None),
        ("phone", None),
        ("email", "work"),
    ]
    assert round_trip(translator, noon, form, block)["Patient"][0] == block.values


def test_a_telephone_without_a_number_is_none(translator: Translator, noon: Context) -> None:
    block = person("fhir-r4", ContactInformation={"TelephoneNumbers": [{"TelecomType": MOBILE}]})
    assert "telecom" not in written(translator, noon, "fhir-r4", block)["Patient"][0]


@BOTH
def test_a_date_of_death_says_that_the_patient_died(translator: Translator, noon: Context, form: str) -> None:
    block = person(form, DeathIndicator=Boolean(True), DateOfDeath=Moment("2018-07-01"))
    found = written(translator, noon, form, block)["Patient"][0]
    assert found["deceasedDateTime"] == "2018-07-01"
    assert "deceasedBoolean" not in found
    assert round_trip(translator, noon, form, block)["Patient"][0] == block.values


def about(kind: str, form: str, **values: Any) -> Block:
    return Block(kind, RELEASE[form], f"{kind}/1", {"Subject": Ref("Patient/1"), **values})


def test_proficiency_extensions_are_told_apart_by_their_type(translator: Translator, noon: Context) -> None:
    levels = "2.16.840.1.113883.5.61"
    spoken = about(
        "LanguageProficiency",
        "fhir-r4",
        CommunicationLanguage=Code("nl", "1.0.639.1"),
        LanguageControlSpeaking=Code("F", levels),
        LanguageControlReading=Code("G", levels),
    )
    patient = person("fhir-r4", Gender=Code("F", "2.16.840.1.113883.5.1", "Female"))
    found = written(translator, noon, "fhir-r4", patient, spoken)["Patient"][0]["communication"][0]
    kinds = [part["valueCoding"]["code"] for each in found["extension"] for part in each["extension"]]
    assert kinds == ["F", "ESP", "G", "RWR"]
    read = round_trip(translator, noon, "fhir-r4", patient, spoken)["LanguageProficiency"][0]
    assert (read["LanguageControlSpeaking"].code, read["LanguageControlReading"].code) == ("F", "G")
    assert "LanguageControlListening" not in read


@BOTH
def test_role_and_relationship_are_told_apart_by_their_value_sets(
    translator: Translator, noon: Context, form: str
) -> None:
    first = "01" if form == "fhir-r4" else "1"
    contact = about(
        "ContactPerson",
        form,
        Role=[Code(first, ROLES)],
        Relationship=[Code("WIFE", "2.16.840.1.113883.5.111")],
    )
    patient = (
        person(form, FirstContactPerson=[Ref("ContactPerson/1")]) if form == "fhir-stu3" else person(form)
    )
    found = written(translator, noon, form, patient, contact)
    codes = {each["coding"][0]["code"] for each in found["Patient"][0]["contact"][0]["relationship"]}
    assert codes == {first, "WIFE"}
    read = returned(translator, noon, form, found["Patient"][0])["ContactPerson"][0]
    assert [each.code for each in read["Role"] + read["Relationship"]] == [first, "WIFE"]


def test_a_contact_that_is_a_related_person_too_is_one_block(translator: Translator, noon: Context) -> None:
    contact = about("ContactPerson", "fhir-stu3", NameInformation=name(own="Bos"), Role=[Code("1", ROLES)])
    patient = person("fhir-stu3", FirstContactPerson=[Ref("ContactPerson/1")])
    resources = translator.write_blocks([patient, contact], "fhir-stu3", noon, "seed").resources
    data = fhir_json.encode(bundle(resources, noon.base), "stu3")
    blocks = {block.type: block for block in translator.read(data, noon, "fhir-stu3").blocks}
    assert len(translator.read(data, noon, "fhir-stu3").blocks) == len(blocks)
    assert blocks["Patient"].values["FirstContactPerson"][0].key == blocks["ContactPerson"].key


def test_only_the_first_contact_is_told_in_the_patient_of_stu3(translator: Translator, noon: Context) -> None:
    contact = about("ContactPerson", "fhir-stu3", NameInformation=name(own="Bos"))
    found = written(translator, noon, "fhir-stu3", person("fhir-stu3"), contact)
    assert "contact" not in found["Patient"][0]
    assert len(found["RelatedPerson"]) == 1


AGB = "2.16.840.1.113883.2.4.6.1"


def professional(form: str, **values: Any) -> list[Block]:
    number = Identifier("01234567", AGB)
    return [
        Block("HealthProfessional", RELEASE[form], "HealthProfessional/1", {
            "HealthProfessionalIdentificationNumber": [number],
            "HealthcareProvider": Ref("HealthcareProvider/1"),
            "Specialty": Code("01.015", "2.16.840.1.113883.2.4.15.111", "Huisarts"),
            **values,
        }),
        Block("HealthcareProvider", RELEASE[form], "HealthcareProvider/1", {
            "OrganizationName": Text("De Praktijk"),
            "HealthcareProviderIdentificationNumber": [Identifier("7654321", AGB)],
            "OrganizationType": Code("Z3", "2.16.840.1.113883.2.4.15.1060", "Huisartsenpraktijk"),
            "DepartmentSpecialty": Code("0100", "2.16.840.1.113883.2.4.6.7", "Huisartsen"),
        }),
    ]  # fmt: skip


@BOTH
def test_a_professional_is_one_block_again(translator: Translator, noon: Context, form: str) -> None:
    contact = [{"TelephoneNumbers": [{"TelephoneNumber": Text("+31200000002")}]}]
    blocks = professional(form, ContactInformation=contact, NameInformation=name(own="Bos"))
    found = written(translator, noon, form, *blocks)
    role, practitioner = found["PractitionerRole"][0], found["Practitioner"][0]
    assert role["practitioner"]["reference"] == f"Practitioner/{practitioner['id']}"
    assert role["organization"]["reference"].startswith("Organization/")
    assert role["telecom"] == practitioner["telecom"]
    read = round_trip(translator, noon, form, *blocks)
    assert read["HealthProfessional"][0]["ContactInformation"] == contact
    assert read["HealthcareProvider"] == [blocks[1].values]


def test_a_location_that_has_no_name_bears_that_of_its_organization(
    translator: Translator, noon: Context
) -> None:
    provider = professional("fhir-r4")[1]
    assert written(translator, noon, "fhir-r4", provider)["Location"][0]["name"] == "De Praktijk"
    provider.values["OrganizationLocation"] = {"LocationName": Text("Noord")}
    assert written(translator, noon, "fhir-r4", provider)["Location"][0]["name"] == "Noord"
    assert round_trip(translator, noon, "fhir-r4", provider)["HealthcareProvider"] == [provider.values]


def test_a_location_of_stu3_and_its_organization_are_one_block(translator: Translator, noon: Context) -> None:
    organization = {"resourceType": "Organization", "id": "o", "name": "De Praktijk"}
    location = {
        "resourceType": "Location",
        "id": "l",
        "meta": {"profile": ["http://fhir.nl/fhir/StructureDefinition/nl-core-location"]},
        "name": "Noord",
        "managingOrganization": {"reference": "Organization/o"},
    }
    expected = [{"OrganizationName": Text("De Praktijk"), "OrganizationLocation": Text("Noord")}]
    for resources in ((organization, location), (location, organization)):
        assert returned(translator, noon, "fhir-stu3", *resources)["HealthcareProvider"] == expected


def test_a_reference_to_a_professional_has_the_role_beside_it_in_stu3(
    translator: Translator, noon: Context
) -> None:
    patient = person("fhir-stu3", GeneralPractitioner=[Ref("HealthProfessional/1")])
    found = written(translator, noon, "fhir-stu3", patient, *professional("fhir-stu3"))
    (reference,) = found["Patient"][0]["generalPractitioner"]
    assert reference["reference"] == f"Practitioner/{found['Practitioner'][0]['id']}"
    (extension,) = reference["extension"]
    assert extension["url"] == "http://nictiz.nl/fhir/StructureDefinition/practitionerrole-reference"
    assert (
        extension["valueReference"]["reference"] == f"PractitionerRole/{found['PractitionerRole'][0]['id']}"
    )


def test_a_professional_of_whom_only_the_role_is_known_is_referred_to_by_it(
    translator: Translator, noon: Context
) -> None:
    role = Block(
        "HealthProfessional", "2017", "HealthProfessional/1", {"Specialty": Code("01.015", "1.2.3", "GP")}
    )
    patient = person("fhir-stu3", GeneralPractitioner=[Ref(role.key)])
    (reference,) = written(translator, noon, "fhir-stu3", patient, role)["Patient"][0]["generalPractitioner"]
    assert reference.keys() == {"extension", "display"}
    read = round_trip(translator, noon, "fhir-stu3", patient, role)
    (professional_key,) = (ref.key for ref in read["Patient"][0]["GeneralPractitioner"])
    assert professional_key.startswith("HealthProfessional/")
    assert read["HealthProfessional"] == [{"Specialty": Code("01.015", "1.2.3", "GP")}]


@BOTH
def test_the_role_that_is_referred_to_tells_which_professional_is_meant(
    translator: Translator, noon: Context, form: str
) -> None:
    """Two roles of one practitioner are two blocks."""
    practitioner = {"resourceType": "Practitioner", "id": "p", "name": [{"use": "official", "family": "Bos"}]}
    roles = [
        {"resourceType": "PractitionerRole", "id": each, "practitioner": {"reference": "Practitioner/p"}}
        for each in ("a", "b")
    ]
    beside = {
        "extension": [
            {
                "url": "http://nictiz.nl/fhir/StructureDefinition/practitionerrole-reference",
                "valueReference": {"reference": "PractitionerRole/b"},
            }
        ],
        "reference": "Practitioner/p",
    }
    reference = beside if form == "fhir-stu3" else {"reference": "PractitionerRole/b"}
    patient = {"resourceType": "Patient", "id": "x", "generalPractitioner": [reference]}
    version: Any = VERSION[form]
    data = fhir_json.encode(bundle([patient, practitioner, *roles], noon.base), version)
    blocks = translator.read(data, noon, form).blocks
    (meant,) = next(block for block in blocks if block.type == "Patient").values["GeneralPractitioner"]
    assert meant.key == "HealthProfessional/b"


@BOTH
def test_members_of_a_care_team_are_participants_one_after_another(
    translator: Translator, noon: Context, form: str
) -> None:
    role = Code("ATND", "2.16.840.1.113883.5.90", "Attender")
    team = about(
        "CareTeam",
        form,
        CareTeamName=Text("Team"),
        CareTeamMember=[
            {"HealthProfessional": [Ref("HealthProfessional/1")]},
            {"Patient": [Ref("Patient/1")], "ContactPerson": [Ref("ContactPerson/1")]},
        ],
    )
    contact = about("ContactPerson", form, NameInformation=name(own="Bos"))
    blocks = [person(form), contact, team, *professional(form, HealthProfessionalRole=role)]
    members = written(translator, noon, form, *blocks)["CareTeam"][0]["participant"]
    kinds = [each["member"]["reference"].partition("/")[0] for each in members]
    expected = "Practitioner" if form == "fhir-stu3" else "PractitionerRole"
    assert sorted(kinds) == sorted([expected, "RelatedPerson", "Patient"])
    read = round_trip(translator, noon, form, *blocks)
    (member,) = read["CareTeam"][0]["CareTeamMember"]
    assert {kind: len(refs) for kind, refs in member.items()} == {
        "HealthProfessional": 1, "Patient": 1, "ContactPerson": 1
    }  # fmt: skip
    assert read["HealthProfessional"][0]["HealthProfessionalRole"].code == "ATND"


def insurer(form: str, *insurances: Tree) -> Block:
    company = {"OrganizationName": Text("Zeker"), "InsurantNumber": Text("42"), "Insurance": list(insurances)}
    return about("Payer", form, InsuranceCompany=company, IdentificationNumber=[Identifier("1", "1.2.3")])


INSURANCE = "2.16.840.1.113883.2.4.3.11.60.101.5.1"


def test_each_insurance_is_a_coverage_with_the_status_of_its_period(
    translator: Translator, noon: Context
) -> None:
    payer = insurer(
        "fhir-r4",
        {"InsuranceType": Code("B", INSURANCE), "EndDateTime": Moment("2013-01-31")},
        {"InsuranceType": Code("A", INSURANCE), "StartDateTime": Moment("2099-01-01")},
    )
    found = written(translator, noon, "fhir-r4", person("fhir-r4"), payer)
    assert [each["status"] for each in found["Coverage"]] == ["cancelled", "draft"]
    assert ["identifier" in each for each in found["Coverage"]] == [False, False]
    assert len(found["Organization"]) == 1


@BOTH
def test_insurer_and_paying_person_come_back(translator: Translator, noon: Context, form: str) -> None:
    paid = insurer(form, {"InsuranceType": Code("B", INSURANCE), "EndDateTime": Moment("2030-01-31")})
    assert round_trip(translator, noon, form, person(form), paid)["Payer"] == [
        {concept: value for concept, value in paid.values.items() if concept != "Subject"}
    ]
    bank = {"BankName": Text("Bank"), "AccountNumber": Text("NL00BANK0000000000")}
    payer = about("Payer", form, PayerPerson={"PayerName": Text("J. Bos"), "BankInformation": [bank]})
    assert round_trip(translator, noon, form, person(form), payer)["Payer"] == [
        {"PayerPerson": {"PayerName": Text("J. Bos"), "BankInformation": [bank]}}
    ]


def test_an_insurer_is_no_healthcare_provider_whatever_comes_first(
    translator: Translator, noon: Context
) -> None:
    """Both claim the profile nl-core-organization of STU3: the coverage tells."""
    paid = insurer("fhir-stu3", {"InsuranceType": Code("B", INSURANCE), "EndDateTime": Moment("2030-01-31")})
    resources = translator.write_blocks([person("fhir-stu3"), paid], "fhir-stu3", noon, "seed").resources
    read = returned(translator, noon, "fhir-stu3", *reversed(resources))
    assert "HealthcareProvider" not in read
    assert read["Payer"][0]["InsuranceCompany"]["OrganizationName"] == Text("Zeker")


def test_legal_status_and_representation_are_conditions_of_their_own(
    translator: Translator, noon: Context
) -> None:
    situation = about(
        "LegalSituation",
        "fhir-r4",
        LegalStatus=Code("OTS", "2.16.840.1.113883.2.4.3.11.60.40.4.23.2"),
        Representation=Code("7", "2.16.840.1.113883.2.4.3.11.60.40.4.23.3"),
        DateStart=Moment("2018-01-01"),
        DateStop=Moment("2020-01-01"),
    )
    found = written(translator, noon, "fhir-r4", person("fhir-r4"), situation)["Condition"]
    assert [each["category"][0]["coding"][0]["code"] for each in found] == ["303186005", "151701000146105"]
    assert {each["clinicalStatus"]["coding"][0]["code"] for each in found} == {"inactive"}


@BOTH
def test_a_use_for_mobile_telephones_is_their_telecom_type(
    translator: Translator, noon: Context, form: str
) -> None:
    telecom = [{"system": "phone", "value": "+31600000001", "use": "mobile"}]
    read = returned(translator, noon, form, {"resourceType": "Patient", "id": "a", "telecom": telecom})
    (number,) = read["Patient"][0]["ContactInformation"]["TelephoneNumbers"]
    assert number["TelecomType"].code == "MC"
    assert "NumberType" not in number


@BOTH
def test_the_general_practitioner_may_be_a_practice(translator: Translator, noon: Context, form: str) -> None:
    patient = person(form, GeneralPractitioner=[Ref("HealthcareProvider/1")])
    found = written(translator, noon, form, patient, professional(form)[1])["Patient"][0][
        "generalPractitioner"
    ]
    assert [each["reference"].partition("/")[0] for each in found] == ["Organization"]
    assert round_trip(translator, noon, form, patient, professional(form)[1])["Patient"][0][
        "GeneralPractitioner"
    ]
