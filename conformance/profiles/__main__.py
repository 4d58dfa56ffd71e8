"""`python -m conformance.profiles [r4 | stu3]`: what is written, next to the profiles that it names."""

import sys
from collections import Counter

from conformance.profiles import exceptions
from conformance.score import NOW, testdata
from gateway.codecs.fhir.elements import Version
from gateway.mapping import Context


def main(arguments: list[str]) -> int:
    """Print every fault that is not listed, once, and every line of the lists that nothing needs."""
    chosen: list[Version] = [each for each in exceptions.PROOFS if each in arguments]
    return max([_report(version) for version in chosen or exceptions.PROOFS])


def _report(version: Version) -> int:
    found = list(exceptions.faults(testdata(), Context(NOW), version))
    left = exceptions.unlisted(found, version)
    first = {fault: name for name, fault in reversed(left)}
    for fault, times in sorted(Counter(fault for _, fault in left).items()):
        print(
            f"{fault.profile} {fault.place}: {fault.rule} {fault.detail} ×{times} (first in {first[fault]})"
        )
    stale = exceptions.unused(found, version)
    for each in stale:
        print(f"listed but not broken: {each.profile} {each.place}: {each.rule}")
    print(f"profiles {version}: {len(found)} faults, {len(found) - len(left)} of them listed")
    return 1 if left or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
