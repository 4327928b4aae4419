from urllib.parse import urljoin

from django import template
from django.utils.html import format_html

from accounts.avatars import identicon
from accounts.common.app_settings import app_settings
from accounts.pictures import LARGE, SMALL

register = template.Library()

# The width and height match our style sheet. They prevent a layout shift when the picture loads.
SMALL_IMAGE = '<img class="avatar" src="{}" width="40" height="40" alt="" loading="lazy" decoding="async">'
LARGE_IMAGE = '<img class="avatar" src="{}" width="72" height="72" alt="" decoding="async">'


@register.simple_tag
def avatar(user, large=False):
    """Return a person's uploaded picture or identicon. It is decorative, because their name is next to it."""
    if not user.picture:
        return identicon(user.username)
    if large:
        return format_html(LARGE_IMAGE, user.picture_url(LARGE))
    return format_html(SMALL_IMAGE, user.picture_url(SMALL))


@register.simple_tag
def picture_address(user):
    """Return the absolute URL of the person's uploaded picture, or "" if they have none."""
    return urljoin(app_settings.SITE_URL, user.picture_url(LARGE)) if user.picture else ""
