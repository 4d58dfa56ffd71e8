"""A mapping file as the language has it: parts, rows and places, each with its mark."""

from __future__ import annotations

from typing import Any

from gateway.documents import Document, Mark
from gateway.mapping.compiler.language import (
    Coding,
    Computed,
    Condition,
    Constant,
    Derived,
    Join,
    Link,
    Mapping,
    Part,
    Place,
    Precision,
    Row,
)
from gateway.mapping.compiler.notation import Notation, concept, constant


class Parser:
    """Reads one document; every fault is an `AuthoringError` at its line and column."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.notation = Notation(document)

    def mapping(self) -> Mapping:
        """The whole file."""
        data = self.document.data
        head: tuple[str, ...] = ()
        datatype = "datatype" in data
        if "parts" in data:
            parts = tuple(
                self._part(name, body, data, ("parts", name)) for name, body in data["parts"].items()
            )
        else:
            parts = (self._part(data.get("resource") or data["type"], data, data, head),)
        return Mapping(
            file=self.document.name,
            block=data.get("block") or data["datatype"],
            release=str(data.get("release", "")),
            datatype=datatype,
            parts=parts,
            display=tuple(concept(name) for name in data.get("display", ())),
            document=self.document,
            mark=self.document.mark(),
        )

    def _part(self, name: str, body: dict[str, Any], top: dict[str, Any], at: tuple[str | int, ...]) -> Part:
        profile = body.get("profile", ())
        each, once, _ = str(body.get("each", "")).partition(" or once")
        listed = [profile] if isinstance(profile, str) else profile
        claims = self._cases(listed, *at, "profile") if any(isinstance(each, dict) for each in listed) else []
        fixed = [
            Derived(
                self.notation.path(key, *at, "fixed", key),
                (((self.notation.constants(value, *at, "fixed", key)), None),),
                self._mark(*at, "fixed", key),
            )
            for key, value in (body.get("fixed") or {}).items()
        ]
        fixed += [
            self._derived(key, cases, *at, "derived", key)
            for key, cases in (body.get("derived") or {}).items()
        ]
        return Part(
            name=name,
            type=body.get("resource") or body.get("type") or top.get("type") or name,
            profiles=tuple(next(iter(each)) if isinstance(each, dict) else each for each in listed),
            claims=tuple((str(values[0]), condition) for values, condition in claims),
            select=self.notation.selectors(body["select"], *at, "select") if "select" in body else (),
            when=self.notation.condition(body.get("when"), *at, "when"),
            each=concept(each) if each else (),
            once=bool(once),
            derived=tuple(fixed),
            computed=tuple(
                self._computed(key, made, *at, "computed", key)
                for key, made in (body.get("computed") or {}).items()
            ),
            rows=self._rows(body.get("rows") or {}, *at, "rows"),
            links=tuple(
                self._link(key, target, *at, "links", key)
                for key, targets in (body.get("links") or {}).items()
                for target in (targets if isinstance(targets, list) else [targets])
            ),
            joins=tuple(
                self._join(block, join, *at, "joins", block)
                for block, join in (body.get("joins") or {}).items()
            ),
            mark=self._mark(*at),
            only=body.get("only", ""),
        )

    def _link(self, path: str, target: Any, *at: str | int) -> Link:
        if isinstance(target, str):
            return Link(self.notation.path(path, *at), target, self._mark(*at))
        when = self.notation.condition(target["when"], *at, "when")
        return Link(self.notation.path(path, *at), target["part"], self._mark(*at), when=when)

    def _join(self, block: str, body: dict[str, Any], *at: str | int) -> Join:
        return Join(
            block=block,
            place=self.notation.path(body.get("to", "."), *at, "to"),
            rows=self._rows(body["rows"], *at, "rows"),
            when=self.notation.condition(body.get("when"), *at, "when"),
            mark=self._mark(*at),
            by=body.get("by", ""),
        )

    def _computed(self, key: str, made: str | dict[str, str], *at: str | int) -> Computed:
        path, mark = self.notation.path(key, *at), self._mark(*at)
        if isinstance(made, str):
            return Computed(path, made, mark)
        return Computed(path, made["by"], mark, concept(made["else"]))

    def _derived(self, key: str, cases: list[Any], *at: str | int) -> Derived:
        return Derived(self.notation.path(key, *at), tuple(self._cases(cases, *at)), self._mark(*at))

    def _cases(self, cases: list[Any], *at: str | int) -> list[tuple[tuple[Constant, ...], Condition | None]]:
        """Values with the condition under which each holds; one without is the last."""
        found: list[tuple[tuple[Constant, ...], Condition | None]] = []
        for i, case in enumerate(cases):
            if isinstance(case, dict):
                ((value, test),) = case.items()
                found.append((self.notation.constants(value), self.notation.condition(test, *at, i)))
            else:
                found.append((self.notation.constants(case), None))
        return found

    def _rows(self, rows: dict[str, Any], *at: str | int) -> tuple[Row, ...]:
        return tuple(self._row(name, body, *at, name) for name, body in rows.items())

    def _row(self, name: str, body: Any, *at: str | int) -> Row:
        places = body if isinstance(body, list) else [body]
        return Row(
            concept=() if name == "." else concept(name),
            places=tuple(
                self._place(place, *at, i) if isinstance(body, list) else self._place(place, *at)
                for i, place in enumerate(places)
            ),
            mark=self._mark(*at),
        )

    def _place(self, body: Any, *at: str | int) -> Place:
        mark = self._mark(*at)
        if isinstance(body, str):
            return Place(self.notation.path(body, *at), mark)
        back = "back" in body
        return Place(
            path=self.notation.path(
                body["back"] if back else body.get("to", "."), *at, "back" if back else "to"
            ),
            mark=mark,
            map=body.get("map", ""),
            keep=body.get("keep", ""),
            part=" ".join(body["as"]) if isinstance(body.get("as"), list) else body.get("as", ""),
            via=body.get("via", ""),
            only=body.get("only", ""),
            because=body.get("because", ""),
            when=self.notation.condition(body.get("when"), *at, "when"),
            absent=body.get("absent", ""),
            back=back,
            profile=body.get("profile", ""),
            take=body.get("take", ""),
            unit=self._unit(body["unit"], *at, "unit") if "unit" in body else None,
            times=body.get("times", 1),
            system=body.get("system", ""),
            precision=_precision(body["precision"]) if "precision" in body else None,
            time=body.get("time", ""),
            means=constant(body["means"]) if "means" in body else None,
            rows=self._rows(body.get("rows") or {}, *at, "rows"),
            links=tuple(
                Link(
                    self.notation.path(key, *at, "links", key),
                    target,
                    self._mark(*at, "links", key),
                    item=True,
                )
                for key, target in (body.get("links") or {}).items()
            ),
        )

    def _unit(self, text: str, *at: str | int) -> Coding:
        """`ucum#m "m"`: the unit's code, and how it is written."""
        found = constant(text)
        if not isinstance(found, Coding):
            raise self.document.fault(f"'{text}' is not a unit", *at)
        return found

    def _mark(self, *at: str | int) -> Mark:
        return self.document.mark(*at)


def _precision(body: dict[str, Any]) -> Precision:
    lengths = {"month": 7, "year": 4, "unknown": 0}
    codes = ((lengths[name], constant(code)) for name, code in body.items() if name != "at")
    return Precision(body["at"], tuple(codes))
