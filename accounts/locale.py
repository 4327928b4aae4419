"""In which time zone and language a member is spoken to, and which zones there are to choose from.

Rows outlive releases of the time zone database and of this site: what a member once chose may be unknown today. Then
the site's zone and language take its place.
"""

from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import get_supported_language_variant

from accounts.text import truncate

# Of the places that share a zone so many characters are shown.
PLACES_SHOWN = 80


def zone_of(user):
    """Return the time zone that `user` has chosen. Without one, or if nobody knows it any more, it is the site's."""
    return find_zone(user.time_zone) or timezone.get_default_timezone()


@lru_cache(maxsize=1000)
def find_zone(name):
    """Return the time zone with that name, which may be an alias, or None if there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def language_of(user):
    """Return the code of the language that `user` has chosen, as the site offers it. Empty without one or if it doesn't."""
    try:
        return get_supported_language_variant(user.language.lower())
    except (LookupError, ValueError):
        return ""


@cache
def time_zones():
    """Map the name of each canonical time zone, in order, to what it is called in a list.

    Aliases, which releases of the database may drop, are not among them. Those that are places are part of the label:
    "Europe/Berlin (Copenhagen, Oslo, Stockholm)".
    """
    links, aliases = _links(), {}
    for name in sorted(_names_in("zone.tab")):
        if target := links.get(name):
            aliases.setdefault(target, []).append(_spoken(name.rpartition("/")[2]))
    return {name: _label(name, aliases.get(name)) for name in sorted(_names_in("zone1970.tab"))}


def _label(name, places):
    if not places:
        return _spoken(name)
    return f"{_spoken(name)} ({truncate(', '.join(sorted(places)), PLACES_SHOWN)})"


def _spoken(name):
    return name.replace("_", " ")


def _names_in(table):
    """The names in a table of the package tzdata, which is the same on every platform."""
    return [line.split("\t")[2] for line in _lines(table) if not line.startswith("#")]


def _links():
    """Map each alias to the zone that it stands for."""
    return {line.split()[2]: line.split()[1] for line in _lines("tzdata.zi") if line.startswith("L ")}


def _lines(file):
    return (files("tzdata") / "zoneinfo" / file).read_text(encoding="utf-8").splitlines()
