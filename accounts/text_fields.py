"""Fields for what people type freely: cleaned first, then measured in characters as people count them.

The browser counts in the same way, in compose.js. It gets no `maxlength`: that counts UTF-16 units, of which an emoji has
several, and a line break as two.
"""

from django import forms
from django.db import models

from accounts.text import CODE_POINTS, clean_line, clean_text
from accounts.validators import MaxCharacters


class FreeTextFormField(forms.CharField):
    """A text of at most `characters`. Its value is cleaned; with `one_line` it has no line breaks."""

    def __init__(self, *, characters, one_line=False, **kwargs):
        self.characters = characters
        self.clean_text = clean_line if one_line else clean_text
        super().__init__(strip=False, **kwargs)
        # Not Django's own, which speaks of NUL characters that are gone by now.
        self.validators = [MaxCharacters(characters)]

    def to_python(self, value):
        value = super().to_python(value)
        # Cleaning takes time for every character: what is hopelessly long is refused as it is.
        return self.clean_text(value) if len(value) <= 2 * self.characters * CODE_POINTS else value

    def widget_attrs(self, widget):
        return super().widget_attrs(widget) | {"data-max-characters": self.characters}


class FreeTextField(models.CharField):
    """A column for such a text, to whose form field it gives the same rules. It is stored by code points."""

    def __init__(self, *args, characters, one_line=False, **kwargs):
        self.characters, self.one_line = characters, one_line
        super().__init__(*args, max_length=characters * CODE_POINTS, **kwargs)
        self.validators = [MaxCharacters(characters)]

    def deconstruct(self):
        """To a migration it is a plain CharField: what a column can hold does not depend on code of ours."""
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
