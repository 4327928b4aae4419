from urllib.parse import urljoin

from django import template
from django.conf import settings
from django.utils.html import format_html

from accounts.avatars import identicon
from accounts.pictures import LARGE, SMALL

register = template.Library()

# Of ours, not of the files: width and height keep the page from moving when a picture comes.
SMALL_IMAGE = '<img class="avatar" src="{}" width="40" height="40" alt="" loading="lazy" decoding="async">'
LARGE_IMAGE = '<img class="avatar" src="{}" width="72" height="72" alt="" decoding="async">'


@register.simple_tag
def avatar(user, large=False):
    """The picture beside a person's name: what they uploaded, or else drawn. For decoration: the name stands beside it."""
    if not user.picture:
        return identicon(user.username)
    if large:
        return format_html(LARGE_IMAGE, user.picture_url(LARGE))
    return format_html(SMALL_IMAGE, user.picture_url(SMALL))


@register.simple_tag
def picture_address(user):
    """The absolute address of what somebody uploaded, for other sites; empty without."""
    return urljoin(settings.SITE_URL, user.picture_url(LARGE)) if user.picture else ""
