"""What is lost when a document goes to a format and comes back: `python -m conformance.roundtrip`.

ADA → blocks → FHIR → blocks → ADA → blocks, over all published inputs; ADA is written in the forms of zib
2020, so what comes back is compared with the blocks of that release.  A concept that had a value and has it
no more is lost; `conformance/roundtrip.yaml` lists those that the format cannot carry, with the reason.  The
command prints every loss that is not listed, and every line of the list that nothing needs any more.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from conformance import specimens
from conformance.score import NOW, ZIBS_OF_BGZ, testdata
from gateway.blocks.profiles import Concept, Profile
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
from gateway.codecs import ada as ada_codec
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.recognition import FOLDERS
from gateway.mapping.runtime.spelling import NULL_FLAVOR

DAYS = ("2020-02-29", "2031-03-01")
"""A day of the past and one of the future, between which the conditions of mappings tell."""
LIST = Path(__file__).with_suffix(".yaml")
Leaf = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Loss:
    """A concept whose value did not come back."""

    way: str
    concept: str
    document: str
    value: str = ""


def values_of(block: Block) -> Counter[Leaf]:
    """The values of a block as (concept, what it says), without what formats may add."""
    return Counter(_leaves(block.values, block.type))


def _leaves(value: Any, place: str) -> Iterator[Leaf]:
    match value:
        case dict():
            for name, each in value.items():
                yield from _leaves(each, f"{place}.{name}")
        case list():
            for each in value:
                yield from _leaves(each, place)
        case _:
            yield place, says(value)


def says(value: Any) -> str:
    """What a value says, so that two spellings of the same compare equal."""
    match value:
        case Code():
            return f"{value.code}|{value.system}|{value.text}"
        case Quantity():
            return f"{value.value} {value.code or value.unit}"
        case Moment():
            return value.value[:16]  # seconds and the offset of the zone are filled when writing
        case Text() | Integer() | Boolean() | Identifier():
            return " ".join(str(value.value).split())
        case Blob():
            return value.data
        case Ref():
            return "there"
        case Absent():
            return f"absent {value.reason}"
    raise TypeError(type(value))


def losses(way: str, document: str, before: Sequence[Block], after: Sequence[Block]) -> Iterator[Loss]:
    """Every value that a block had and its counterpart has not."""
    left = [(block, values_of(block)) for block in after]
    for block in before:
        mine = values_of(block)
        twins = [
            (sum((mine & values).values()), i)
            for i, (other, values) in enumerate(left)
            if other.type == block.type
        ]
        if not twins:
            yield Loss(way, block.type, document)
            continue
        _, i = max(twins, key=lambda each: (each[0], -each[1]))
        for concept, said in mine - left[i][1]:
            yield Loss(way, concept, document, said)


def trips(translator: Translator, context: Context) -> Iterator[Loss]:
    """All losses over the published inputs."""
    import re

    for path in sorted((testdata() / "zib2020-pairs/ada").glob("*.xml")):
        if re.fullmatch(rf"nl-core-({ZIBS_OF_BGZ})-\d\d", path.stem):
            yield from _trip(translator, context, path, "fhir-r4")
    for folder in ("bgz-msz-1.2", "bgz-msz-2.0"):
        for path in sorted((testdata() / folder / "ada").glob("*.xml")):
            yield from _trip(translator, context, path, "fhir-stu3")


def _trip(translator: Translator, context: Context, path: Path, form: str) -> Iterator[Loss]:
    read = translator.read(path.read_bytes(), context)
    written = translator.write(read, form, context)
    version = translator.loaded(form).compiled.version
    returned = translator.read(
        fhir_json.encode(bundle(written.resources, context.base), version), context, form
    )
    yield from losses(form, path.stem, read.blocks, returned.blocks)
    root = translator.write(returned, "ada", context).root
    again = translator.read(ada_codec.encode(root), context, "ada")
    yield from losses("ada", path.stem, translator.bridge.carry(returned.blocks, "2020").blocks, again.blocks)


def mapped_blocks(translator: Translator, form: str) -> Iterator[Profile]:
    """The profile of every block that a format has rows for, in resources of its own or of others."""
    loaded = translator.loaded(form)
    own = {(part.release, part.block) for part in loaded.compiled.parts if part.block not in loaded.partials}
    for release, name in sorted(own | {(loaded.compiled.release, block) for block in loaded.compiled.joined}):
        profile = translator.profiles.get(release, name)
        if profile is not None:
            yield profile


def specimen_trips(translator: Translator, context: Context) -> Iterator[Loss]:
    """The losses over made-up blocks, one for every concept of every block that a format maps."""
    for form in FOLDERS:
        loaded = translator.loaded(form)
        mapped = {(block, concept) for block, concept, _, _ in loaded.compiled.rows}
        for profile in (each for each in mapped_blocks(translator, form) if loaded.writes(each.block)):
            for key, concept in specimens.leaves(translator.profiles, profile):
                basic = key[0] not in profile.concepts
                if not basic or ((profile.block, key[0]) in mapped and key[0] != "Subject"):
                    yield from _specimen_trip(translator, context, form, profile, key, concept)


def _specimen_trip(
    translator: Translator,
    context: Context,
    form: str,
    profile: Profile,
    key: tuple[str, ...],
    concept: Concept,
) -> Iterator[Loss]:
    preferred = _mapped_code(translator, form, profile.block, key)
    made = specimens.fitting(key, concept) or specimens.value(
        concept, translator.profiles, profile.release, preferred
    )
    blocks = specimens.block(profile, key, concept, translator.profiles, made)
    place = ".".join((profile.block, *key))
    try:
        written = translator.write_blocks(blocks, form, context, "specimen")
        version = translator.loaded(form).compiled.version
        data = fhir_json.encode(bundle(written.resources, context.base), version)
        returned = translator.read(data, context, form)
    except Exception as error:  # noqa: BLE001 - a crash is the worst loss; it is listed under its concept
        yield Loss(f"specimen {form}", place, type(error).__name__, str(error))
        return
    mine = [block for block in blocks if block.type == profile.block and block.key.endswith("specimen")]
    for loss in losses(f"specimen {form}", "made-up", mine, returned.blocks):
        if not loss.concept.endswith(".Subject"):
            yield loss


def whole(translator: Translator, form: str, day: str) -> list[Block]:
    """A document with every concept of every block that a format maps; all that happens happens on that day.

    References are answered where the document has such a block.
    """
    profiles = translator.profiles

    def made(profile: Profile, key: tuple[str, ...], concept: Concept) -> Any:
        found = specimens.fitting(key, concept)
        if found is None and concept.type == "moment":
            return Moment(day)
        if key == ("Subject",) and "Patient" in concept.targets:
            return Ref("Patient/other")
        preferred = _mapped_code(translator, form, profile.block, key)
        return found or specimens.value(concept, profiles, profile.release, preferred)

    return [specimens.whole(profile, profiles, made) for profile in mapped_blocks(translator, form)]


def _mapped_code(
    translator: Translator, form: str, block: str, key: tuple[str, ...]
) -> tuple[str, str] | None:
    """A code that the concept map of a row translates both ways."""
    compiled = translator.loaded(form).compiled
    marks = {
        mark
        for row_block, name, mark, _ in compiled.rows
        if row_block == block and ".".join(key).endswith(name)
    }
    for mark, kind, name in compiled.needs:
        found = translator.maps.get(name) if kind == "map" and mark in marks else None
        for code, system in found.sources(compiled.version) if found else ():
            if found and found.invertible(code, system, compiled.version) and system != NULL_FLAVOR:
                return code, system
    return None


def listed() -> dict[tuple[str, str], str]:
    """(way, concept) → reason, of the losses that a format cannot help."""
    data = yaml.safe_load(LIST.read_text(encoding="utf-8")) if LIST.is_file() else {}
    return {(way, concept): reason for way, rows in (data or {}).items() for concept, reason in rows.items()}


def main() -> int:
    """Print the losses that are not listed, and the lines of the list that nothing needs."""
    context, known = Context(NOW), listed()
    translator = Translator()
    found = [*trips(translator, context), *specimen_trips(translator, context)]
    lost = {(loss.way, loss.concept) for loss in found}
    unlisted = Counter((loss.way, loss.concept) for loss in found if (loss.way, loss.concept) not in known)
    for (way, concept), times in sorted(unlisted.items()):
        example = next(loss for loss in found if (loss.way, loss.concept) == (way, concept))
        print(f"lost {way} {concept} ×{times} (first in {example.document})")
    for way, concept in sorted(known.keys() - lost):
        print(f"listed but not lost {way} {concept}")
    print(f"round trip: {len(lost)} concepts lost, {len(lost & known.keys())} of them listed")
    return 1 if unlisted or known.keys() - lost else 0


if __name__ == "__main__":
    sys.exit(main())
