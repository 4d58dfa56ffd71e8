"""The searches of the BgZ: all there, understood whole, and those that the published TestScripts send."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote

from conformance.bgz import QUERIES
from tests.exchange.search.test_medmij import queries, understood


def test_each_of_the_28_is_handled_whole() -> None:
    assert len({query.address for query in QUERIES}) == 28
    for query in QUERIES:
        kind, _, operation = query.path.partition("/")
        search = understood(kind, (f"/{operation}" if operation else "") + query.address[len(query.path) :])
        assert search.handled == query.parameters


def test_without_operation_it_is_a_search_of_the_type() -> None:
    for query in QUERIES:
        plain = query.without_operation()
        assert plain.path.isalpha()
        assert understood(plain.path, plain.address[len(plain.path) :]).handled == query.parameters


def test_they_are_those_of_the_test_scripts(testdata: Path) -> None:
    ours = {(query.path, frozenset(query.parameters)) for query in QUERIES}
    theirs = {
        (kind + params.partition("?")[0], frozenset(parse_qsl(unquote(params.partition("?")[2]))))
        for kind, params in queries(testdata / "testscripts" / "STU3" / "BgZ-3-0")
    }
    assert len(theirs) > 20
    assert theirs <= ours
