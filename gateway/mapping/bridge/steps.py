"""What becomes of each concept of a block that goes to another release: the plan, and how it is taken.

A plan holds a step for every concept that does not simply go along; what has none is carried as it is.
Steps are made once per block and direction (`bridge_plans.py`) and taken for every block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.blocks.values import Block, Boolean, Code, Moment, Ref, Text
from gateway.mapping.bridge.values import in_words

Values = dict[str, Any]
Route = tuple[tuple[str, bool], ...]
"""Concept names from where a step stands down to its target, each with whether it may repeat."""


@dataclass(slots=True)
class Crossing:
    """Blocks of one release as those of another, and what the account has to say about their values.

    `dropped` and `words` go by the number of a value in the reading.  `dropped`: the line that says so, and
    why the other release has no place.  `words`: the line, and the number of the text that says it now.
    """

    blocks: list[Block] = field(default_factory=list)
    dropped: dict[int, tuple[str, str]] = field(default_factory=dict)
    words: dict[int, tuple[str, int]] = field(default_factory=dict)
    said: list[tuple[Words, str, int]] = field(default_factory=list)
    """Words of the block at hand, with the numbers of the values that they say."""

    def drop(self, value: Any, rule: str, because: str) -> None:
        """Note why a value, and all that it holds, does not go along."""
        if isinstance(value, dict | list):
            for each in value.values() if isinstance(value, dict) else value:
                self.drop(each, rule, because)
        elif value.at >= 0:
            self.dropped[value.at] = rule, because

    def write_words(self, values: Values) -> None:
        """Put what is said in words in the text that takes it, one line each after what stands there."""
        for step, text, at in self.said:
            place, name = values, step.host[-1]
            for group in step.host[:-1]:
                place[group] = place = dict(place.get(group) or {})
            there = place.get(name)
            lines = there.value.splitlines() if type(there) is Text else []
            number = there.at if type(there) is Text and there.at >= 0 else at
            if f"{step.label}: {text}" not in lines:  # said before, on an earlier way there
                lines.append(f"{step.label}: {text}")
            place[name] = Text("\n".join(lines), number)
            if at >= 0:
                self.words[at] = step.rule, number
        self.said.clear()


@dataclass(slots=True)
class Drop:
    """The other release has no place for the concept."""

    rule: str
    because: str

    def take(self, value: Any, beside: Mapping[str, Any], result: Values, crossing: Crossing) -> None:
        del beside, result
        crossing.drop(value, self.rule, self.because)

    def show(self, name: str) -> list[str]:
        return [f"{name}: not carried, {self.because}  # {self.rule}"]


@dataclass(slots=True)
class Words:
    """The other release has no place for the concept but a text, which says it after a label."""

    rule: str
    because: str
    label: str
    host: tuple[str, ...]

    def take(self, value: Any, beside: Mapping[str, Any], result: Values, crossing: Crossing) -> None:
        del beside, result
        for item in value if isinstance(value, list) else [value]:
            text = in_words(item)
            if text:
                crossing.said.append((self, text, item.at))
            else:
                crossing.drop(item, self.rule, self.because)

    def show(self, name: str) -> list[str]:
        return [f"{name} → '{self.label}: …' in {'.'.join(self.host)}  # {self.rule}"]


@dataclass(slots=True)
class Carry:
    """The concept goes to a place of the other release, as it is or converted."""

    to: Route
    rule: str
    because: str
    inside: Group | None = None
    convert: Callable[[Any], Any] | None = None
    """Makes the value of the other release; None when there is no such value."""
    words: bool = False
    """Only the words of the value remain."""
    when: str = ""
    """A truth value beside the concept of release 2017 that must hold."""
    states: bool = False
    """On the way back, where that it holds is said instead of asked."""
    latest: bool = False
    """Of several the latest remains instead of the first."""
    otherwise: Carry | None = None
    """Where values go that this step cannot convert."""

    def take(self, value: Any, beside: Mapping[str, Any], result: Values, crossing: Crossing) -> None:
        holds = beside.get(self.when) if self.when and not self.states else None
        if self.when and not self.states and not (type(holds) is Boolean and holds.value):
            crossing.drop(value, self.rule, self.because)
            return
        for item in value if isinstance(value, list) else [value]:
            if type(item) is dict:
                self._put(result, self.inside.carry(item, {}, crossing) if self.inside else item, crossing)
            else:
                self._take_one(item, beside, result, crossing)

    def _take_one(self, item: Any, beside: Mapping[str, Any], result: Values, crossing: Crossing) -> None:
        made = item if self.convert is None else self.convert(item)
        if made is not None:
            if self.words and made is not item and item.at >= 0:
                crossing.words[item.at] = self.rule, item.at
            self._put(result, made, crossing)
        elif self.otherwise is not None:
            self.otherwise.take(item, beside, result, crossing)
        else:
            crossing.drop(item, self.rule, self.because)

    def _put(self, result: Values, made: Any, crossing: Crossing) -> None:
        for name, many in self.to[:-1]:
            there = result.get(name)
            first = there[0] if isinstance(there, list) else there
            step = dict(first) if type(first) is dict else {}  # a copy: what stands there may be shared
            result[name] = [step, *(there or ())[1:]] if many else step
            result = step
        if self.states:
            result[self.when] = Boolean(True)
        name, many = self.to[-1]
        there = result.get(name)
        if made == {}:
            return
        if many:
            result[name] = [*(there or ()), made]
        elif there is None:
            result[name] = made
        elif type(there) is dict and type(made) is dict:
            result[name] = self._merged(there, made, crossing)
        elif self.latest and type(made) is Moment and type(there) is Moment and made.value > there.value:
            crossing.drop(there, self.rule, self.because)
            result[name] = made
        else:
            crossing.drop(made, self.rule, self.because)

    def _merged(self, there: Values, more: Values, crossing: Crossing) -> Values:
        """Two groups as one: what only one of them says; of the rest, what the first says."""
        result = dict(there)
        for name, value in more.items():
            if name not in result:
                result[name] = value
            elif isinstance(value, list):
                result[name] = [*result[name], *value]
            else:
                crossing.drop(value, self.rule, self.because)
        return result

    def show(self, name: str) -> list[str]:
        target = ".".join(step for step, _ in self.to)
        notes = [
            "as a list" if self.to[-1][1] else "one",
            *([self.convert.__doc__ or ""] if self.convert else ()),
            *(["the latest"] if self.latest else ()),
            *([f"{'stating' if self.states else 'when'} {self.when}"] if self.when else ()),
        ]
        lines = [f"{name} → {target} ({', '.join(notes)})  # {self.rule}"]
        if self.otherwise:
            lines += [f"  otherwise {line}" for line in self.otherwise.show(name)]
        return lines + [f"  {line}" for line in (self.inside.show() if self.inside else ())]


@dataclass(slots=True)
class Open:
    """The other release has no such group: what is in it goes to places beside it."""

    inside: Group

    def take(self, value: Any, beside: Mapping[str, Any], result: Values, crossing: Crossing) -> None:
        for item in value if isinstance(value, list) else [value]:
            if type(item) is dict:
                self.inside.open(item, result, crossing)
            else:  # a null flavor instead of the group is one of its first concept
                next(iter(self.inside.steps.values())).take(item, beside, result, crossing)

    def show(self, name: str) -> list[str]:
        return [f"{name}.{line}" for line in self.inside.show()]


Step = Drop | Words | Carry | Open


@dataclass(slots=True)
class Group:
    """The steps for the concepts of a block or of a group, in the order in which they are taken."""

    steps: dict[str, Step] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    """The concepts that go along as they are."""

    def carry(self, values: Values, result: Values, crossing: Crossing) -> Values:
        """The values of the other release; the same object when nothing changes and `result` is empty."""
        steps = self.steps
        if steps.keys().isdisjoint(values):
            return values
        for name, value in values.items():
            if name not in steps:
                result[name] = value
        self.open(values, result, crossing)
        return result

    def open(self, values: Values, result: Values, crossing: Crossing) -> None:
        """Take every step that has a value."""
        for name, step in self.steps.items():
            value = values.get(name)
            if value is not None:
                step.take(value, values, result, crossing)

    def show(self) -> list[str]:
        """What becomes of each concept, a line each."""
        return [f"{name} =" for name in self.same] + [
            line for name, step in self.steps.items() for line in step.show(name)
        ]


@dataclass(slots=True)
class Imparting:
    """A block without counterpart tells the blocks that it refers to what they do not say themselves."""

    rows: dict[str, dict[str, str]]
    """Concept that refers to a block → concept of this block to concept of the other."""
    unless: tuple[str, Sequence[str]] = ("", ())
    """A coded concept, and the codes with which nothing is told."""

    def told(self, block: Block, by_key: Mapping[str, Block]) -> set[int]:
        """Tell the blocks; gives the numbers of the values that are now theirs."""
        stop = block.values.get(self.unless[0])
        found: set[int] = set()
        if type(stop) is Code and stop.code in self.unless[1]:
            return found
        for concept, rows in self.rows.items():
            ref = block.values.get(concept)
            other = by_key.get(ref.key) if type(ref) is Ref else None
            for source, target in rows.items() if other is not None else ():
                value = block.values.get(source)
                if value is not None and other is not None and target not in other.values:
                    other.values = {**other.values, target: value}
                    found.add(value.at)
        return found - {-1}


@dataclass(slots=True)
class Plan:
    """How a block of one release becomes one of the other; `block` is empty when it becomes none."""

    block: str
    group: Group
    rule: str = ""
    because: str = ""
    when: str = ""
    """A truth value that a block of release 2017 must have to be one of 2020: asked there, stated back."""
    ends: str = ""
    """A moment of release 2020: a block of which it is past is none of 2017."""
    imparting: Imparting | None = None
