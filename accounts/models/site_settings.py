from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.common.addresses import ascii_host
from accounts.common.app_settings import app_settings


class SignupMode(models.TextChoices):
    OPEN = "open", _("Open: anyone can sign up")
    INVITATION = "invitation", _("By invitation: only people with an invitation can sign up")
    APPROVAL = "approval", _("By approval: moderators decide on each application")
    CLOSED = "closed", _("Closed: nobody can sign up")


def split_domains(text):
    """Return the email domains in `text`, one per line, in order, in lower case and ASCII. Raises ValidationError."""
    domains = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            domains.append(ascii_host(line.removeprefix("@")))
        except UnicodeError as error:
            raise ValidationError(_("%(line)s isn't a domain."), params={"line": line}) from error
    return domains


def validate_domains(text):
    split_domains(text)


class SiteSettings(models.Model):
    """What administrators change in the admin while the site runs. There is one row.

    The settings of the same names in upper case give its first values. Once the row is stored, they have no effect.
    """

    signup_mode = models.CharField(_("sign-up"), max_length=10, choices=SignupMode, default=SignupMode.OPEN)
    signups_per_hour = models.PositiveIntegerField(
        _("sign-ups in an hour"),
        default=20,
        help_text=_("When more people sign up in an hour, the rest wait for approval. 0 means no limit."),
    )
    invitations_per_member = models.PositiveSmallIntegerField(
        _("invitations of a member"),
        default=0,
        help_text=_("How many people a member can invite in 30 days. Moderators can always invite people."),
    )
    refused_email_domains = models.TextField(
        _("refused email domains"),
        blank=True,
        validators=[validate_domains],
        help_text=_("One per line. Nobody can sign up with an address at one of these domains, or below it."),
    )
    new_account_hours = models.PositiveIntegerField(
        _("hours as a new account"),
        default=24,
        help_text=_(
            "Posts of new accounts have no links, and notify only people who follow the author. A moderator can end this "
            "earlier. 0 turns it off."
        ),
    )
    members_only = models.BooleanField(
        _("members only"),
        default=False,
        help_text=_("Visitors see no posts and no profiles."),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("site settings")
        constraints = [models.CheckConstraint(name="site_settings_one_row", condition=models.Q(pk=1))]

    def __str__(self):
        return str(self._meta.verbose_name)

    @classmethod
    def load(cls):
        """Return the settings of the site, with one query: the row or, before it is stored, its first values."""
        return cls.objects.filter(pk=1).first() or cls.first()

    @classmethod
    def of(cls, request):
        """Return the settings of the site for this request. They are loaded when they are first asked for."""
        if not hasattr(request, "site_settings"):
            request.site_settings = cls.load()
        return request.site_settings

    @classmethod
    def first(cls):
        """Return the first values, from the project's settings. They aren't stored."""
        return cls(
            pk=1,
            signup_mode=app_settings.SIGNUP_MODE,
            signups_per_hour=app_settings.SIGNUPS_PER_HOUR,
            invitations_per_member=app_settings.INVITATIONS_PER_MEMBER,
            refused_email_domains="\n".join(app_settings.REFUSED_EMAIL_DOMAINS),
            new_account_hours=app_settings.NEW_ACCOUNT_HOURS,
            members_only=app_settings.MEMBERS_ONLY,
        )

    @classmethod
    def create_first(cls):
        """Store the first values if there is no row."""
        cls.objects.bulk_create([cls.first()], ignore_conflicts=True)

    def refuses_domain(self, domain):
        """Return whether nobody may sign up with an address at `domain`, which is in lower case and ASCII."""
        return any(
            domain == refused or domain.endswith(f".{refused}")
            for refused in split_domains(self.refused_email_domains)
        )
