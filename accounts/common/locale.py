"""The time zone and language of a member, and those to choose from.

Rows outlive releases of the time zone database and of this site, so a stored choice may no longer exist. In that case, the
site's time zone and language are used.
"""

from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from django.conf import global_settings, settings
from django.conf.locale import LANG_INFO
from django.utils import timezone
from django.utils.translation import get_supported_language_variant

from accounts.common.text import truncate
from accounts.defaults import CATALOGUES, languages_in

# Looking for catalogues takes longer than a page.
translated_languages = cache(languages_in)
# The length of the column `time_zone`.
MAX_NAME_LENGTH = 50
# The maximum length of the list of places in a time zone.
MAX_PLACES_LENGTH = 80


def zone_of(user):
    """Return the time zone that `user` has chosen, or the site's if it is unknown or they haven't chosen one."""
    return find_zone(user.time_zone) or timezone.get_default_timezone()


@lru_cache(maxsize=1000)
def find_zone(name):
    """Return the time zone with that name or alias, or None."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def known_zone(name):
    """Return the name of the canonical time zone for the name that a browser sent, or "" if there is no such zone.

    Browsers still send old names, such as Asia/Calcutta.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH or not find_zone(name):
        return ""
    return _links().get(name, name)


def language_of(user):
    """Return the code of the language that `user` has chosen, or "" if the site doesn't offer it or they haven't chosen one."""
    return offered_variant(user.language)


def offered_variant(code):
    """Return the code of the offered language that is closest to the language `code`, or "" if there is none.

    LANGUAGE_CODE and the active language may be variants, such as "en-us" of "en", so normalize them before comparing them.
    """
    try:
        variant = get_supported_language_variant((code or "").lower())
    except (LookupError, ValueError):
        return ""
    offered = dict(offered_languages())
    return next((found for found in (variant, variant.partition("-")[0]) if found in offered), "")


def offered_languages():
    """Return the languages that members can choose, as (code, name) pairs. The names are in the languages themselves.

    These are the project's LANGUAGES. If the project doesn't set LANGUAGES, they are English and the languages that the
    apps are translated into, because Django's default has about a hundred.
    """
    if not settings.USE_I18N:
        return []
    if settings.LANGUAGES == global_settings.LANGUAGES:
        return translated_languages(CATALOGUES, *settings.LOCALE_PATHS)
    return [
        (code.lower(), LANG_INFO.get(code.lower(), {}).get("name_local", name))
        for code, name in settings.LANGUAGES
    ]


@cache
def time_zones():
    """Return a dict from the name of each canonical time zone, in order, to its label in a list.

    Aliases are left out, because a later release of the database may drop them. Aliases that are places are part of the
    label: "Europe/Berlin (Copenhagen, Oslo, Stockholm)".
    """
    links, aliases = _links(), {}
    for name in sorted(_names_in("zone.tab")):
        if target := links.get(name):
            aliases.setdefault(target, []).append(_readable(name.rpartition("/")[2]))
    return {name: _label(name, aliases.get(name)) for name in sorted(_names_in("zone1970.tab"))}


def _label(name, places):
    if not places:
        return _readable(name)
    return f"{_readable(name)} ({truncate(', '.join(sorted(places)), MAX_PLACES_LENGTH)})"


def _readable(name):
    return name.replace("_", " ")


def _names_in(table):
    """Return the names in a table of the tzdata package, which is the same on every platform."""
    return [line.split("\t")[2] for line in _lines(table) if not line.startswith("#")]


@cache
def _links():
    """Return a dict from each alias to its time zone."""
    return {line.split()[2]: line.split()[1] for line in _lines("tzdata.zi") if line.startswith("L ")}


def _lines(file):
    return (files("tzdata") / "zoneinfo" / file).read_text(encoding="utf-8").splitlines()
