"""Rows that need a document of their own: what they read or write depends on what else is there, or is not."""

from typing import Any

import orjson
import pytest

from gateway.blocks.values import Block, Code, Integer, Moment, Quantity, Ref, Text
from gateway.codecs import fhir_json
from gateway.mapping import Context, Translator, bundle

SNOMED = "2.16.840.1.113883.6.96"
PLAIN = Code("123037004", SNOMED, "a display")
SUBJECT = Ref("Patient/1")


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


def back(translator: Translator, form: str, context: Context, *blocks: Block) -> list[Block]:
    """Blocks about a patient, written and read again."""
    person = Block("Patient", blocks[0].release, SUBJECT.key, {})
    written = translator.write_blocks([person, *blocks], form, context, "apart")
    version = translator.loaded(form).compiled.version
    return translator.read(fhir_json.encode(bundle(written.resources, context.base), version), context, form).blocks


def only(blocks: list[Block], kind: str) -> dict[str, Any]:
    """The values of the one block of a type."""
    (found,) = [block.values for block in blocks if block.type == kind]
    return found


def read(translator: Translator, context: Context, *resources: dict[str, Any]) -> list[Block]:
    """The blocks of resources of STU3."""
    return translator.read(orjson.dumps(bundle(list(resources), context.base)), context, "fhir-stu3").blocks


def result(release: str, **values: Any) -> Block:
    return Block("LaboratoryTestResult", release, "LaboratoryTestResult/1", {"Subject": SUBJECT, **values})


@pytest.mark.parametrize(("form", "release"), [("fhir-r4", "2020"), ("fhir-stu3", "2017")])
def test_a_test_alone_says_what_the_whole_says(
    translator: Translator, noon: Context, form: str, release: str
) -> None:
    test = {"TestCode": Code("2160-0", "2.16.840.1.113883.6.1"), "TestResult": Quantity("80", "umol/L", "umol/L")}
    final = Code("final", "2.16.840.1.113883.2.4.3.11.60.40.4.16.1")
    whole = result(
        release,
        IdentificationNumber=[],
        DateTime=Moment("2026-05-06"),
        Comment=Text("nuchter"),
        ResultStatus=final,
        LaboratoryTest=[test],
    )
    print(only(back(translator, form, noon, whole), "LaboratoryTestResult"))


@pytest.mark.parametrize(("form", "release"), [("fhir-r4", "2020"), ("fhir-stu3", "2017")])
def test_a_panel_refers_to_another_result(translator: Translator, noon: Context, form: str, release: str) -> None:
    earlier = Block("LaboratoryTestResult", release, "LaboratoryTestResult/2", {"Subject": SUBJECT, "PanelOrBattery": PLAIN, "LaboratoryTest": [{"TestCode": PLAIN}, {"TestCode": PLAIN}]})
    panel = result(release, PanelOrBattery=PLAIN, LaboratoryTest=[{"TestCode": PLAIN}], RelatedResult=[Ref(earlier.key)])
    for b in back(translator, form, noon, panel, earlier): print(b)
