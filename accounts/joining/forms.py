from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.common.fields import FreeTextFormField
from accounts.joining.invitations import MOST_PEOPLE, MOST_SUGGESTED, create_invitation
from accounts.joining.models import Application
from accounts.models import User


def lifetimes():
    """Return the choices for how many days an invitation can be used."""
    return [
        (days, ngettext("%(count)d day", "%(count)d days", days) % {"count": days}) for days in (1, 7, 30)
    ]


class InvitationForm(forms.Form):
    """Makes an invitation. `budget` is how many more people the member can invite, or None without a limit."""

    limit = forms.IntegerField(
        label=gettext_lazy("How many people can use it?"),
        min_value=1,
        initial=1,
        error_messages={"required": gettext_lazy("Enter a number.")},
    )
    days = forms.TypedChoiceField(label=gettext_lazy("Valid for"), choices=lifetimes, coerce=int, initial=7)
    people = FreeTextFormField(
        label=gettext_lazy("People to follow (optional)"),
        characters=500,
        one_line=True,
        required=False,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args, user, budget, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        most = MOST_PEOPLE if budget is None else min(budget, MOST_PEOPLE)
        limit = self.fields["limit"]
        limit.max_value = most
        limit.validators.append(self._check_limit)
        limit.widget.attrs["max"] = most
        self.most = most
        self.fields["people"].help_text = ngettext(
            "Up to %(count)d username. Newcomers are offered to follow you and these people.",
            "Up to %(count)d usernames. Newcomers are offered to follow you and these people.",
            MOST_SUGGESTED,
        ) % {"count": MOST_SUGGESTED}

    def _check_limit(self, value):
        if value > self.most:
            message = ngettext(
                "You can invite %(count)d person at most.",
                "You can invite %(count)d people at most.",
                self.most,
            )
            raise ValidationError(message, params={"count": self.most})

    def clean_people(self):
        """Return the members with these usernames."""
        names = {name.strip("@").lower() for name in self.cleaned_data["people"].replace(",", " ").split()}
        names.discard("")
        if len(names) > MOST_SUGGESTED:
            message = ngettext(
                "Name %(count)d person at most.", "Name %(count)d people at most.", MOST_SUGGESTED
            )
            raise ValidationError(message, params={"count": MOST_SUGGESTED})
        found = list(User.objects.visible_to(self.user).filter(username__in=names))
        if missing := sorted(names - {person.username for person in found}):
            raise ValidationError(
                _("There's no member @%(name)s. Check the spelling."), params={"name": missing[0]}
            )
        return found

    def save(self):
        """Store and return the Invitation. Raises InvitationRefused if the budget was used up in the meantime."""
        return create_invitation(self.user, **self.cleaned_data)


class ApplicationForm(forms.ModelForm):
    """Lets somebody say why they want to join after they signed up without having been asked."""

    class Meta:
        model = Application
        fields = ["text"]
        labels = {"text": gettext_lazy("Why do you want to join?")}
        help_texts = {"text": gettext_lazy("Moderators read this, and nobody else.")}
        widgets = {"text": forms.Textarea(attrs={"rows": 4})}
        error_messages = {"text": {"required": gettext_lazy("Say in a few words why you want to join.")}}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["text"].required = True

    def save(self):
        """Store the text, unless a moderator has decided meanwhile. Returns whether anything changed."""
        waiting = Application.objects.filter(pk=self.instance.pk, state=Application.State.WAITING, text="")
        return bool(waiting.update(text=self.cleaned_data["text"]))
