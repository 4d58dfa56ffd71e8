"""Speed next to the floor of the machine, in one run: `make bench`, one figure a line.

The floor of a document is what no translator in this language can go below: parse it with lxml, read
every attribute once, copy the output that was made (`copy.deepcopy`) and serialise it with orjson.
Ours is the whole translation: bytes in, blocks, bytes out, with the account written out.  Both are
measured in turns, document by document, so that a busy machine slows both; the ratio is what counts.
"""

from __future__ import annotations

import copy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from lxml import etree

from conformance.score import NOW, ZIBS_OF_BGZ, dumps, testdata
from gateway.errors import GatewayError
from gateway.mapping import Context, Translator, bundle

OWN = Path(__file__).parent / "demo"
REPEATS = {"bgz": 15, "zib": 30}


def documents(kind: str) -> list[tuple[str, bytes, str]]:
    """(name, bytes, target) of the documents that are measured; the project's own without test material."""
    if kind == "bgz":
        files = [
            *sorted(testdata().glob("bgz-msz-1.2/ada/*.xml")),
            *sorted(testdata().glob("bgz-msz-2.0/ada/*.xml")),
        ]
        target = "fhir-stu3"
    else:
        import re

        files = sorted(testdata().glob("zib2020-pairs/ada/*.xml"))
        files = [f for f in files if re.fullmatch(rf"nl-core-({ZIBS_OF_BGZ})-\d\d", f.stem)]
        target = "fhir-r4"
    if not files:
        files = sorted(OWN.glob("*.xml"))
    return [(file.stem, file.read_bytes(), target) for file in files]


def translate(translator: Translator, context: Context, data: bytes, target: str) -> tuple[Any, bytes, bytes]:
    """The whole translation, with its account."""
    read = translator.read(data, context)
    written = translator.write(read, target, context)
    tree = bundle(written.resources, context.base)
    return tree, dumps(tree), written.account.dump()


def floor(data: bytes, produced: Any) -> bytes:
    """What cannot be avoided."""
    root = etree.fromstring(data)
    for element in root.iter():
        for name in element.keys():  # noqa: SIM118 - lxml's attribute names, read once each
            element.get(name)
    return orjson.dumps(copy.deepcopy(produced), default=lambda value: orjson.Fragment(str(value).encode()))


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(kind: str, translator: Translator, context: Context) -> None:
    """Print the figures of one kind of documents."""
    ours_total = floor_total = 0.0
    for _name, data, target in documents(kind):
        tree, _, _ = translate(translator, context, data, target)
        ours, least = [], []
        for _ in range(REPEATS[kind]):
            least.append(seconds(partial(floor, data, tree)))
            ours.append(seconds(partial(translate, translator, context, data, target)))
        ours_total += statistics.median(ours)
        floor_total += statistics.median(least)
    count = len(documents(kind))
    print(f"ratio-to-floor {kind}: {ours_total / floor_total:.2f} x")
    print(f"documents-per-second {kind}: {count / ours_total:.1f} 1/s")
    print(f"floor {kind}: {floor_total / count * 1000:.3f} ms")
    print(f"translation {kind}: {ours_total / count * 1000:.3f} ms")


def start() -> None:
    """Print how long a cold start takes: a new process, without and with compiled mappings in the cache."""
    load = "t.loaded('fhir-r4'); t.loaded('fhir-stu3'); t.ada_reader"
    code = f"from gateway.mapping import Translator; t = Translator(); {load}"
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold", "cached"):
            took = seconds(
                lambda: subprocess.run(
                    [sys.executable, "-c", code], env={"ZIBPOORT_CACHE": folder}, check=True
                )
            )
            print(f"load-mappings {name}: {took:.2f} s")


def main() -> int:
    """All figures."""
    translator, context = Translator(), Context(NOW)
    try:
        for kind in ("zib", "bgz"):
            measure(kind, translator, context)
        start()
    except GatewayError as error:
        print(error.diagnostics(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
