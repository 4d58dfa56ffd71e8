"""`python -m conformance.profiles`: what is written, next to the profiles that it names."""

import sys
from collections import Counter

from conformance.profiles import exceptions
from conformance.score import NOW, testdata
from gateway.mapping import Context


def main() -> int:
    """Print every fault that is not listed, once, and every line of the list that nothing needs."""
    found = list(exceptions.faults(testdata(), Context(NOW)))
    left = exceptions.unlisted(found)
    first = {fault: name for name, fault in reversed(left)}
    for fault, times in sorted(Counter(fault for _, fault in left).items()):
        print(
            f"{fault.profile} {fault.place}: {fault.rule} {fault.detail} ×{times} (first in {first[fault]})"
        )
    stale = exceptions.unused(found)
    for each in stale:
        print(f"listed but not broken: {each.profile} {each.place}: {each.rule}")
    print(f"profiles: {len(found)} faults, {len(found) - len(left)} of them listed")
    return 1 if left or stale else 0


if __name__ == "__main__":
    sys.exit(main())
