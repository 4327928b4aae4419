from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PostsConfig(AppConfig):
    name = "posts"
    verbose_name = _("posts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from django.contrib.auth.signals import user_logged_in

        from accounts import signals as people
        from posts import audit, cards, checks, drafts, emails, receivers, signals, tasks  # noqa: F401 (they register themselves)

        signals.post_published.connect(
            receivers.tell_timeline_of_post, dispatch_uid="posts.tell_of_published"
        )
        signals.post_restored.connect(receivers.tell_timeline_of_post, dispatch_uid="posts.tell_of_restored")
        people.user_followed.connect(receivers.tell_timeline_of_follow, dispatch_uid="posts.tell_of_follow")
        people.user_unfollowed.connect(
            receivers.tell_timeline_of_unfollow, dispatch_uid="posts.tell_of_unfollow"
        )

        people.clock_was_ahead.connect(
            receivers.correct_future_times, dispatch_uid="posts.correct_future_times"
        )
        people.follows_seeded.connect(receivers.forget_timelines, dispatch_uid="posts.forget_timelines")
        user_logged_in.connect(drafts.forget_others, dispatch_uid="posts.forget_others_drafts")

        for event in (
            people.user_blocked,
            people.user_left,
            people.user_reinstated,
            people.user_suspended,
            people.user_unblocked,
        ):
            event.connect(cards.forget_mentions, dispatch_uid="posts.forget_mentions")
