"""YAML with places: what an author sees of a fault."""

import jsonschema
import pytest

from gateway import documents
from gateway.errors import AuthoringError


def test_every_key_and_item_has_its_place() -> None:
    document = documents.parse(
        "block: Problem\nrows:\n  Comment: note.text\n  Names: [a, b]\n", "Problem.yaml"
    )
    assert document.data == {"block": "Problem", "rows": {"Comment": "note.text", "Names": ["a", "b"]}}
    assert str(document.mark("rows", "Comment")) == "Problem.yaml:3"
    assert (document.mark("rows", "Names", 1).line, document.mark("rows", "Names", 1).column) == (4, 14)


def test_a_fault_shows_its_line_with_a_caret() -> None:
    document = documents.parse("rows:\n  Comment: note..text\n", "Problem.yaml")
    shown = document.fault("'note..text' is not a path", "rows", "Comment", offset=5).diagnostics()
    first, line, caret = shown.splitlines()
    assert first == "Problem.yaml:2:8: 'note..text' is not a path"
    assert line.index("m", line.index("|")) == caret.index("^") - 2 or "^" in caret


@pytest.mark.parametrize(
    ("text", "complaint", "line"),
    [
        ("a: [1, 2", "not YAML", 1),
        ("a: 1\nb: 2\na: 3\n", "'a' stands here twice", 3),
        ("", "the file is empty", 1),
    ],
)
def test_what_is_not_a_document_says_where(text: str, complaint: str, line: int) -> None:
    with pytest.raises(AuthoringError, match=complaint) as caught:
        documents.parse(text, "x.yaml")
    assert caught.value.line >= line or text.startswith("a: [")


def test_decimals_stay_text_so_that_no_digit_is_lost() -> None:
    assert documents.parse("version: 3.20\ncount: 3\nyes: true\n", "x.yaml").data == {
        "version": "3.20",
        "count": 3,
        "yes": True,
    }


def test_the_schema_names_the_deepest_place() -> None:
    document = documents.parse("rows:\n  Comment: {into: note}\n", "x.yaml")
    inner = {"type": "object", "additionalProperties": False, "properties": {"to": {"type": "string"}}}
    schema = {"properties": {"rows": {"additionalProperties": inner}}}
    with pytest.raises(AuthoringError) as caught:
        document.check(jsonschema.Draft202012Validator(schema))
    assert caught.value.line == 2
    assert "into" in caught.value.diagnostics()
