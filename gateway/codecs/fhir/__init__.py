"""FHIR R4 and STU3: the syntaxes, and whether a document keeps to base FHIR.  Nothing here knows a zib.

fhir_json, fhir_xml     bytes to the plain tree and back; XML by `xml_reader` and `xml_writer`, with the
                        elements of `shapes`
elements                the types of a version: their elements, of what type, how often
kinds                   every member of a tree is one of its type, and of the right kind of JSON
base                    what base FHIR requires besides: how often, `codes` of required bindings,
                        constraints (`rules`; `whole` for those that no row can say)
tolerated               which of these faults may come in all the same, with a warning
places                  where in the document a fault is: line and column
"""
