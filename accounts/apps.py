from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from django.contrib.auth.signals import user_logged_in

        from accounts import receivers, schedule, signals, tasks

        user_logged_in.connect(receivers.track_session, dispatch_uid="accounts.track_session")

        schedule.register(tasks.prune, timedelta(days=1))
        signals.user_followed.connect(receivers.mail_new_follower, dispatch_uid="accounts.mail_new_follower")
