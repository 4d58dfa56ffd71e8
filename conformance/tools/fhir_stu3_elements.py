"""Element table of FHIR STU3 (3.0.2), from the models of `fhir.resources.STU3`.

Source: the PyPI package `fhir.resources` (BSD-3-Clause), whose STU3 models state revision 11917 of 3.0.2.
Only facts are taken: names, order, cardinality, types.  Two things that the models do not keep are put
back: a choice is one element, and the class of a backbone element has a path.

    python -m conformance.tools.fhir_stu3_elements gateway/codecs/fhir/data/stu3.json
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import fhir.resources.STU3
from fhir_core.fhirabstractmodel import FHIRAbstractModel

from conformance.tools.element_tables import Row, TypeTable, write_tables

PRIMITIVES = (
    *(
        "base64Binary",
        "boolean",
        "code",
        "date",
        "dateTime",
        "decimal",
        "id",
        "instant",
        "integer",
        "markdown",
    ),
    *("oid", "positiveInt", "string", "time", "unsignedInt", "uri", "uuid", "xhtml"),
)
# FHIRPrimitiveExtension, FHIRResourceModel and MetadataResource serve the library; they are no types of FHIR.
LIBRARY_ONLY = frozenset({"FHIRPrimitiveExtension", "FHIRResourceModel", "MetadataResource"})
TYPE_NAME = re.compile(r"fhirtypes\.(\w+)Type\b")
Model = type[FHIRAbstractModel]


def read_modules() -> Iterator[ModuleType]:
    """Every module of the STU3 models."""
    for module in pkgutil.iter_modules(fhir.resources.STU3.__path__):
        yield importlib.import_module(f"{fhir.resources.STU3.__name__}.{module.name}")


def read_models(module: ModuleType) -> dict[str, Model]:
    """The models that a module defines, by class name: a type of FHIR, then its backbone elements."""
    return {
        name: model
        for name, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, FHIRAbstractModel)
        and model.__module__ == module.__name__
        and name not in LIBRARY_ONLY
    }


def find_paths(models: dict[str, Model]) -> dict[str, str]:
    """Class name to path, ObservationComponent to Observation.component, for the models of one module."""
    paths: dict[str, str] = {}
    (root,) = [
        name for name in models if not any(name != other and name.startswith(other) for other in models)
    ]
    queue = [(root, root)]
    for name, path in queue:
        paths[name] = path
        for element in own_elements(models[name]):
            child = name + element[0].upper() + element[1:]
            if child in models and declared_type(models[name], element) == child:
                queue.append((child, f"{path}.{element}"))
    if missing := models.keys() - paths.keys():
        raise ValueError(f"no path for {', '.join(sorted(missing))}")
    return paths


def base_of(model: Model) -> str:
    """Name of the type that the model extends; empty at the top."""
    base = model.__bases__[0]
    ours = base.__module__.startswith(fhir.resources.STU3.__name__) and base.__name__ not in LIBRARY_ONLY
    return base.__name__ if ours else ""


def own_elements(model: Model) -> list[str]:
    """Names of the elements that the model adds to its base, in the order of the standard, each once."""
    base = model.__bases__[0]
    inherited = base.elements_sequence() if base_of(model) and issubclass(base, FHIRAbstractModel) else []
    return [name for name in dict.fromkeys(model.elements_sequence()) if name not in inherited]


def declaration(model: Model, element: str) -> tuple[str, bool]:
    """The source of the annotation, and whether one must be there."""
    name, field = next((k, f) for k, f in model.model_fields.items() if (f.alias or k) == element)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    required = field.is_required() or extra.get("element_required") or extra.get("one_of_many_required")
    return str(inspect.get_annotations(model)[name]), bool(required)


def declared_type(model: Model, element: str) -> str:
    """The name in `fhirtypes` that the element is declared with, less `Type`; a boolean is Python's own."""
    annotation = declaration(model, element)[0]
    if annotation.startswith("bool "):
        return "Boolean"
    found = TYPE_NAME.search(annotation)
    if found is None:
        raise ValueError(f"{model.__name__}.{element} has no FHIR type")
    return found[1]


def choice_of(model: Model, element: str) -> str:
    """`effective` for effectiveDateTime, the element itself where there is no choice."""
    field = next(f for k, f in model.model_fields.items() if (f.alias or k) == element)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    group = extra.get("one_of_many")
    return f"{group}[x]" if group else element


def read_table(model: Model, paths: dict[str, str]) -> TypeTable:
    """The table of one model; the variants of a choice become one row."""
    grouped: dict[str, list[str]] = {}
    for element in own_elements(model):
        grouped.setdefault(choice_of(model, element), []).append(element)
    return TypeTable(base_of(model), [read_row(model, name, group, paths) for name, group in grouped.items()])


def read_row(model: Model, name: str, group: Iterable[str], paths: dict[str, str]) -> Row:
    """One element, or all variants of a choice."""
    types: dict[str, None] = {}
    for element in group:
        annotation, required = declaration(model, element)
        types[fhir_type(declared_type(model, element), paths)] = None
    return Row(name, int(required), "*" if "List[" in annotation else "1", tuple(types))


def fhir_type(name: str, paths: dict[str, str]) -> str:
    """The type as FHIR spells it: DateTime is dateTime, ObservationComponent is Observation.component."""
    lower = name[0].lower() + name[1:]
    return lower if lower in PRIMITIVES else paths.get(name, name)


def main(target: Path) -> None:
    """Write the table of the installed models to the target."""
    types: dict[str, TypeTable] = {name: TypeTable("Element") for name in PRIMITIVES}
    resources: list[str] = []
    for module in read_modules():
        if models := read_models(module):
            paths = find_paths(models)
            types |= {paths[name]: read_table(model, paths) for name, model in models.items()}
            resources += [
                n
                for n, m in models.items()
                if {"Resource", "DomainResource"} & {c.__name__ for c in m.__mro__}
            ]
    write_tables(
        target,
        fhir="3.0.2",
        source="fhir.resources.STU3 (FHIR 3.0.2, revision 11917)",
        licence="BSD-3-Clause",
        primitives=PRIMITIVES,
        resources=resources,
        types=types,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
