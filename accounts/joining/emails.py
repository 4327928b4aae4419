"""Emails to applicants. They are always sent."""

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common.links import absolute
from accounts.emails.types import EmailType, register
from accounts.joining.models import Application

State = Application.State


class ApplicationEmail(EmailType):
    """What became of an application, unless another decision has been made since."""

    reaches_pending = True
    state = None

    def content(self, recipient, **arguments):
        application = Application.objects.filter(person=recipient, state=self.state).first()
        return application and self.describe(application)

    def describe(self, application):
        raise NotImplementedError


@register
class ApplicationApproved(ApplicationEmail):
    name = "application_approved"
    label = gettext_lazy("My application was approved")
    template = "accounts/email/application_approved"
    state = State.APPROVED

    def describe(self, application):
        return {"welcome_url": absolute(reverse("accounts:welcome"))}

    def sample(self, recipient):
        return self.describe(Application(person=recipient))


@register
class ApplicationRefused(ApplicationEmail):
    name = "application_refused"
    label = gettext_lazy("My application was refused")
    template = "accounts/email/application_refused"
    state = State.REFUSED

    def describe(self, application):
        return {
            "reason": application.reason,
            "deleted_on": application.deleted_on,
            "application_url": absolute(reverse("accounts:application")),
        }

    def sample(self, recipient):
        reason = _("We're a club for people who keep bees, and you didn't mention any.")
        return self.describe(Application(person=recipient, reason=reason, decided_on=timezone.now()))
