"""Value sets of a FHIR package as codes per system (no displays), and their short files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lxml import etree

from conformance.tools.zib_structures import FHIR, values
from gateway.terminology.systems import CodeSystems


class ValueSets:
    """The value sets of a package by URL, by OID and by English name."""

    def __init__(self, folders: list[Path], english: dict[str, list[str]], hand: dict[str, Any]) -> None:
        self.systems = CodeSystems.load()
        self.english = english
        self.hand = {name: content for name, content in hand.items() if "same_as" not in content}
        self.aliases = {name: content["same_as"] for name, content in hand.items() if "same_as" in content}
        self.aliases |= {c["english"]: name for name, c in self.hand.items() if "english" in c}
        self.joined: dict[str, list[str]] = {}
        self.files: dict[str, Path] = {}
        for folder in folders:
            for file in sorted(folder.rglob("*.xml")):
                root = etree.parse(file).getroot()
                if root.tag == FHIR + "ValueSet":
                    self.files[values(root, "url")[0]] = file
        self.by_oid = {oid: url for url in sorted(self.files) if (oid := oid_of(url))}
        self.names = self.file_names()

    def file_names(self) -> dict[str, str]:
        """URL to file name: the published name, with the last numbers of the OID where two share it."""
        titles = {url: values(etree.parse(f).getroot(), "name")[0] for url, f in self.files.items()}
        shared = {t for t in titles.values() if len({oid_of(u) for u, x in titles.items() if x == t}) > 1}
        tails = {url: ".".join(oid_of(url).split(".")[-3:]) for url in titles}
        return {url: f"{t}-{tails[url]}" if t in shared else t for url, t in titles.items()}

    def url_of(self, stated: str, concept: str = "") -> str:
        """The URL of a value set that a source names by URL (any date), OID, English or own name."""
        if stated in self.files:
            return stated
        zib = f".40.2.{concept.removeprefix('NL-CM:').rpartition('.')[0]}."
        oids = [oid for oid in (oid_of(stated), *self.english.get(stated, ())) if oid in self.by_oid]
        oids.sort(key=lambda oid: zib not in oid)
        if oids:
            return self.by_oid[oids[0]]
        return next((url for url, name in self.names.items() if name == stated), "")

    def name_of(self, stated: str, concept: str = "", nl: str = "") -> str:
        """The file name of a value set, or nothing when the package has no such value set.

        Several, separated by bars, become one that holds what all of them hold.
        """
        if "|" in stated:
            parts = [part for part in stated.split("|") if self.name_of(part, concept)]
            if len(parts) > 1:
                name = f"{nl}Codelijsten"
                found = [self.name_of(part, concept) for part in parts]
                if self.joined.setdefault(name, found) != found:
                    name = f"{nl}Codelijsten-{concept.removeprefix('NL-CM:')}"
                    self.joined[name] = found
                return name
            stated = parts[0] if parts else ""
        name = self.aliases.get(stated, stated)
        return name if name in self.hand else self.names.get(self.url_of(name, concept), "")

    def content(self, url: str, seen: frozenset[str] = frozenset()) -> tuple[dict[str, list[str]], list[str]]:
        """Codes per system, and the systems of which any code is allowed (whole systems and filters)."""
        codes: dict[str, list[str]] = {}
        whole: list[str] = []
        root = etree.parse(self.files[url]).getroot()
        for include in root.iterfind(f"{FHIR}compose/{FHIR}include"):
            for other in values(include, "valueSet"):
                target = self.url_of(other)
                if target and target not in seen:
                    inner, systems = self.content(target, seen | {url})
                    for system, found in inner.items():
                        extend(codes.setdefault(system, []), found)
                    extend(whole, systems)
            for system in values(include, "system"):
                name = self.systems.oid(system) or system
                found = values(include, "concept/code")
                extend(codes.setdefault(name, []), found) if found else extend(whole, [name])
        return codes, whole

    def named(self, name: str) -> tuple[str, str, dict[str, list[str]], list[str]]:
        """OID, URL, codes and whole systems of a value set by its file name."""
        if name in self.hand:
            content = self.hand[name]
            return content["id"], "", content.get("codes", {}), content.get("systems", [])
        if name in self.joined:
            codes: dict[str, list[str]] = {}
            whole: list[str] = []
            for part in self.joined[name]:
                _, _, inner, systems = self.named(part)
                for system, found in inner.items():
                    extend(codes.setdefault(system, []), found)
                extend(whole, systems)
            return "", "", codes, whole
        url = next(url for url, known in self.names.items() if known == name)
        url = self.by_oid.get(oid_of(url), url)
        return oid_of(url) or url.rpartition("/")[2], url, *self.content(url)

    def write(self, folder: Path, used: set[str]) -> None:
        """One file for each value set that a profile uses."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(used):
            text = value_set_text(name, *self.named(name), self.joined.get(name, []))
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def value_set_text(
    name: str, oid: str, url: str, codes: dict[str, list[str]], whole: list[str], parts: list[str]
) -> str:
    """A value set file; `parts` are the value sets that it joins."""
    lines = [f"name: {name}", f"joins: [{', '.join(parts)}]" if parts else f"id: {oid}"]
    if url:
        lines.append(f"url: {url}")
    if whole:
        lines.append(f"systems: [{', '.join(quoted(s) for s in whole)}]")
    if codes:
        lines.append("codes:")
        for system, found in codes.items():
            lines += wrapped(f"  {quoted(system)}: [", [quoted(c) for c in found])
    return "\n".join(lines) + "\n"


def oid_of(url: str) -> str:
    """The OID at the end of an ART-DECOR canonical, without its date."""
    match = re.search(r"\b(2\.16(?:\.\d+)+)", url)
    return match[1] if match else ""


def extend(known: list[str], more: list[str]) -> None:
    """Append what is not there yet."""
    known.extend(item for item in dict.fromkeys(more) if item not in known)


def quoted(text: str) -> str:
    """A YAML scalar that stays a string."""
    return f'"{text}"'


def wrapped(start: str, items: list[str], width: int = 108) -> list[str]:
    """A flow list over as many lines as it takes."""
    lines, line = [], start
    for place, item in enumerate(items):
        piece = item + (", " if place < len(items) - 1 else "]")
        if len(line) + len(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = "    "
        line += piece
    return [*lines, line]
