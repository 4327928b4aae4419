"""The form for new members."""

from accounts.forms.profile import ProfileForm


class WelcomeForm(ProfileForm):
    """The name and picture of a new member. The settings have the rest of the profile."""

    remove_picture = None  # Not in this form.

    class Meta(ProfileForm.Meta):
        fields = ["display_name"]
