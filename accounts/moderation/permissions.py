"""What moderators may do in the admin. The app that owns a model that they work with registers the permissions for it."""

from django.contrib.auth.models import Permission
from django.db.models import Q

_codenames = {}
# Whoever has this permission decides about people and posts.
MODERATE = "accounts.change_user"


def register(app_label, codenames):
    """Give moderators these permissions on an app's models. Call it in a module that the app's `AppConfig.ready()` imports.

    The command `appoint_moderator` gives them to the group of moderators.
    """
    _codenames[app_label] = list(codenames)


def may_moderate(user):
    """Return whether `user` is a moderator or an administrator."""
    return user.is_active and user.is_staff and user.has_perm(MODERATE)


def names():
    """Return the set of the names of all permissions that moderators need, such as "posts.view_post"."""
    return {f"{app}.{codename}" for app, codenames in _codenames.items() for codename in codenames}


def all_permissions():
    """Return the queryset of the permissions that moderators need."""
    wanted = Q(pk__in=[])
    for app, codenames in _codenames.items():
        wanted |= Q(content_type__app_label=app, codename__in=codenames)
    return Permission.objects.filter(wanted)


# "change_user" lets moderators suspend and reinstate people, but only administrators can edit them.
register(
    "accounts",
    [
        "view_user",
        "change_user",
        "view_follow",
        "view_moderationaction",
        "view_rule",
        "view_invitation",
        "change_invitation",
        "view_invitationuse",
    ],
)
