"""Made-up blocks, one concept each: what a profile allows, filled with a value of the right type.

They reach every row of every mapping, also those that no published document shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.blocks.values import Blob, Block, Boolean, Code, Identifier, Integer, Moment, Quantity, Ref, Text

SNOMED = "2.16.840.1.113883.6.96"
Key = tuple[str, ...]


_BASIC_UNIT = Quantity("2.5", "stuk", "245", "2.16.840.1.113883.2.4.4.1.900.2")
FITTING: dict[str, Any] = {
    "Initials": Text("J.P."),
    "HouseNumberLetter": Text("A"),
    "Huisletter": Text("A"),
    "HouseNumberAddition": Text("2e"),
    "Postcode": Text("1012AB"),
    "Frequency": Quantity("3", "/dag", "/d"),
    "Interval": Quantity("8", "uur", "h"),
    "DurationOfAdministration.Duration": Quantity("16", "uur", "h"),
    "AdministeringSpeed": Quantity("0.50", "ml/uur", "ml/h"),
    "MaximumDose": Quantity("600", "mg/dag", "mg/d"),
    "AdministrationTime": Moment("08:30:00"),
    "WeekDay": Code("307145004", SNOMED, "a display"),
    "TimeOfDay": Code("73775008", SNOMED, "a display"),
    "AgreementReason": Text("a text"),
    "IdentificationNumber": Identifier("specimen-1", "2.999.1"),  # of the sender, in no national register
    "AdditionalInstructions": Code("1018", "2.16.840.1.113883.2.4.4.5", "a display"),
} | dict.fromkeys(
    ("Dose", "Amount", "AdministeredAmount", "DispensedAmount", "IngredientAmount", "ProductAmount"),
    _BASIC_UNIT,
)
"""Values of the concepts (in a group of the name, too) whose type says less than what they can hold."""


def fitting(key: Key, concept: Concept) -> Any:
    """The value that fits a concept of this path better than any of its type; None when any does."""
    ends = (".".join(key[i:j]) for i in range(len(key)) for j in (len(key), i + 1))
    found = next((FITTING[end] for end in ends if end in FITTING), None)
    return None if concept.type == "text" and not isinstance(found, Text) else found


def leaves(profiles: Profiles, profile: Profile) -> Iterator[tuple[Key, Concept]]:
    """Every concept without parts, with its path: those that all blocks have too; partial zibs are opened."""

    def walk(concepts: Mapping[str, Concept], above: Key) -> Iterator[tuple[Key, Concept]]:
        for name, concept in concepts.items():
            inside = profiles.inside(profile.release, concept)
            if inside:
                yield from walk(inside, (*above, name))
            else:
                yield (*above, name), concept

    yield from walk(_concepts(profiles, profile), ())


def _concepts(profiles: Profiles, profile: Profile) -> Mapping[str, Concept]:
    basics = profiles.basics(profile.release)
    return {**(basics.concepts if basics else {}), **profile.concepts}


def value(
    concept: Concept, profiles: Profiles, release: str, preferred: tuple[str, str] | None = None
) -> Any:
    """A value of a concept's type; a code of its value set, or the preferred one."""
    match concept.type:
        case "code":
            code, system = preferred or _code(concept, profiles, release)
            return Code(code, system, "a display")
        case "quantity" | "any":
            return Quantity("12.50", "mg", "mg")
        case "moment":
            return Moment("2020-02-29")
        case "boolean":
            return Boolean(True)
        case "integer":
            return Integer(7)
        case "identifier":
            return Identifier("specimen-1", "2.16.840.1.113883.2.4.6.1")
        case "reference":
            return Ref(f"{target(concept)}/other" if concept.targets else "")
        case "blob":
            return Blob("JVBERi0xLjQK")
        case _:
            return Text("a text")


def target(concept: Concept) -> str:
    """The block that a made-up reference points at: a professional, who has a role too, else the first."""
    return "HealthProfessional" if "HealthProfessional" in concept.targets else concept.targets[0]


def _code(concept: Concept, profiles: Profiles, release: str) -> tuple[str, str]:
    found = profiles.value_set(release, concept.values) if concept.values else None
    for system, codes in sorted(found.codes.items()) if found else ():
        if system != "2.16.840.1.113883.5.1008" and codes:
            return min(codes), system
    return "123037004", SNOMED


def block(profile: Profile, key: Key, concept: Concept, profiles: Profiles, made: Any) -> list[Block]:
    """A block with one concept, about a patient; with the block that a reference points at."""
    values = _nested(
        profile, key, profiles, made if made is not None else value(concept, profiles, profile.release)
    )
    person = Block("Patient", profile.release, "Patient/specimen", {})
    blocks = [person]
    if profile.block != "Patient":
        values.setdefault("Subject", Ref(person.key))
        blocks.append(Block(profile.block, profile.release, f"{profile.block}/specimen", values))
    else:
        person.values = values
    if concept.type == "reference" and concept.targets:
        other = target(concept)
        blocks.append(Block(other, profile.release, f"{other}/other", {"Subject": Ref(person.key)}))
    return blocks


def _nested(profile: Profile, key: Key, profiles: Profiles, made: Any) -> dict[str, Any]:
    """The value inside the groups that lead to it, repeated where they repeat."""
    chain: list[Concept] = []
    here: Any = profile
    for name in key:
        basics = profiles.basics(profile.release)
        concepts = profiles.inside(profile.release, here)
        concept = concepts.get(name) or (basics.concepts[name] if basics and here is profile else None)
        if concept is None:
            raise KeyError(name)
        chain.append(concept)
        here = concept
    result = made
    for i, concept in reversed(list(enumerate(chain))):
        result = {concept.name: [result] if concept.many else result}
        if i:
            result = _companions(chain[i - 1], profile.release, profiles) | result
    return dict(result)


def _companions(group: Concept, release: str, profiles: Profiles) -> dict[str, Any]:
    """What a group must hold beside a concept in it: a number without its telephone is no specimen."""
    return {
        name: [made] if each.many else made
        for name, each in profiles.inside(release, group).items()
        if each.required and each.type != "reference" and not profiles.inside(release, each)
        for made in [value(each, profiles, release)]
    }


def whole(profile: Profile, profiles: Profiles, made: Callable[[Profile, Key, Concept], Any]) -> Block:
    """A block with a value for every concept, as `made` gives it; references of `value` point there."""

    def filled(concepts: Mapping[str, Concept], above: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, concept in concepts.items():
            key = (*above, name)
            inside = profiles.inside(profile.release, concept)
            found = filled(inside, key) if inside else made(profile, key, concept)
            values[name] = [found] if concept.many else found
        return values

    values = filled(_concepts(profiles, profile), ())
    return Block(profile.block, profile.release, f"{profile.block}/other", values)
