from django import template

from accounts.avatars import identicon

register = template.Library()


@register.simple_tag
def avatar(user):
    """The picture beside a person's name."""
    return identicon(user.username)
