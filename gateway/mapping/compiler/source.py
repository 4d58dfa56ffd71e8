"""Python source under construction: lines, indentation and the constants at its head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.documents import Mark


class Source:
    """Collects the lines of one generated module."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._lines: list[str] = []
        self._depth = 0
        self._constants: dict[str, str] = {}
        self._names: dict[str, int] = {}

    def line(self, text: str = "") -> None:
        """One line at the present depth."""
        self._lines.append("    " * self._depth + text if text else "")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """`head:` and what is written inside; `pass` when nothing is."""
        self.line(head + ":")
        self._depth += 1
        count = len(self._lines)
        yield
        if len(self._lines) == count:
            self.line("pass")
        self._depth -= 1

    def name(self, stem: str) -> str:
        """A variable that is not in use yet in this function."""
        number = self._names.get(stem, 0) + 1
        self._names[stem] = number
        return stem if number == 1 else f"{stem}{number}"

    def forget_names(self) -> None:
        """Begin a new function."""
        self._names.clear()

    def rule(self, mark: Mark) -> str:
        """The constant that names the row at `mark` in the account."""
        return self.constant(f"ROW_{mark.line}", repr(str(mark)))

    def constant(self, name: str, value: str) -> str:
        """A constant of the module; `value` is source text.  The same name has one value."""
        self._constants.setdefault(name, value)
        return name

    def text(self) -> str:
        """The module."""
        head = [f'"""{self.title}"""', ""]
        head += [f"{name} = {value}" for name, value in self._constants.items()]
        return "\n".join([*head, "", *self._lines]) + "\n"
