from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.common.fields import MaxCharacters
from accounts.common.text import CODE_POINTS, is_visible

MAX_CHARACTERS = 500
MAX_CODE_POINTS = MAX_CHARACTERS * CODE_POINTS


class MaxPostCharacters(MaxCharacters):
    def message(self, surplus):
        return ngettext(
            "A post can be up to 500 characters long. Remove %(surplus)d.",
            "A post can be up to 500 characters long. Remove %(surplus)d.",
            surplus,
        )


def validate_content(content):
    """Raise ValidationError unless `content` has 1 to 500 user-perceived characters, at least one of them visible."""
    if not is_visible(content):
        raise ValidationError(_("Write something first."), code="empty")
    MaxPostCharacters(MAX_CHARACTERS)(content)
