"""The pairs of zib concept and FHIR element that a FHIR package states, held against the mappings."""
