"""What of a FHIR resource no zib concept covers, carried along until the resource is written again.

`taking.residue` takes it out of a resource that was read: the elements that no row marked, and a mask that
says which those are.  `restoring.restore` puts it back in the resource that the block is written as, in the
same format.  What stands in a list is found again by what it has in common with the elements there, since
rows write in an order of their own.  Where a row writes a constant and the resource said otherwise, the
resource is right.

A mask mirrors its element: True (all of it was not read), a dict of members, or a list of items.  `elements`
has of a list only items with a mask, whole, so that there is something to find them by.

ADA has room for what its forms do not know, in `adaextension`; `packing` spells an origin there.
"""

from gateway.mapping.carrying.packing import from_ada, pack, to_ada, unpack, without
from gateway.mapping.carrying.restoring import is_changed_by_its_rest, restore, unite
from gateway.mapping.carrying.shapes import Trimmer, shape
from gateway.mapping.carrying.taking import carry_whole, residue

__all__ = [
    "Trimmer",
    "carry_whole",
    "from_ada",
    "is_changed_by_its_rest",
    "pack",
    "residue",
    "restore",
    "shape",
    "to_ada",
    "unite",
    "unpack",
    "without",
]
