from django import template

from accounts.common.navigation import settings_pages

register = template.Library()


@register.filter
def is_settings_page(view_name):
    """Return whether the page with that URL name belongs to the settings."""
    return view_name in settings_pages
