"""The translator of the pipeline: the same one, with its time told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.blocks import Block
from gateway.codecs.limits import Limits
from gateway.mapping import Context, Read, Translator, Written
from gateway.observing import Observer


class ObservedTranslator(Translator):
    """Tells an observer of every document that is read or written."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self._observer = observer

    def read(self, data: bytes, context: Context, form: str = "", limits: Limits | None = None) -> Read:
        """As `Translator.read`."""
        with self._observer.timed("translation", "read"):
            return super().read(data, context, form, limits)

    def read_tree(self, tree: dict[str, Any], context: Context, form: str, seed: str) -> Read:
        """As `Translator.read_tree`."""
        with self._observer.timed("translation", "read"):
            return super().read_tree(tree, context, form, seed)

    def write(
        self,
        read: Read,
        form: str,
        context: Context,
        beside: Iterable[Read] = (),
        blocks: Sequence[Block] | None = None,
    ) -> Written:
        """As `Translator.write`."""
        with self._observer.timed("translation", "write"):
            return super().write(read, form, context, beside, blocks)
