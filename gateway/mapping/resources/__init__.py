"""Blocks from FHIR resources and FHIR resources from blocks, with the compiled mappings of a format."""

from gateway.mapping.resources.reading import FhirReader
from gateway.mapping.resources.writing import FhirWriter

__all__ = ["FhirReader", "FhirWriter"]
