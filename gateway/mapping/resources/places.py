"""The resources of a document, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.errors import Issue
from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]


def resources_of(tree: Tree, c: FhirReading) -> Iterator[tuple[str, Tree]]:
    """Every resource with its place; references to it are indexed."""
    if tree["resourceType"] != "Bundle":
        yield from _resource(tree, tree["resourceType"], "", c)
        return
    for i, entry in enumerate(tree.get("entry", ())):
        resource = entry.get("resource")
        if isinstance(resource, dict) and "resourceType" in resource:
            place = f"Bundle.entry[{i}].resource"
            yield from _resource(resource, place, entry.get("fullUrl", ""), c)


def _resource(resource: Tree, place: str, full_url: str, c: FhirReading) -> Iterator[tuple[str, Tree]]:
    if full_url:
        c.resources[full_url] = resource
    if "id" in resource:
        c.resources[f"{resource['resourceType']}/{resource['id']}"] = resource
    yield place, resource
    for i, inner in enumerate(resource.get("contained", ())):
        yield f"{place}.contained[{i}]", inner


def dangling(c: FhirReading, placed: list[tuple[str, Tree]]) -> Iterator[Issue]:
    """An issue for each reference to nothing, with its place."""
    if not c.dangling:
        return
    wanted = {id(found): (rule, severity) for found, rule, severity in c.dangling}
    for place, resource in placed:
        for here, element in _elements(place, resource):
            if id(element) in wanted:
                rule, severity = wanted[id(element)]
                text = "refers to a resource that the document does not hold"
                yield Issue(
                    "error" if severity == "error" else "warning",
                    "not-found",
                    text,
                    place=f"{here}.reference",
                    rule=rule,
                )


def _elements(place: str, element: Tree) -> Iterator[tuple[str, Tree]]:
    yield place, element
    for name, value in element.items():
        for i, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, dict):
                number = f"[{i}]" if isinstance(value, list) else ""
                yield from _elements(f"{place}.{name}{number}", each)
