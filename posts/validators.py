from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.text import count_characters, is_visible

MAX_CHARACTERS = 500
# What 500 characters may take: an emoji family is 7 code points, a letter with marks a few.
MAX_CODE_POINTS = 5000


def validate_content(content):
    """Raises ValidationError unless `content` has 1 to 500 characters as people count them, some of them visible."""
    if not is_visible(content):
        raise ValidationError(_("Write something first."), code="empty")
    if len(content) > MAX_CODE_POINTS:
        raise ValidationError(
            _("This text is too long, or has too many marks and joined emoji. Shorten it."), code="too_long"
        )
    surplus = count_characters(content) - MAX_CHARACTERS
    if surplus > 0:
        raise ValidationError(
            ngettext(
                "A post has at most 500 characters. Take out %(surplus)d.",
                "A post has at most 500 characters. Take out %(surplus)d.",
                surplus,
            ),
            code="too_long",
            params={"surplus": surplus},
        )
