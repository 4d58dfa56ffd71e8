"""YAML documents of which every node knows its line and column.

A mapping author sees where a fault is: `documents.load` gives plain data and, beside it, a mark for
every path in it; `Document.fault` makes an `AuthoringError` with the line and a caret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gateway import caching
from gateway.errors import AuthoringError

if TYPE_CHECKING:
    import jsonschema

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Document:
    """Plain data of one YAML file, its name for people, and a mark for each path in it."""

    name: str
    text: str
    data: Any
    marks: dict[KeyPath, Mark] = field(default_factory=dict)

    def mark(self, *path: str | int) -> Mark:
        """The place of a key or item; of the nearest one above when it is not there."""
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Mark(self.name, 1, 1))

    def fault(self, text: str, *path: str | int, offset: int = 0) -> AuthoringError:
        """The error to raise for what stands at `path`; `offset` moves the caret into its text."""
        mark = self.mark(*path)
        return self.fault_at(mark, text, offset)

    def fault_at(self, mark: Mark, text: str, offset: int = 0) -> AuthoringError:
        """The error to raise for a mark of this document."""
        lines = self.text.splitlines()
        source = lines[mark.line - 1] if mark.line <= len(lines) else ""
        return AuthoringError(text, self.name, mark.line, mark.column + offset, source)

    def check(self, validator: jsonschema.Draft202012Validator) -> None:
        """Raise the fault that tells an author most: of alternatives, the one that came nearest."""
        import jsonschema

        error = jsonschema.exceptions.best_match(validator.iter_errors(self.data))
        if error is not None:
            rule = "/".join(map(str, error.schema_path))
            raise self.fault(f"{error.message} (rule {rule})", *error.absolute_path)


@cache
def grammar(file: Path) -> jsonschema.Draft202012Validator:
    """The JSON Schema in a file, as `Document.check` takes it."""
    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(file.read_bytes()))


def check_all(documents: Sequence[Document], file: Path) -> None:
    """Check documents by the grammar in a file, unless just these were found right before."""
    key = hashlib.sha256(file.read_bytes())
    for document in documents:
        key.update(document.name.encode() + b"\0" + document.text.encode() + b"\0")
    name = f"right-{key.hexdigest()[:32]}.bin"
    if caching.get(name) is None:
        for document in documents:
            document.check(grammar(file))
        caching.put(name, b"")


def load(path: Path, name: str | None = None) -> Document:
    """Read one YAML file.  Raises `AuthoringError` when it is not YAML, or repeats a key."""
    return parse(path.read_text(encoding="utf-8"), name or path.name)


def parse(text: str, name: str) -> Document:
    """Read YAML text; `name` is shown in errors."""
    document = Document(name, text, None)
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = Mark(name, mark.line + 1, mark.column + 1) if mark else Mark(name, 1, 1)
        raise document.fault_at(at, f"not YAML: {error.problem}") from None
    if node is None:
        raise document.fault_at(Mark(name, 1, 1), "the file is empty")
    document.data = _plain(node, (), document)
    return document


def _plain(node: yaml.Node, path: KeyPath, document: Document) -> Any:
    mark = Mark(document.name, node.start_mark.line + 1, node.start_mark.column + 1)
    document.marks.setdefault(path, mark)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key, value in node.value:
            at = Mark(document.name, key.start_mark.line + 1, key.start_mark.column + 1)
            if key.value in result:
                raise document.fault_at(at, f"'{key.value}' stands here twice")
            document.marks[(*path, key.value)] = at
            result[key.value] = _plain(value, (*path, key.value), document)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), document) for i, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    if node.tag.endswith(":bool"):
        return node.value.lower() in ("true", "yes", "on")
    if node.tag.endswith(":int"):
        return int(node.value)
    if node.tag.endswith(":null"):
        return None
    return node.value  # decimals stay text: a mapping has no use for binary fractions
