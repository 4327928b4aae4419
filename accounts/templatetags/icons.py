"""The template tags of the package heroicons, with a cache."""

from functools import lru_cache

from django import template
from heroicons.templatetags import heroicons

register = template.Library()

for _style in (
    heroicons.heroicon_micro,
    heroicons.heroicon_mini,
    heroicons.heroicon_outline,
    heroicons.heroicon_solid,
):
    register.simple_tag(lru_cache(maxsize=256)(_style), name=_style.__name__)
