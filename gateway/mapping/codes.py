"""Codes that the value set of their concept does not hold.

A code of a closed list (the zibs' own code lists and the HL7 version 3 tables, which a value set
enumerates) is a fault of the document: nobody could say what it means.  A code of an open terminology
such as SNOMED CT is a warning: value sets lag behind terminologies, and the code itself is clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.blocks.profiles import Concept, Profiles, ValueSet
from gateway.blocks.values import Block, Code

NULL_FLAVOR = "2.16.840.1.113883.5.1008"
CLOSED = ("2.16.840.1.113883.2.4.3.11.60.", "2.16.840.1.113883.5.")
"""Beginnings of the OIDs of closed lists: zib code lists (Nictiz), HL7 version 3 vocabulary."""

Checked = tuple[Concept, ValueSet]
Plan = dict[str, "Checked | Plan"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A code that is not in the value set of its concept; `closed`: its list is a closed one."""

    code: Code
    concept: Concept
    values: ValueSet
    closed: bool


class CodeCheck:
    """Checks blocks against the value sets of their profiles; a plan is made once per block."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._plans: dict[tuple[str, str], Plan] = {}

    def unknown(self, block: Block) -> Iterator[Unknown]:
        """Every code of a block that is not in its value set."""
        plan = self._plans.get((block.release, block.type))
        if plan is None:
            profile = self._profiles.get(block.release, block.type)
            plan = self._make(block.release, profile.concepts) if profile else {}
            self._plans[block.release, block.type] = plan
        yield from _walk(block.values, plan)

    def _make(self, release: str, concepts: Mapping[str, Concept]) -> Plan:
        plan: Plan = {}
        for name, concept in concepts.items():
            inside = self._profiles.inside(release, concept)
            if inside:
                deeper = self._make(release, inside)
                if deeper:
                    plan[name] = deeper
            elif concept.values:
                found = self._profiles.value_set(release, concept.values)
                if found is not None:
                    plan[name] = concept, found
        return plan


def _walk(values: Mapping[str, Any], plan: Plan) -> Iterator[Unknown]:
    for name, value in values.items():
        wanted = plan.get(name)
        if wanted is None:
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict) and isinstance(wanted, dict):
                yield from _walk(each, wanted)
            elif isinstance(each, Code) and isinstance(wanted, tuple) and not _known(each, wanted[1]):
                closed = each.system.startswith(CLOSED) and each.system in wanted[1].codes
                yield Unknown(each, *wanted, closed)


def _known(code: Code, wanted: ValueSet) -> bool:
    other = code.system == NULL_FLAVOR  # OTH with the original text stands for what no code says
    return other or not code.system or wanted.holds(code.code, code.system)
