from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.announcements.models import Announcement
from accounts.announcements.tasks import publish
from accounts.common.locale import offered_languages


class AnnouncementForm(forms.ModelForm):
    language = forms.ChoiceField(
        label=_("Language of the text"),
        required=False,
        choices=lambda: [("", _("Another language")), *offered_languages()],
    )

    class Meta:
        model = Announcement
        fields = ["text", "language", "starts_on", "ends_on", "new_rules"]
        widgets = {"text": forms.Textarea(attrs={"rows": 5, "cols": 60})}


@admin.register(Announcement)
class AnnouncementAdmin(admin.ModelAdmin):
    """Publishes announcements. Saving one notifies the members when it starts."""

    form = AnnouncementForm
    list_display = ["__str__", "starts_on", "ends_on", "new_rules"]
    fields = ["text", "language", "starts_on", "ends_on", "new_rules"]
    ordering = ["-starts_on"]

    def get_readonly_fields(self, request, obj=None):
        # Members have read it, or accepted the rules, as of then.
        return ["starts_on", "new_rules"] if obj and obj.has_started else []

    def save_model(self, request, obj, form, change):
        publish(obj, by=request.user)
