"""Scores the translations against published pairs, every expected file with its own input.

    python -m conformance.score [--set NAME|bgz|all] [--only REGEX] [--show N]

The counting (leaves, pairing, recall, precision) is that of `tools/score_pairs.py` beside the test
material, which is loaded from there.  One thing differs: where several inputs spell the same zib
(AlcoholUse-01, -02), that tool gives all expected files to the first; here a file belongs to the
input whose name and number it shares.  All inputs run in one process.  `conformance/zib2020.yaml`
says why each remaining difference is there.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeAlias
from zoneinfo import ZoneInfo

import orjson

from conformance.reasons import Difference, owners, reason_of
from gateway.errors import ContentError, SyntaxFault
from gateway.mapping import Context, Read, Translator, bundle
from gateway.mapping.runtime.spelling import Tree

Leaves: TypeAlias = "Counter[tuple[str, str]]"
NOW = datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam"))
ZIBS_OF_BGZ = (
    "Patient|ContactPerson|HealthProfessional|HealthcareProvider|Payer|TreatmentDirective2|AdvanceDirective|"
    "FunctionalOrMentalStatus|Problem|LivingSituation|DrugUse|AlcoholUse|TobaccoUse|NutritionAdvice|Alert|"
    "AllergyIntolerance|MedicalDevice|Vaccination|BloodPressure|BodyWeight|BodyHeight|LaboratoryTestResult|"
    "Procedure|Encounter|PharmaceuticalProduct"
)


@dataclass(frozen=True, slots=True)
class PairSet:
    """Published inputs with what is expected of them.

    `key` is what names the owner of an expected file where its own name does not; `together` is True when
    inputs refer to each other.
    """

    inputs: str
    expected: str
    form: str
    key: str = ""
    together: bool = False


def _transaction(standard: str, name: str) -> PairSet:
    return PairSet(f"{standard}/{name}/ada", f"{standard}/{name}/fhir-r4", "fhir-r4")


SETS = {
    "zib2020": PairSet("zib2020-pairs/ada", "zib2020-pairs/fhir", "fhir-r4", together=True),
    "bgz-1.2": PairSet("bgz-msz-1.2/ada", "bgz-msz-1.2/fhir-stu3", "fhir-stu3", "pat[A-G]"),
    "bgz-2.0": PairSet("bgz-msz-2.0/ada", "bgz-msz-2.0/fhir-stu3", "fhir-stu3", "pat[A-G]"),
    "lab-l2z-3.0.0": _transaction("lab-l2z-3.0.0", "sturen_laboratoriumresultaten"),
    "mp-9.3.0-gegevens": _transaction("mp-9.3.0", "sturen_medicatiegegevens"),
    "mp-9.3.0-beschikbaar": _transaction("mp-9.3.0", "beschikbaarstellen_medicatiegegevens"),
    "mp-9.3.0-voorschrift": _transaction("mp-9.3.0", "sturen_medicatievoorschrift"),
    "mp-9.3.0-afhandeling": _transaction("mp-9.3.0", "sturen_afhandeling_medicatievoorschrift"),
}


@dataclass(frozen=True, slots=True)
class Resource:
    """A published resource (or one written, without a file) as leaves: (path, value) → how often."""

    file: str
    kind: str
    leaves: Leaves


@dataclass(slots=True)
class Result:
    """What became of one input: every expected resource with the leaves of the one that is most like it."""

    stem: str
    expected: list[Resource]
    produced: list[Leaves] = field(default_factory=list)
    error: str = ""

    def differences(self) -> Iterator[Difference]:
        """Every leaf that only one side has."""
        for wanted, got in zip(self.expected, self.produced, strict=False):
            for sign, rest in (("-", wanted.leaves - got), ("+", got - wanted.leaves)):
                for place, value in rest.elements():
                    yield Difference(wanted.file, sign, wanted.kind + place, value)

    def counts(self) -> Counter[str]:
        """The figures of the tool, and how many leaves differ by each cause (`-source`, `+version`, …)."""
        pairs = list(zip(self.expected, self.produced, strict=False))
        found = Counter(
            expected=len(self.expected),
            equal=sum(wanted.leaves == got for wanted, got in pairs),
            want=sum(sum(wanted.leaves.values()) for wanted in self.expected),
            got=sum(sum(got.values()) for _, got in pairs),
            shared=sum(sum((wanted.leaves & got).values()) for wanted, got in pairs),
            failed=int(bool(self.error)),
        )
        for each in self.differences():
            reason = reason_of(each)
            found[each.sign + (reason.cause if reason else "unexplained")] += 1
        return found


def testdata() -> Path:
    """The folder of the test material (`ZIBPOORT_TESTDATA`)."""
    return Path(os.environ.get("ZIBPOORT_TESTDATA", "../shared/data"))


@cache
def counting() -> ModuleType:
    """The tool whose counting this uses."""
    path = testdata().parent / "tools" / "score_pairs.py"
    spec = importlib.util.spec_from_file_location("score_pairs", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(f"no scoring tool at {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def owner(expected: str, inputs: Collection[str]) -> str:
    """The input that an expected file belongs to by its name and number, or nothing.

    `nl-core-MedicalDevice-03-Condition-01` belongs to `nl-core-MedicalDevice-03`, as does
    `nl-core-MedicalDevice.Product-03`; `nl-core-ApgarScore-5Minute-01` to `nl-core-ApgarScore-01`.
    """
    if expected in owners():
        return owners()[expected]
    if expected in inputs:
        return expected
    names = {each: re.sub(r"-\d\d$", "", each) for each in inputs}
    whole = [name for name in names.values() if re.match(rf"{re.escape(name)}[.-]", expected)]
    name = max(whole, key=len, default="")
    number = re.search(r"-(\d\d)(?=-|$)", expected[len(name) :])
    wanted = name + (number[0] if number else "")
    return wanted if name and wanted in names else ""


Owning: TypeAlias = Callable[["PairSet", dict[str, Path]], dict[str, list[Path]]]


def owned(pairs: PairSet, inputs: dict[str, Path]) -> dict[str, list[Path]]:
    """The expected files of each input; those that belong to none are left out."""
    found: dict[str, list[Path]] = {}
    for path in sorted((testdata() / pairs.expected).iterdir()):
        if pairs.key:
            mine = max(counting().owners_by_key(path, inputs, pairs.key), key=len, default="")
        else:
            mine = owner(path.stem, inputs)
        if mine in inputs:
            found.setdefault(mine, []).append(path)
    return found


def results(pairs: PairSet, only: str = "", owning: Owning = owned) -> Iterator[Result]:
    """The inputs whose name matches, translated, each next to what is expected of it."""
    translator, context = Translator(), Context(NOW)
    folder = sorted((testdata() / pairs.inputs).iterdir())
    inputs = {path.stem: path for path in folder if re.search(only, path.stem)}
    beside = list(_readable(translator, context, folder)) if pairs.together else []
    for stem, files in owning(pairs, inputs).items():
        result = Result(stem, resources(files))
        try:
            read = translator.read(inputs[stem].read_bytes(), context)
            others = [each for each in beside if each.seed != read.seed]
            written = translator.write(read, pairs.form, context, others)
            data = dumps(bundle(written.resources, context.base))
            result.produced = paired(result.expected, counting().resources_of(data))
        except Exception as error:  # noqa: BLE001 - a failing translation is a score
            result.error = f"{type(error).__name__} {error}"
        yield result


def resources(files: Iterable[Path]) -> list[Resource]:
    """The resources in published files, relative dates counted from the day of `NOW`."""
    tool = counting()
    return [
        Resource(file.stem, kind, leaves)
        for file in files
        for kind, leaves in tool.resources_of(tool.on_day(file.read_bytes(), NOW.date()))
    ]


def paired(expected: list[Resource], produced: list[tuple[str, Leaves]]) -> list[Leaves]:
    """For each expected resource the produced one that is most like it; empty when none is left."""
    found = counting().pair_up([(each.kind, each.leaves) for each in expected], produced)
    return [produced[found[i][1]][1] if i in found else Counter() for i in range(len(expected))]


def _readable(translator: Translator, context: Context, paths: Iterable[Path]) -> Iterator[Read]:
    for path in paths:
        with suppress(ContentError, SyntaxFault):  # a list of other files is none of the documents
            yield translator.read(path.read_bytes(), context)


def score(name: str, only: str, show: int) -> Counter[str]:
    """Translate and count one set; prints a line for each input."""
    total: Counter[str] = Counter()
    for result in results(SETS[name], only):
        found = result.counts()
        total.update(found)
        if result.error:
            print(f"{result.stem}: FAILED {result.error}")
            continue
        print(
            f"{result.stem}: equal {found['equal']}/{found['expected']} "
            f"recall {found['shared'] / max(found['want'], 1):.3f} "
            f"precision {found['shared'] / max(found['got'], 1):.3f}"
        )
        for each in list(dict.fromkeys(result.differences()))[:show]:
            print(f"   {each.sign} {each.place} = {each.value}")
    return total


def dumps(tree: Tree) -> bytes:
    """The tree as JSON, decimals with their digits."""
    return orjson.dumps(tree, default=lambda value: orjson.Fragment(str(value).encode()))


def measures(total: Counter[str]) -> dict[str, tuple[float, float]]:
    """Recall and precision: of all; of what has a source; of that, what is of the package's version."""
    lost, added = total["-source"] + total["-clock"], total["+clock"]
    return {
        "all": _shares(total, 0, 0),
        "with a source": _shares(total, lost, added),
        "of this version": _shares(total, lost + total["-version"], added + total["+version"]),
    }


def _shares(total: Counter[str], lost: int, added: int) -> tuple[float, float]:
    return total["shared"] / max(total["want"] - lost, 1), total["shared"] / max(total["got"] - added, 1)


def summary(name: str, total: Counter[str]) -> tuple[float, float]:
    """Print the lines of a set; gives the recall and precision of what has a source."""
    print(f"{name}: equal {total['equal']}/{total['expected']}  failed {total['failed']}")
    for of, (recall, precision) in measures(total).items():
        print(f"{name}: {of}: recall {recall:.4f}  precision {precision:.4f}")
    return measures(total)["with a source"]


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
        total = score(name, args.only, args.show)
        summary(name, total)
        if name.startswith("bgz"):
            bgz.update(total)
    if len(names) > 1 and bgz:
        summary("bgz", bgz)
    return 0


if __name__ == "__main__":
    sys.exit(main())
