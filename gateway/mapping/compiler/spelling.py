"""Which function of the runtime spells a concept as an element, as Python source."""

from __future__ import annotations

from collections.abc import Callable

from gateway.mapping.compiler import conversion
from gateway.mapping.compiler.layout import Layout
from gateway.mapping.compiler.schematic import Leaf, Node
from gateway.mapping.compiler.source import Source

Need = tuple[str, str, str]
"""(row, 'map' or 'datatype', name): what the generated code looks up by name"""


class Spelling:
    """The converters of one mapping; those that it needs by name come to `needs`."""

    def __init__(self, layout: Layout, source: Source, uri: Callable[[str], str]) -> None:
        self._mapping, self._concepts, self._types = layout.mapping, layout.concepts, layout.elements.types
        self._source, self._uri = source, uri
        self.needs: list[Need] = []

    def converter(self, leaf: Leaf, node: Node) -> str:
        """The expression for the function that converts this concept to this FHIR type."""
        place, concept = leaf.place, leaf.concept
        if place.take == "system":
            return "system_uri"
        name = conversion.writer(concept.type, node.type)
        if name is None:
            partial = self._concepts.profiles.get(self._concepts.release, concept.type)
            if partial is None or concept.concepts:
                raise self._mapping.fault(place.mark, f"a {concept.type} cannot be written as {node.type}")
            self.needs.append((str(place.mark), "datatype", f"{concept.type}/{node.type}"))
            part = f", {place.part!r}" if place.part else ""
            return f"c.datatype({concept.type!r}, {node.type!r}{part})"
        if place.map:
            self.needs.append((str(place.mark), "map", place.map))
            return f"c.mapped({place.map!r}, {name}, {place.keep == 'coding'})"
        if concept.type == "boolean" and node.type in ("code", "CodeableConcept"):
            raise self._mapping.fault(place.mark, "a truth value needs a concept map (map) to be a code")
        if concept.type == "reference":
            return f"c.referring({place.part!r})"
        if name == "quantity" and node.type == "Money" and self._types.child("Money", "currency"):
            return "money"  # R4; in STU3 Money is a Quantity
        if place.unit is not None and name == "integer_quantity":
            return f"counted({place.unit.code!r}, {place.unit.display!r})"
        if place.unit is not None and name == "quantity":
            return f"c.in_unit({place.unit.code!r}, {place.unit.display!r})"
        if place.unit is not None and name == "quantity_number":
            return (
                f"amount({place.times}, {place.unit.code!r}, {self.named_system(leaf, place.unit.system)!r})"
            )
        if place.system:
            return self.bare(leaf, name, "only_system")
        return name

    def bare(self, leaf: Leaf, name: str, function: str) -> str:
        """The constant for a converter of bare codes or numbers of the system that a row names."""
        if name not in ("code_text", "identifier_text", "code_of_text", "identifier_of_text"):
            text = "a system is for a place that holds only a code, or only the number of an identifier"
            raise self._mapping.fault(leaf.place.mark, text)
        uri = self.named_system(leaf, leaf.place.system)
        stem = "".join(letter if letter.isalnum() else "_" for letter in leaf.place.system)
        return self._source.constant(f"{name.upper()}_{stem}", f"{function}({uri!r}, {name})")

    def named_system(self, leaf: Leaf, name: str) -> str:
        """The URI of a system that a row names."""
        try:
            return self._uri(name)
        except LookupError:
            text = f"'{name}' is no code system that aliases.yaml knows"
            raise self._mapping.fault(leaf.place.mark, text) from None
