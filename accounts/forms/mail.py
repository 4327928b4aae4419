"""What a member chooses about mails, times and languages, as fields of a form."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.emails import kinds, plans
from accounts.locale import find_zone, language_of, time_zones
from accounts.models import MailPreference


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
    """For a ModelForm of a User with the field `time_zone`, and maybe `language`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:
            self.fields["time_zone"] = forms.ChoiceField(
                label=_("Time zone"), choices=self._time_zone_choices, required=False
            )
        if "language" in self.fields:
            self.initial["language"] = language_of(self.instance)
            self.fields["language"] = forms.ChoiceField(
                label=_("Language"), choices=[("", _("My browser's")), *settings.LANGUAGES], required=False
            )

    def _time_zone_choices(self):
        """The site's zone, then all canonical ones, and an alias that was chosen when those were offered."""
        chosen, zones = self.instance.time_zone, time_zones()
        if chosen not in zones and find_zone(chosen):
            zones = {chosen: chosen.replace("_", " ")} | zones
        return [("", _("The site's: %(zone)s") % {"zone": settings.TIME_ZONE}), *zones.items()]

    def place_fields(self):
        """Those that leave something to choose."""
        return [self["time_zone"], *([self["language"]] if len(settings.LANGUAGES) > 1 else [])]
