"""The words of the mapping language: paths, selectors, conditions and constants, from text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from gateway.documents import Document
from gateway.mapping.compiler.language import Coding, Condition, Constant, Path, Selector, Step

_STEP = re.compile(r"([A-Za-z][A-Za-z0-9]*(?:\[x\])?)(?:\[((?:[^\]\"]|\"[^\"]*\")+)\])?")
_PLACEHOLDER = re.compile(r"\{([A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)*)\}")
_THERE = re.compile(r"(with|without) ([A-Za-z][A-Za-z0-9.]*)")
_CODING = re.compile(r'([A-Za-z][\w.:/-]*|[0-2](?:\.\d+)+)#(\S+?)(?:\s+"([^"]*)")?(?:\s+text\s+"([^"]*)")?')


class Notation:
    """Reads the words of one document; every fault is an `AuthoringError` at its line and column."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def path(self, text: str, *at: str | int) -> Path:
        """`component[code = loinc#8480-6].valueQuantity`; `.` is the element itself."""
        mark = self.document.mark(*at)
        if text == ".":
            return Path((), mark)
        steps: list[Step] = []
        position = 0
        while True:
            match = _STEP.match(text, position)
            if match is None:
                raise self.document.fault(f"'{text}' is not a path", *at, offset=position)
            steps.append(self._step(match.group(1), match.group(2), *at))
            position = match.end()
            if position == len(text):
                return Path(tuple(steps), mark)
            if text[position] != ".":
                raise self.document.fault(f"'{text}' is not a path: '.' expected", *at, offset=position)
            position += 1

    def _step(self, name: str, inside: str | None, *at: str | int) -> Step:
        if inside is None:
            return Step(name)
        if name in ("extension", "modifierExtension"):
            url, _, parts = inside.partition(",")
            return Step(name, url=url.strip(), selectors=self.selectors(parts, *at))
        return Step(name, selectors=self.selectors(inside, *at))

    def selectors(self, text: str, *at: str | int) -> tuple[Selector, ...]:
        """`code = loinc#8480-6, with value`: what an element is told apart by."""
        selectors = []
        for clause in _split(text):
            there = _THERE.fullmatch(clause.strip())
            if there:
                op: Literal["with", "without"] = "with" if there[1] == "with" else "without"
                selectors.append(Selector(tuple(there[2].split(".")), op=op))
                continue
            left, equals, right = clause.partition("=")
            if not equals:
                raise self.document.fault(
                    f"'{clause.strip()}' is not a selector: 'element = value' expected", *at
                )
            value = right.strip()
            path, bare = tuple(left.strip().split(".")), value.removesuffix(" or none")
            selectors.append(Selector(path, constant(bare), "is" if bare == value else "may-be"))
        return tuple(selectors)

    def condition(self, text: str | None, *at: str | int) -> Condition | None:
        """`Start is past and not End`, `Status = active`, `Test more than 1`; None for no text."""
        if text is None:
            return None
        found = [self._clauses(part, " and ", "and", *at) for part in str(text).split(" or ")]
        return found[0] if len(found) == 1 else Condition("or", parts=tuple(found))

    def _clauses(self, text: str, between: str, op: str, *at: str | int) -> Condition:
        found = [self._clause(part.strip(), *at) for part in text.split(between)]
        return found[0] if len(found) == 1 else Condition(op, parts=tuple(found))

    def _clause(self, text: str, *at: str | int) -> Condition:
        for pattern, make in _CLAUSES:
            match = pattern.fullmatch(text)
            if match:
                return make(match)
        if text.startswith("not "):
            return Condition("not", parts=(self._clause(text[4:], *at),))
        raise self.document.fault(f"'{text}' is not a condition", *at)

    def constants(self, value: Any, *at: str | int) -> tuple[Constant, ...]:
        """One constant or several; a list in the list holds the codings of one CodeableConcept."""
        items = value if isinstance(value, list) else [value]
        return tuple(self._constant(item, *at) for item in items)

    def _constant(self, item: Any, *at: str | int) -> Constant:
        if not isinstance(item, list):
            return constant(item)
        codings = tuple(each for each in map(constant, item) if isinstance(each, Coding))
        if len(codings) != len(item):
            raise self.document.fault("a list in a list holds the codings of one CodeableConcept", *at)
        return codings


_NAME = r"([A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)*)"
_CLAUSES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Condition]]] = [
    (
        re.compile(r"referred by ([A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)?)"),
        lambda m: Condition("referred", values=(m[1],)),
    ),
    (
        re.compile(r"read only as ([A-Z]\w*(?:, ?[A-Z]\w*)*)"),
        lambda m: Condition("read-as", values=tuple(name.strip() for name in m[1].split(","))),
    ),
    (re.compile(_NAME), lambda m: Condition("has", concept(m[1]))),
    (re.compile(rf"not {_NAME}"), lambda m: Condition("lacks", concept(m[1]))),
    (re.compile(rf"{_NAME} is (past|future)"), lambda m: Condition(m[2], concept(m[1]))),
    (
        re.compile(rf"{_NAME} same as {_NAME}"),
        lambda m: Condition("same", parts=(Condition("has", concept(m[1])), Condition("has", concept(m[2])))),
    ),
    (re.compile(rf"{_NAME} more than (\d+)"), lambda m: Condition("more-than", concept(m[1]), (int(m[2]),))),
    (re.compile(rf"{_NAME} = (.+)"), lambda m: Condition("is", concept(m[1]), (constant(m[2].strip()),))),
    (
        re.compile(rf"{_NAME} in (.+)"),
        lambda m: Condition("is", concept(m[1]), tuple(constant(v.strip()) for v in m[2].split(","))),
    ),
    (
        re.compile(rf"{_NAME} not in (.+)"),
        lambda m: Condition("is-not", concept(m[1]), tuple(constant(v.strip()) for v in m[2].split(","))),
    ),
]


def placeholders(text: str) -> tuple[str, list[tuple[str, ...]]]:
    """A text with `{}` for each `{Concept}` in it, and those concepts."""
    found = [concept(name) for name in _PLACEHOLDER.findall(text)]
    return _PLACEHOLDER.sub("{}", text), found


def concept(name: str) -> tuple[str, ...]:
    """`Insurance.StartDateTime` as steps."""
    return tuple(name.split("."))


def constant(value: Any) -> Constant:
    """A coding, a truth value, a number or text, as an author writes it."""
    if isinstance(value, bool | int):
        return value
    match = _CODING.fullmatch(value)
    if match:
        return Coding(match[1], match[2], match[3] or "", match[4] or "")
    if len(value) > 1 and value[0] == value[-1] == '"':
        return str(value[1:-1])
    return {"true": True, "false": False}.get(value, str(value))


def _split(text: str) -> list[str]:
    return [part for part in re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text) if part.strip()]
