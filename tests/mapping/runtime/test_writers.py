"""Elements that are written in parts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from gateway.mapping.runtime.writers import complete, merge, merge_first, unknown

DUE = {"coding": [{"code": "due"}]}


@pytest.mark.parametrize(
    ("there", "added", "whole"),
    [
        ({"status": DUE}, {"status": unknown(), "x": 1}, {"status": DUE, "x": 1}),
        ({"status": unknown()}, {"status": DUE}, {"status": DUE}),
        ({"date": "2026"}, {"_date": unknown()}, {"date": "2026"}),
        ({"_date": unknown()}, {"date": "2026"}, {"date": "2026"}),
        ({"_date": {"id": "a"}}, {"date": "2026"}, {"_date": {"id": "a"}, "date": "2026"}),
        ({"coding": [1]}, {"coding": [2]}, {"coding": [1, 2]}),
    ],
)
def test_what_one_part_knows_is_not_unknown(there: dict[str, Any], added: Any, whole: Any) -> None:
    target: dict[str, Any] = {"first": [deepcopy(there)], "one": deepcopy(there)}
    merge(target, "one", added)
    merge_first(target, "first", added)
    assert target == {"first": [whole], "one": whole}


@pytest.mark.parametrize("known", [{"status": "final"}, {"_status": {"extension": []}}])
def test_what_is_there_is_complete(known: dict[str, Any]) -> None:
    target = dict(known)
    complete(target, ["status"], "_status", many=False)
    assert target == known
