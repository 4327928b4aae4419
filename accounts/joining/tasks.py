"""Tasks of the joining room."""

from django.db import transaction

from accounts.jobs.registry import task
from accounts.joining.models import Application
from accounts.models import User
from accounts.moderation import permissions
from accounts.moderation.tasks import MAX_MODERATORS
from accounts.notifications import digests
from accounts.notifications.models import Notification


@task("joining.tell_moderators")
def tell_moderators(application_pk):
    """Notify the moderators that people wait for approval.

    A moderator has at most one such notification, and gets no other until they have seen it or somebody has decided about the
    application that it was written for. So a flood of applications fills neither the page nor the mailbox.
    """
    waiting = Application.objects.waiting()
    if not waiting.filter(pk=application_pk).exists():
        return
    staff = User.objects.visible().filter(is_staff=True)
    keys = list(staff.order_by("pk").values_list("pk", flat=True)[:MAX_MODERATORS])
    with transaction.atomic():
        for person in list(User.objects.filter(pk__in=keys).in_locking_order()):
            earlier = Notification.objects.filter(recipient=person, type="new_application")
            unseen = earlier.filter(pk__gt=person.notifications_seen, subject__in=waiting.values("pk"))
            # The job may run again after a crash.
            is_told = earlier.filter(subject=application_pk).exists() or unseen.exists()
            if permissions.may_moderate(person) and not is_told:
                earlier.delete()
                digests.notify("new_application", person, subject=application_pk)
