"""Places that are only read: what others send there says the same as at the place where it is written.

The gateway itself writes nothing there.  So a copy of the mappings is taken that writes each concept at
such a place and nowhere else; what it writes, the mappings as they are must read.
"""

import shutil
from typing import Any

import pytest
import yaml

from conformance import roundtrip
from gateway.blocks.values import Block
from gateway.codecs.fhir import fhir_json
from gateway.mapping import Context, Translator, bundle
from gateway.mapping.recognition import FOLDERS
from gateway.resources import MAPPINGS

Yaml = dict[str, Any]
MOST = 3
"""The most places of one row that are only read (Product.ProductID)."""

NOT_THERE = {
    "TelephoneNumbers.TelecomType": "the use says that a telephone is mobile, not that it is a fax",
    "Product.ProductID": "the systems of these places tell the number apart, and the made-up one has another",
}
"""Concepts of which that place holds only some values, and not the made-up one."""


def turned(part: Yaml, choice: int) -> Yaml:
    """A mapping, part or join that is written where it was only read."""
    made = written(part)
    if "rows" in part:
        made["rows"] = {name: place(body, choice) for name, body in part["rows"].items()}
    for inner in ("parts", "joins"):
        if inner in part:
            made[inner] = {name: turned(body, choice) for name, body in part[inner].items()}
    return made


def place(body: Any, choice: int) -> Any:
    """The place of a row; of several the one that is only read, or the last such.

    A group stays where it is: it would be written into elements of its own, which others do not send.
    """
    if isinstance(body, list):
        read = [each for each in body if isinstance(each, dict) and each.get("only") == "read"]
        return written(read[min(choice, len(read) - 1)]) if read else body
    if isinstance(body, dict):
        return body if "rows" in body else written(body)
    return body


def written(body: Yaml) -> Yaml:
    """Without the word that it is only read."""
    return {
        key: each
        for key, each in body.items()
        if body.get("only") != "read" or key not in ("only", "because")
    }


@pytest.fixture(scope="module", params=range(MOST))
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """A translator that writes at the places that are only read."""
    folder = tmp_path_factory.mktemp("places") / "mappings"
    shutil.copytree(MAPPINGS, folder)
    for file in [each for form in FOLDERS.values() for each in (folder / form).glob("[A-Z]*.yaml")]:
        mapping = turned(yaml.safe_load(file.read_text(encoding="utf-8")), request.param)
        file.write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    return Translator(folder)


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator()


@pytest.mark.parametrize("form", FOLDERS)
@pytest.mark.parametrize("day", roundtrip.DAYS)
def test_it_says_the_same_there(
    other: Translator, translator: Translator, form: str, day: str, noon: Context
) -> None:
    blocks = roundtrip.whole(translator, form, day)
    usual, there = (said(writer, translator, blocks, form, noon) for writer in (translator, other))
    missing = {leaf for leaf in usual - there if not leaf[0].endswith(tuple(NOT_THERE))}
    assert missing == set()


def said(
    writer: Translator, reader: Translator, blocks: list[Block], form: str, context: Context
) -> set[roundtrip.Leaf]:
    """What one translator understands of what another wrote."""
    resources = writer.write_blocks(blocks, form, context, "whole").resources
    version = reader.loaded(form).compiled.version
    read = reader.read(fhir_json.encode(bundle(resources, context.base), version), context, form)
    return {leaf for block in read.blocks for leaf in roundtrip.values_of(block)}
