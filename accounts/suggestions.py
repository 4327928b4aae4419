"""Finds people for a new member to follow.

First those of their invitation, then those chosen by the operator, then active ones, then the most followed.

Each source returns a limited number of people, and everything else is filtered among these, so the number of rows that are
read doesn't grow with the site.
"""

from django.conf import settings
from django.utils.translation import get_language

from accounts.common.app_settings import app_settings
from accounts.common.locale import offered_variant
from accounts.joining.invitations import people_offered_to
from accounts.models import User
from accounts.querysets import without_muted

# How many people the page suggests.
SUGGESTED = 12
# How many people of each source are considered.
CONSIDERED = 200

_sources = []


def register(source):
    """Register a source of active people: a function that takes a limit and returns at most as many primary keys, best first.

    Another app registers what it knows about who is active. Returns the function, so this can be a decorator.
    """
    if source not in _sources:
        _sources.append(source)
    return source


def suggest_people(member):
    """Return a list of at most SUGGESTED visible people whom `member` doesn't follow yet, with `is_followed`."""
    people = among(people_offered_to(member, SUGGESTED), member)
    for source in (chosen_people, *_sources, most_followed):
        if len(people) < SUGGESTED:
            keys = [key for key in source(CONSIDERED) if key not in people]
            found = among(keys, member)
            people |= found if source is chosen_people else own_language_first(found)
    return list(people.values())[:SUGGESTED]


def chosen_people(limit):
    """Return the keys of the people in SUGGESTED_PEOPLE, in that order."""
    names = list(app_settings.SUGGESTED_PEOPLE)[:limit]
    keys = dict(User.objects.filter(username__in=names).values_list("username", "pk")) if names else {}
    return [keys[name] for name in names if name in keys]


def most_followed(limit):
    return User.objects.most_followed().values_list("pk", flat=True)[:limit]


def among(keys, member):
    """Return a dict from those of `keys` whom `member` may follow and neither follows nor mutes to the people, in the same order."""
    people = User.objects.filter(pk__in=keys).exclude(pk=member.pk).visible_to(member)
    people = without_muted(people, "pk", member)
    found = {person.pk: person for person in people.with_followed_by(member).filter(is_followed=False)}
    return {key: found[key] for key in keys if key in found}


def own_language_first(people):
    """Return the dict with the people who use the language of this request first."""
    default = offered_variant(settings.LANGUAGE_CODE)
    language = offered_variant(get_language()) or default
    return dict(
        sorted(people.items(), key=lambda item: (offered_variant(item[1].language) or default) != language)
    )
