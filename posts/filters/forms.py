from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms.mute import LENGTHS, Duration
from accounts.templatetags.times import date_and_time
from posts.filters.models import LIMIT, Filter, Place, TooManyFilters, key_of

KEEP = "keep"


class FilterForm(forms.ModelForm):
    """The form for a new filter of a member, or for a stored one, whose end it can keep."""

    places = forms.MultipleChoiceField(
        label=_("Where?"),
        choices=Place,
        initial=[Place.HOME, Place.EXPLORE, Place.NOTIFICATIONS],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose where."), "invalid_choice": _("Choose where.")},
    )
    duration = forms.ChoiceField(
        label=_("How long?"),
        initial=Duration.ALWAYS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how long."), "invalid_choice": _("Choose how long.")},
    )

    class Meta:
        model = Filter
        fields = ["phrase"]
        help_texts = {
            "phrase": _("Upper and lower case make no difference. A word matches only as a whole word.")
        }
        error_messages = {"phrase": {"required": _("Write a word, a phrase or a hashtag.")}}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        choices = [*Duration.choices[:-1], (Duration.ALWAYS, _("Until I remove it"))]
        if self.instance.pk:
            self.initial["places"] = self.instance.places
        if self.instance.until:
            label = gettext("Until {time}").format(time=date_and_time(self.instance.until))
            choices.insert(0, (KEEP, label))
            self.initial["duration"] = KEEP
        self.fields["duration"].choices = choices

    def clean_phrase(self):
        phrase = self.cleaned_data["phrase"]
        key_of(phrase)
        return phrase

    def store(self):
        """Store the filter. Returns whether that was possible; if not, the form has an error."""
        self.instance.places = self.cleaned_data["places"]
        if self.cleaned_data["duration"] != KEEP:
            length = LENGTHS.get(self.cleaned_data["duration"])
            self.instance.until = length and timezone.now() + length
        try:
            self.instance.store()
        except TooManyFilters:
            message = gettext("You have %(count)d filters, which is the limit. Remove one first.")
            self.add_error(None, message % {"count": LIMIT})
        return self.is_valid()
