"""Facts from the concept tables of zib release 2017 (`Mappings/*.xlsx` of the CC0 STU3 package).

A table holds one zib: a row a concept, nesting by column, with NL-CM id, data type, cardinality and
stereotype.  Read with the standard library: a sheet is XML in a zip.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from conformance.tools.zib_facts import PARTIALS, PREFIX, Fact, prefix_of

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TYPES = {
    "CD": "code", "CO": "code", "ST": "text", "TS": "moment", "PQ": "quantity", "INT": "integer",
    "BL": "boolean", "II": "identifier", "ANY": "any", "ED": "blob",
}  # fmt: skip
CODE_LISTS = ("Codelist", "Codelijst")
# Spelling slips and Dutch names in the reference column.
BLOCKS = {
    "AdresInformation": "AddressInformation",
    "Adresgegevens": "AddressInformation",
    "Contactgegevens": "ContactInformation",
    "HeathcareProvider": "HealthcareProvider",
    "Healthcare": "HealthcareProvider",
    "MedischHulpmiddel": "MedicalDevice",
    "MediicalDevice": "MedicalDevice",
    "Zorgverlener": "HealthProfessional",
    "Contactpersoon": "ContactPerson",
    "Zorgaanbieder": "HealthcareProvider",
    "BurgerlijkeStaat": "MaritalStatus",
    "FunctionelOrMentalStatus": "FunctionalOrMentalStatus",
    "DietaryRecommendations": "NutritionAdvice",
    "MedicationAdministration2": "MedicationAdministration",
}

Row = dict[str, str]


def rows(file: Path) -> Iterator[Row]:
    """The rows of every sheet as column letter to text."""
    with zipfile.ZipFile(file) as book:
        shared: list[str] = []
        if "xl/sharedStrings.xml" in book.namelist():
            strings = etree.fromstring(book.read("xl/sharedStrings.xml"))
            shared = ["".join(t.text or "" for t in item.iter(SHEET + "t")) for item in strings]
        for name in sorted(n for n in book.namelist() if re.match(r"xl/worksheets/sheet\d+\.xml", n)):
            for row in etree.fromstring(book.read(name)).iter(SHEET + "row"):
                yield cells(row, shared)


def cells(row: etree._Element, shared: list[str]) -> Row:
    """One row, without empty cells."""
    found: Row = {}
    for cell in row.iterfind(SHEET + "c"):
        value = cell.findtext(SHEET + "v")
        if value is not None:
            text = shared[int(value)] if cell.get("t") == "s" else value
            if text.strip():
                found[re.sub(r"\d", "", cell.get("r", ""))] = text.strip()
    return found


def fact_of(row: Row, name: str, parent: str, file: str) -> Fact:
    """The statement of one row; `Indication::Problem` is the concept Indication, a reference to Problem."""
    stereotype = row.get("K", "")
    kind = TYPES.get(row.get("I", "").split(" ")[0], "")
    targets: tuple[str, ...] = ()
    if "container" in stereotype or stereotype == "rootconcept":
        kind = "group"
    elif "reference" in stereotype:
        kind, targets = reference_of(row)
    said = re.search(r"\d\.\.[\d*]+|\b1\b", row.get("J", ""))
    card = {"1": "1..1"}.get(said[0], said[0]) if said else ("" if stereotype == "rootconcept" else "0..1")
    concept = row["L"].split()[0].strip(".")
    values = row.get("O", "") if kind == "code" and row.get("O", "").endswith(CODE_LISTS) else ""
    return Fact(concept, *names_of(row, name), kind, card, targets, values, parent, file)


def names_of(row: Row, name: str) -> tuple[str, str]:
    """English and Dutch name; a few tables are in Dutch and give the English name as the alias."""
    language, _, alias = row.get("H", "").partition(":")
    here, there = (re.split("::?", text, maxsplit=1)[0].strip() for text in (name, alias))
    here = re.sub(r" (\w)", lambda match: match[1].upper(), here)
    return (there, here) if language.strip().startswith("E") else (here, there)


def reference_of(row: Row) -> tuple[str, tuple[str, ...]]:
    """A partial zib by name, or `reference` with its target."""
    said = row.get("O", "")
    said = re.sub(r"(root)?concept (of|van)", "", said)
    match = re.search(r"(?:information model|concept|bouwsteen) +(\w+)", said)
    block = match[1] if match else ""
    block = BLOCKS.get(block, block)
    if block in PARTIALS:
        return block, ()
    return "reference", (block,) if block else ()


def read_table(file: Path) -> Iterator[Fact]:
    """The facts of one table; sheets after the first table (older releases, value sets) are left alone."""
    stack: list[tuple[str, str]] = []
    facts: list[Fact] = []
    heading = False
    for row in rows(file):
        if row.get("B") == "Concept" and row.get("L") == "Id":
            if stack:
                break
            heading = True
        elif heading and row.get("L", "").startswith(PREFIX):
            column = min(c for c in row if c in "BCDEFG")
            while stack and stack[-1][0] >= column:
                stack.pop()
            facts.append(fact_of(row, row[column], stack[-1][1] if stack else "", file.name))
            stack.append((column, facts[-1].id))
        elif facts and facts[-1].values and set(row) == {"O"} and row["O"].endswith(CODE_LISTS):
            facts[-1].values += "|" + row["O"]  # one more code list for the same concept
    # A table repeats concepts of a zib that it refers to, with names of its own.
    yield from (fact for fact in facts if prefix_of(fact.id) == prefix_of(facts[0].id))


def read_tables(folder: Path) -> Iterator[Fact]:
    """The facts of all tables in a folder; files that are no workbook are passed over."""
    for file in sorted(folder.glob("*.xlsx")):
        if zipfile.is_zipfile(file):
            yield from read_table(file)


def value_set_ids(folder: Path) -> dict[str, list[str]]:
    """Name of a value set, as the tables use it, to its OIDs: two zibs may each have one of that name."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.xlsx")):
        if zipfile.is_zipfile(file):
            for row in rows(file):
                oid = next((m[0] for c in row.values() if (m := re.search(r"(?<=OID: )2\.16[\d.]+", c))), "")
                name = row.get("C", row.get("B", ""))
                if oid and name:
                    found.setdefault(name, []).append(oid.rstrip("."))
    return found
