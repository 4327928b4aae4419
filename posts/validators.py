from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.text import CODE_POINTS, is_visible
from accounts.validators import MaxCharacters

MAX_CHARACTERS = 500
MAX_CODE_POINTS = MAX_CHARACTERS * CODE_POINTS


class MaxPostCharacters(MaxCharacters):
    def message(self, surplus):
        return ngettext(
            "A post has at most 500 characters. Take out %(surplus)d.",
            "A post has at most 500 characters. Take out %(surplus)d.",
            surplus,
        )


def validate_content(content):
    """Raises ValidationError unless `content` has 1 to 500 characters as people count them, some of them visible."""
    if not is_visible(content):
        raise ValidationError(_("Write something first."), code="empty")
    MaxPostCharacters(MAX_CHARACTERS)(content)
