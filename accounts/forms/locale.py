"""The form for a member's language and time zone, and its fields for other forms."""

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.common.locale import find_zone, language_of, offered_languages, time_zones
from accounts.models import User


class LocaleFieldsMixin:
    """A mixin for a ModelForm of User with the field `time_zone` or `language`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:
            self.fields["time_zone"] = forms.ChoiceField(
                label=_("Time zone"), choices=self._time_zone_choices, required=False
            )
        if "language" in self.fields:
            self.initial["language"] = language_of(self.instance)
            self.fields["language"] = forms.ChoiceField(
                label=_("Language"),
                choices=[("", _("Same as my browser")), *offered_languages()],
                required=False,
            )

    def _time_zone_choices(self):
        """Return the site's default, all canonical zones, and any alias that the member chose in an older release."""
        chosen, zones = self.instance.time_zone, time_zones()
        if chosen not in zones and find_zone(chosen):
            zones = {chosen: chosen.replace("_", " ")} | zones
        return [("", _("Site default (%(zone)s)") % {"zone": settings.TIME_ZONE}), *zones.items()]

    def locale_fields(self):
        """Return the bound fields that offer more than one choice."""
        return [self["time_zone"], *([self["language"]] if len(offered_languages()) > 1 else [])]


class LocaleForm(LocaleFieldsMixin, forms.ModelForm):
    class Meta:
        model = User
        fields = ["time_zone", "language"]

    def clean(self):
        # The page has no field where there is no choice, and older pages lack some.
        for name in set(self.fields) - self.data.keys():
            self.cleaned_data[name] = getattr(self.instance, name)
        return super().clean()

    def save(self):
        """Store the choices. Returns the User. Raises AccountGone if the member has left or was suspended."""
        with transaction.atomic():
            self.instance.lock(visible=True)
            self.instance.save(update_fields=self.Meta.fields)
        return self.instance
