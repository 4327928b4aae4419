"""Model and form fields that several rooms use: free text, email addresses, stored counts.

Free text is cleaned first, then measured in characters as people count them. The browser counts in the same way, in
compose.js. Its `maxlength` isn't used, because it counts UTF-16 units (an emoji has several) and a line break as two.
"""

from allauth.account import fields as allauth_fields
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.common.addresses import canonical_email
from accounts.common.text import CODE_POINTS, clean_line, clean_text, count_characters


class FreeTextFormField(forms.CharField):
    """A text of at most `characters`. Its value is cleaned, and with `one_line` it has no line breaks."""

    def __init__(self, *, characters, one_line=False, **kwargs):
        self.characters = characters
        self.clean_text = clean_line if one_line else clean_text
        super().__init__(strip=False, **kwargs)
        # This replaces Django's validator for NUL characters, which cleaning has removed.
        self.validators = [MaxCharacters(characters)]

    def to_python(self, value):
        value = super().to_python(value)
        # Cleaning takes time for every character, so a text that is far too long is rejected uncleaned.
        return self.clean_text(value) if len(value) <= 2 * self.characters * CODE_POINTS else value

    def widget_attrs(self, widget):
        return super().widget_attrs(widget) | {"data-max-characters": self.characters}


class FreeTextField(models.CharField):
    """A column for free text. Its form field follows the same rules. The length of the column is in code points."""

    def __init__(self, *args, characters, one_line=False, **kwargs):
        self.characters, self.one_line = characters, one_line
        super().__init__(*args, max_length=characters * CODE_POINTS, **kwargs)
        self.validators = [MaxCharacters(characters)]

    def deconstruct(self):
        """Return a plain CharField for migrations, so that they don't depend on this class."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def clone(self):
        _name, _path, args, kwargs = self.deconstruct()
        return models.CharField(*args, **kwargs)

    def clean(self, value, model_instance):
        cleaned = (clean_line if self.one_line else clean_text)(value or "")
        return super().clean(cleaned, model_instance)

    def formfield(self, **kwargs):
        rules = {"characters": self.characters, "one_line": self.one_line, "max_length": None}
        return super().formfield(**{"form_class": FreeTextFormField} | rules | kwargs)


class MaxCharacters:
    """Raises ValidationError for a text with more than `limit` characters as people count them.

    It also rejects a text with more code points than the column has room for: CODE_POINTS times the limit.
    """

    def __init__(self, limit):
        self.limit = limit

    def __eq__(self, other):
        return type(self) is type(other) and self.limit == other.limit

    def __hash__(self):
        return hash(self.limit)

    def __call__(self, text):
        if len(text) > self.limit * CODE_POINTS:
            raise ValidationError(
                _("This text is too long, or has too many combining marks or joined emoji. Shorten it."),
                code="too_long",
            )
        surplus = count_characters(text) - self.limit
        if surplus > 0:
            raise ValidationError(
                self.message(surplus), code="too_long", params={"limit": self.limit, "surplus": surplus}
            )

    def message(self, surplus):
        return ngettext(
            "Use up to %(limit)d characters. Remove %(surplus)d.",
            "Use up to %(limit)d characters. Remove %(surplus)d.",
            surplus,
        )


class EmailField(allauth_fields.EmailField):
    """A form field for an email address in any spelling. Its value is in canonical form."""

    def to_python(self, value):
        value = super().to_python(value)
        return canonical_email(value) if value else value


class CountField(models.IntegerField):
    """A stored count. Only UPDATE statements change it: saving an object that was loaded earlier keeps the stored value.

    It may be negative for a while. With a constraint, a wrong count would make an action fail.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{"default": 0, "db_default": 0, "editable": False} | kwargs)

    def pre_save(self, model_instance, add):
        return super().pre_save(model_instance, add) if add else models.F(self.attname)
