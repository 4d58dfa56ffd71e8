"""Scores the translations against published pairs, every expected file with its own input.

    python -m conformance.score [--set zib2020|bgz] [--only REGEX] [--show N]

The counting (leaves, pairing, recall, precision) is that of `tools/score_pairs.py` beside the test
material, which is loaded from there.  One thing differs: where several inputs spell the same zib
(AlcoholUse-01, -02), that tool gives all expected files to the first; here a file belongs to the
input whose name it begins with or whose number it shares.  All inputs run in one process.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import orjson

from gateway.mapping import Context, Translator, bundle
from gateway.mapping.runtime.writers import Tree

NOW = datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam"))
ZIBS_OF_BGZ = (
    "Patient|ContactPerson|HealthProfessional|HealthcareProvider|Payer|TreatmentDirective2|AdvanceDirective|"
    "FunctionalOrMentalStatus|Problem|LivingSituation|DrugUse|AlcoholUse|TobaccoUse|NutritionAdvice|Alert|"
    "AllergyIntolerance|MedicalDevice|Vaccination|BloodPressure|BodyWeight|BodyHeight|LaboratoryTestResult|"
    "Procedure|Encounter|PharmaceuticalProduct"
)
# Leaves of expected files that no input of the set can give: the published Patient carries data of a
# Nationality and a LanguageProficiency document that are not in the set, and of a MaritalStatus document
# that names no patient, so that nobody may say whose it is.
SOURCELESS = {
    "nl-core-Patient-01": (".communication", ".maritalStatus", ".extension"),
}
SETS = {
    "zib2020": ("zib2020-pairs/ada", "zib2020-pairs/fhir", "fhir-r4", "", True),
    "bgz-1.2": ("bgz-msz-1.2/ada", "bgz-msz-1.2/fhir-stu3", "fhir-stu3", "pat[A-G]", False),
    "bgz-2.0": ("bgz-msz-2.0/ada", "bgz-msz-2.0/fhir-stu3", "fhir-stu3", "pat[A-G]", False),
}


def testdata() -> Path:
    """The folder of the test material (`ZIBPOORT_TESTDATA`)."""
    return Path(os.environ.get("ZIBPOORT_TESTDATA", "../shared/data"))


def counting() -> ModuleType:
    """The tool whose counting this uses."""
    path = testdata().parent / "tools" / "score_pairs.py"
    spec = importlib.util.spec_from_file_location("score_pairs", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(f"no scoring tool at {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def owner(expected: str, inputs: list[str]) -> str:
    """The input that an expected file belongs to, or nothing.

    `nl-core-MedicalDevice-03-Condition-01` belongs to `nl-core-MedicalDevice-03`, as does
    `nl-core-MedicalDevice.Product-03`; `nl-core-ApgarScore-5Minute-01` to `nl-core-ApgarScore-01`.
    """
    prefixes = [each for each in inputs if expected == each or expected.startswith((f"{each}-", f"{each}."))]
    if prefixes:
        return max(prefixes, key=len)
    stems = {re.sub(r"-\d\d$", "", each): each for each in inputs}
    whole = [stem for stem in stems if expected.startswith((f"{stem}.", f"{stem}-"))]
    if not whole:
        return ""
    stem = max(whole, key=len)
    number = re.search(r"-(\d\d)(?:-|$)", expected[len(stem) :])
    same = [
        each
        for each in inputs
        if re.sub(r"-\d\d$", "", each) == stem and number and each.endswith(number.group(1))
    ]
    return (
        same[0] if same else stems[stem] if sum(re.sub(r"-\d\d$", "", e) == stem for e in inputs) == 1 else ""
    )


def score(name: str, only: str, show: int) -> Counter[str]:
    """Translate and count one set; prints a line for each input."""
    source, published, form, pattern, with_folder = SETS[name]
    tool, total = counting(), Counter[str]()
    inputs = {p.stem: p for p in sorted((testdata() / source).iterdir()) if re.search(only, p.stem)}
    wanted: dict[str, list[Path]] = {}
    for path in sorted((testdata() / published).iterdir()):
        if pattern:
            owners = tool.owners_by_key(path, inputs, pattern)
            mine = max(owners, key=len) if owners else ""
        else:
            mine = owner(path.stem, list(inputs))
        if mine:
            wanted.setdefault(mine, []).append(path)
    translator, context = Translator(), Context(NOW)
    beside = []
    if with_folder:
        for path in sorted((testdata() / source).iterdir()):
            try:
                beside.append(translator.read(path.read_bytes(), context))
            except Exception:  # noqa: BLE001 - a broken neighbour is none of this measurement
                continue
    for stem, files in wanted.items():
        expected = [r for f in files for r in tool.resources_of(tool.on_day(f.read_bytes(), NOW.date()))]
        total["expected"] += len(expected)
        total["want"] += sum(sum(leaves.values()) for _, leaves in expected)
        total["sourceless"] += sum(
            times
            for _, leaves in expected
            for (place, _), times in leaves.items()
            if place.startswith(SOURCELESS.get(stem, ("\0",)))
        )
        try:
            read = translator.read(inputs[stem].read_bytes(), context)
            others = [each for each in beside if each.seed != read.seed]
            written = translator.write(read, form, context, others)
            produced = tool.resources_of(dumps(bundle(written.resources, context.base)))
        except Exception as error:  # noqa: BLE001 - a failing translation is a score
            total["failed"] += 1
            print(f"{stem}: FAILED {type(error).__name__} {error}")
            continue
        total.update(_compare(tool, stem, expected, produced, show))
    return total


def _compare(
    tool: ModuleType,
    stem: str,
    expected: list[tuple[str, Counter[str]]],
    produced: list[tuple[str, Counter[str]]],
    show: int,
) -> Counter[str]:
    pairs = tool.pair_up(expected, produced)
    shared = sum(s for s, _ in pairs.values())
    got = sum(sum(produced[j][1].values()) for _, j in pairs.values())
    want = sum(sum(e.values()) for _, e in expected)
    equal = sum(1 for i, (_, j) in pairs.items() if expected[i][1] == produced[j][1])
    print(
        f"{stem}: equal {equal}/{len(expected)} "
        f"recall {shared / max(want, 1):.3f} precision {shared / max(got, 1):.3f}"
    )
    if show:
        for i, (kind, leaves) in enumerate(expected):
            other = produced[pairs[i][1]][1] if i in pairs else Counter()
            for sign, rest in (("-", leaves - other), ("+", other - leaves)):
                for leaf in list(rest)[:show]:
                    print(f"   {sign} {kind}{leaf[0]} = {leaf[1]}")
    return Counter(shared=shared, got=got, equal=equal)


def dumps(tree: Tree) -> bytes:
    """The tree as JSON, decimals with their digits."""
    return orjson.dumps(tree, default=lambda value: orjson.Fragment(str(value).encode()))


def summary(name: str, total: Counter[str]) -> tuple[float, float]:
    """Print the line of a set; gives the recall of what has a source, and the precision."""
    recall = total["shared"] / max(total["want"], 1)
    possible = total["shared"] / max(total["want"] - total["sourceless"], 1)
    precision = total["shared"] / max(total["got"], 1)
    print(
        f"{name}: equal {total['equal']}/{total['expected']}  recall {recall:.4f} "
        f"({possible:.4f} of what the set has a source for)  "
        f"precision {precision:.4f}  failed {total['failed']}"
    )
    return possible, precision


def main() -> int:
    """Score the sets that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="all", choices=["all", *SETS, "bgz"])
    parser.add_argument("--only", default="")
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    names = list(SETS) if args.set == "all" else ["bgz-1.2", "bgz-2.0"] if args.set == "bgz" else [args.set]
    bgz: Counter[str] = Counter()
    for name in names:
        only = args.only or (rf"^nl-core-({ZIBS_OF_BGZ})-\d\d$" if name == "zib2020" else "")
        total = score(name, only, args.show)
        summary(name, total)
        if name.startswith("bgz"):
            bgz.update(total)
    if len(names) > 1 and bgz:
        summary("bgz", bgz)
    return 0


if __name__ == "__main__":
    sys.exit(main())
