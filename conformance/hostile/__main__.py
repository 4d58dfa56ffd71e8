"""Put the thirty hostile inputs before a real server (`make hostile`; `ONLY=24,30` for some).

Of each: is it answered within a second, in little memory, with a clear OperationOutcome; is nothing fetched
and nothing half-stored; does the next request work.  The last line is `survived N of 30`; exit code 0 when
that is all of them.  An input that asks for an address which the server does not have is not survived.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from conformance.hostile.corpus import corpus
from conformance.hostile.target import MIB, Target
from conformance.hostile.verdict import Verdict, judge


def main(only: str) -> int:
    """Run the corpus, or the numbers in `only`; 0 when all were survived."""
    wanted = {int(number) for number in only.split(",") if number}
    cases = [case for case in corpus() if not wanted or case.number in wanted]
    with tempfile.TemporaryDirectory(prefix="zibpoort-hostile-") as folder, Target(Path(folder)) as target:
        verdicts = [tell(judge(target, case)) for case in cases]
    survived = sum(verdict.survived for verdict in verdicts)
    print(f"survived {survived} of {len(cases)}")
    return 0 if survived == len(cases) else 1


def tell(verdict: Verdict) -> Verdict:
    """Print the verdict, with what is wrong below it."""
    word = "survived" if verdict.survived else "FAILED" if verdict.problems else "waits"
    case = verdict.case
    figures = f"{verdict.seconds:5.2f} s {verdict.growth // MIB:+4d} MB"
    print(f"{case.number:2d} {word:8} {figures}  {case.title} ({len(case.attempts)})", flush=True)
    for problem in verdict.problems:
        print(f"     {problem}")
    if verdict.waits:
        print(f"     not served yet: {', '.join(verdict.waits)}")
    return verdict


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ONLY", "")))
