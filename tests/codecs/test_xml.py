"""XML of strangers: what is read, and what is refused where."""

import pytest
from lxml import etree

from gateway.codecs.limits import Limits
from gateway.codecs.xml import parse
from tests.codecs.hostile import SECRET, refusal

SMALL = Limits(max_bytes=1000, max_depth=5, max_nodes=40, max_attributes=3)


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def test_a_document_is_read_without_comments_and_instructions() -> None:
    root = parse(
        b'<?xml version="1.0"?><?xml-stylesheet href="http://127.0.0.1/x.xsl" type="text/xsl"?>'
        b"<!-- <!DOCTYPE a> -->\n<a>\n  <!-- c --><b c='1'/>\n <?pi x?></a><!-- end -->"
    )
    assert etree.tostring(root) == b'<a><b c="1"/></a>'


def test_white_space_is_kept_when_asked_for() -> None:
    assert etree.tostring(parse(b"<a> <b/> </a>", keep_blanks=True)) == b"<a> <b/> </a>"


@pytest.mark.parametrize("name", ["ISO-8859-15", "UTF-16"])
def test_a_declared_set_is_read(name: str) -> None:
    document = f'<?xml version="1.0" encoding="{name}"?>\n<a b="€ één"/>'
    assert parse(document.encode(name)).get("b") == "€ één"


@pytest.mark.parametrize(
    ("document", "place", "words"),
    [
        (b"", (0, 0), "the document is empty"),
        (b"  \n ", (0, 0), "the document is empty"),
        (b"Wieke", (1, 1), "no root element"),
        (b"<a>\n<b>\n</a>", (3, 5), "end tag does not match"),
        (b"<a>Wieke", (1, 9), "not well-formed"),
        (b"<a/><Wieke/>", (1, 5), "after the root"),
        (b'<a Wieke="1" Wieke="2"/>', (1, 23), "occurs twice"),
        (b"<a b=Wieke/>", (1, 6), "not well-formed"),
        (b'<a b="&Wieke;"/>', (1, 14), "entity that is not defined"),
        (b"<a>&nbsp;</a>", (1, 10), "entity that is not defined"),
        (b'<a b="<Wieke"/>', (1, 7), "holds <"),
        (b"<a>Wieke & co</a>", (1, 11), "without a name"),
        (b"<Wieke:a/>", (1, 9), "prefix is not declared"),
        (b'<a b="Wieke\x00"/>', (1, 12), "character that XML does not allow"),
        (b"<a>\x01</a>", (1, 4), "character that XML does not allow"),
        (b'<a b="&#0;"/>', (1, 11), "character that XML does not allow"),
        (b'<a b="\xef\xbf\xbf"/>', (1, 7), "character that XML does not allow"),
        (b'<a\nb="Wieke \xff"/>', (2, 10), "not of the declared character set"),
        (b'<a b="\xed\xa0\x80"/>', (1, 7), "not of the declared character set"),
        (b"<a><!-- Wieke -- --></a>", (1, 15), "two hyphens"),
        (b"<a><!-- Wieke", (1, 14), "comment does not end"),
        (b'\n<?xml version="1.0"?><a/>', (2, 6), "not at the very start"),
        (b'<a b="1"c="Wieke"/>', (1, 9), "space is missing"),
        (b"<a><![CDATA[Wieke</a>", (1, 22), "CDATA section does not end"),
    ],
)
def test_what_is_not_well_formed_is_refused_at_its_place(
    document: bytes, place: tuple[int, int], words: str
) -> None:
    (issue,) = refusal(parse, document).issues
    assert words in issue.text
    assert (issue.line, issue.column) == place
    assert issue.code == "structure"


BOMB = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0"?>\n<!-- x --><?p x?>\n<!DOCTYPE a [<!ENTITY x "Wieke">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/a.dtd">%x;]><a/>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "Wieke">]><a/>',
        b'<!DOCTYPE a [<!ENTITY l0 "Wieke">' + BOMB + b"]><a>&l9;</a>",
        b'<!DOCTYPE a [<!ENTITY q "' + b"Wieke" * 20_000 + b'">]><a>' + b"&q;" * 20_000 + b"</a>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
    ],
    ids=["plain", "after prolog", "file", "external", "parameter", "default", "billion laughs", "quadratic",
         "UTF-16", "mark"],
)  # fmt: skip
def test_a_doctype_is_refused(document: bytes) -> None:
    (issue,) = refusal(parse, document).issues
    assert "DOCTYPE" in issue.text
    assert issue.line > 0
    assert issue.column > 0


def test_a_doctype_is_found_in_the_prolog_only() -> None:
    root = parse(b"<!-- <!DOCTYPE x> --><?p <!DOCTYPE x>?><a><![CDATA[<!DOCTYPE a>]]></a>")
    assert root.text == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"<!-- <!DOCTYPE", "does not end"),
        (b"  <!-- <!DOCTYPE", "does not end"),
        (b"<?p <!DOCTYPE a", "does not end"),
        (b"x<!DOCTYPE a>", "no root"),
        (b"<!-- --> <!doctype <!DOCTYPE a>", "without a name"),
    ],
)
def test_a_prolog_that_does_not_end_is_refused(document: bytes, words: str) -> None:
    assert words in refusal(parse, document).issues[0].text


def test_nothing_is_included_from_elsewhere() -> None:
    namespace = b'xmlns:x="http://www.w3.org/2001/XInclude"'
    (include,) = parse(b"<a " + namespace + b'><x:include href="file:///etc/hostname" parse="text"/></a>')
    assert include.tag == "{http://www.w3.org/2001/XInclude}include"
    assert include.text is None


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        (nested(6), "too-costly", "more than 5 deep"),
        (b'<a b="" c="" d="" e=""/>', "too-costly", "more than 3 attributes"),
        (b"<r>\n" + b"<a/>" * 20 + b"</r>", "too-costly", "more than 20 elements and attributes"),
        (b"<r " + b" ".join(b'a%d=""' % n for n in range(20)) + b"/>", "too-costly", "more than 20"),
        (b"<a>" + b" " * 1000 + b"</a>", "too-long", "larger than 1000 bytes"),
    ],
)
def test_a_limit_is_kept(document: bytes, code: str, words: str) -> None:
    (issue,) = refusal(parse, document, SMALL).issues
    assert issue.code == code
    assert words in issue.text


def test_what_is_just_within_the_limits_is_read() -> None:
    assert parse(nested(5), SMALL).tag == "a"
    assert len(parse(b'<a b="" c="" d=""/>', SMALL).attrib) == 3
    assert len(parse(b"<r>" + b"<a/>" * 19 + b"</r>", SMALL)) == 19


def test_a_fault_of_depth_names_the_line() -> None:
    assert refusal(parse, b"<a>\n" * 70 + b"</a>" * 70).issues[0].line == 65


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(nested(10_000), id="10,000 deep"),
        pytest.param(nested(2_000_000), id="2,000,000 deep"),
        pytest.param(b"<a>" * 5_000_000, id="never closed"),
        pytest.param(
            b"<a " + b" ".join(b'a%d="Wieke"' % n for n in range(300_000)) + b"/>", id="300,000 attributes"
        ),
        pytest.param(b"<a>" + b"<b/>" * 4_000_000 + b"</a>", id="4,000,000 elements"),
        pytest.param(b"<a>" + b"Wieke" * 10_000_000 + b"</a>", id="50 MB"),
        pytest.param(b"<!-- x -->" * 2_000_000, id="comments"),
        pytest.param(b"<!-- x -->" * 2_000_000 + b"<!DOCTYPE a>", id="comments, then DOCTYPE"),
        pytest.param(b"<a>" + b"<" * 10_000_000, id="angle brackets"),
        pytest.param(b'<a b="' + b"&amp;" * 4_000_000, id="references"),
        pytest.param(b"<" + SECRET.encode() * 1_000_000 + b"/>", id="long name"),
    ],
)
def test_a_bomb_is_refused_soon(document: bytes) -> None:
    assert refusal(parse, document).issues


def test_an_embedded_file_of_many_megabytes_is_read() -> None:
    assert len(parse(b'<a b="' + b"QUJD" * 3_000_000 + b'"/>').get("b", "")) == 12_000_000
    assert "deep" in refusal(parse, nested(3_000) + b" " * 12_000_000).issues[0].text
