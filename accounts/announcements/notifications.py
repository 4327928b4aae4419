"""The notifications of announcements. By default, members get them only on the site."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts.announcements.models import Announcement
from accounts.announcements.tasks import ANNOUNCEMENT
from accounts.common.links import absolute, rules_path
from accounts.notifications.types import Frequency, NotificationType, register


def load_announcements(recipient, ids):
    """Return a dict from ids to the Announcements."""
    return Announcement.objects.in_bulk(ids)


@register
class AnnouncementNotification(NotificationType):
    """An announcement by the operator. The subject is its id."""

    item_template = "accounts/notifications/_announcement.html"
    load_subjects = staticmethod(load_announcements)

    name = ANNOUNCEMENT
    label = gettext_lazy("Announcements about this site")
    template = "accounts/email/announcement"
    frequencies = (Frequency.DAILY, Frequency.WEEKLY, Frequency.NEVER)
    default = Frequency.NEVER

    def condition(self, recipient):
        return Q(Exists(Announcement.objects.filter(pk=OuterRef("subject"))))

    def content_for(self, recipient, notifications):
        announcements = Announcement.objects.current().filter(pk__in=notifications.values("subject"))
        return self._context(list(announcements.order_by("starts_on")))

    def sample(self, recipient):
        tomorrow = timezone.now() + timedelta(days=1)
        text = _("We're moving to a faster server on Saturday morning. The site will be away for an hour.")
        return self._context([Announcement(pk=0, text=text, language=get_language(), ends_on=tomorrow)])

    def _context(self, announcements):
        if not announcements:
            return None
        return {
            "announcements": announcements,
            "count": len(announcements),
            "rules_url": self._rules_url(announcements),
        }

    def _rules_url(self, announcements):
        """Return the URL of the rules if they are new and have a page, or an empty string."""
        path = rules_path() if any(each.new_rules for each in announcements) else ""
        return absolute(path) if path.startswith("/") else path
