"""Character sets: every XML document becomes UTF-8 before a parser sees it.

Allowed are UTF-8, US-ASCII, ISO-8859-1 and ISO-8859-15 as declared, and UTF-16 with a byte order mark.
What the bytes are and what the document says of itself must agree (XML 1.0 §4.3.3); a set outside this list
is refused, since each one more is a second way to spell `<!DOCTYPE`.
"""

from __future__ import annotations

import re
from typing import NoReturn

from gateway.errors import Issue, SyntaxFault

UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
UTF32_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
LATIN = {"ISO-8859-1": "iso8859-1", "ISO-8859-15": "iso8859-15"}
# The declaration stands at the very start, or it is none; 200 bytes hold any that XML 1.0 allows.
DECLARED = re.compile(rb"""<\?xml\s[^>]{0,160}?\bencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
DECLARED_TEXT = re.compile(DECLARED.pattern.decode("ascii"))


def to_utf8(data: bytes) -> bytes:
    """The same document in UTF-8, without byte order mark.  The declaration is left as it is.

    Bytes that are taken for UTF-8 are not checked here: every parser does that.  Raises SyntaxFault.
    """
    if data.startswith(UTF32_BOMS):
        refuse("UTF-32 is not accepted")
    if codec := UTF16_BOMS.get(data[:2]):
        return from_utf16(data[2:], codec)
    if data[:2] in (b"<\x00", b"\x00<"):
        refuse("UTF-16 without a byte order mark is not accepted")
    has_mark = data.startswith(UTF8_BOM)
    body = data.removeprefix(UTF8_BOM)
    declared = declared_charset(body)
    if declared in ("", "UTF-8") or (declared in ("US-ASCII", "ASCII") and body.isascii()):
        return body
    if has_mark:
        refuse("the byte order mark says UTF-8, the XML declaration something else")
    if declared not in LATIN:
        refuse("the declared character set is not accepted or not that of the bytes")
    return body.decode(LATIN[declared]).encode("utf-8")


def from_utf16(data: bytes, codec: str) -> bytes:
    """UTF-16 without its mark, to UTF-8.  Raises SyntaxFault for half characters or another declaration."""
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        refuse("the bytes are not UTF-16, as the byte order mark says")
    found = DECLARED_TEXT.match(text)
    if found and found[1].upper() != "UTF-16":
        refuse("the byte order mark says UTF-16, the XML declaration something else")
    return text.encode("utf-8")


def declared_charset(data: bytes) -> str:
    """The name in the XML declaration, in capitals; empty when there is none."""
    found = DECLARED.match(data)
    return found[1].decode("ascii").upper() if found else ""


def refuse(text: str) -> NoReturn:
    """Raise the SyntaxFault."""
    raise SyntaxFault(Issue("fatal", "not-supported", text, line=1))
