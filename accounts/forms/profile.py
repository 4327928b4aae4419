"""The forms for changing the profile and for deleting an account."""

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import pictures, signals
from accounts.common.app_settings import app_settings
from accounts.models import User
from accounts.passwords import keep_session
from accounts.security import rate_limits


class LeaveForm(forms.Form):
    """Asks for the password and a confirmation before an account is deleted."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter your password.")},
    )
    sure = forms.BooleanField(
        label=_("Delete my account and everything in it for good"),
        error_messages={"required": _("Tick the box to confirm.")},
    )

    def __init__(self, *args, request, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.request = request
        self.user = user

    def clean_password(self):
        password = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("That password isn't right. Try again."))
        keep_session(self.request, self.user)
        return password


class PictureField(forms.FileField):
    """An uploaded picture. Its value is the result of `pictures.process_upload()`, or None without a file."""

    widget = forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/gif,image/webp"})
    default_error_messages = {"empty": _("That file is empty. Try another.")}

    def clean(self, data, initial=None):
        file = super().clean(data, initial)
        return pictures.process_upload(file) if file else None


class ProfileForm(forms.ModelForm):
    """A member's public profile, and whether search engines may show it."""

    # The fields that others can see.
    PUBLIC = ("display_name", "bio", "picture", "remove_picture")

    picture = PictureField(
        label=_("Picture"),
        required=False,
        help_text=_(
            "JPEG, PNG, GIF or WebP. It is cropped to the middle. Location and other hidden data are removed."
        ),
    )
    remove_picture = forms.BooleanField(label=_("Remove my picture"), required=False)

    class Meta:
        model = User
        fields = ["display_name", "bio", "noindex"]
        widgets = {"bio": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"display_name": _("Shown above your username. Leave it empty to show only that.")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.instance.picture:
            self.fields.pop("remove_picture", None)

    def clean(self):
        # A request without these fields would clear them.
        if not {"display_name", "bio"} & self.fields.keys() <= self.data.keys():
            raise forms.ValidationError(_("Part of the form is missing. Reload the page and try again."))
        return super().clean()

    def save(self):
        """Store the profile, and send `profile_changed` if others can see a change. Returns the User.

        Raises pictures.NotStored if the picture can't be stored, RateLimitExceeded if the profile was changed too often recently,
        and AccountGone if the member has left or was suspended. In these cases, nothing is changed.
        """
        with pictures.stored(self.cleaned_data["picture"]) as key, transaction.atomic():
            self.instance.lock(visible=True)
            self.instance.save(update_fields=self.Meta.fields)
            if key or self.cleaned_data.get("remove_picture"):
                self.instance.show_picture(key)
            if set(self.PUBLIC) & set(self.changed_data):
                signals.profile_changed.send(sender=User, user=self.instance, by=None, reason="")
                rate_limits.hit("profile", self.instance.pk, app_settings.PROFILE_LIMIT)
        return self.instance
