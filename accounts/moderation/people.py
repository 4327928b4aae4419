"""Makes people reportable: for their name, picture, bio or behaviour."""

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.moderation.subjects import ReportSubject, register


@register
class PersonSubject(ReportSubject):
    name = "person"
    model = User
    title = _("Report a person")
    question = _("Why are you reporting this person?")
    card_title = _("Account of @%(name)s")
    tab = _("People")
    already_reported = _("You've already reported this person.")
    template_name = "accounts/_reported_person.html"
    reasons = ("identity", "profile", "harassment", "spam", "other")

    def reportable_by(self, reporter):
        return User.objects.visible_to(reporter).exclude(pk=reporter.pk)
