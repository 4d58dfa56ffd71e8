"""Which format: of an answer by `Accept` and `_format`, of a document by `Content-Type`.

FHIR R4 §3.1.0.1.10 (`fhirVersion`) and §3.1.0.1.11 (`_format`), STU3 §3.1.0.6; clients still send
media types of before STU3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from starlette.requests import Request

from gateway.api.outcomes import HttpError
from gateway.codecs.fhir.elements import Version
from gateway.exchange.answers import RELEASES, Syntax

MEDIA_TYPES: dict[str, Syntax] = {
    "application/fhir+json": "json",
    "application/json": "json",
    "application/json+fhir": "json",
    "text/json": "json",
    "json": "json",
    "application/fhir+xml": "xml",
    "application/xml": "xml",
    "application/xml+fhir": "xml",
    "text/xml": "xml",
    "xml": "xml",
}
ANY: dict[str, Syntax] = {"*/*": "json", "application/*": "json", "text/*": "xml"}
FHIR_TYPES = frozenset(each for each in MEDIA_TYPES if "fhir" in each)
SECURITY_CONTEXT = "x-security-context"
RETURNS = ("minimal", "representation", "OperationOutcome")
_UNICODE = {"", "utf-8", "utf8", "us-ascii", "ascii"}


class Media(NamedTuple):
    """A media type with the parameters that matter here."""

    type: str
    version: str
    charset: str
    quality: float


def syntax_wanted(request: Request, version: Version | None = None) -> Syntax:
    """The syntax of the answer; `_format` wins over `Accept`, JSON when neither says.

    Raises `HttpError`: 406 when no syntax of ours is accepted, 400 when another FHIR version is asked for.
    """
    stated = request.query_params.get("_format")
    if stated:
        wanted = [_media(stated.replace(" ", "+"))]  # a plus in a query string arrives as a space
    else:
        header = ",".join(request.headers.getlist("accept"))
        wanted = sorted(_ranges(header), key=lambda media: -media.quality) or [Media("*/*", "", "", 1)]
    known = [media for media in wanted if media.type in MEDIA_TYPES or media.type in ANY]
    if not known:
        raise HttpError(406, "not-supported", "answers are application/fhir+json or application/fhir+xml")
    for media in known:
        if version is None or _is_version(media.version, version):
            return MEDIA_TYPES.get(media.type) or ANY[media.type]
    raise HttpError(400, "not-supported", f"this address answers in FHIR {RELEASES[version or 'r4']}")


def bytes_wanted(request: Request) -> bool:
    """True when the answer to a read of a Binary is its bytes: FHIR is not what is accepted first."""
    if request.query_params.get("_format"):
        return False
    accepted = sorted(_ranges(",".join(request.headers.getlist("accept"))), key=lambda media: -media.quality)
    return not accepted or accepted[0].type not in MEDIA_TYPES


def bytes_sent(request: Request) -> str:
    """The media type of the bytes of a Binary; "" when what is sent is the resource.

    JSON and XML that are not called FHIR are bytes when they come under X-Security-Context.
    """
    stated = request.headers.get("content-type", "").strip()
    kind = _media(stated).type
    if "/" not in kind or kind in FHIR_TYPES or kind == "*/*":
        return ""
    return stated if kind not in MEDIA_TYPES or SECURITY_CONTEXT in request.headers else ""


def format_sent(request: Request) -> tuple[str, Syntax]:
    """The format of the document in a request ("": as its bytes say) and its syntax.

    Raises `HttpError` (415) for a media type, content encoding or character set that is not taken.
    """
    check_encoding(request)
    media = _media(request.headers.get("content-type", ""))
    syntax = MEDIA_TYPES.get(media.type) if "/" in media.type else None
    if syntax is None:
        raise HttpError(415, "not-supported", "a document is application/xml, application/fhir+xml or +json")
    if media.charset not in _UNICODE and (syntax == "json" or media.charset not in ("iso-8859-1", "utf-16")):
        raise HttpError(415, "not-supported", "this character set is not taken; UTF-8 is")
    if not media.version:
        return "", syntax
    for version in RELEASES:
        if _is_version(media.version, version):
            return f"fhir-{version}", syntax
    raise HttpError(415, "not-supported", "this fhirVersion is not taken; 3.0 and 4.0 are")


def check_encoding(request: Request) -> None:
    """Raises `HttpError` (415) for a document that is compressed."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HttpError(415, "not-supported", "a document is sent without content encoding")


def is_strict(request: Request) -> bool:
    """True for `Prefer: handling=strict` (FHIR search, handling errors)."""
    return "handling=strict" in _preferences(request)


def preferred_return(request: Request) -> str:
    """What of `RETURNS` is preferred as the answer to a change (FHIR R4 §3.1.0.1.8); "" for none."""
    preferences = _preferences(request)
    return next((each for each in RETURNS if f"return={each.lower()}" in preferences), "")


def _preferences(request: Request) -> list[str]:
    """What a request prefers (RFC 7240), in lower case, without quotes and spaces."""
    stated = ",".join(request.headers.getlist("prefer")).lower()
    return [re.sub(r'[\s"]', "", part) for part in re.split("[,;]", stated)]


def _ranges(header: str) -> Iterator[Media]:
    for part in header.split(","):
        media = _media(part)
        if part.strip() and media.quality > 0:
            yield media


def _media(text: str) -> Media:
    message = Message()
    message["content-type"] = text.strip() or "*/*"
    kind = text.partition(";")[0].strip().lower()
    named = {name.lower(): str(value) for name, value in message.get_params(failobj=[])[1:]}
    try:
        quality = float(named.get("q", "1"))
    except ValueError:
        quality = 0.0
    return Media(kind, named.get("fhirversion", ""), named.get("charset", "").lower(), quality)


def _is_version(stated: str, version: Version) -> bool:
    """True when nothing is stated, or the version itself: 4.0 or 4.0.1."""
    release = RELEASES[version]
    return not stated or stated == release or stated.startswith(f"{release}.")
