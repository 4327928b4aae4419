"""What members decide about themselves."""

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import pictures, rate_limits, signals
from accounts.forms.mail import MailChoices, PlaceChoices
from accounts.models import User
from accounts.passwords import keep_session


class LeaveForm(forms.Form):
    """Asks for the password and a clear word before an account is deleted."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    sure = forms.BooleanField(label=_("Delete my account and everything in it, for good"))

    def __init__(self, *args, request, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.request = request
        self.user = user

    def clean_password(self):
        password = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("That password is not right. Try again."))
        keep_session(self.request, self.user)
        return password


class PictureField(forms.FileField):
    """An uploaded picture of any common kind. Its value is what `pictures.remake` returns, or None without one."""

    widget = forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/gif,image/webp"})
    default_error_messages = {"empty": _("That file is empty. Try another.")}

    def clean(self, data, initial=None):
        file = super().clean(data, initial)
        return pictures.remake(file) if file else None


class ProfileForm(MailChoices, PlaceChoices, forms.ModelForm):
    """What others see of a member, in which time zone and language the member reads, and which mails they get."""

    # What others see.
    SHOWN = ("display_name", "bio", "picture", "remove_picture")

    picture = PictureField(
        label=_("Picture"),
        required=False,
        help_text=_(
            "JPEG, PNG, GIF or WebP. The middle of it is shown; places and other hidden data are taken out."
        ),
    )
    remove_picture = forms.BooleanField(label=_("Remove my picture"), required=False)

    class Meta:
        model = User
        fields = ["display_name", "bio", "noindex", "time_zone", "language"]
        widgets = {"bio": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"display_name": _("Shown above your username. Leave it empty to show only that.")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.instance.picture:
            del self.fields["remove_picture"]

    def clean(self):
        # Without this, a request that lacks some would empty them.
        if not {"display_name", "bio"} <= self.data.keys():
            raise forms.ValidationError(_("A part of the form is missing. Reload the page and try again."))
        for name in {"time_zone", "language"} - self.data.keys():
            self.cleaned_data[name] = getattr(self.instance, name)
        return super().clean()

    def save(self):
        """Store what changed and publish `profile_changed` if others can see it. Returns the User.

        Raises pictures.NotStored, RateLimitExceeded if that changed too often lately, or AccountGone if they have left or were
        suspended, and changes nothing then.
        """
        with pictures.stored(self.cleaned_data["picture"]) as key, transaction.atomic():
            self.instance.lock(visible=True)
            self.instance.save(update_fields=self.Meta.fields)
            self.save_mails()
            if key or self.cleaned_data.get("remove_picture"):
                self.instance.show_picture(key)
            if set(self.SHOWN) & set(self.changed_data):
                signals.profile_changed.send(sender=User, user=self.instance)
                rate_limits.hit("profile", self.instance.pk, rate_limits.limit("PROFILE_LIMIT", (60, 3600)))
        return self.instance
