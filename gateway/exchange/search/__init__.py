"""Search the resources of one person, in memory (FHIR search; MedMij asks for one person at a time).

    scope        what a search is read with, and its bounds
    definitions  which parameters a type has: tables of facts, compiled to small functions
    query        a query string, read to a `Search`; a `Search`, run on resources to a page of them
      filters      one parameter as a test: tokens, references, dates, strings, quantities
      includes     what is brought along      order, paging, shape      what the answer looks like
    operations   $lastn, $everything, $document
    capabilities what of this a CapabilityStatement says

Nothing here reads a store or knows HTTP.  The rules are those of https://hl7.org/fhir/R4/search.html, which
`search.html` stands for; what STU3 has of its own is said where it matters.
"""

from gateway.exchange.search.capabilities import operations_of, searchable
from gateway.exchange.search.operations import document, parse_everything, parse_lastn
from gateway.exchange.search.query import Found, Search, parse
from gateway.exchange.search.record import Resource
from gateway.exchange.search.scope import Parameters, Scope

__all__ = [
    "Found",
    "Parameters",
    "Resource",
    "Scope",
    "Search",
    "document",
    "operations_of",
    "parse",
    "parse_everything",
    "parse_lastn",
    "searchable",
]
