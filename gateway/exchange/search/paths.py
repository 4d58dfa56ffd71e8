"""Paths to elements, compiled once to small functions; nothing is interpreted while a resource is searched.

effectivePeriod                       an element
component.code                        of each repeat
telecom[system=email]                 of each repeat that has this value
extension[url=http://…].valuePeriod   of an extension
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

Extract = Callable[[Any], list[Any]]
"""Gives every value at a path, from a resource or an element."""

STEP = re.compile(r"(\w+)(?:\[(\w+)=([^\]]*)\])?(?:\.|$)")


@cache
def extractor(path: str) -> Extract:
    """The function of a path.  Only paths of the tables come here, so the cache is bounded."""
    if path == ".":
        return lambda node: [node]
    steps = [_step(*found.groups()) for found in STEP.finditer(path)]
    if len(steps) == 1:
        return steps[0]
    return lambda node: _follow(node, steps)


def plain(path: str) -> str:
    """The path without its tests: `telecom` of `telecom[system=email]`."""
    return ".".join(found[1] for found in STEP.finditer(path))


def _follow(node: Any, steps: list[Extract]) -> list[Any]:
    nodes = [node]
    for step in steps:
        nodes = [found for each in nodes for found in step(each)]
    return nodes


def _step(name: str, key: str | None, value: str | None) -> Extract:
    def children(node: Any) -> list[Any]:
        found = node.get(name) if isinstance(node, dict) else None
        if found is None:
            return []
        return found if isinstance(found, list) else [found]

    if key is None:
        return children
    return lambda node: [each for each in children(node) if isinstance(each, dict) and each.get(key) == value]


def references(node: Any) -> Iterator[str]:
    """Every literal reference in an element or resource, at any depth that a resource can have."""
    queue = [node]
    while queue:
        each = queue.pop()
        if isinstance(each, dict):
            if isinstance(text := each.get("reference"), str):
                yield text
            queue += reversed(each.values())
        elif isinstance(each, list):
            queue += reversed(each)
