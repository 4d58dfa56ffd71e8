"""Merkle trees and their proofs as in RFC 6962 section 2.1, with SHA-256.  No I/O.

Everywhere below a *leaf* is a leaf hash, `leaf_hash(entry)`, of 32 bytes.  Verifying functions give False for
whatever does not fit; they raise nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """MTH({d}) = SHA-256(0x00 || d)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right); the prefix keeps a node from passing for a leaf."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be kept of a tree to append to it: its size and the roots of its perfect subtrees.

    Largest first; there are as many as `size` has bits set.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def add(self, leaf: bytes) -> Frontier:
        """The tree with one more leaf; O(log size)."""
        nodes, node, rest = list(self.nodes), leaf, self.size
        while rest & 1:  # two perfect subtrees of one size make the next
            node = node_hash(nodes.pop(), node)
            rest >>= 1
        return Frontier(self.size + 1, (*nodes, node))

    def root(self) -> bytes:
        """The Merkle Tree Hash."""
        if not self.nodes:
            return EMPTY_ROOT
        *larger, node = self.nodes
        for left in reversed(larger):
            node = node_hash(left, node)
        return node

    def to_bytes(self) -> bytes:
        """The nodes, one after the other; `from_bytes` reads them with the size."""
        return b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Raises `ValueError` when the number of nodes does not fit the size."""
        if size < 0 or len(data) != HASH_BYTES * size.bit_count():
            raise ValueError("the frontier does not fit the size of the tree")
        nodes = tuple(data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES))
        return cls(size, nodes)


def frontier(leaves: Iterable[bytes]) -> Frontier:
    """The frontier of the tree over these leaves."""
    result = Frontier()
    for leaf in leaves:
        result = result.add(leaf)
    return result


def root(leaves: Iterable[bytes]) -> bytes:
    """MTH of these leaves."""
    return frontier(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(m, D[n]) of section 2.1.1: the siblings from the leaf up.  Raises `IndexError`."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """PROOF(m, D[n]) of section 2.1.2: that the first `old_size` leaves are those of the tree of that size.

    Raises `IndexError` unless 0 < old_size ≤ number of leaves.
    """
    if not 0 < old_size <= len(leaves):
        raise IndexError(f"a tree of {old_size} within one of {len(leaves)}")
    return _subproof(leaves, old_size, whole=True)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """True when the proof shows that `leaf` is number `index` of the tree with this size and root."""
    if not 0 <= index < size:
        return False
    node, position, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False  # the proof is longer than the way up
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:  # the right edge skips levels without a sibling
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == expected_root


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """True when the proof shows that the new tree only appended to the old one."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # a perfect old tree is itself the first node
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (k in section 2.1)."""
    return 1 << (size - 1).bit_length() - 1


def _subproof(leaves: Sequence[bytes], old_size: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of section 2.1.2; `whole` is b."""
    if old_size == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if old_size <= split:
        return [*_subproof(leaves[:split], old_size, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], old_size - split, whole=False), root(leaves[:split])]
