"""Speed next to the floor of the machine, in one run: `make bench`, one figure a line.

The floor of a document is what no translator in this language can go below: parse it with lxml, read
every attribute once, copy the output that was made (`copy.deepcopy`) and serialise it with orjson.
Ours is the whole translation: bytes in, blocks, bytes out, with the account written out.  Both are
measured in turns, document by document, so that a busy machine slows both; the ratio is what counts.
"""

from __future__ import annotations

import copy
import os
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
STARTS = 5


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


LOAD = """
import resource, time
from gateway.mapping import Translator
began = time.perf_counter()
t = Translator()
for form in ("fhir-r4", "fhir-stu3", "iwmo-301"):
    t.loaded(form)
t.profiles, t.ada_reader, t.ada_writer, t.bridge, t.systems, t.aliases, t.maps
took = time.perf_counter() - began
pages = int(open("/proc/self/statm").read().split()[1])
print(took, pages * resource.getpagesize() / 1e6)
"""
SMALL = Path(__file__).parents[1] / "tests" / "fixtures" / "ada" / "blood_pressure.xml"


def start() -> None:
    """Print how long new processes take, the first without and the others with a cache; and their memory."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"ZIBPOORT_CACHE": folder, "PATH": os.environ["PATH"]}

        def run(*command: str) -> str:
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            return done.stdout

        cold = run(sys.executable, "-c", LOAD).split()
        cached = [run(sys.executable, "-c", LOAD).split() for _ in range(STARTS)]
        print(f"load-mappings cold: {float(cold[0]):.2f} s")
        print(f"load-mappings cached: {min(float(each[0]) for each in cached):.2f} s")
        print(f"memory-after-load: {max(float(each[1]) for each in cached):.0f} MB")
        zibpoort = str(Path(sys.executable).with_name("zibpoort"))
        command = (zibpoort, "translate", str(SMALL), "--to", "fhir-r4")
        print(f"translate-one small: {min(seconds(partial(run, *command)) for _ in range(STARTS)):.2f} s")


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
