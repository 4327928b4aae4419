from datetime import timedelta

from django import forms
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Duration(models.TextChoices):
    """How long a mute lasts."""

    DAY = "day", _("For a day")
    WEEK = "week", _("For a week")
    ALWAYS = "always", _("Until I unmute them")


LENGTHS = {Duration.DAY: timedelta(days=1), Duration.WEEK: timedelta(days=7)}


class MuteForm(forms.Form):
    duration = forms.ChoiceField(
        label=_("How long?"),
        choices=Duration,
        initial=Duration.ALWAYS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how long."), "invalid_choice": _("Choose how long.")},
    )

    @property
    def until(self):
        """When the mute ends, or None if the member has to undo it. The form must be valid."""
        length = LENGTHS.get(self.cleaned_data["duration"])
        return length and timezone.now() + length
