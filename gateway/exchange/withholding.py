"""Does a register withhold what it says?  Its names held against the profiles of the building blocks.

A name that no release has withholds nothing.  One that one release has, and another has not, leaves what goes
by another name there: a register names both.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.blocks.profiles import Concept, Profile, Profiles
from gateway.codecs.fhir.elements import types
from gateway.errors import Issue, Severity
from gateway.exchange.renditions import FORMATS
from gateway.mapping import Translator
from gateway.policy import Register
from gateway.policy.register import Activity


def name_faults(register: Register, translator: Translator) -> Iterator[Issue]:
    """An error for each block or concept that no release has, a warning for one withheld that one lacks."""
    profiles, partner = translator.profiles, translator.bridge.pairs.partner
    for activity in register.activities:
        for block in sorted({*(activity.blocks or ()), *activity.without}):
            known = [found for each in profiles.releases if (found := profiles.get(each, block))]
            if not known and not any(types(version).is_resource(block) for version in FORMATS):
                yield _issue("error", "is no building block, and no resource type", activity, block)
            else:
                yield from _concept_faults(activity, block, known, profiles)
            names = {partner(each.release, block) for each in known} if block in activity.without else set()
            for other in sorted(names - activity.without.keys()):
                text = f"is {other} in another release: nothing of that is withheld"
                yield _issue("warning", text, activity, block)


def _concept_faults(
    activity: Activity, block: str, known: list[Profile], profiles: Profiles
) -> Iterator[Issue]:
    withheld = activity.without.get(block, frozenset())
    listed = (activity.blocks or {}).get(block) or frozenset()
    for path in sorted(withheld | listed):
        lacking = [profile.release for profile in known if not _has(profile, path, profiles)]
        if len(lacking) == len(known):
            yield _issue("error", "is no concept", activity, f"{block}.{path}")
        elif lacking and path in withheld:
            text = (
                f"is no concept of release {', '.join(lacking)}: there it is withheld by its name there only"
            )
            yield _issue("warning", text, activity, f"{block}.{path}")


def _has(profile: Profile, path: str, profiles: Profiles) -> bool:
    """True when a block of a profile can have a concept at a path."""
    here: Profile | Concept = profile
    for name in path.split("."):
        basics = profiles.basics(profile.release) if here is profile else None
        inside = {**(basics.concepts if basics else {}), **profiles.inside(profile.release, here)}
        if name not in inside:
            return False
        here = inside[name]
    return True


def _issue(severity: Severity, text: str, activity: Activity, name: str) -> Issue:
    return Issue(severity, "invalid", text, place=f"{activity.id}: {name}")
