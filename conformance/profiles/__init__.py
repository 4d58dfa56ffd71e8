"""An independent reading of published FHIR profiles, and of whether resources obey them.

Nothing here knows a mapping: what a resource must hold comes from the StructureDefinitions and value sets
of a FHIR package (R4 or STU3, without snapshots), and from the element table of FHIR itself.
"""
