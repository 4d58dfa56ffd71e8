"""The page of scores and differences: `python -m conformance.differences` writes `conformance/zib2020.md`.

Every leaf in which the translation of a published zib 2020 document differs from what was published with
it stands there with its reason.  The command ends with 1 when a reason is missing or explains nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from conformance import reasons, score
from conformance.profiles import exceptions
from conformance.profiles.package import Package
from conformance.reasons import Difference

PAGE = Path(__file__).parent / "zib2020.md"
HEAD = """\
# zib 2020 next to what is published

Made by `make zib2020-page` from the published pairs and the package nictiz.fhir.nl.r4.nl-core.  The reasons
are those of [zib2020.yaml](zib2020.yaml), the exceptions those of
[profiles/exceptions.yaml](profiles/exceptions.yaml); a difference without a reason, and a reason without a
difference, fail the tests.

## Scores

"""
MEASURES = """\
A leaf is one value at one place of a resource.  *With a source* leaves out what no input of the set can give.
*Of this version* leaves out, too, what was published for an earlier nl-core than that of the package, since
the package wins.  That it is so is checked: its own example of that name agrees with us, or it has no such
profile.  `score_pairs.py` as it is gives all expected files of a zib to one of its inputs, so that even the
published files themselves do not reach 1; *own input* gives each to the input whose name and number it
shares.

In the laboratory and medication sets references are `urn:uuid:`, which the counting takes for another value
than a reference that names its type.  Laboratory exchange adds elements to the zib, which have no place yet.
The medication process 9.3 is not read yet: its documents are refused, since a part of a treatment is no
treatment.

## Every difference of zib2020
"""


def as_the_tool(pairs: score.PairSet, inputs: dict[str, Path]) -> dict[str, list[Path]]:
    """The expected files of each input, by the ownership of the tool."""
    found: dict[str, list[Path]] = {}
    for path in sorted((score.testdata() / pairs.expected).iterdir()):
        mine = max(score.counting().owners_by_name(path, inputs), key=len, default="")
        if mine:
            found.setdefault(mine, []).append(path)
    return found


def published_themselves(pairs: score.PairSet) -> Iterator[score.Result]:
    """What the ownership of the tool leaves of a translation that gives exactly what is published."""
    inputs = {path.stem: path for path in sorted((score.testdata() / pairs.inputs).iterdir())}
    own = score.owned(pairs, inputs)
    for stem, files in as_the_tool(pairs, inputs).items():
        expected = score.resources(files)
        given = [(each.kind, each.leaves) for each in score.resources(own.get(stem, ()))]
        yield score.Result(stem, expected, score.paired(expected, given))


def total(results: Iterable[score.Result]) -> Counter[str]:
    """The figures of several results together."""
    found: Counter[str] = Counter()
    for result in results:
        found.update(result.counts())
    return found


def confirmed(wanted: score.Resource, found: Difference, package: Package) -> bool:
    """True when the package itself shows that a difference from a published resource is one of versions.

    Its example of that name has (or has not) that value, where the published resource has it not (or has); or
    there is no such example, and no such profile.
    """
    path = score.testdata() / "nictiz-r4-zib2020/examples" / f"{found.file}.xml"
    if not path.is_file():
        return f"http://nictiz.nl/fhir/StructureDefinition/{found.file[:-3]}" not in package
    ((kind, example),) = score.counting().resources_of(path.read_bytes())
    leaf = (found.place.removeprefix(wanted.kind), found.value)
    there = example[leaf] if kind == wanted.kind else 0
    return bool(there < wanted.leaves[leaf] if found.sign == "-" else there > wanted.leaves[leaf])


def page(zib: list[score.Result]) -> Iterator[str]:
    """The lines of the page, with the results of zib 2020 that are there already."""
    yield from HEAD.splitlines()
    yield from _scores(zib)
    yield from ("", *MEASURES.splitlines())
    yield from _differences([each for result in zib for each in result.differences()])
    yield from ("", "## Where the package is not followed", "")
    yield from _table(("profile", "place and rule", "because"), map(_exemption, exceptions.listed()))


def _scores(zib: list[score.Result]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    own = total(zib)
    for of, (recall, precision) in score.measures(own).items():
        equal, failed = (f"{own['equal']} of {own['expected']}", own["failed"]) if of == "all" else ("", "")
        rows.append((f"zib2020, own input, {of}", equal, f"{recall:.4f}", f"{precision:.4f}", f"{failed}"))
    zib2020 = score.SETS["zib2020"]
    rows.append(_figures("zib2020, `score_pairs.py` as it is", score.results(zib2020, owning=as_the_tool)))
    ideal = published_themselves(zib2020)
    rows.append(_figures("zib2020, `score_pairs.py` on the published files themselves", ideal))
    rows += [_figures(name, score.results(pairs)) for name, pairs in score.SETS.items() if pairs != zib2020]
    yield from _table(("set", "equal", "recall", "precision", "failed"), rows)


def _figures(name: str, results: Iterable[score.Result]) -> tuple[str, ...]:
    found = total(results)
    recall, precision = score.measures(found)["all"]
    equal = f"{found['equal']} of {found['expected']}"
    return name, equal, f"{recall:.4f}", f"{precision:.4f}", str(found["failed"])


def _differences(found: list[Difference]) -> Iterator[str]:
    for cause, title in reasons.CAUSES.items():
        mine = [reason for reason in reasons.reasons() if reason.cause == cause]
        if mine:
            yield from ("", f"### {title}")
        for reason in mine:
            yield from ("", f"{reason.because[:1].upper()}{reason.because[1:]}.", "")
            times = Counter(_place(each) for each in found if reasons.reason_of(each) is reason)
            rows = [(*place, str(number)) for place, number in sorted(times.items())]
            yield from _table(("published file", "only there (-) or only here (+)", "leaves"), rows)


def _place(found: Difference) -> tuple[str, str]:
    return found.file, f"{found.sign} {found.place}"


def _exemption(each: exceptions.Exemption) -> tuple[str, ...]:
    return each.profile, f"{each.place}: {each.rule}", each.because


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def main() -> int:
    """Write the page; print what has no reason, and the reasons that explain nothing."""
    zib = list(score.results(score.SETS["zib2020"]))
    found = [each for result in zib for each in result.differences()]
    bare = [each for each in found if reasons.reason_of(each) is None]
    stale = reasons.stale(found)
    for each in bare:
        print(f"no reason: {each.file} {each.sign} {each.place}")
    for line in stale:
        print(f"explains nothing: {line}")
    PAGE.write_text("\n".join(page(zib)) + "\n", encoding="utf-8")
    return 1 if bare or stale else 0


if __name__ == "__main__":
    sys.exit(main())
