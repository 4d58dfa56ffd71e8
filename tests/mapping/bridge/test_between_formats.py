"""Every block that FHIR STU3 and R4 both have: a resource of one comes out with a profile of the other."""

import functools

import pytest

from conformance import roundtrip
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle

TRANSLATOR = Translator()
FORMS = {"fhir-stu3": "2017", "fhir-r4": "2020"}
OTHER = {"fhir-stu3": "fhir-r4", "fhir-r4": "fhir-stu3"}
WITHOUT_PROFILE = {("fhir-stu3", "ApgarScore")}
"""The made-up score has no moment; nl-core has a profile for each of three (test_stu3_measurements.py)."""


@functools.cache
def profiles(form: str) -> dict[str, set[str]]:
    """The profiles of the resources that a block becomes."""
    found: dict[str, set[str]] = {}
    for part in TRANSLATOR.loaded(form).compiled.parts:
        found.setdefault(part.block, set()).update(part.profiles)
    return found


def counterparts() -> list[tuple[str, str, str]]:
    """(format, block, block of the other format)."""
    found = []
    for form, release in FORMS.items():
        for block in profiles(form):
            if TRANSLATOR.profiles.get(release, block) is None:
                continue
            plan = TRANSLATOR.bridge.planner.plan(block, release)
            own = block not in TRANSLATOR.loaded(form).partials and (form, block) not in WITHOUT_PROFILE
            if own and plan.block in profiles(OTHER[form]):
                found.append((form, block, plan.block))
    return found


@pytest.mark.parametrize(("form", "block", "other"), counterparts())
def test_a_resource_comes_out_with_the_profile_of_the_other(
    form: str, block: str, other: str, noon: Context
) -> None:
    day = roundtrip.DAYS[block == "Alert"]  # one that has ended is none in zib 2017
    (made,) = [each for each in roundtrip.whole(TRANSLATOR, form, day) if each.type == block]
    written = TRANSLATOR.write_blocks([made], form, noon, "seed").resources
    version = TRANSLATOR.loaded(form).compiled.version
    read = TRANSLATOR.read(fhir_json.encode(bundle(written, noon.base), version), noon, form)
    assert block in {each.type for each in read.blocks}
    claimed = {
        url
        for resource in TRANSLATOR.write(read, OTHER[form], noon).resources
        for url in resource.get("meta", {}).get("profile", ())
    }
    assert claimed & profiles(OTHER[form])[other]
