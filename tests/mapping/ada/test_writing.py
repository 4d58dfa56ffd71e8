"""Registration forms: what is written is what was in the blocks, and reads as the same blocks."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.blocks.profiles import Concept, Profile, load_profiles
from gateway.blocks.values import (
    Absent,
    Blob,
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
from gateway.errors import ContentError
from gateway.terminology.units import Units
from tests.mapping.ada.documents import FIXTURES, fixture, plain, read, written

BSN = "2.16.840.1.113883.2.4.6.3"
PERSON = Identifier("999910012", BSN)
UNITS = Units.load()
PROFILES = load_profiles()
BLOCKS = {
    release: [
        block
        for block in PROFILES.blocks(release)
        if (found := PROFILES.get(release, block)) and found.kind == "zib"
    ]
    for release in ("2017", "2020")
}
ALL = [(release, block) for release, blocks in BLOCKS.items() for block in blocks]


def again(blocks: list[Block]) -> list[Any]:
    """What reading gives of blocks that were written."""
    data, _ = written(blocks)
    found = read(data)
    assert found.lost() == []
    return [plain(block) for block in found.blocks.values()]


def problem(**values: Any) -> Block:
    return Block("Problem", "2020", "Problem/pr-1", values)


def form(block: Block) -> Any:
    return etree.fromstring(written([block])[0])


def test_a_form_has_the_envelope_of_the_application() -> None:
    root = form(problem(Comment=Text("x")))
    assert [child.tag for child in root] == ["meta", "data"]
    assert root[0].get("creation-date") == "2026-07-01T12:00:00+02:00"
    (registration,) = root[1]
    assert registration.tag == "probleem_registratie"
    assert registration.get("app") == "zib2020-nl"
    assert registration.get("transactionRef") == "2.16.840.1.113883.2.4.3.11.60.121.4.2.5.1"
    (element,) = registration
    assert (element.tag, element.get("id")) == ("probleem", "pr-1")
    assert element.get("conceptId") == "2.16.840.1.113883.2.4.3.11.60.40.1.5.1.1"


@pytest.mark.parametrize(
    ("block", "registration", "element"),
    [
        ("TreatmentDirective2", "behandel_aanwijzing2_registratie", "behandel_aanwijzing"),
        ("MaritalStatus", "burgerlijke_staat_registratie", "burgerlijke_staat_rc"),
        ("SNAQ65plusScore", "snaq65score_registratie", "snaq65score"),
        ("BloodPressure", "bloeddruk_registratie", "bloeddruk"),
    ],
)
def test_the_names_of_forms(block: str, registration: str, element: str) -> None:
    found = form(Block(block, "2020", f"{block}/1", {}))[1][0]
    assert (found.tag, found[0].tag) == (registration, element)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            Code("1", "2.16.1", "een", "2025", "ťekst"),
            {
                "code": "1",
                "codeSystem": "2.16.1",
                "displayName": "een",
                "codeSystemVersion": "2025",
                "originalText": "ťekst",
            },
        ),
        (Absent("UNK", "weet niet"), {"nullFlavor": "UNK", "originalText": "weet niet"}),
        (Text("twee\nregels"), {"value": "twee\nregels"}),
        (Moment("2012-05"), {"value": "2012-05", "datatype": "datetime"}),
        (Moment("08:30"), {"value": "08:30", "datatype": "time"}),
        (Boolean(False), {"value": "false"}),
        (Integer(0), {"value": "0"}),
        (Identifier("1", "2.16"), {"value": "1", "root": "2.16"}),
        (Blob("JVBERi0="), {"value": "JVBERi0="}),
        (Quantity("1.10", "dag", "d"), {"value": "1.10", "unit": "dag"}),
        (Quantity("5", "", "kg", comparator="<"), {"value": "<5", "unit": "kg"}),
        (Quantity("5", "kilogrammetjes", "kg"), {"value": "5", "unit": "kg"}),  # not UCUM
        (Quantity("1", "STUK", "ST", "2.16.840.1.113883.2.4.4.1.900.2"), {"value": "1", "unit": "STUK"}),
    ],
)  # fmt: skip
def test_how_a_value_is_spelled(value: Any, expected: dict[str, str]) -> None:
    element = form(problem(Comment=value))[1][0][0][0]
    attributes = dict(element.attrib)
    assert attributes.pop("conceptId") == "2.16.840.1.113883.2.4.3.11.60.40.1.5.1.5"
    assert attributes == expected


def test_a_subject_is_a_bsn_where_there_is_one() -> None:
    patient = Block("Patient", "2020", "Patient/1", {"PatientIdentificationNumber": [PERSON]})
    data, _ = written([patient, problem(Subject=Ref("Patient/1"))])
    (element,) = etree.fromstring(data).iter("patient-id")
    assert (element.get("value"), element.get("root")) == (PERSON.value, BSN)


def test_a_subject_without_bsn_is_a_reference() -> None:
    patient = Block("Patient", "2020", "Patient/p", {"DateOfBirth": Moment("1950")})
    blocks = [patient, problem(Subject=Ref("Patient/p"))]
    data, _ = written(blocks)
    assert b'<patient value="p" datatype="reference"/>' in data
    assert again(blocks) == plain(blocks)


def test_what_the_forms_have_no_place_for_stands_in_a_zibroot() -> None:
    professional = Block(
        "HealthProfessional", "2020", "HealthProfessional/zv", {"Gender": Code("F", "2.16.840.1.113883.5.1")}
    )
    one = problem(
        IdentificationNumber=[Identifier("7", "2.16.1")],
        DateTime=Moment("2026-01-02"),
        Author=Ref("HealthProfessional/zv"),
        Comment=Text("x"),
    )
    assert again([professional, one]) == plain([professional, one])


def test_every_value_written_is_accounted_for() -> None:
    document = fixture("references_by_id")
    _, state = written(list(document.blocks.values()), len(document.state.taken))
    assert all(state.used[: len(document.state.taken)])
    for rule in state.used[: len(document.state.taken)]:
        file, _, line = rule.rpartition(":")
        assert (FIXTURES.parents[2] / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()


def test_a_reference_that_says_only_its_name_is_not_used() -> None:
    value = Ref(display="Dokter Bakker", at=0)
    advice = Block("NutritionAdvice", "2020", "NutritionAdvice/1", {"Indication": [value]})
    _, state = written([advice], 1)
    assert state.used[0] == ""
    assert state.refused[0].startswith("zib_profiles/2020/NutritionAdvice.yaml:")


@pytest.mark.parametrize(
    "block", [Block("Client", "sociaal", "Client/1", {}), Block("Elixir", "2020", "Elixir/1", {})]
)
def test_a_block_that_has_no_form(block: Block) -> None:
    with pytest.raises(ContentError, match=f"no registration form for '{block.type}'"):
        written([block])


def test_a_block_of_release_2017_has_a_form_of_its_own_make() -> None:
    block = Block("TreatmentDirective", "2017", "TreatmentDirective/1", {"Comment": Text("x")})
    registration = form(block)[1][0]
    assert (registration.tag, registration.get("app")) == ("behandel_aanwijzing_registratie", "zib2017-nl")
    assert again([block]) == [plain(block)]


def test_the_same_blocks_give_the_same_bytes() -> None:
    blocks = list(fixture("references_by_id").blocks.values())
    assert written(blocks)[0] == written(blocks)[0]


@pytest.mark.parametrize(
    "name",
    ["problem_in_adaxml", "bare_registration_of_a_patient", "hidden_placeholders", "references_by_id",
     "two_forms_about_one_person", "reference_to_nothing", "blood_pressure"],
)  # fmt: skip
def test_ada_to_blocks_to_ada_to_blocks(name: str) -> None:
    blocks = list(fixture(name).blocks.values())
    assert again(blocks) == plain(blocks)


WORDS = st.text("abc éß<&>\"'\n", min_size=1, max_size=12).map(str.strip).filter(bool)
OIDS = st.sampled_from(["2.16.840.1.113883.6.96", "2.16.840.1.113883.6.1", "1.2.3"])
NUMBERS = (
    st.decimals(-1000, 1000, places=2)
    .map(lambda number: f"{number:f}")
    .filter(lambda n: Decimal(n) or n[0] != "-")
)
UNIT_TEXTS = st.sampled_from(["kg", "mm[Hg]", "dag", "/min", "eenheden per dag", ""])
ABSENT = st.builds(Absent, st.sampled_from(["NI", "UNK", "MSK"]), st.sampled_from(["", "weet niet"]))
DATES = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)).map(datetime.date.isoformat)
MOMENTS = st.one_of(
    DATES,
    DATES.map(lambda day: day[:7]),
    DATES.map(lambda day: day + "T08:30"),
    DATES.map(lambda day: day + "T08:30:15+01:00"),
)
CODES = st.text("0123456789", min_size=1, max_size=9)
MAYBE = st.just("") | WORDS
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "code": st.builds(Code, CODES, OIDS, MAYBE, st.sampled_from(["", "2025"]), MAYBE),
    "quantity": st.builds(
        lambda number, unit, comparator: Quantity(number, unit, UNITS.ucum(unit), "", comparator),
        NUMBERS,
        UNIT_TEXTS,
        st.sampled_from(["", "<", ">="]),
    ),
    "moment": st.builds(Moment, MOMENTS),
    "text": st.builds(Text, WORDS),
    "boolean": st.builds(Boolean, st.booleans()),
    "integer": st.builds(Integer, st.integers(-99, 9999)),
    "identifier": st.builds(Identifier, CODES, OIDS),
    "blob": st.just(Blob("JVBERi0xLjQ=")),
}
VALUES["any"] = st.one_of(
    *(VALUES[kind] for kind in ("code", "quantity", "moment", "text", "boolean", "integer"))
)
OUTWARD = st.builds(lambda i: Ref(literal=i), st.just("elders")) | st.builds(
    lambda i: Ref(identifier=i), VALUES["identifier"]
)


def inside(concepts: Mapping[str, Concept]) -> st.SearchStrategy[Any]:
    """Values of some concepts."""
    found = {name: concept_values(concept) for name, concept in concepts.items()}
    return st.fixed_dictionaries({}, optional=found).filter(bool)


def concept_values(concept: Concept) -> st.SearchStrategy[Any]:
    """Values of one concept."""
    if concept.concepts:
        one: st.SearchStrategy[Any] = inside(concept.concepts)
    elif concept.type == "reference":
        one = st.sampled_from([Ref(f"{target}/ref") for target in concept.targets]) | OUTWARD | ABSENT
    elif concept.type in VALUES:
        one = VALUES[concept.type] | ABSENT
    else:
        one = inside(profile_of(concept.type).concepts)
    return st.lists(one, min_size=1, max_size=2) if concept.many else one


def profile_of(name: str, release: str = "2020") -> Profile:
    found = PROFILES.get(release, name)
    assert found is not None
    return found


def referred(name: str, release: str = "2020") -> list[Block]:
    """The person, and one block of each kind that a block may refer to."""
    profile = profile_of(name, release)
    kinds = {target for _, concept in profile.walk() for target in concept.targets} - {"Patient"}
    values = {"DateTime": Moment("2026"), "Subject": Ref("Patient/ref")}
    others = [Block(kind, release, f"{kind}/ref", values) for kind in sorted(kinds)]
    return [Block("Patient", release, "Patient/ref", {"PatientIdentificationNumber": [PERSON]}), *others]


@cache
def values_of(name: str) -> st.SearchStrategy[Any]:
    """Values of a block, with what every block has."""
    shared = st.fixed_dictionaries(
        {"Subject": st.just(Ref("Patient/ref"))},
        optional={"DateTime": VALUES["moment"], "Author": st.just(Ref("Patient/ref"))},
    )
    own = inside(profile_of(name).concepts)
    return own if name == "Patient" else st.tuples(own, shared).map(lambda both: {**both[0], **both[1]})


@given(st.sampled_from(BLOCKS["2020"]).flatmap(lambda name: st.tuples(st.just(name), values_of(name))))
def test_any_block_reads_as_it_was_written(drawn: tuple[str, Any]) -> None:
    name, values = drawn
    blocks = [Block(name, "2020", f"{name}/one", values), *referred(name)]
    found = again(blocks)
    assert found[0] == plain(blocks[0])
    assert found == plain(blocks)


EXAMPLES: dict[str, Any] = {
    "code": Code("1", "2.16.840.1.113883.6.96", "één"),
    "quantity": Quantity("1.10", "kg", "kg"),
    "moment": Moment("2026-01"),
    "text": Text("tekst"),
    "boolean": Boolean(True),
    "integer": Integer(3),
    "identifier": Identifier("7", "1.2.3"),
    "blob": Blob("JVBERi0xLjQ="),
    "any": Quantity("5", "mmol/L", "mmol/L"),
}


def filled(concepts: Mapping[str, Concept], release: str) -> Any:
    """An example of every concept; of those that may occur more than once, two."""
    found: dict[str, Any] = {}
    for name, concept in concepts.items():
        one: Any
        if concept.type == "reference":
            one = Ref(f"{concept.targets[-1]}/ref")
        elif concept.type in EXAMPLES:
            one = EXAMPLES[concept.type]
        else:
            one = filled(concept.concepts or profile_of(concept.type, release).concepts, release)
        found[name] = [one, one] if concept.many else one
    return found


@pytest.mark.parametrize(("release", "name"), ALL)
def test_every_concept_of_a_block_reads_as_it_was_written(release: str, name: str) -> None:
    block = Block(name, release, f"{name}/one", filled(profile_of(name, release).concepts, release))
    assert again([block, *referred(name, release)])[0] == plain(block)
