"""Tables of search parameters for R4 and STU3, as `gateway.exchange.search.definitions` reads them.

R4: the SearchParameter resources of hl7.fhir.r4.core 4.0.1 (CC0-1.0), as in `fhir_r4_elements`.  STU3: the
same, narrowed to the elements that STU3 has.  Rows that neither gives stand, with their source, in
`search_parameters.yaml`.  Only facts are taken: names, types, elements, targets, and which elements are part
of a summary.

    python -m conformance.tools.fhir_search_parameters hl7.fhir.r4.core.tgz gateway/exchange/search/data

A row is `type elements`, the elements as paths in JSON from the resource:

    "Observation": {"date": "date effectiveDateTime effectivePeriod effectiveTiming effectiveInstant",
        "patient": "reference=Patient subject", "subject": "reference:Group,Patient subject"}

`=` are the only targets that count, `:` those that are declared, none when it may be any type.  A composite
gives the element that holds both parts, `.` for the resource, and its parts:
`composite component token/code quantity/valueQuantity`.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from conformance.tools.fhir_r4_elements import read_definitions
from conformance.tools.fhir_stu3_elements import read_models, read_modules
from gateway.codecs.fhir.elements import FhirTypes, Version, types
from gateway.exchange.search.definitions import ELEMENT_TYPES

ADDED = Path(__file__).with_name("search_parameters.yaml")
MOST_TARGETS = 50  # the package spells out "any resource" as a list of them all
RESOLVES = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
WHERE = re.compile(r"\.where\((\w+)='([^']*)'\)")
AS = re.compile(r"\((\S+) as (\w+)\)|(\S+)\.(?:as|ofType)\((\w+)\)")
PLAIN = re.compile(r"(?:\w+(?:\[\w+=[^\]]+\])?)(?:\.\w+(?:\[\w+=[^\]]+\])?)*")
STEP = re.compile(r"(\w+)(\[[^\]]*\])?(?:\.|$)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter on one resource type, in FHIRPath.  `parts` are (type, expression) of a composite."""

    kind: str
    name: str
    type: str
    expressions: tuple[str, ...]
    targets: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()


def read_parameters(package: Path) -> Iterator[Parameter]:
    """The parameters of every resource type in the package, those with an expression.

    Left out: examples, those of extensions, and `phonetic`, which the gateway cannot compare by sound.
    """
    found = [each for each in _resources(package, "SearchParameter") if _is_meant(each)]
    kinds = {each["url"]: each["type"] for each in found}
    for each in found:
        alternatives = [part.strip() for part in each["expression"].split("|")]
        parts = tuple((kinds[p["definition"]], p["expression"]) for p in each.get("component", ()))
        for kind in each.get("base", ()):
            mine = tuple(part for part in alternatives if re.match(rf"\(?{kind}\b", part))
            yield Parameter(kind, each["code"], each["type"], mine, tuple(each.get("target", ())), parts)


def _is_meant(definition: dict[str, Any]) -> bool:
    expression = definition.get("expression", "")
    example = definition["url"].rpartition("/")[2].startswith("example")
    return (
        bool(expression)
        and "extension(" not in expression
        and definition["code"] != "phonetic"
        and not example
    )


def row(parameter: Parameter, version: FhirTypes) -> str:
    """The row of a parameter in a version; "" when the version has none of its elements."""
    if parameter.type == "composite":
        return _composite(parameter, version)
    anything = len(parameter.targets) > MOST_TARGETS
    targets = [each for each in parameter.targets if version.is_resource(each) and not anything]
    paths: dict[str, None] = {}
    mark = ":"
    for expression in parameter.expressions:
        if found := RESOLVES.search(expression):
            mark, targets = "=", [found[1]]
        paths |= dict.fromkeys(_paths(parameter.kind, expression, parameter.type, version))
    head = f"{parameter.type}{mark}{','.join(sorted(targets))}" if targets else parameter.type
    return f"{head} {' '.join(paths)}" if paths else ""


def _composite(parameter: Parameter, version: FhirTypes) -> str:
    rows = []
    for expression in parameter.expressions:
        base = expression.partition(".")[2]
        parts = [
            [f"{kind}/{path}" for path in _paths(expression, f"{expression}.{part}", kind, version)]
            for kind, part in parameter.parts
        ]
        if [len(part) for part in parts] == [1, 1]:
            rows.append(f"composite {base or '.'} {parts[0][0]} {parts[1][0]}")
    return rows[0] if len(rows) == 1 else ""


def _paths(root: str, expression: str, kind: str, version: FhirTypes) -> list[str]:
    """The paths in JSON of an expression, each to an element of a type that the parameter can test."""
    text = WHERE.sub(r"[\1=\2]", RESOLVES.sub("", expression))
    text = AS.sub(lambda m: _variant(m[1] or m[3], m[2] or m[4]), text)
    path = text.removeprefix(f"{root}.")
    if path == text or not PLAIN.fullmatch(path):
        return []
    return _walk(root, path, kind, version)


def _variant(path: str, type_name: str) -> str:
    """`Observation.value` as Quantity: `Observation.valueQuantity`; not a choice: `Goal.start` as date."""
    parent, _, name = path.rpartition(".")
    choices = types("r4").choices(parent, name) or types("stu3").choices(parent, name)
    return path + type_name[0].upper() + type_name[1:] if choices else path


def _walk(root: str, path: str, kind: str, version: FhirTypes) -> list[str]:
    """The path, or one for each variant of a choice in it; [] when the version has no such element."""
    steps = STEP.findall(path)
    known = [("", version.type_at(root))]
    for name, test in steps:
        known = [
            (f"{done}.{each.name}{test}".lstrip("."), each.type)
            for done, at in known
            if at
            for each in (version.choices(at, name) or (version.child(at, name),))
            if each
        ]
    return [done for done, at in known if at in ELEMENT_TYPES.get(kind, ())]


def added(version: Version) -> Iterator[Parameter]:
    """The rows of `search_parameters.yaml`: `type[:Target,…] path [path …]`, choices without their type."""
    row_head = re.compile(r"(\w+)([:=]?)(.*)")
    for kind, rows in yaml.safe_load(ADDED.read_text(encoding="utf-8"))[version].items():
        for name, text in rows.items():
            head, *paths = text.split()
            parameter_type, mark, targets = row_head.findall(head)[0]
            only = f".where(resolve() is {targets})" if mark == "=" else ""
            expressions = tuple(f"{kind}.{path}{only}" for path in paths)
            yield Parameter(kind, name, parameter_type, expressions, tuple(filter(None, targets.split(","))))


def table(parameters: Sequence[Parameter], version: Version) -> dict[str, dict[str, str]]:
    """Rows by resource type and name; what is added by hand comes last and wins."""
    known = types(version)
    rows: dict[str, dict[str, str]] = {}
    for each in parameters:
        if (known.is_resource(each.kind) or each.kind == "Resource") and (text := row(each, known)):
            rows.setdefault(each.kind, {})[each.name] = text
    for each in added(version):
        text = row(each, known)
        if not text:
            raise ValueError(f"{version}: {each.kind} has nothing at {', '.join(each.expressions)}")
        rows.setdefault(each.kind, {})[each.name] = text
    return rows


def summaries_r4(package: Path) -> dict[str, str]:
    """The elements of each resource that are part of its summary (`isSummary` of the definitions)."""
    return {
        definition["type"]: " ".join(
            element["path"].partition(".")[2].removesuffix("[x]")
            for element in definition["snapshot"]["element"]
            if element.get("isSummary") and element["path"].count(".") == 1
        )
        for definition in read_definitions(package)
        if definition["kind"] == "resource" and not definition.get("abstract")
    }


def summaries_stu3() -> dict[str, str]:
    """The same from the models of `fhir.resources.STU3`."""
    found: dict[str, str] = {}
    for module in read_modules():
        for name, model in read_models(module).items():
            if types("stu3").is_resource(name):
                elements = {
                    e.choice or e.name: None
                    for each in model.summary_elements_sequence()
                    if (e := types("stu3").child(name, each))
                }
                found[name] = " ".join(elements)
    return found


def write(target: Path, rows: dict[str, dict[str, str]], summaries: dict[str, str], source: str) -> None:
    """Write a table, sorted by name, so that the same source gives the same bytes."""
    lines = [f'"source": {json.dumps(source)},', '"parameters": {']
    lines.append(
        ",\n".join(f"{json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in sorted(rows.items()))
    )
    lines += ["},", '"summaries": {']
    lines.append(",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(summaries.items())))
    target.write_text("{\n" + "\n".join(lines) + "\n}\n}\n", encoding="utf-8")


def _resources(package: Path, kind: str) -> Iterator[dict[str, Any]]:
    with tarfile.open(package) as archive:
        for member in archive:
            if member.name.startswith(f"package/{kind}-") and (file := archive.extractfile(member)):
                yield json.load(file)


def main(package: Path, folder: Path) -> None:
    """Write both tables."""
    parameters = list(read_parameters(package))
    source = "SearchParameter resources of hl7.fhir.r4.core 4.0.1 (CC0-1.0)"
    write(folder / "r4.json", table(parameters, "r4"), summaries_r4(package), source)
    narrowed = f"{source}, narrowed to the elements of FHIR 3.0.2; fhir.resources.STU3 (BSD-3-Clause)"
    write(folder / "stu3.json", table(parameters, "stu3"), summaries_stu3(), narrowed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
