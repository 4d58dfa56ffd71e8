"""RFC 6962 trees: the published vectors, and proofs against the definitions of the RFC."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.exchangelog import merkle
from gateway.exchangelog.merkle import Frontier

# The eight entries and roots with which certificate-transparency implementations test each other.
ENTRIES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1, read literally."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = max(2**n for n in range(12) if 2**n < len(leaves))
    return sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [  # section 2.1.3: a tree of seven leaves d0…d6
        (0, 7, ["b", "h", "l"]),
        (3, 7, ["c", "g", "l"]),
        (4, 7, ["f", "j", "k"]),
        (6, 7, ["i", "k"]),
    ],
)
def test_the_audit_paths_of_the_rfc(index: int, size: int, path: list[str]) -> None:
    assert merkle.inclusion_proof(LEAVES[:size], index) == [named_nodes()[name] for name in path]


@pytest.mark.parametrize(("old_size", "proof"), [(3, ["c", "d", "g", "l"]), (4, ["l"]), (6, ["i", "j", "k"])])
def test_the_consistency_proofs_of_the_rfc(old_size: int, proof: list[str]) -> None:
    assert merkle.consistency_proof(LEAVES[:7], old_size) == [named_nodes()[name] for name in proof]


def named_nodes() -> dict[str, bytes]:
    """The nodes of section 2.1.3 by their letters."""
    node = dict(zip("abcdefj", LEAVES, strict=False))
    node["g"] = merkle.node_hash(node["a"], node["b"])
    node["h"] = merkle.node_hash(node["c"], node["d"])
    node["i"] = merkle.node_hash(node["e"], node["f"])
    node["k"] = merkle.node_hash(node["g"], node["h"])
    node["l"] = merkle.node_hash(node["i"], node["j"])
    return node


trees = st.integers(1, 70).map(lambda size: [merkle.leaf_hash(bytes([n])) for n in range(size)])


@given(trees)
def test_the_frontier_has_the_root_by_definition(leaves: list[bytes]) -> None:
    tree = merkle.frontier(leaves)
    assert tree.root() == by_definition(leaves)
    assert tree.size == len(leaves)
    assert Frontier.from_bytes(tree.size, tree.to_bytes()) == tree


@given(trees, st.data())
def test_an_inclusion_proof_holds_for_its_leaf_alone(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    size, root, proof = len(leaves), merkle.root(leaves), merkle.inclusion_proof(leaves, index)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, root)
    assert len(proof) <= (size - 1).bit_length()
    other = data.draw(st.integers(-1, size + 1))
    assume(other != index)
    assert not merkle.verify_inclusion(leaves[index], other, size, proof, root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, root)
    assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, root], root)
    assert not merkle.verify_inclusion(leaves[index], index, size, proof, merkle.leaf_hash(b"other"))
    if proof:
        assert not merkle.verify_inclusion(leaves[index], index, size, proof[:-1], root)
        broken = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:broken], merkle.leaf_hash(b"other"), *proof[broken + 1 :]]
        assert not merkle.verify_inclusion(leaves[index], index, size, changed, root)


@given(trees, st.data())
def test_a_consistency_proof_holds_for_an_appended_tree_alone(
    leaves: list[bytes], data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, len(leaves)))
    size, old_root, root = len(leaves), merkle.root(leaves[:old]), merkle.root(leaves)
    proof = merkle.consistency_proof(leaves, old)
    assert merkle.verify_consistency(old, old_root, size, root, proof)
    rewritten = [merkle.leaf_hash(b"other"), *leaves[1:]]
    assert not merkle.verify_consistency(old, merkle.root(rewritten[:old]), size, root, proof)
    assert not merkle.verify_consistency(old, old_root, size, merkle.root(rewritten), proof)
    forged = merkle.consistency_proof(rewritten, old)
    assert not merkle.verify_consistency(old, old_root, size, merkle.root(rewritten), forged)
    assert not merkle.verify_consistency(old, old_root, size, root, [*proof, root])
    if proof:
        assert not merkle.verify_consistency(old, old_root, size, root, proof[:-1])


def test_trees_that_do_not_contain_each_other() -> None:
    root = merkle.root(LEAVES)
    assert not merkle.verify_consistency(0, merkle.EMPTY_ROOT, 8, root, [])
    assert not merkle.verify_consistency(9, root, 8, root, [])
    assert not merkle.verify_consistency(3, root, 8, root, [])
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES, 0)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES, 9)
    with pytest.raises(IndexError):
        merkle.inclusion_proof(LEAVES, 8)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    assert merkle.node_hash(LEAVES[0], LEAVES[1]) != merkle.leaf_hash(LEAVES[0] + LEAVES[1])


@pytest.mark.parametrize(("size", "data"), [(1, b""), (3, b"x" * 32), (0, b"x" * 32), (-1, b"x" * 32)])
def test_a_frontier_that_does_not_fit_its_size(size: int, data: bytes) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Frontier.from_bytes(size, data)
