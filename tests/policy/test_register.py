"""The processing register: what comes with the gateway, and what is refused at load."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import AuthoringError
from gateway.policy import load_register, parse_register
from gateway.policy.register import REGISTER
from tests.policy.rows import activity, register


def test_the_activities_that_come_with_the_gateway() -> None:
    found = {row.id: row for row in load_register().activities}
    assert set(found) == {
        "epd-delivers-document",
        "epd-reads-own-delivery",
        "epd-validates-resource",
        "epd-reads-account",
        "person-reads-own-record",
        "auditor-reads-log",
    }
    assert {name: row.role for name, row in found.items()} == {
        "epd-delivers-document": "care-provider",
        "epd-reads-own-delivery": "care-provider",
        "epd-validates-resource": "care-provider",
        "epd-reads-account": "care-provider",
        "person-reads-own-record": "pgo",
        "auditor-reads-log": "auditor",
    }
    own = found["person-reads-own-record"]
    assert (own.subject, own.consent, own.purposes) == ("own", "own-request", frozenset({"PATRQT"}))
    assert all(row.retention["log"] >= 5 for row in found.values())  # Begz art. 5, Stcrt 2019-38007


def test_a_pgo_never_gets_the_bsn() -> None:
    own = next(row for row in load_register().activities if row.action == "read")
    assert "PatientIdentificationNumber" in own.without["Patient"]


def test_the_policy_hash_is_that_of_the_file() -> None:
    assert load_register().policy == hashlib.sha256(REGISTER.read_bytes()).hexdigest()


def test_what_a_jurist_must_confirm_is_listed() -> None:
    row = activity(
        basis=[
            {"law": "AVG", "article": "art. 15", "what": "access", "confirmed": True},
            {"law": "BW", "article": "art. 7:456", "what": "copy", "confirmed": False},
        ]
    )
    assert [(name, str(article)) for name, article in register(row).unconfirmed()] == [
        ("row", "BW art. 7:456")
    ]
    assert len(list(load_register().unconfirmed())) > 0


def test_a_register_of_the_providers_own(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(REGISTER.read_bytes() + b"# ours\n")
    assert load_register(file).policy != load_register().policy


def _set(name: str, value: Any) -> Callable[[], object]:
    return lambda: register(activity(**{name: value}))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (_set("purposes", ["PATRQT", "PLEASE"]), "'PLEASE' is not a purpose"),
        (_set("purposes", []), "purposes"),
        (_set("action", "write"), "'write' is not one of"),
        (_set("receiver", "everyone"), "'everyone' is not one of"),
        (_set("consent", True), "True is not one of"),
        (_set("subject", "stated"), "own-request needs subject own"),
        (_set("basis", []), "basis"),
        (_set("retention", {"log": 2}), "2 is less than the minimum"),
        (_set("blocks", {"allow": ["Patient"]}), "not valid under"),
        (_set("blocks", {"allow": "*", "execpt": {}}), "execpt"),
        (_set("emergency", True), "emergency"),
        (lambda: register(activity(), activity()), "stands here twice"),
        (lambda: parse_register(b"version: 1\nactivities: [\n", "r.yaml"), "not YAML"),
        (lambda: parse_register(b"\xff", "r.yaml"), "not UTF-8"),
        (lambda: parse_register(b"version: 1\nversion: 1\nactivities: []\n", "r.yaml"), "stands here twice"),
    ],
)
def test_a_wrong_register_is_refused(broken: Callable[[], object], says: str) -> None:
    with pytest.raises(AuthoringError, match=says):
        broken()


def test_the_error_shows_line_and_caret() -> None:
    text = REGISTER.read_text().replace("[PATRQT]", "[PATROT]")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "PATROT" in row)
    with pytest.raises(AuthoringError) as caught:
        parse_register(text.encode(), "register.yaml")
    assert (caught.value.line, caught.value.column) == (line, text.splitlines()[line - 1].index("PATROT") + 1)
    assert "^" in caught.value.diagnostics()
