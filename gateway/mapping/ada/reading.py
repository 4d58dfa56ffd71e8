"""Reads ADA: which application a document is of, and the functions that read its blocks.

`AdaReader` knows the applications; an `Application` compiles the reading of a block when it first
meets one.  What happens in one document is `AdaReading`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lxml import etree

from gateway import documents
from gateway.blocks.profiles import Profiles
from gateway.blocks.values import Block, Group
from gateway.codecs.ada import transactions
from gateway.documents import Document
from gateway.errors import ContentError, Issue
from gateway.mapping.ada import overlays, values
from gateway.mapping.ada.compiling import AdaCompiler, function_name, spelled
from gateway.mapping.ada.document import AdaReading
from gateway.mapping.ada.overlays import Overlay
from gateway.mapping.runtime.state import Reading
from gateway.terminology.units import Units

Element = etree._Element


class AdaReader:
    """The reading of ADA of every application that has an overlay."""

    def __init__(self, profiles: Profiles, overlays: list[Overlay]) -> None:
        self.profiles = profiles
        self.overlays = overlays
        self._units = Units.load()
        self._applications = {overlay.application: Application(overlay, profiles) for overlay in overlays}

    @classmethod
    def load(cls, folder: Path, profiles: Profiles) -> AdaReader:
        """The reader for the overlays in a folder.  Raises `AuthoringError` when one is wrong."""
        return cls(profiles, overlays.load(folder))

    @property
    def applications(self) -> tuple[str, ...]:
        """Names of the applications that can be read."""
        return tuple(self._applications)

    def detect(self, root: Element) -> str:
        """The application of a document.  Raises `ContentError` when none of ours."""
        return self._registrations(root)[0][0].overlay.application

    def read(self, root: Element, c: Reading) -> list[Block]:
        """The blocks of a document; what is wrong with single values goes to `c.issues`.

        Raises `ContentError` when no overlay knows the document, or nothing in it is a block.
        """
        found = self._registrations(root)
        for meta in root.iterchildren("meta"):
            c.leave(meta, "structure", "about the file, not about the patient")
        return AdaReading(c, self._units).document(found)

    def source(self, application: str, block: str) -> str:
        """The generated source that reads a block.

        Raises `ContentError` when there is no such application, or no such block in its release.
        """
        found = self._applications.get(application)
        if found is None:
            known = ", ".join(self._applications)
            raise ContentError(
                Issue("error", "not-found", f"no ADA application '{application}' (known: {known})")
            )
        if self.profiles.get(found.release, block) is None:
            raise ContentError(Issue("error", "not-found", f"release {found.release} has no block '{block}'"))
        return found.source(block)

    def check(self) -> None:
        """Compile everything.  Raises `AuthoringError` for the first overlay that does not fit."""
        for application in self._applications.values():
            application.check()

    def _registrations(self, root: Element) -> list[tuple[Application, Element]]:
        """The registrations of a document, at least one, each with its application."""
        found = transactions(root)
        if not found:
            raise ContentError(Issue("error", "required", "no registration in <data>", place="/adaxml/data"))
        return [(self._recognise(registration), registration) for registration in found]

    def _recognise(self, registration: Element) -> Application:
        for application in self._applications.values():
            if application.overlay.recognises(registration):
                return application
        app = registration.get("app")
        what = f"application '{app[:40]}'" if app else "a registration without an application"
        known = ", ".join(
            sorted(name for overlay in self.overlays for name in (*overlay.apps, *overlay.roots))
        )
        place = registration.getroottree().getpath(registration)
        raise ContentError(
            Issue("error", "not-supported", f"no mapping knows {what} (known: {known})", place=place)
        )


BlockReader = Callable[[Element, Group, AdaReading], None]
"""Reads an element into the values of a block."""


class Application:
    """One application with the functions that read its blocks, each compiled when first needed."""

    def __init__(self, overlay: Overlay, profiles: Profiles) -> None:
        self.overlay = overlay
        self.release = overlay.release
        self._documents = _Documents(profiles.folder, overlay.release)
        self.compiler = AdaCompiler(overlay, profiles, self._documents)
        self.blocks = self._names(profiles)
        """Element name to block."""
        self._sections = overlay.sections | overlay.brings
        self._endings = tuple(name[1:] for name in overlay.sections if name.startswith("*"))
        self._space: dict[str, Any] = {name: getattr(values, name) for name in dir(values)}
        self._sources: dict[str, str] = {}
        self._readers: dict[str, BlockReader] = {}
        self._compiling = threading.RLock()

    def _names(self, profiles: Profiles) -> dict[str, str]:
        names: dict[str, str] = {}
        found = [profiles.get(self.release, block) for block in profiles.blocks(self.release)]
        blocks = [profile for profile in found if profile is not None and profile.kind != "root"]
        dutch, english = ([spelled(p.nl) for p in blocks], [spelled(p.block) for p in blocks])
        for spellings in (dutch, english) if self.overlay.language == "nl" else (english, dutch):
            for name, profile in zip(spellings, blocks, strict=True):
                names.setdefault(name, profile.block)
        names |= self.overlay.blocks
        return {name: block for name, block in names.items() if block}

    def is_section(self, tag: str) -> bool:
        """True for an element that only holds blocks."""
        return tag in self._sections or (bool(self._endings) and tag.endswith(self._endings))

    def reader(self, block: str) -> BlockReader:
        """The function that reads a block."""
        found = self._readers.get(block)
        if found is None:
            with self._compiling:  # several threads may ask; a reader is given out when whole
                if function_name(block) not in self._space:
                    self._load(block)
                found = self._readers[block] = self._space[function_name(block)]
        return found

    def source(self, block: str) -> str:
        """The generated source of a block."""
        if block not in self._sources:
            self._sources[block] = self.compiler.compile(block)
        return self._sources[block]

    def check(self) -> None:
        """Compile every block, and see that every scope of the overlay is there."""
        for block in self.blocks.values():
            self.reader(block)
        for scope in self.overlay.elements:
            if scope not in self.compiler.scopes:
                document = self.overlay.document
                raise document.fault(f"release {self.release} has no '{scope}'", "elements", scope)

    def concept_at(self, rule: str) -> str:
        """The id of the concept at a row, `zib_profiles/<release>/<Block>.yaml:<line>`; or nothing."""
        file, _, line = rule.rpartition(":")
        document = self._documents.get(file.rpartition("/")[2].removesuffix(".yaml"))
        if document is None:
            return ""
        for path, mark in document.marks.items():
            if mark.line == int(line) and path[:1] == ("concepts",) and path[-1] != "id":
                found = document.data
                for name in path:
                    found = found[name]
                if isinstance(found, dict) and "id" in found:
                    return str(found["id"])
        return ""

    def _load(self, block: str) -> None:
        """Compile a block and what it is made of.  The constants of all blocks have names of their own."""
        text = self.source(block)
        code = compile(text, f"<ada {self.overlay.application} {block}>", "exec", dont_inherit=True)
        exec(code, self._space)  # noqa: S102 - our own generated source, from profiles and overlays
        for part in self.compiler.parts(block):
            if function_name(part) not in self._space:
                self._load(part)


class _Documents(dict[str, Document]):
    """Profile files with the place of every key in them, each read when first needed."""

    def __init__(self, folder: Path, release: str) -> None:
        super().__init__()
        self._folder, self._release = folder, release

    def __missing__(self, block: str) -> Document:
        name = f"{self._release}/{block}.yaml"
        self[block] = found = documents.load(self._folder / name, f"zib_profiles/{name}")
        return found
