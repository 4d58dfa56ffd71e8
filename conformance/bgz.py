"""What a PGO asks for the BgZ of its person: 28 searches in FHIR STU3, none of which names the person.

Gegevensdienst 48 of MedMij (BgZ 3.0), as the open sources of MedMij's own PGO (minvws/nl-mgo-app-web) and the
TestScripts of Nictiz have it.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

SCT, LOINC, ACT = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/v3/ActCode"
CARE = "urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3"


class Query(NamedTuple):
    """A search below the base of a server: its path, and parameters with `+` for what they include."""

    path: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def address(self) -> str:
        """The address below the base."""
        return self.path + self._rest()

    def without_operation(self) -> Query:
        """The same search on the type itself, for a server that has not the operation."""
        return Query(self.path.partition("/")[0], self.parameters)

    def _rest(self) -> str:
        pairs = "&".join(f"{name}={quote(value, safe=',:/')}" for name, value in self.parameters)
        return f"?{pairs}" if pairs else ""


def _query(path: str, *includes: str, **parameters: str) -> Query:
    along = tuple(("_include", each) for each in includes)
    return Query(path, (*parameters.items(), *along))


def _codes(system: str, *codes: str) -> str:
    return ",".join(f"{system}|{code}" for code in codes)


LAST = "Observation/$lastn"
QUERIES = (
    _query("Patient", "Patient:general-practitioner"),
    _query("Coverage", "Coverage:payor:Patient", "Coverage:payor:Organization"),
    _query("Consent", category=_codes(SCT, "11291000146105")),
    _query("Consent", category=_codes(SCT, "11341000146107")),
    _query(LAST, category=_codes(SCT, "118228005", "384821006")),
    _query("Condition"),
    _query(LAST, code=_codes(SCT, "365508006")),
    _query("Observation", code=_codes(SCT, "228366006")),
    _query("Observation", code=_codes(SCT, "228273003")),
    _query("Observation", code=_codes(SCT, "365980008")),
    _query("NutritionOrder"),
    _query("Flag"),
    _query("AllergyIntolerance"),
    _query("MedicationStatement", "MedicationStatement:medication", category=_codes(CARE, "6")),
    _query("MedicationRequest", "MedicationRequest:medication", category=_codes(SCT, "16076005")),
    _query("MedicationDispense", "MedicationDispense:medication", category=_codes(SCT, "422037009")),
    _query("DeviceUseStatement", "DeviceUseStatement:device"),
    _query("Immunization", status="completed"),
    _query(LAST, code=_codes(LOINC, "85354-9")),
    _query(LAST, code=_codes(LOINC, "29463-7")),
    _query(LAST, code=_codes(LOINC, "8302-2", "8306-3", "8308-9")),
    _query(LAST, "Observation:related-target", "Observation:specimen", category=_codes(SCT, "275711006")),
    _query("Procedure", category=_codes(SCT, "387713003")),
    _query("Encounter", **{"class": _codes(ACT, "IMP", "ACUTE", "NONAC")}),
    _query("ProcedureRequest", status="active"),
    _query("ImmunizationRecommendation"),
    _query("DeviceRequest", "DeviceRequest:device", status="active"),
    _query("Appointment", status="booked,pending,proposed"),
)
