"""The notification to moderators that people are waiting for approval. There is one, whatever their number."""

from django.db.models import Exists, Q
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common.links import absolute, home_path
from accounts.joining.models import Application
from accounts.models import User
from accounts.moderation import permissions
from accounts.notifications.types import Frequency, NotificationType, register

# How many applications an email describes. The others are only counted.
DESCRIBED = 10


@register
class NewApplication(NotificationType):
    """People wait for approval. The subject is the id of the Application that was new when the notification was written.

    It is shown as long as anybody waits.
    """

    item_template = "accounts/notifications/_new_application.html"

    name = "new_application"
    label = gettext_lazy("People apply to join")
    template = "accounts/email/new_application"
    frequencies = (Frequency.AT_ONCE, Frequency.DAILY, Frequency.NEVER)

    def offered_to(self, user):
        return permissions.may_moderate(user)

    def shown_to(self, user):
        return permissions.may_moderate(user)

    def skip_reason(self, recipient):
        if not permissions.may_moderate(recipient):
            return "The recipient isn't a moderator."
        return super().skip_reason(recipient)

    def condition(self, recipient):
        return Q(Exists(Application.objects.waiting()))

    def group(self, subject):
        return ""

    def content_for(self, recipient, notifications):
        if not notifications.exists():
            return None
        waiting = Application.objects.waiting()
        return self._context(
            list(waiting.select_related("person").order_by("pk")[:DESCRIBED]), waiting.count()
        )

    def sample(self, recipient):
        text = _("I keep bees, too.")
        return self._context([Application(person=User(username="grace"), text=text)], 1)

    def _context(self, applications, count):
        if not applications:
            return None
        try:
            path = reverse("admin:moderation")
        except NoReverseMatch:  # This site has no admin, or not ours.
            path = home_path()
        return {
            "applications": applications,
            "count": count,
            "more": count - len(applications),
            "queue_url": absolute(path),
        }
