"""One spelling for the same narrative, whatever spelling came in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.codecs.narrative import read_narrative

XMLNS = 'xmlns="http://www.w3.org/1999/xhtml"'
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=5)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f"<div {XMLNS}>één</div>", f"<div {XMLNS}>één</div>"),
        (f"<div {XMLNS}/>", f"<div {XMLNS}></div>"),
        (f"<div title='\"' {XMLNS} class=\"a\"/>", f'<div {XMLNS} class="a" title="&quot;"></div>'),
        (f"<div {XMLNS}>a<br></br><hr/><img alt='>' src='#a' /></div>",
         f'<div {XMLNS}>a<br/><hr/><img alt=">" src="#a"/></div>'),
        (f"<div {XMLNS}><p/><br>not empty</br></div>", f"<div {XMLNS}><p></p><br>not empty</br></div>"),
        (f"<div {XMLNS}>a&nbsp;b &eacute;&#233; &lt;br&gt; &amp;nbsp;</div>",
         f"<div {XMLNS}>a\u00a0b éé &lt;br&gt; &amp;nbsp;</div>"),
        (f"<div {XMLNS}>  <b>a</b> <i>b</i>\n</div>", f"<div {XMLNS}>  <b>a</b> <i>b</i>\n</div>"),
        (f"<div {XMLNS}>a<!-- b -->c<?d e?></div>", f"<div {XMLNS}>ac</div>"),
        (f"<div {XMLNS}><![CDATA[a < b]]></div>", f"<div {XMLNS}>a &lt; b</div>"),
        (f'<div {XMLNS} xml:lang="nl">a</div>', f'<div {XMLNS} xml:lang="nl">a</div>'),
        ('<h:div xmlns:h="http://www.w3.org/1999/xhtml" xml:lang="nl"> <h:b>a</h:b> b<h:br/></h:div>',
         f'<div {XMLNS} xml:lang="nl"> <b>a</b> b<br/></div>'),
        (f'<div {XMLNS} xmlns:x="urn:not-used">xmlns</div>', f"<div {XMLNS}>xmlns</div>"),
    ],
)  # fmt: skip
def test_a_narrative_has_one_spelling(sent: str, kept: str) -> None:
    assert read_narrative(sent) == kept
    assert read_narrative(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        "<div>no namespace</div>",
        f"<p {XMLNS}>a</p>",
        f"<div {XMLNS}>",
        f"<div {XMLNS}></div><div {XMLNS}></div>",
        f"<div {XMLNS}>&nosuch;</div>",
        f"<div {XMLNS}>a & b</div>",
        f'<div {XMLNS}><svg xmlns="http://www.w3.org/2000/svg"/></div>',
        f'<div {XMLNS} xmlns:x="urn:x" x:y="z"/>',
        f'<div {XMLNS}><p xmlns="relative"/></div>',
        f'<div {XMLNS}><x:y xmlns:x="urn:x"/></div>',
        f"<!DOCTYPE div><div {XMLNS}/>",
        f"<div {XMLNS}>{'<p>' * 100}{'</p>' * 100}</div>",
        f"<div {XMLNS}>\ud800</div>",
    ],
)
def test_what_is_no_narrative_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a narrative ") as caught:
        read_narrative(text)
    assert "nosuch" not in str(caught.value)


@given(TEXTS, TEXTS, st.sampled_from(["br", "b", "img", "p"]))
def test_a_narrative_says_the_same_in_its_one_spelling(text: str, attribute: str, name: str) -> None:
    div = etree.Element("{http://www.w3.org/1999/xhtml}div", title=attribute)
    div.text = text
    child = etree.SubElement(div, f"{{http://www.w3.org/1999/xhtml}}{name}", alt=attribute)
    child.tail = text
    sent = etree.tostring(div, encoding="unicode")
    kept = read_narrative(sent)
    assert canonical(kept) == canonical(sent)
    assert read_narrative(kept) == kept


def canonical(text: str) -> str:
    return etree.canonicalize(text, rewrite_prefixes=True)
