"""What a member chooses about mails, times and languages, as fields of a form."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.emails import kinds, plans
from accounts.models import MailPreference
from accounts.validators import time_zones


class MailChoices:
    """For a ModelForm of a User: a field for each kind of mail, named after it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for kind in kinds.optional_kinds():
            self.fields[kind.name] = forms.ChoiceField(
                label=kind.label,
                choices=[(when.value, when.label) for when in kind.choices],
                initial=MailPreference.of(self.instance, kind).value,
                required=False,
            )

    def mail_fields(self):
        """The fields about mails, in the order of the kinds."""
        return [self[kind.name] for kind in kinds.optional_kinds()]

    def save_mails(self):
        """Store what was chosen anew. What was not sent stays as it is."""
        for kind in kinds.optional_kinds():
            when = self.cleaned_data.get(kind.name)
            if when and kind.name in self.changed_data:
                plans.choose(self.instance, kind, when)


class PlaceChoices:
    """For a ModelForm of a User with the fields `time_zone` and `language`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        of_the_site = _("The site's: %(zone)s") % {"zone": settings.TIME_ZONE}
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Time zone"),
            choices=[("", of_the_site), *((name, name.replace("_", " ")) for name in time_zones())],
            initial=self.instance.time_zone,
            required=False,
        )
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"),
            choices=[("", _("My browser's")), *settings.LANGUAGES],
            initial=self.instance.language,
            required=False,
        )

    def place_fields(self):
        """Those that leave something to choose."""
        return [self["time_zone"], *([self["language"]] if len(settings.LANGUAGES) > 1 else [])]
