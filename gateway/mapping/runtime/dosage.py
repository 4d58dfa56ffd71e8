"""Named converters of medication: frequencies, quantities in the units of the G-Standaard, product codes.

A zib says "3 times a day" with one quantity (`/d`) where FHIR's Timing has a count, a period and a unit;
the units of a dose are those of the G-Standaard (thesaurus 2), which FHIR R4 has beside UCUM; and of the
codes of a product the most specific is the one that was chosen.  Sources: the StructureDefinitions
zib-InstructionsForUse and zib-AdministrationSchedule (STU3), mp-InstructionsForUse.DosageInstructions and
pattern-GstdQuantity (R4), all CC0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import Absent, Code, Quantity, Text
from gateway.mapping.runtime.fhir_values import DERIVED, QUANTITY, code_of_coding, digits, quantity_of
from gateway.mapping.runtime.spelling import UCUM, coding, quantity, quantity_number
from gateway.mapping.runtime.writers import put
from gateway.terminology.units import G_STANDAARD, Units

if TYPE_CHECKING:
    from gateway.mapping.runtime.reading import FhirReading
    from gateway.mapping.runtime.state import Writing

Tree = dict[str, Any]

TRANSLATION = "http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation"
EXACT = "http://hl7.org/fhir/StructureDefinition/timing-exact"
UNITS_OF_TIME = ("s", "min", "h", "d", "wk", "mo", "a")
"""http://hl7.org/fhir/ValueSet/units-of-time"""

_PER = re.compile(r"(?P<what>.*)/(?:\((?P<count>\d+(?:\.\d+)?)\.(?P<many>\w+)\)|(?P<one>\w+))")
_SPOKEN = re.compile(r"(?:x|maal|keer)?\s*(?:per|/)\s*(?P<count>\d+)?\s*(?P<unit>\w+)", re.IGNORECASE)


def per(value: Quantity) -> tuple[str, str, str] | None:
    """What a quantity counts, and the time that it is per: `mg/d` gives (mg, 1, d); None when per nothing."""
    found = _PER.fullmatch(value.code)
    if found is not None:
        time = found["many"] or found["one"]
        return (found["what"], found["count"] or "1", time) if time in UNITS_OF_TIME else None
    spoken = _SPOKEN.fullmatch(value.unit.strip())
    time = Units.load().ucum(spoken["unit"]) if spoken else ""
    return ("", spoken["count"] or "1", time) if spoken and time in UNITS_OF_TIME else None


def per_code(count: str, time: str) -> str:
    """The end of a UCUM code: d for one day, (2.d) for two."""
    return time if count == "1" else f"({count}.{time})"


def per_text(count: str, time: str) -> str:
    """The same in words."""
    words = Units.load().text(time)
    return words if count == "1" else f"{count} {words}"


def per_time(value: Quantity, count: str, time: str) -> Quantity:
    """A quantity per a length of time: 600 mg and one day give 600 mg/d.

    In UCUM, unless its unit is one of the G-Standaard that has no code there.
    """
    ucum = Units.load().from_g_standaard(value.code) if value.system == G_STANDAARD else value.code
    return Quantity(
        value.value,
        f"{value.unit}/{per_text(count, time)}",
        f"{ucum or value.code}/{per_code(count, time)}",
        "" if ucum else value.system,
        value.comparator,
        value.at,
    )


def whole_number(value: Quantity) -> int | None:
    """The number when it is a whole one."""
    number = Decimal(value.value)
    return int(number) if number == number.to_integral_value() else None


class Frequency:
    """How often (a Range): `frequency`, `frequencyMax`, `period` and `periodUnit`; `count` without a time."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """Not a value that is no whole number of times, that is only a limit (`<`), or per something odd."""
        least = value.get("NominalValue") or value.get("MinimumValue")
        numbers = ((least, key, "count"), (value.get("MaximumValue"), f"{key}Max", "countMax"))
        for number, repeated, once in numbers:
            if type(number) is not Quantity:
                continue
            times = whole_number(number)
            every = per(number)
            if times is None or number.comparator or (every is None and number.code not in ("", "1")):
                c.unwritten(number, rule)
            elif every is None:
                target[once] = times
                c.use(number, rule)
            elif self._has_another_period(target, every):
                c.unwritten(number, rule)
            else:
                target[repeated] = times
                target["period"], target["periodUnit"] = Decimal(every[1]), every[2]
                c.use(number, rule)

    @staticmethod
    def _has_another_period(target: Tree, every: tuple[str, str, str]) -> bool:
        period = Decimal(every[1]), every[2]
        return "period" in target and (target["period"], target["periodUnit"]) != period

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Tree | None:
        """The numbers of times, each per the period; an exact interval is no frequency."""
        if is_interval(source):
            return None
        repeated = key in source or f"{key}Max" in source
        least, most = (key, f"{key}Max") if repeated else ("count", "countMax")
        names = (
            (("MinimumValue", least), ("MaximumValue", most))
            if most in source
            else (("NominalValue", least),)
        )
        found = {
            name: self._times(source, member, repeated, c, rule) for name, member in names if member in source
        }
        return found or None

    @staticmethod
    def _times(source: Tree, member: str, repeated: bool, c: FhirReading, rule: str) -> Quantity:
        at = c.take_member(source, member, 0, rule)
        if not repeated or "periodUnit" not in source:
            return Quantity(digits(source[member]), at=at)
        count, time = digits(source.get("period", 1)), source["periodUnit"]
        for name in ("period", "periodUnit"):
            c.mark_item(source, name, 0, rule, at)
        return Quantity(
            digits(source[member]), f"/{per_text(count, time)}", f"/{per_code(count, time)}", at=at
        )


class HowOften(Frequency):
    """A frequency that is one quantity: 3 /d."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """As a frequency without bounds."""
        super().write(target, key, {"NominalValue": value}, c, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Any:
        """Nothing when it has bounds, or no least; then nothing of it is noted either."""
        if f"{key}Max" in source or "countMax" in source:
            return None
        found = super().read(source, key, c, rule)
        return found.get("NominalValue") if found else None


def is_interval(repeat: Tree) -> bool:
    """True when a repetition says the time between doses: a period alone, or once in an exact one."""
    if "period" not in repeat:
        return False
    if "frequency" not in repeat:
        return "frequencyMax" not in repeat
    exact = any(each.get("url") == EXACT and each.get("valueBoolean") for each in repeat.get("extension", ()))
    return exact and repeat["frequency"] == 1 and "frequencyMax" not in repeat and "timeOfDay" not in repeat


class Span:
    """A length of time as a number and, beside it, its unit: `duration` and `durationUnit`."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """Only in the units of time that FHIR has; the number is all of it, so not one that is a limit."""
        if type(value) is not Quantity or value.comparator or value.code not in UNITS_OF_TIME:
            return c.unwritten(value, rule)
        target[key] = quantity_number(value, c)
        target[f"{key}Unit"] = value.code
        return c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Quantity | None:
        """The number with its unit."""
        if key not in source:
            return None
        unit = source.get(f"{key}Unit", "")
        at = c.take_member(source, key, 0, rule)
        c.mark_item(source, f"{key}Unit", 0, rule, at)
        return Quantity(digits(source[key]), Units.load().text(unit), unit, at=at)


class Interval(Span):
    """The time between doses: a period that does not say how often."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """Not beside a frequency, which has a period of its own: 3 a day and 8 hours are not 3 in 8 hours."""
        if key in target:
            return c.unwritten(value, rule)
        return super().write(target, key, value, c, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Quantity | None:
        """Nothing when it is the period of a frequency."""
        return super().read(source, key, c, rule) if is_interval(source) else None


class ExactInterval(Interval):
    """The same in FHIR R4: once in a period that is meant exactly."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """The period, that it is exact, and that it is once."""
        beside = key in target
        super().write(target, key, value, c, rule)
        if key in target and not beside:
            target["frequency"] = 1
            target.setdefault("extension", []).append({"url": EXACT, "valueBoolean": True})

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Quantity | None:
        """The period; that it is exact and once is understood with it."""
        value = super().read(source, key, c, rule)
        if value is not None:
            c.mark(source, ("frequency",), rule, value.at)
            for each in source.get("extension", ()):
                if each.get("url") == EXACT:
                    c.mark(each, ("url", "valueBoolean"), rule, value.at)
        return value


class BasicUnit:
    """A quantity in the basic units of the G-Standaard, for a UCUM unit that is one of them (FHIR STU3)."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """The quantity, or why there is none."""
        if type(value) is not Quantity:
            return put(target, key, value, quantity, c, rule)
        target[key] = self.spell(value, c)
        return c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Any:
        """The quantity as it stands there."""
        return self.understand(source[key], c, rule) if key in source else None

    def spell(self, value: Quantity, c: Writing) -> Tree:
        """The FHIR Quantity."""
        return quantity(basic_unit(value) or value, c)

    def understand(self, found: Tree, c: FhirReading, rule: str) -> Any:
        """The quantity of a FHIR Quantity."""
        return quantity_of(found, c, rule)


class TranslatedUnit(BasicUnit):
    """A quantity in UCUM, with its translation to the basic units of the G-Standaard (FHIR R4)."""

    def spell(self, value: Quantity, c: Writing) -> Tree:
        """Both, as far as the tables know both."""
        basic = value if value.system == G_STANDAARD else basic_unit(value)
        if basic is None:
            return quantity(value, c)
        ucum = Units.load().from_g_standaard(basic.code) or ""
        main = quantity(Quantity(value.value, value.unit, ucum, "", value.comparator), c)
        return {"extension": [{"url": TRANSLATION, "valueQuantity": quantity(basic, c)}], **main}

    def understand(self, found: Tree, c: FhirReading, rule: str) -> Any:
        """The translation, when there is one; the number in UCUM is then the same."""
        for extension in found.get("extension", ()):
            inner = extension.get("valueQuantity", {})
            if extension.get("url") == TRANSLATION and c.oid(inner.get("system", "")) == G_STANDAARD:
                value = quantity_of(inner, c, rule)
                c.mark(extension, ("url",), rule)
                if isinstance(value, Quantity) and inner.get("value") == found.get("value"):
                    c.mark(found, QUANTITY, rule, value.at)
                return value
        return quantity_of(found, c, rule)


def basic_unit(value: Quantity) -> Quantity | None:
    """A quantity in UCUM in the unit of the G-Standaard; None when its unit is not one of those."""
    if value.system not in ("", UCUM):
        return None
    code = Units.load().to_g_standaard(value.code, value.unit)
    return Quantity(value.value, value.unit, code, G_STANDAARD, value.comparator, value.at) if code else None


class PerTime:
    """A quantity per time as a Ratio: at most 600 mg in one day."""

    def __init__(self, amount: BasicUnit) -> None:
        self.amount = amount

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """Only a quantity that is per a unit of time."""
        every = per(value) if type(value) is Quantity else None
        if every is None:
            return c.unwritten(value, rule)
        what, count, time = every
        words = value.unit.rpartition("/")[0] or Units.load().text(what)
        numerator = Quantity(value.value, words, what or "1", value.system, value.comparator)
        denominator = Quantity(count, Units.load().text(time), time)
        target[key] = {
            "numerator": self.amount.spell(numerator, c),
            "denominator": quantity(denominator, c),
        }
        return c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Quantity | None:
        """The numerator per the denominator; in UCUM when its unit has a code there."""
        ratio = source.get(key, {})
        time = ratio.get("denominator", {})
        if time.get("code") not in UNITS_OF_TIME or "value" not in ratio.get("numerator", {}):
            return None
        value = self.amount.understand(ratio["numerator"], c, rule)
        c.mark(time, QUANTITY, rule, value.at)
        return per_time(value, digits(time.get("value", 1)), time["code"])


_SPECIFIC = (
    "2.16.840.1.113883.2.4.4.8",
    "2.16.840.1.113883.2.4.4.7",
    "2.16.840.1.113883.2.4.4.10",
    "2.16.840.1.113883.2.4.4.1",
)
"""Levels of the G-Standaard, from trade product (ZI number, HPK) to prescription product (PRK, GPK)."""


class ProductCodes:
    """The codes of a product; if `choosing`, the most specific of the G-Standaard is marked and names it."""

    def __init__(self, *, choosing: bool) -> None:
        self.choosing = choosing

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """A coding for each code; the words of a code without one as the text."""
        codes = value if isinstance(value, list) else [value]
        chosen = self._chosen(codes) if self.choosing else None
        for each in codes:
            if type(each) is Absent or each.code:
                target.setdefault(key, []).append(self._coding(each, c))
            if type(each) is Code and each.text:
                target["text"] = each.text
            c.use(each, rule)
        if chosen is not None:
            coded = [each for each in codes if type(each) is Absent or each.code]
            target[key][coded.index(chosen)]["userSelected"] = True
            if chosen.display:
                target.setdefault("text", chosen.display)

    @staticmethod
    def _coding(value: Code | Absent, c: Writing) -> Tree:
        """A coding; of a null flavor with the words that were sent for it."""
        found = coding(value, c)
        if type(value) is Absent and value.text:
            found["display"] = value.text
        return found

    @staticmethod
    def _chosen(codes: Sequence[Any]) -> Code | None:
        known = [each for each in codes if type(each) is Code and each.system in _SPECIFIC]
        return min(known, key=lambda code: _SPECIFIC.index(code.system), default=None)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> list[Any] | None:
        """Every code; the text is left to the name of the product."""
        found = []
        for each in source.get(key, ()):
            value = code_of_coding(each, c, rule)
            if value is not None:
                c.mark(each, ("userSelected",), rule, -1 if self.choosing else DERIVED)
                found.append(value)
        return found or None


class ProductName:
    """The name of a product as the text of its code; one that only repeats the chosen code is no name."""

    def write(self, target: Tree, key: str, value: Any, c: Writing, rule: str) -> None:
        """The name goes before the words of a code."""
        if type(value) is not Text:
            return c.unwritten(value, rule)
        target[key] = value.value
        return c.use(value, rule)

    def read(self, source: Tree, key: str, c: FhirReading, rule: str) -> Text | None:
        """The text, unless it is the display of the chosen code."""
        if key not in source:
            return None
        chosen = [each.get("display") for each in source.get("coding", ()) if each.get("userSelected")]
        if source[key] in chosen:
            c.mark_item(source, key, 0, rule, DERIVED)
            return None
        return Text(source[key], c.take_member(source, key, 0, rule))
