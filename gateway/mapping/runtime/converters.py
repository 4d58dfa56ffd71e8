"""The named converters (`via`) and computed elements: the only Python that a mapping can name.

A converter is a pair: `write(target, key, value, c, rule)` puts a value in its place, `read(source, key,
c, rule)` gives it back; one that `sees_around` is told the whole block or partial zib behind the rule.  A
computed element is a function of a block or group.  What they do stands in a
module for each subject; these tables are all that there are.
"""

from __future__ import annotations

from typing import Any

from gateway.mapping.runtime import dosage, names

COMPUTED = {
    "family_name": names.family_name,
    "full_name": names.full_name,
    "given_and_family_name": names.given_and_family_name,
    "address_line": names.address_line,
    "address_line_and_unit": names.address_line_and_unit,
}

NAMED: dict[str, Any] = {
    "first_names": names.FirstNames("BR"),
    "other_initials": names.OtherInitials("IN", ""),
    "initials_apart": names.InitialsApart("IN", ""),
    "first_names_together": names.GivenNames("BR"),
    "initials_together": names.GivenNames("IN", ""),
    "call_me_name": names.GivenNames("CL"),
    "house_letter": names.HouseLetter(),
    "house_addition": names.HouseAddition(),
    "suffix_letter": names.Suffix(0),
    "suffix_addition": names.Suffix(1),
    "postcode": names.Postcode(),
    "display": names.Display(),
    "country_code": names.Country(),
    "location_name": names.LocationName(),
    "after_dash": names.AfterDash(),
    "frequency": dosage.Frequency(),
    "how_often": dosage.HowOften(),
    "interval": dosage.Interval(),
    "exact_interval": dosage.ExactInterval(),
    "span": dosage.Span(),
    "g_standaard": dosage.BasicUnit(),
    "ucum_and_g_standaard": dosage.TranslatedUnit(),
    "per_time": dosage.PerTime(dosage.BasicUnit()),
    "per_time_in_ucum": dosage.PerTime(dosage.TranslatedUnit()),
    "product_codes": dosage.ProductCodes(choosing=False),
    "product_codes_with_choice": dosage.ProductCodes(choosing=True),
    "product_name": dosage.ProductName(),
}

BESIDE: dict[str, tuple[str, ...]] = {
    "frequency": ("frequencyMax", "period", "periodUnit", "count", "countMax"),
    "how_often": ("period", "periodUnit", "count"),
    "interval": ("periodUnit",),
    "exact_interval": ("periodUnit", "frequency"),
    "span": ("durationUnit",),
}
"""What a converter writes and reads beside the element of its row."""
