"""Every member and item of a document is found where it stands."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs.json_places import members, unbounded_number_at

NAMES = st.text(alphabet='ab"\\{}[]:, é\n', min_size=1, max_size=4)
LEAVES = st.none() | st.booleans() | st.integers() | NAMES | st.just("")
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=20,
)


def paths(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every path in document order, with the text that begins there: a name, or an item."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{path}.{name}", name
            yield from paths(member, f"{path}.{name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield f"{path}[{i}]", item
            yield from paths(item, f"{path}[{i}]")


@given(st.dictionaries(NAMES, TREES, max_size=4), st.booleans(), st.sampled_from([None, 1]))
def test_every_path_is_found_where_it_stands(tree: Any, escaped: bool, indent: int | None) -> None:
    body = json.dumps(tree, ensure_ascii=escaped, indent=indent).encode()
    found = list(members(body, "Root"))
    wanted = [("Root", tree), *paths(tree, "Root")]
    assert [path for path, _ in found] == [path for path, _ in wanted]
    for (_, at), (_, value) in zip(found, wanted, strict=True):
        assert json.JSONDecoder().raw_decode(body[at:].decode())[0] == value


@pytest.mark.parametrize("number", [b"1e400", b"-1e-400", b"1" * 500, b"0." + b"1" * 500])
def test_the_first_number_that_nobody_can_hold_is_found(number: bytes) -> None:
    body = b'{"a": "1e999", "b": [1.5, -0.0, 1e300, ' + number + b"]}"
    assert unbounded_number_at(body) == body.index(number)
