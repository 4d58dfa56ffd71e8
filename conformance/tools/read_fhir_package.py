"""Write `zib_profiles/<release>/` from the published definitions of a zib release.

    python -m conformance.tools.read_fhir_package 2020 --structures PACKAGE/zib PACKAGE/nl-core \\
        --tables TABLES --instances ADA... --out zib_profiles

Sources, of which facts are taken and nothing else (ids, names, types, cardinalities, nesting, codes):

- StructureDefinitions, ValueSets and ConceptMaps of nictiz.fhir.nl.r4.zib2020, nictiz.fhir.nl.r4.nl-core
  and nictiz.fhir.nl.stu3.zib2017 (publisher Nictiz; licence CC0-1.0; code systems keep their own terms);
- the concept tables of release 2017 in the folder Mappings of the latter;
- ADA instances, for the nesting that FHIR does not show and the names in use;
- `zib_facts_<release>.yaml` beside this file: what none of them states, each with its source.

A statement in that last file wins.  For release 2020 the tables of 2017 fill in what 2020 leaves
open on a concept with the same id: the zibs give a changed concept a new id.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from conformance.tools.zib_facts import PARTIALS, Fact, Zib, merge, normal, prefix_of, sort_key
from conformance.tools.zib_instances import Seen, facts_of, read_instances
from conformance.tools.zib_structures import Model, read_structures
from conformance.tools.zib_tables import read_tables, value_set_ids
from conformance.tools.zib_value_sets import ValueSets

Tree = dict[str, Any]


@dataclass(slots=True)
class Sources:
    """Everything that was read for one release."""

    release: str
    structures: list[tuple[Model, Fact]]
    tables: list[Fact]
    seen: list[Seen]
    written: Tree
    values: ValueSets


def written_facts(block: Tree) -> Iterable[Fact]:
    """The hand-written concepts of a block as statements, root first."""
    root = block.get("root", block["id"] + ".1")
    yield Fact(root, block.get("en", ""), block.get("nl", ""), "group", source="hand")

    def below(concepts: Tree, parent: str) -> Iterable[Fact]:
        for name, concept in concepts.items():
            to = tuple(concept.get("to", ()))
            kind = concept.get("type", "group" if "concepts" in concept else "")
            yield Fact(
                concept["id"], name, concept.get("nl", ""), kind, concept.get("card", ""), to,
                concept.get("values", ""), parent, "hand", aka=tuple(concept.get("aka", ())),
            )  # fmt: skip
            yield from below(concept.get("concepts", {}), concept["id"])

    yield from below(block.get("concepts", {}), root)


def models_by_prefix(structures: list[tuple[Model, Fact]]) -> dict[str, Model]:
    """The zib that most mappings with that id prefix name."""
    votes: dict[str, dict[Model, int]] = defaultdict(lambda: defaultdict(int))
    for model, fact in structures:
        votes[prefix_of(fact.id)][model] += 1
    return {prefix: max(found, key=lambda m: found[m]) for prefix, found in votes.items()}


def gather(sources: Sources) -> list[Zib]:
    """One Zib a prefix, with merged facts."""
    hand = [f for block in sources.written["blocks"].values() for f in written_facts(block)]
    structures = [fact for _, fact in sources.structures]
    shown = list(facts_of(sources.seen))
    current = {f.id for f in hand + structures + shown}
    needed = current | containers(sources.tables, current)
    if sources.release == "2017":
        needed |= {f.id for f in sources.tables}
        stated = [*hand, *sources.tables, *structures, *shown]
    else:
        typing = [Fact(f.id, type=f.type, card=f.card, targets=f.targets) for f in sources.tables]
        stated = [*hand, *shown, *typing, *structures, *sources.tables]
    merged = {concept: fact for concept, fact in merge(stated).items() if concept in needed}
    by_id: dict[str, list[Fact]] = defaultdict(list)
    for fact in stated + sources.tables:
        by_id[fact.id].append(fact)
    in_dutch = sources.release != "2017"  # the instances of 2017 that have ids are in English
    for concept, fact in merged.items():
        fact.nl = next((f.nl for f in hand if f.id == concept and f.nl), "") or dutch(
            by_id[concept], in_dutch
        )
    return blocks_of(sources, merged)


def containers(tables: list[Fact], concepts: set[str]) -> set[str]:
    """The group concepts of the tables around the given concepts."""
    parents = {f.id: f.parent for f in tables}
    found: set[str] = set()
    for concept in concepts:
        around = parents.get(concept, "")
        while around:
            found.add(around)
            around = parents.get(around, "")
    return found


def blocks_of(sources: Sources, merged: dict[str, Fact]) -> list[Zib]:
    """Facts grouped to blocks with their names."""
    models = models_by_prefix(sources.structures)
    tables = {f.id: f for f in sources.tables if not f.parent}
    by_id = {block["id"]: (name, block) for name, block in sources.written["blocks"].items()}
    owners = {f.id: block["id"] for _, block in by_id.values() for f in written_facts(block)}
    zibs: dict[str, Zib] = {}
    for concept in sorted(merged, key=sort_key):
        prefix = owners.get(concept, prefix_of(concept))
        zib = zibs.setdefault(prefix, Zib(prefix))
        zib.facts[concept] = merged[concept]
    for prefix, zib in zibs.items():
        model, (name, block) = models.get(prefix), by_id.get(prefix, ("", {}))
        root = zib.facts.get(block.get("root", prefix + ".1"), Fact(prefix))
        title = tables[root.id].name if root.id in tables else (model.name if model else "")
        if model and model.name[:1].isupper():
            title = model.name
        zib.name = name or title.replace("+", "plus").replace("part.", "")
        zib.nl = block.get("nl") or root.nl
        zib.version = str(block.get("version") or (model.version if model else ""))
        zib.hand_written = bool(block)
        omitted = set(block.get("omit", ()))
        zib.facts = {c: f for c, f in zib.facts.items() if c not in omitted}
    left_out = sources.written.get("leave_out", ())
    return [zib for zib in zibs.values() if zib.name and zib.prefix not in left_out]


def root_of(zib: Zib, written: Tree) -> str:
    """The id of the root concept."""
    block = written["blocks"].get(zib.name, {})
    return str(block.get("root", zib.prefix + ".1"))


def dutch(stated: list[Fact], confirmed: bool) -> str:
    """The Dutch name: of those stated the one that the name of an ADA element confirms, else the first."""
    names = [name for fact in stated for name in (fact.nl, *fact.aliases) if name[:1].isupper()]
    elements = {
        normal(alias) for fact in stated for alias in fact.aliases if confirmed and alias[:1].islower()
    }
    return next((name for name in names if normal(name) in elements), "") or next(iter(names), "")


def sequence(concepts: list[str], seen: list[Seen]) -> list[str]:
    """Siblings in the order of the instances; those never seen keep their place by id."""
    rank = {concept: place for place, concept in enumerate(concepts)}
    after: dict[str, set[str]] = defaultdict(set)
    for one in seen:
        if one.concept in rank and one.before in rank and one.before != one.concept:
            after[one.concept].add(one.before)
    done: list[str] = []

    def place(concept: str, pending: frozenset[str]) -> None:
        if concept in done or concept in pending:
            return
        for earlier in sorted(after[concept], key=lambda c: rank[c]):
            place(earlier, pending | {concept})
        done.append(concept)

    for concept in concepts:
        place(concept, frozenset())
    return done


class Profiles:
    """Turns gathered zibs into profile trees."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.problems: list[str] = []
        self.table_order = {f.id: place for place, f in enumerate(sources.tables)}
        hand = (f for block in sources.written["blocks"].values() for f in written_facts(block))
        self.hand_order = {f.id: place for place, f in enumerate(hand)}
        self.blocks: set[str] = set()

    def profile(self, zib: Zib) -> Tree:
        """The content of one profile file."""
        root = root_of(zib, self.sources.written)
        children: dict[str, list[str]] = defaultdict(list)
        for concept, fact in zib.facts.items():
            parent = fact.parent if fact.parent in zib.facts else root
            if concept != root:
                children[parent].append(concept)
        return {
            "block": zib.name,
            "release": self.sources.release,
            "id": zib.prefix,
            "root": root,
            "version": zib.version,
            "name": {"nl": zib.nl, "en": zib.name},
            "kind": "partial" if zib.name in PARTIALS | {"PharmaceuticalProduct"} else "zib",
            "concepts": self.concepts(zib, root, children),
        }

    def concepts(self, zib: Zib, parent: str, children: dict[str, list[str]]) -> Tree:
        """The concepts inside one parent, by English name."""
        by_hand = all(c in self.hand_order for c in children[parent])
        order = self.hand_order if by_hand else self.table_order
        ranked = sorted(children[parent], key=lambda c: (order.get(c, 10**6), sort_key(c)))
        found: Tree = {}
        for concept in sequence(ranked, self.sources.seen):
            fact = zib.facts[concept]
            name = fact.name[:1].upper() + fact.name[1:]
            if not name or name in found:
                self.problems.append(f"{zib.name}: {concept} has no name of its own ({name!r})")
                name = f"{name}{concept.rpartition('.')[2]}"
            found[name] = self.concept(zib, fact, children)
        return found

    def concept(self, zib: Zib, fact: Fact, children: dict[str, list[str]]) -> Tree:
        """One concept with what is below it."""
        kind = "group" if children.get(fact.id) else fact.type
        if not kind and fact.name != "Comment":
            self.problems.append(f"{zib.name}: {fact.id} {fact.name} has no type")
        tree: Tree = {"id": fact.id, "nl": fact.nl or fact.name}
        if fact.aka:
            tree["aka"] = list(fact.aka)
        tree["type"] = kind or "text"
        if kind == "reference":
            tree["to"] = sorted(set(fact.targets) & self.blocks)
            if not tree["to"]:
                self.problems.append(f"{zib.name}: {fact.id} {fact.name} refers to no block: {fact.targets}")
        tree["card"] = fact.card or "0..1"
        values = self.sources.values.name_of(fact.values, fact.id, fact.nl) if fact.values else ""
        if values and kind in {"code", "any"}:
            tree["values"] = values
        elif fact.values not in {"", "none"} and kind == "code":
            self.problems.append(f"{zib.name}: {fact.id} {fact.name}: no value set {fact.values}")
        if kind == "group":
            tree["concepts"] = self.concepts(zib, fact.id, children)
        return tree


def lines_of(concepts: Tree, indent: str) -> Iterable[str]:
    """Concepts as YAML: a leaf on one line, a group with its concepts below it."""
    for name, concept in concepts.items():
        parts = [f"{key}: [{', '.join(v)}]" if isinstance(v, list) else f"{key}: {v}"
                 for key, v in concept.items() if key != "concepts"]  # fmt: skip
        if "concepts" not in concept:
            yield f"{indent}{name}: {{{', '.join(parts)}}}"
            continue
        yield f"{indent}{name}:"
        yield from (f"{indent}  {part}" for part in parts)
        yield f"{indent}  concepts:"
        yield from lines_of(concept["concepts"], indent + "    ")


def text_of(profile: Tree, hand: str) -> str:
    """A profile file."""
    package = {"2020": "nictiz.fhir.nl.r4.zib2020", "2017": "nictiz.fhir.nl.stu3.zib2017"}[profile["release"]]
    head = [f"# Facts of {package} (CC0-1.0), written by conformance/tools/read_fhir_package.py."]
    if hand:
        head.append(f"# Written by hand in part: {hand}.")
    names = profile["name"]
    head += [
        f"block: {profile['block']}",
        f'release: "{profile["release"]}"',
        f"id: {profile['id']}",
        *([f"root: {profile['root']}"] if profile["root"] != profile["id"] + ".1" else []),
        f'version: "{profile["version"]}"',
        f"name: {{nl: {names['nl']}, en: {names['en']}}}",
        f"kind: {profile['kind']}",
        "concepts:",
    ]
    return "\n".join([*head, *lines_of(profile["concepts"], "  ")]) + "\n"


def write(sources: Sources, out: Path) -> list[str]:
    """Write every profile and value set of the release; what could not be settled."""
    folder = out / sources.release
    folder.mkdir(parents=True, exist_ok=True)
    writer = Profiles(sources)
    used: set[str] = set()
    zibs = gather(sources)
    writer.blocks = {zib.name for zib in zibs}
    for zib in zibs:
        profile = writer.profile(zib)
        hand = sources.written["blocks"].get(zib.name, {}).get("source", "")
        (folder / f"{zib.name}.yaml").write_text(text_of(profile, hand), encoding="utf-8")
        used |= set(value_sets_in(profile["concepts"]))
    sources.values.write(folder / "valuesets", used)
    return writer.problems


def value_sets_in(concepts: Tree) -> Iterable[str]:
    """Names of the value sets that concepts use."""
    for concept in concepts.values():
        if "values" in concept:
            yield concept["values"]
        yield from value_sets_in(concept.get("concepts", {}))


def read(arguments: argparse.Namespace) -> Sources:
    """Read all sources that the command names."""
    facts = Path(__file__).parent / f"zib_facts_{arguments.release}.yaml"
    written = yaml.safe_load(facts.read_text(encoding="utf-8"))
    values = ValueSets(arguments.structures, value_set_ids(arguments.tables), written.get("value_sets", {}))
    return Sources(
        arguments.release,
        list(read_structures(arguments.structures, arguments.release)),
        list(read_tables(arguments.tables)),
        list(read_instances(arguments.instances)),
        written,
        values,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("release", choices=["2017", "2020"])
    parser.add_argument("--structures", type=Path, nargs="+", required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--instances", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("zib_profiles"))
    arguments = parser.parse_args()
    for problem in write(read(arguments), arguments.out):
        print(problem)


if __name__ == "__main__":
    main()
