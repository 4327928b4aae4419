from datetime import timedelta

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        # Modules marked "registers itself" register tasks, notification types or checks when they are imported.
        from accounts import audit, checks, receivers, tasks  # noqa: F401 (registers itself)
        from accounts.announcements import notifications  # noqa: F401 (registers itself)
        from accounts.emails import receivers as email_receivers
        from accounts.jobs import periodic
        from accounts.joining import emails as joining_emails  # noqa: F401 (registers itself)
        from accounts.joining import notifications as joining_notifications  # noqa: F401 (registers itself)
        from accounts.joining import receivers as joining_receivers
        from accounts.moderation import people  # noqa: F401 (registers itself)
        from accounts.moderation import receivers as moderation_receivers
        from accounts.moderation import tasks as moderation_tasks
        from accounts.notifications import digests, followers, former_tasks  # noqa: F401 (registers itself)
        from accounts.security import allauth_rate_limits, emails  # noqa: F401 (registers itself)
        from accounts.security import receivers as security_receivers
        from accounts.security import tasks as security_tasks

        for room in (
            receivers,
            email_receivers,
            followers,
            security_receivers,
            moderation_receivers,
            joining_receivers,
        ):
            room.connect()

        allauth_rate_limits.install()

        periodic.register(digests.send_digests, timedelta(minutes=5))
        periodic.register(security_tasks.reconcile_accounts, timedelta(minutes=5))
        periodic.register(moderation_tasks.end_suspensions, timedelta(minutes=1))
        periodic.register(tasks.recount_some, timedelta(minutes=5))
        periodic.register(tasks.correct_future_times, timedelta(minutes=5))
        periodic.register(tasks.end_mutes, timedelta(minutes=1))
        periodic.register(tasks.prune, timedelta(days=1))


class SecureAdminConfig(admin_apps.AdminConfig):
    """Django's admin with our site class. INSTALLED_APPS has it in place of "django.contrib.admin"."""

    default = False  # "accounts" in INSTALLED_APPS refers to the app above.
    default_site = "accounts.admin_site.SecureAdminSite"
