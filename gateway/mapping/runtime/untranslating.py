"""Codes that a map translated, read back: which code of the zib one of FHIR stands for.

What is read by a map and would not be written by it again, words and codes, stays the source's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import Absent, Boolean, Code
from gateway.mapping.runtime.fhir_values import (
    CODING,
    DERIVED,
    code_of_coding,
    truth_of_codeable,
    truth_of_text,
)
from gateway.mapping.runtime.spelling import NULL_FLAVOR

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading

Tree = dict[str, Any]


def reader_back(name: str, read: Callable[..., Any], modifies: bool = False) -> Callable[..., Any]:
    """A reader that translates back, by the map `name`, the code that `read` gives.

    A code of FHIR that the map does not know is read as it is, unless it `modifies` all the rest: then the
    zib has no place where it would be heeded.
    """
    if read is truth_of_text:
        return lambda found, c, rule: _truth(c, name, found, rule)
    if read is truth_of_codeable:
        return lambda found, c, rule: _truth_of_coding(c, name, found, rule)

    def back(found: Any, c: FhirReading, rule: str) -> Any:
        if modifies and _is_of_fhir_alone(c, name, found):
            return None
        if isinstance(found, dict) and len(found.get("coding", ())) > 1:
            return _original(c, name, found, read, rule)
        if not isinstance(found, dict) and c.untranslate(name, Code(str(found[3]))) is None:
            return None  # a code of FHIR alone is none of the zib's
        if read is code_of_coding and c.untranslate(name, c.code(found)) is None:
            return None  # nor is another coding beside it
        value = read(found, c, rule)
        if not isinstance(value, Code):
            return value
        source = c.untranslate(name, value)
        if source is None:
            return value
        _own_words(c, name, found)
        _own_code(c, name, source, found)
        if source.system == NULL_FLAVOR and source.code != "OTH":
            return Absent(source.code, value.text, value.at)
        return Code(source.code, source.system, source.display, "", value.text, value.at)

    return back


def _is_of_fhir_alone(c: FhirReading, name: str, found: Any) -> bool:
    """True for a concept with a code of FHIR that stands for none of the zib's."""
    codes = [c.code(each) for each in found.get("coding", ())] if isinstance(found, dict) else []
    own = c.targets(name)
    return any(code.system in own and c.untranslate(name, code) is None for code in codes)


def _own_words(c: FhirReading, name: str, found: Any) -> None:
    """The words that the source has for a code are its own when the map writes others for it."""
    for each in found.get("coding", (found,)) if isinstance(found, dict) else ():
        source = c.untranslate(name, c.code(each)) if "display" in each else None
        written = c.retranslate(name, source) if source is not None else None
        marks = c.marks.get(id(each), {})
        if written is not None and written.display != each["display"] and "display" in marks:
            marks["display"] = (marks["display"][0], DERIVED)


def _own_code(c: FhirReading, name: str, source: Code, found: Any) -> None:
    """A code that is read by the map and not written by it (resolved is inactive) stays the source's."""
    members: list[Any]
    if isinstance(found, dict):
        element = next(iter(found.get("coding", ())), found)
        sent, members = element.get("code"), ["code", "display"]
    else:
        element, sent, members = found[0], found[3], [(found[1], found[2])]
    written, marks = c.retranslate(name, source), c.marks.get(id(element), {})
    if written is not None and written.code != sent:
        marks.update({each: (marks[each][0], DERIVED) for each in members if each in marks})


def _truth(c: FhirReading, name: str, found: Any, rule: str) -> Boolean | Absent | None:
    """True or false (or why neither); nothing for a code that says neither."""
    source = c.untranslate(name, Code(str(found[3])))
    if source is None:
        return None
    at = truth_of_text(found, c, rule).at
    return Absent(source.code, at=at) if source.system else Boolean(source.code == "true", at)


def _truth_of_coding(c: FhirReading, name: str, found: Tree, rule: str) -> Boolean | None:
    """True or false; nothing for a concept that says neither, or more than that."""
    codings = found.get("coding", ())
    source = c.untranslate(name, c.code(codings[0])) if len(codings) == 1 else None
    value = truth_of_codeable(found, c, rule) if source is not None and not source.system else None
    return Boolean(source.code == "true", value.at) if source is not None and value is not None else None


def stands_for(c: FhirReading, name: str, value: Code | Absent, code: Code) -> bool:
    """True when a code of FHIR says what a value of the zib says, by the map in either direction."""
    own = value if isinstance(value, Code) else Code(value.reason, NULL_FLAVOR)
    source, target = c.untranslate(name, code), c.retranslate(name, own)
    back = source is not None and (source.code, source.system) == (own.code, own.system)
    return back or (target is not None and target.code == code.code)


def _original(c: FhirReading, name: str, found: Tree, read: Callable[..., Any], rule: str) -> Any:
    """What a concept with several codings says: the one that the map does not make is the source's."""
    codings = found["coding"]
    kept = [each for each in codings if c.untranslate(name, c.code(each)) is None]
    chosen = kept[0] if kept else codings[0]
    value = read({**found, "coding": [chosen]}, c, rule)
    if isinstance(value, Code | Absent):
        for each in codings:
            if each is chosen or stands_for(c, name, value, c.code(each)):
                c.mark(each, CODING, rule, value.at)
        if "text" in found:
            c.mark(found, ("text",), rule, value.at)
        _own_words(c, name, {"coding": [each for each in codings if each is not chosen]})
    return value
