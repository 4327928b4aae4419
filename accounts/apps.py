from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from django.contrib.auth.signals import user_logged_in
        from django_tasks.signals import task_finished

        from accounts import receivers, schedule, signals, tasks

        def connect(signal, receiver):
            signal.connect(receiver, dispatch_uid=f"accounts.{receiver.__name__}")

        connect(user_logged_in, receivers.track_session)
        connect(signals.user_followed, receivers.note_follow)
        connect(signals.user_unfollowed, receivers.note_unfollow)
        connect(signals.follower_milestone_reached, receivers.mail_milestone)
        connect(task_finished, receivers.give_up_mail)

        schedule.register(tasks.make_digests, timedelta(minutes=5))
        schedule.register(tasks.prune, timedelta(days=1))
