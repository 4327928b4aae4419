"""The form for choosing notifications."""

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.notifications import digests, types


class NotificationPreferencesForm(forms.Form):
    """What a member gets: how often by email, in fields with the names of the types, and whether on the site.

    The fields are in the order of the types.
    """

    # Says that the form has the check boxes, because browsers don't send those that are off.
    with_site = forms.BooleanField(widget=forms.HiddenInput, required=False, initial=True)

    def __init__(self, *args, instance, **kwargs):
        super().__init__(*args, **kwargs)
        self.instance = instance
        self.offered_types = [each for each in types.optional_types() if each.offered_to(instance)]
        off = set(instance.notification_preferences.filter(on_site=False).values_list("type", flat=True))
        for digest in self.offered_types:
            self.fields[digest.name] = forms.ChoiceField(
                label=_("By email"),
                choices=[(frequency.value, frequency.label) for frequency in digest.frequencies],
                initial=digest.frequency_for(instance).value,
                required=False,
            )
            if has_site_choice(digest):
                self.fields[site_field(digest)] = forms.BooleanField(
                    label=_("On the site"), initial=digest.name not in off, required=False
                )

    def choices_by_type(self):
        """Return (type, field for emails, field for the site or None) for each type."""
        return [
            (digest, self[digest.name], self[site_field(digest)] if has_site_choice(digest) else None)
            for digest in self.offered_types
        ]

    def save(self):
        """Store the choices that were changed. Fields that weren't submitted keep their value. Returns the User.

        Raises AccountGone if the member has left or was suspended.
        """
        with transaction.atomic():
            self.instance.lock(visible=True)
            for digest in self.offered_types:
                frequency = self.cleaned_data.get(digest.name)
                if frequency and digest.name in self.changed_data:
                    digests.choose(self.instance, digest, frequency)
                if self.cleaned_data["with_site"] and site_field(digest) in self.changed_data:
                    digests.choose_on_site(self.instance, digest, self.cleaned_data[site_field(digest)])
        return self.instance


def has_site_choice(digest):
    return isinstance(digest, types.NotificationType) and digest.can_be_off_site


def site_field(digest):
    return f"{digest.name}-site"
