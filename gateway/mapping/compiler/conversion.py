"""Which function spells a zib type as a FHIR type, and which named converters there are.

The tables name functions of `runtime`; the compilers put those names in the generated source.  A
named converter (`via`) is the language's only escape to Python, and all of them stand in
`gateway/mapping/runtime/converters.py`.
"""

from __future__ import annotations

from gateway.mapping.runtime import converters

#              zib type      FHIR type                            written by     read by
_CONVERSIONS: list[tuple[str, tuple[str, ...], str, str]] = [
    ("code", ("CodeableConcept",), "codeable", "code_of_codeable"),
    ("code", ("Coding",), "coding", "code_of_coding"),
    ("code", ("code", "string", "uri"), "code_text", "code_of_text"),
    ("code", ("Identifier",), "code_as_identifier", "code_of_identifier"),
    ("code", ("boolean",), "code_text", "code_of_text"),
    (
        "quantity",
        ("Quantity", "SimpleQuantity", "Duration", "Age", "Count", "Money"),
        "quantity",
        "quantity_of",
    ),
    (
        "quantity",
        ("decimal", "integer", "positiveInt", "unsignedInt"),
        "quantity_number",
        "quantity_of_number",
    ),
    ("moment", ("dateTime",), "date_time", "moment_of"),
    ("moment", ("instant",), "instant", "moment_of"),
    ("moment", ("date",), "date", "moment_of"),
    ("moment", ("time",), "time_of_day", "moment_of"),
    ("moment", ("string",), "moment_text", "moment_of"),
    ("text", ("string", "markdown", "code", "uri", "id"), "text", "text_of"),
    ("text", ("CodeableConcept",), "text_codeable", "text_of_codeable"),
    ("text", ("Annotation",), "text_annotation", "text_of_annotation"),
    ("text", ("Identifier",), "text_identifier", "text_of_identifier"),
    ("text", ("base64Binary",), "text", "text_of"),
    ("boolean", ("boolean",), "boolean", "boolean_of"),
    ("boolean", ("code",), "code_text", "truth_of_text"),  # by a concept map of true and false
    ("boolean", ("CodeableConcept",), "codeable", "truth_of_codeable"),  # so too
    ("integer", ("integer", "positiveInt", "unsignedInt", "decimal"), "integer", "integer_of"),
    ("integer", ("Quantity", "SimpleQuantity"), "integer_quantity", "integer_of_quantity"),
    ("integer", ("string",), "integer_text", "integer_of_text"),
    ("identifier", ("Identifier",), "identifier", "identifier_of"),
    ("identifier", ("string", "code", "uri"), "identifier_text", "identifier_of_text"),
    ("reference", ("Reference",), "reference", "reference_of"),
    ("blob", ("base64Binary",), "blob", "blob_of"),
    ("blob", ("Attachment",), "attachment", "blob_of_attachment"),
]

_WRITERS = {(zib, fhir): write for zib, fhirs, write, _ in _CONVERSIONS for fhir in fhirs}
_READERS = {(zib, fhir): read for zib, fhirs, _, read in _CONVERSIONS for fhir in fhirs}

COMPUTED = {name.replace("_", "-"): f"computed_{name}" for name in converters.COMPUTED}


def writer(zib_type: str, fhir_type: str) -> str | None:
    """The name of the function that writes a zib type as a FHIR type; None when there is none."""
    if zib_type == "any":
        return "any_codeable" if fhir_type == "CodeableConcept" else "any_value"
    return _WRITERS.get((zib_type, fhir_type))


def reader(zib_type: str, fhir_type: str) -> str | None:
    """The name of the function that reads a FHIR type as a zib type; None when there is none."""
    if zib_type == "any":
        return "text_of_codeable" if fhir_type == "CodeableConcept" else "any_of"
    return _READERS.get((zib_type, fhir_type))


def sees_around(via: str) -> bool:
    """True for a named converter that is told the whole block or partial zib when it writes."""
    return bool(getattr(converters.NAMED.get(via.replace("-", "_")), "sees_around", False))


def named(via: str) -> str | None:
    """The name in the generated source of a named converter; None when there is none."""
    name = via.replace("-", "_")
    return f"via_{name}" if name in converters.NAMED else None
