"""What generated writing code calls: putting values in their place.

`put`, `add` and their kin call a converter of `spelling`, put the result in place and tell the account that
the value was used, by which row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gateway.blocks.values import Absent, Ref
from gateway.mapping.runtime.spelling import ANY, DATA_ABSENT_REASON, Converter, absent_element, codeable

if TYPE_CHECKING:
    from gateway.mapping.runtime.state import Me, Writing

Tree = dict[str, Any]


def put(target: Tree, key: str, value: Any, convert: Converter, c: Writing, rule: str) -> None:
    """One value at an element that does not repeat."""
    found = convert(value, c)
    if type(found) is list:
        if len(found) > 1:
            return c.unwritten(value, rule)  # not marked as used: the account names it
        found = found[0] if found else None
    if found is not None:
        target[key] = found
    elif type(value) is Absent and c.extensible:
        target["_" + key] = absent_element(value)
    else:
        return c.unwritten(value, rule)
    c.use_own(value, rule)
    return None


def add(target: Tree, key: str, value: Any, convert: Converter, c: Writing, rule: str) -> None:
    """One value, or several, at an element that repeats."""
    found = convert(value, c)
    if found is None:
        if type(value) is not Absent or not c.extensible:
            return c.unwritten(value, rule)
        pad(target, key).append(absent_element(value))
        target.setdefault(key, []).append(None)
    elif type(found) is not list:
        target.setdefault(key, []).append(found)
    elif found:
        target.setdefault(key, []).extend(found)
    c.use_own(value, rule)
    return None


def pad(target: Tree, key: str) -> list[Any]:
    """The list of what primitives at `key` carry besides their value, as long as the list of values."""
    beside: list[Any] = target.setdefault("_" + key, [])
    beside.extend([None] * (len(target.get(key, ())) - len(beside)))
    return beside


def spread(target: Tree, value: Any, convert: Converter, c: Writing, rule: str) -> None:
    """A value whose members join those of an element that has more: a code with an extension."""
    found = convert(value, c)
    if type(found) is list:
        found = found[0] if found else None
    if found is None:
        return c.unwritten(value, rule)
    for key, each in found.items():
        if key == "extension" and key in target:
            target[key].extend(each)
        else:
            target[key] = each
    c.use_own(value, rule)
    return None


def put_any(target: Tree, stem: str, value: Any, c: Writing, rule: str) -> None:
    """A value at `stem[x]`: the type of the value decides."""
    suffix, convert = ANY[type(value)]
    put(target, stem + suffix, value, convert, c, rule)


def put_chosen(
    target: Tree, key: str, value: Any, convert: Converter, chosen: Tree, c: Writing, rule: str
) -> None:
    """A value at one of several siblings, with the members that tell it apart."""
    found = convert(value, c)
    if found is None:
        return c.unwritten(value, rule)
    items = found if type(found) is list else [found]
    target.setdefault(key, []).extend({**chosen, **item} for item in items)
    c.use_own(value, rule)
    return None


def put_kept(
    target: Tree, key: str, value: Any, convert: Converter, many: bool, url: str, c: Writing, rule: str
) -> None:
    """A translated code, with the original in an extension; only the original when it has no translation."""
    original = {"extension": [{"url": url, "valueCodeableConcept": codeable(value, c)}]}
    found = convert(value, c)
    if isinstance(found, dict):
        found = {**original, **found}
    if many:
        if not isinstance(found, dict):
            pad(target, key).append(original)
        target.setdefault(key, []).append(found)
    else:
        if not isinstance(found, dict):
            target["_" + key] = original
        if found is not None:
            target[key] = found
    c.use(value, rule)


def append(target: Tree, key: str, element: Tree) -> None:
    """One more element where it repeats; beside a primitive, aligned with its values."""
    target.setdefault(key, []).append(element)


def merge(target: Tree, key: str, element: Tree) -> None:
    """An element that may be there in part already; what one of the two knows is not unknown."""
    there = target.get(key)
    if there is None:
        target[key] = element
        return
    for name, value in element.items():
        if value == unknown() and {name, name.removeprefix("_")} & there.keys():
            continue
        if there.get(f"_{name}") == unknown():
            del there[f"_{name}"]
        if isinstance(value, list) and name in there:
            there[name].extend(value)
        else:
            there[name] = value


def merge_first(target: Tree, key: str, element: Tree) -> None:
    """What belongs in the first of several elements, when there is one."""
    there = target.setdefault(key, [element])
    if there[0] is not element:
        merge({key: there[0]}, key, element)


def extend(target: Tree, key: str, items: list[Any]) -> None:
    """Fixed items of an element that repeats."""
    target.setdefault(key, []).extend(items)


def computed(target: Tree, key: str, value: Any, many: bool) -> None:
    """The result of a named function, when it gives one."""
    if value:
        target[key] = [value] if many else value


_REASONS = {
    "ASKU": "asked-unknown",
    "NASK": "not-asked",
    "MSK": "masked",
    "NA": "not-applicable",
    "NAV": "temp-unknown",
}


def lacking(target: Tree, key: str, reason: str, many: bool, value: Any, c: Writing, rule: str) -> None:
    """An element that says why there is no value: as its null flavor does, else `reason`."""
    if key in target or key.removeprefix("_") in target:
        return
    if type(value) is Absent:
        reason = _REASONS.get(value.reason, reason)
        c.use(value, rule)
    element = {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": reason}]}
    target[key] = [element] if many else element


def complete(target: Tree, names: Sequence[str], key: str, many: bool) -> None:
    """An element that FHIR requires, of any of these names: that its value is unknown, when there is none."""
    for name in names:
        if name in target or f"_{name}" in target:
            return
    target[key] = [unknown()] if many else unknown()


def unknown() -> Tree:
    """An element that says that its value is unknown."""
    return {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": "unknown"}]}


def link(target: Tree, key: str, me: Me, part: str, c: Writing) -> None:
    """A reference to another part of the same block, when the block becomes it."""
    ids = me.parts.get(part)
    if ids:
        target[key] = c.reference_to(part, ids[0], me)


def link_item(target: Tree, key: str, me: Me, part: str, item: Any, many: bool, c: Writing) -> None:
    """A reference to the resource that this occurrence of a group became."""
    for i, each in enumerate(me.items.get(part, ())):
        if each is item:
            found = c.reference_to(part, me.parts[part][i], me)
            target[key] = [*target.get(key, ()), found] if many else found


def link_all(target: Tree, key: str, me: Me, part: str, c: Writing) -> None:
    """References to all resources that a part became."""
    found = [c.reference_to(part, each, me) for each in me.parts.get(part, ())]
    if found:
        target.setdefault(key, []).extend(found)


def joined(me: Me, c: Writing, block: str, by: str) -> Sequence[Any]:
    """The values of the blocks of a type that are about this person."""
    return c.joined(me, block, by)


def carried(values: Tree, concept: str, c: Writing, rule: str) -> None:
    """The reference of a joined block to the one that carries it is written by where it stands."""
    found = values.get(concept)
    if type(found) is Ref:
        c.use(found, rule)
