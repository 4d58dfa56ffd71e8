"""The queries that the published MedMij TestScripts send, each understood whole."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl

from lxml import etree

from gateway.exchange.search import parse, parse_lastn
from tests.exchange.search.records import scope

FHIR = "{http://hl7.org/fhir}"


def queries(folder: Path) -> set[tuple[str, str]]:
    """Resource type and what comes after it, with days for the variables of the script."""
    found: set[tuple[str, str]] = set()
    for script in folder.rglob("*.xml"):
        for operation in etree.parse(script).iter(f"{FHIR}operation"):
            parts = {child.tag.removeprefix(FHIR): child.get("value") or "" for child in operation}
            if "?" in parts.get("params", "") and parts.get("resource"):
                found.add((parts["resource"], re.sub(r"\$\{[^}]*\}", "2024-03-01", parts["params"])))
    return found


def test_every_query_of_the_test_scripts_is_handled_whole(testdata: Path) -> None:
    found = queries(testdata / "testscripts")
    assert len(found) > 25
    for kind, params in found:
        path, _, query = params.partition("?")
        pairs = parse_qsl(query)
        if path == "/$lastn":
            search = parse_lastn(pairs, scope("stu3", strict=True))
        else:
            assert not path
            search = parse(kind, pairs, scope("stu3", strict=True))
        assert list(search.handled) == pairs, f"{kind}{params}"
