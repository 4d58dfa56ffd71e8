"""The story of one exchange, with people who are made up (`make demo`; EXIT=1 ends it there).

An EPD posts a whole BgZ as ADA, a PGO pulls it as STU3 and as R4, a PGO of somebody else is refused, and the
log shows it all.  Every step is checked: what does not go as told ends the demo with exit code 1.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from conformance.stage import AUDITOR, DOCUMENT, EPD, PGO, Reply, Stage, zibpoort
from gateway.cli.log import line, table

FENNA = "999980014"
"""BSN of the person in the document; test range."""

BRAM = "999980026"
"""BSN of somebody else."""

QUESTIONS = (
    ("the person", "Patient"),
    ("complaints and diagnoses", "Condition"),
    ("allergies", "AllergyIntolerance"),
    ("blood pressure", "Observation?code=http://loinc.org|85354-9"),
    ("body weight", "Observation?code=http://loinc.org|29463-7"),
    ("medication agreements", "MedicationRequest?_include=MedicationRequest:medication"),
    ("vaccinations", "Immunization?status=completed"),
    ("procedures", "Procedure"),
    ("contacts", "Encounter?class=AMB"),
)
"""What the PGO asks: for people, and as a FHIR query."""

VERSIONS = {"stu3": "3.0.2", "r4": "4.0.1"}

console = Console(width=None if sys.stdout.isatty() else 150)


class UnexpectedError(Exception):
    """Something did not go as told."""


def main() -> int:
    """Tell the story; 0 when all went as told."""
    with tempfile.TemporaryDirectory(prefix="zibpoort-demo-") as folder, Stage(Path(folder)) as stage:
        try:
            tell(stage)
        except (UnexpectedError, OSError, RuntimeError) as error:
            console.print(f"[bold red]The demo failed:[/] {error}")
            return 1
        if os.environ.get("EXIT") == "1":
            console.print("\n[bold green]All steps went as told.[/]")
            return 0
        invite(stage)
    return 0


def tell(stage: Stage) -> None:
    """All steps.  Raises `UnexpectedError`."""
    step(1, "A gateway starts", "Keys, registrations and an empty database are made in a temporary folder.")
    stage.prepare()
    stage.start()
    console.print(f"It listens on {stage.base} and says that it is ready.")
    document = deliver(stage)
    bundles = {version: pull(stage, number, version) for number, version in ((3, "stu3"), (4, "r4"))}
    refuse(stage, bundles["r4"])
    inspect(stage, document)


def deliver(stage: Stage) -> str:
    """The EPD posts the document; the path of its account."""
    text = "Ziekenhuis Duinrand posts the BgZ of Fenna Duinkerk as one ADA document (zib 2017)."
    step(2, "An EPD delivers", text)
    content, token = DOCUMENT.read_bytes(), stage.token(EPD)
    first = stage.post(content, token)
    expect(first, 201, "the document is stored")
    for issue in first.json["issue"]:
        console.print(f"  {issue['severity']}: {issue['diagnostics']}")
    again = stage.post(content, token)
    expect(again, 200, "the same document again is answered as before, not stored twice")
    check(again.headers["Location"] == first.headers["Location"], "the second answer is of another document")
    path = first.headers["Location"].removeprefix(stage.base)
    account = stage.ask("GET", path, token)
    expect(account, 200, "its sender may ask what became of every value; a few lines:")
    for row in account.json["fhir-stu3"]["lines"][:4]:
        place = "/".join(row["place"].split("/")[-2:])
        console.print(f"  …/{place}: {row['state']} ({row.get('rule') or row.get('reason')})")
    return path


def pull(stage: Stage, number: int, version: str) -> list[dict[str, Any]]:
    """Fenna's PGO asks for the record in a FHIR version; the Bundles that it got."""
    text = f"Fenna's PGO asks for her record, in the version that it speaks: FHIR {VERSIONS[version]}."
    step(number, f"A PGO pulls {version.upper()}", text)
    token = stage.token(PGO, FENNA)
    table = Table("asked for", Column("query", overflow="fold"), "found", "for example")
    bundles = []
    for words, query in QUESTIONS:
        accept = {"Accept": f"application/fhir+json; fhirVersion={VERSIONS[version][:3]}"}
        reply = stage.ask("GET", f"/fhir/{version}/{query}", token, headers=accept)
        expect(reply, 200)
        check(FENNA.encode() not in reply.body, f"a BSN stands in the answer to {query}")
        bundle = reply.json
        check(bundle["total"] > 0, f"nothing was found for {query}")
        found = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
        table.add_row(words, query, ", ".join(f"{n} {t}" for t, n in found.items()), example(bundle))
        bundles.append(bundle)
    console.print(table)
    as_xml = stage.ask("GET", f"/fhir/{version}/Patient", token, headers={"Accept": "application/fhir+xml"})
    check(as_xml.status == 200 and as_xml.body.lstrip().startswith(b"<"), "no XML was given")
    console.print("No BSN stands in any answer, and XML is to be had as well.")
    return bundles


def refuse(stage: Stage, bundles: list[dict[str, Any]]) -> None:
    """What others get: nothing, and nothing to learn from."""
    text = "The PGO of Bram asks for Fenna's record, with a token for Bram."
    step(5, "A PGO of somebody else is refused", text)
    patient, condition = (bundles[i]["entry"][0]["resource"] for i in (0, 1))
    bram = stage.token(PGO, BRAM)
    reply = stage.ask("GET", "/fhir/r4/Condition", bram)
    expect(reply, 200, "asking without more gives Bram's own record, which is empty")
    check(reply.json["total"] == 0, "Bram was given something")
    query = f"/fhir/r4/Condition?patient=Patient/{patient['id']}"
    expect(stage.ask("GET", query, bram), 403, "asking for patient=Fenna is refused")
    for kind, name in ((condition["id"], "a condition of Fenna"), ("0" * 32, "one that does not exist")):
        expect(stage.ask("GET", f"/fhir/r4/Condition/{kind}", bram), 404, f"{name} is not found")
    head, claims, signature = bram.split(".")
    forged = ".".join((head, claims, signature[::-1]))
    expect(stage.ask("GET", "/fhir/r4/Condition", forged), 401, "a token that was tampered with is no token")
    expect(stage.ask("GET", "/fhir/r4/Condition", stage.token(EPD)), 403, "the EPD may deliver, not read")
    pgo = stage.token(PGO, FENNA)
    expect(stage.post(DOCUMENT.read_bytes(), pgo), 403, "the PGO may read, not deliver")


def inspect(stage: Stage, document: str) -> None:
    """The auditor reads the log, which is checked as well."""
    step(6, "The log shows it", "An auditor asks who exchanged what about whom, why, and what was decided.")
    reply = stage.ask("GET", "/audit/exchanges", stage.token(AUDITOR))
    expect(reply, 200)
    exchanges = reply.json["exchanges"]
    check(not re.search(f"{FENNA}|{BRAM}".encode(), reply.body), "a BSN stands in the log")
    console.print(table(together(map(line, reversed(exchanges))), "times"))
    effects = Counter(each["decision"]["effect"] for each in exchanges)
    check(effects["deny"] == 2, f"two refusals were to be in the log, there are {effects['deny']}")
    finished = [each for each in exchanges if each["outcome"]]
    check(len(finished) == len(exchanges) - 1, "an exchange other than this one has no outcome")
    console.print("Persons are pseudonyms.  This reading of the log has no outcome yet: it was under way.")
    read = next(each["decision"] for each in exchanges if each["decision"]["effect"] == "permit-with-less")
    check(bool(read["articles"]), "no article of law is named")
    console.print(f"A PGO reads on the ground of: {'; '.join(read['articles'])}.")
    expect(stage.ask("GET", "/audit/exchanges", stage.token(PGO, FENNA)), 403, "a PGO may not read the log")
    expect(stage.ask("GET", document, stage.token(AUDITOR)), 403, "the auditor may not see what the EPD may")
    done = subprocess.run(
        zibpoort("log", "verify"), env=stage.environment, capture_output=True, text=True, check=False
    )
    check(done.returncode == 0, f"the log does not verify: {done.stdout}{done.stderr}")
    console.print(f"zibpoort log verify: {', '.join(done.stdout.splitlines())}", soft_wrap=True)


def together(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Lines that follow each other and differ only in time and counts, as one with their number."""
    for _, group in groupby(rows, key=lambda row: row[1:-1]):
        same = list(group)
        counts = same[0][-1] if len(same) == 1 else ""
        yield (*same[0][:-1], counts, str(len(same)))


def invite(stage: Stage) -> None:
    """Keep serving, and say what to try, until Ctrl-C."""
    console.rule("Now you")
    tokens = {"EPD": stage.token(EPD), "PGO": stage.token(PGO, FENNA), "AUDITOR": stage.token(AUDITOR)}
    exports = [f"export {name}={token}" for name, token in tokens.items()]
    tries = [f'curl -H "Authorization: Bearer ${who}" {rest}' for who, rest in things_to_try(stage.base)]
    for text in (*exports, "", *tries):
        console.print(text, soft_wrap=True, highlight=False, markup=False)
    console.print(f"\nThe tokens hold for an hour.  The gateway runs on {stage.base} until you press Ctrl-C.")
    if stage.server is not None:
        try:
            stage.server.wait()
        except KeyboardInterrupt:
            console.print("Stopped; the folder is removed.")


def things_to_try(base: str) -> list[tuple[str, str]]:
    """Whose token, and the rest of a curl line."""
    post = "-H 'Content-Type: application/xml' --data-binary @conformance/demo/bgz-synthetic.xml"
    return [
        ("PGO", f"'{base}/fhir/stu3/Condition'"),
        ("PGO", f"'{base}/fhir/r4/AllergyIntolerance?_format=xml'"),
        ("PGO", f"'{base}/fhir/r4/Observation?code=http://loinc.org|85354-9'"),
        ("EPD", f"{post} '{base}/documents'"),
        ("EPD", f"'{base}/fhir/r4/Condition'   # refused"),
        ("AUDITOR", f"'{base}/audit/exchanges?effect=deny'"),
    ]


def step(number: int, title: str, text: str) -> None:
    """The heading of a step."""
    console.print()
    console.rule(f"{number}. {title}", align="left")
    console.print(text)


def expect(reply: Reply, status: int, text: str = "") -> None:
    """That an answer has this status; says what it shows."""
    told = reply.body[:500].decode("utf-8", "replace")
    check(reply.status == status, f"expected {status}, the answer is {reply.status}: {told}")
    if text:
        console.print(f"[green]{status}[/] {text}", highlight=False)


def check(holds: bool, otherwise: str) -> None:
    """Raise `UnexpectedError`, with the reason, when it does not hold."""
    if not holds:
        raise UnexpectedError(otherwise)


def example(bundle: dict[str, Any]) -> str:
    """A few words of the first resource of a Bundle that has any."""
    return next(filter(None, (words(entry["resource"]) for entry in bundle["entry"])), "")


def words(resource: dict[str, Any]) -> str:
    """What a resource is about, in the words of its code."""
    if resource["resourceType"] == "Patient":
        name = resource["name"][0]
        return name.get("text") or f"{' '.join(name.get('given', []))} {name.get('family', '')}".strip()
    for element in ("code", "vaccineCode", "type", "class"):
        value = resource.get(element)
        value = value[0] if isinstance(value, list) else value
        if isinstance(value, dict):
            coding = value.get("coding", [value])[0]
            return str(value.get("text") or coding.get("display") or coding.get("code"))
    return ""


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.exit(main())
