"""The typed values that the middle of the gateway sees, and the block that holds them.

A value is immutable and knows where it came from: `at` is its number in the account of the reading
that made it (−1: made by the gateway).  Values hold what was sent: decimals keep their digits, a
moment keeps its precision and its offset.
"""

from __future__ import annotations

from typing import Any, TypeAlias, final

import msgspec


class _Value(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="t"):
    pass


@final
class Code(_Value, frozen=True, tag="code"):
    """A coded value.  `system` is an OID where one is known, else a URI; `text` is the original text.

    A null flavor that stands in for a code is `Absent`, except OTH with text, which is a code.
    """

    code: str
    system: str = ""
    display: str = ""
    version: str = ""
    text: str = ""
    at: int = -1


@final
class Quantity(_Value, frozen=True, tag="quantity"):
    """A number with a unit.  `value` has the digits as sent; `unit` the text as sent.

    `code` is the unit's code in `system`: UCUM when `system` is empty, else the OID of its system.
    """

    value: str
    unit: str = ""
    code: str = ""
    system: str = ""
    comparator: str = ""
    at: int = -1


@final
class Moment(_Value, frozen=True, tag="moment"):
    """A date or time in ISO 8601 with its own precision: 2012, 2012-05, 2012-05-06T07:08[:09][+02:00]."""

    value: str
    at: int = -1


@final
class Text(_Value, frozen=True, tag="text"):
    """Text as sent, without white space around it."""

    value: str
    at: int = -1


@final
class Boolean(_Value, frozen=True, tag="boolean"):
    """True or false."""

    value: bool
    at: int = -1


@final
class Integer(_Value, frozen=True, tag="integer"):
    """A count or a score without a unit."""

    value: int
    at: int = -1


@final
class Identifier(_Value, frozen=True, tag="identifier"):
    """An identifier within a system (OID where one is known, else URI)."""

    value: str
    system: str = ""
    at: int = -1


@final
class Blob(_Value, frozen=True, tag="blob"):
    """A document in base64, as sent."""

    data: str
    media: str = ""
    at: int = -1


@final
class Ref(_Value, frozen=True, tag="ref"):
    """A reference to a block of the same set by its key.

    A reference to something that the set does not hold has an empty `key` and what was sent:
    `literal` (a FHIR reference), `identifier` or only a `display`.
    """

    key: str = ""
    display: str = ""
    literal: str = ""
    identifier: Identifier | None = None
    at: int = -1


@final
class Absent(_Value, frozen=True, tag="absent"):
    """No value, and why: `reason` is a code of HL7 NullFlavor (NI, UNK, ASKU, MSK, …)."""

    reason: str
    text: str = ""
    at: int = -1


Value: TypeAlias = Code | Quantity | Moment | Text | Boolean | Integer | Identifier | Blob | Ref | Absent

Group: TypeAlias = dict[str, Any]
"""Concept name to a value, a list of values, a group, or a list of groups, as its profile says."""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """A FHIR resource that a block was read from, so that in that format it is itself again.

    `part` is the part of the mapping that read it ("": the block stood inside another block's resource);
    `names` are the references that meant it in its document.
    `members` are the elements that it had, `inside` the paths of all in them.  `rest` is JSON of what no
    concept covers, `[elements, mask]` (`gateway.mapping.carrying`); `modifies` says that this changes what
    the block means, as a status or a modifier extension does.  `at` is its number in the account, `also` are
    those of values in it that a row read and none writes.
    """

    format: str
    part: str = ""
    id: str = ""
    profiles: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    rest: str = ""
    modifies: bool = False
    at: int = -1
    also: tuple[int, ...] = ()
    inside: tuple[str, ...] = ()


class Block(msgspec.Struct):
    """One instance of a building block.

    `key` is unique within its set and stable: the same input gives the same key.  `values` maps the
    concepts of the profile, and those of the zibroot (Subject, Author, …), to their values.
    `context` is True for a block that may be referred to but is not put out (`--with`).
    `origins` are the FHIR resources that it was read from, in the order of the groups that they are.
    """

    type: str
    release: str
    key: str
    values: Group
    line: int = 0
    context: bool = False
    origins: tuple[Origin, ...] = ()
