"""Every element of a document is found where it stands."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.codecs.xml_places import elements

NAMES = st.sampled_from(["a", "b", "Box"])
TREES: st.SearchStrategy[Any] = st.recursive(
    st.tuples(NAMES, st.just([])), lambda inner: st.tuples(NAMES, st.lists(inner, max_size=3)), max_leaves=12
)
FILLINGS = st.sampled_from(["", " ", "\n", "<!-- <a> -->", "<?p <b> ?>", "<![CDATA[<a/>]]>", "é"])
ATTRIBUTES = st.sampled_from(["", " value='>'", ' value="/>"', " value = '<'".replace("<", "&lt;"), "\n"])


def written(tree: Any, draw: Any, prefix: str) -> str:
    name, children = tree
    inside = "".join(draw(FILLINGS) + written(each, draw, prefix) for each in children) + draw(FILLINGS)
    head = f"<{prefix}{name}{draw(ATTRIBUTES)}"
    if not inside and draw(st.booleans()):
        return f"{head}/>"
    return f"{head}>{inside}</{prefix}{name}>"


def expected(element: Any, path: str) -> Any:
    """Every path in the order of the document, with the name that stands there."""
    yield path, element[0]
    counts: dict[str, int] = {}
    for child in element[1]:
        number = counts[child[0]] = counts.get(child[0], -1) + 1
        step = path if child[0][0].isupper() else f"{path}.{child[0]}[{number}]"
        yield from expected(child, step)


@given(TREES, st.data(), st.sampled_from(["", "f:"]))
def test_every_path_is_found_where_it_stands(tree: Any, data: Any, prefix: str) -> None:
    text = written(("Root", [tree]), data.draw, prefix).replace("<f:Root", '<f:Root xmlns:f="urn:x"', 1)
    body = text.encode()
    etree.fromstring(body)  # it is a document
    found = list(elements(body))
    wanted = list(expected(("Root", [tree]), "Root"))
    assert [path for path, _ in found] == [path for path, _ in wanted]
    for (_, at), (_, name) in zip(found, wanted, strict=True):
        assert body[at:].startswith(f"<{prefix}{name}".encode())


def test_a_long_document_takes_one_pass() -> None:
    body = b"<Root>" + b"<a value='/'/>" * 100_000 + b"</Root>"
    assert sum(1 for _ in elements(body)) == 100_001
