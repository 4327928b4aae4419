from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from allauth.account.signals import email_changed, password_changed, password_reset, password_set
        from allauth.mfa.models import Authenticator
        from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import pre_delete, pre_save

        from accounts import (
            allauth_rate_limits,
            audit,  # noqa: F401 (it registers itself)
            checks,  # noqa: F401 (it registers itself)
            former_tasks,  # noqa: F401 (it registers itself)
            receivers,
            signals,
            tasks,
        )
        from accounts.emails import followers, security  # noqa: F401 (mails register themselves)
        from accounts.jobs import schedule

        def connect(signal, receiver):
            signal.connect(receiver, dispatch_uid=f"accounts.{receiver.__name__}")

        allauth_rate_limits.install()

        connect(user_logged_in, receivers.track_session)
        connect(user_logged_in, receivers.forget_reset_key)
        connect(signals.user_followed, receivers.note_follow)
        connect(signals.user_unfollowed, receivers.note_unfollow)
        connect(signals.user_suspended, receivers.recount_around)
        connect(signals.user_reinstated, receivers.recount_around)
        connect(signals.user_left, receivers.recount_neighbours)
        connect(signals.follower_milestone_reached, receivers.mail_milestone)
        for changed in (email_changed, password_changed, password_reset, password_set):
            connect(changed, receivers.tell_changes)
        for changed in (authenticator_added, authenticator_removed, authenticator_reset):
            connect(changed, receivers.tell_changes)
        for changing in (pre_save, pre_delete):
            changing.connect(
                receivers.mark_account, sender=Authenticator, dispatch_uid="accounts.mark_account"
            )
        connect(signals.job_failed, receivers.give_up_mail)
        connect(signals.clock_was_ahead, receivers.correct_future_times)

        schedule.register(tasks.make_digests, timedelta(minutes=5))
        schedule.register(tasks.sweep_accounts, timedelta(minutes=5))
        schedule.register(tasks.recount_some, timedelta(minutes=5))
        schedule.register(tasks.correct_future_times, timedelta(minutes=5))
        schedule.register(tasks.prune, timedelta(days=1))
