"""The form for choosing emails."""

from django import forms
from django.db import transaction

from accounts.notifications import digests, types


class EmailPreferencesForm(forms.Form):
    """How often a member gets each optional email. The fields have the names of the types, and are in their order."""

    def __init__(self, *args, instance, **kwargs):
        super().__init__(*args, **kwargs)
        self.instance = instance
        self.offered_types = [each for each in types.optional_types() if each.offered_to(instance)]
        for digest in self.offered_types:
            self.fields[digest.name] = forms.ChoiceField(
                label=digest.label,
                choices=[(frequency.value, frequency.label) for frequency in digest.frequencies],
                initial=digest.frequency_for(instance).value,
                required=False,
            )

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
        return self.instance
