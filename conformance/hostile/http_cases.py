"""Inputs 21, 22, 29 and 30: what HTTP carries, searches that ask too much, and what is not where it says."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

from conformance.hostile.case import DOCUMENTS, REFUSED, STORED, TOO_LARGE, Attempt, Case, Door
from conformance.hostile.specimen import as_json, bundle, patient, pressure

MIB = 1024 * 1024
OVER = 21 * MIB
"""A little over what the gateway takes."""

UNREAD = frozenset((400, 413, 415))
STU3 = "application/fhir+json; fhirVersion=3.0"


def bodies() -> Iterator[Case]:
    """Bodies that are packed, or too long."""
    whole = as_json(bundle(pressure()))
    bomb = gzip.compress(b" " * MIB) * 1024  # members in a row are one file: a gigabyte in one megabyte
    yield Case(
        21,
        "gzip bomb, truncated gzip, double Content-Encoding",
        (
            packed("bomb", bomb, "gzip"),
            packed("bomb in a bomb", gzip.compress(bomb), "gzip, gzip"),
            packed("truncated", gzip.compress(whole)[:-20], "gzip"),
            packed("deflate", zlib.compress(whole), "deflate"),
            packed("unknown to all", whole, "zibpoort"),
            Attempt("packed, and not said", bomb, REFUSED),
        ),
    )
    long = whole + b" " * OVER
    yield Case(
        22,
        "body over the limit, with a length and in chunks",
        (
            Attempt("with a length", long, TOO_LARGE),
            Attempt("in chunks", long, TOO_LARGE, chunked=True),
        ),
    )


def packed(name: str, content: bytes, encoding: str) -> Attempt:
    """A body with a content encoding."""
    return Attempt(name, content, UNREAD, headers={"Content-Encoding": encoding})


def searches() -> Case:
    """Questions of a PGO that would cost much to answer; to answer less than was asked is sound as well."""
    many = ",".join(["1"] * 10_000)
    chain = "subject." * 20 + "name=x"
    loop = "&".join(["_include:iterate=Observation:has-member"] * 150)
    return Case(
        29,
        "search bombs",
        tuple(
            asked(name, path, statuses)
            for name, path, statuses in (
                ("10,000 values", f"Observation?code={many}", REFUSED),
                ("10,000 identifiers", f"Observation?_id={many}", REFUSED),
                ("150 loops", f"Observation?{loop}", STORED | REFUSED),
                ("a loop for everything", "Observation?_include:iterate=*&_revinclude=*", STORED | REFUSED),
                ("20 deep chain", f"Observation?{chain}", STORED | REFUSED),
                ("a billion a page", "Observation?_count=1000000000", STORED | REFUSED),
                ("less than nothing a page", "Observation?_count=-1", STORED | REFUSED),
                ("slow pattern", "Observation?code=" + "a" * 20_000 + "!", STORED | REFUSED),
                ("escapes", "Observation?code=" + "%5C" * 5_000, STORED | REFUSED),
            )
        ),
    )


def asked(name: str, path: str, statuses: frozenset[int]) -> Attempt:
    """A search in R4."""
    return Attempt(name, b"", statuses, doors=(Door("GET", f"/fhir/r4/{path}"),))


def strayed() -> Case:
    """Right content at the wrong address, or under the wrong name."""
    r4_only = as_json(bundle({"resourceType": "ServiceRequest", "status": "active"}, pressure()))
    name_of_r4 = as_json(bundle(pressure(focus=[{"reference": "Patient/1"}])))
    observation = as_json(pressure(id="other", subject={"reference": "Patient/1"}))
    wrong_type = as_json(patient())
    create, update = Door("POST", "/fhir/r4/Observation"), Door("PUT", "/fhir/r4/Observation/one")
    wrong = frozenset((400, 415, 422))
    return Case(
        30,
        "wrong type, version or id; stale If-Match",
        (
            Attempt("R4 resource as 3.0", r4_only, wrong, STU3, (DOCUMENTS,)),
            Attempt("R4 element as 3.0", name_of_r4, wrong, STU3, (DOCUMENTS,)),
            Attempt("3.0 sent to R4", observation, wrong, STU3, (create,)),
            Attempt("Patient to Observation", wrong_type, wrong, doors=(create,)),
            Attempt("another id in the body", observation, wrong, doors=(update,)),
            Attempt(
                "stale If-Match",
                observation.replace(b'"other"', b'"one"'),
                frozenset((404, 409, 412)),
                doors=(update,),
                headers={"If-Match": 'W/"999"'},
            ),
        ),
    )
