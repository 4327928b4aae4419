from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PostsConfig(AppConfig):
    name = "posts"
    verbose_name = _("posts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from django.contrib.auth import get_user_model
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import pre_delete

        from accounts import signals as people
        from accounts.backends import member_annotations
        from accounts.common.navigation import settings_pages
        from accounts.jobs import periodic
        from posts import (  # noqa: F401 (these register themselves)
            audit,
            checks,
            drafts,
            emails,
            moderation,
            notifications,
            signals,
            suggestions,
        )
        from posts.conversations.replied_to import forget_person
        from posts.filters import reading
        from posts.filters import tasks as filter_tasks
        from posts.filters.models import StoredFilters
        from posts.rendering import cards
        from posts.timelines.redis import receivers as timelines  # (this also registers the tasks)

        settings_pages.update(["posts:feeds", "posts:filters", "posts:filter"])
        member_annotations[reading.LOADED] = StoredFilters("pk")
        periodic.register(filter_tasks.end_filters, timedelta(minutes=1))
        signals.post_published.connect(timelines.enqueue_fan_out, dispatch_uid="posts.fan_out_published")
        signals.post_restored.connect(timelines.enqueue_fan_out, dispatch_uid="posts.fan_out_restored")
        notifications.connect()
        pre_delete.connect(forget_person, sender=get_user_model(), dispatch_uid="posts.forget_person")
        people.user_followed.connect(
            timelines.renew_version_on_follow, dispatch_uid="posts.renew_version_on_follow"
        )
        people.user_unfollowed.connect(
            timelines.renew_version_on_unfollow, dispatch_uid="posts.renew_version_on_unfollow"
        )
        people.follows_seeded.connect(
            timelines.invalidate_timelines, dispatch_uid="posts.invalidate_timelines"
        )
        people.clock_was_ahead.connect(
            timelines.correct_future_times, dispatch_uid="posts.correct_future_times"
        )
        user_logged_in.connect(drafts.delete_others, dispatch_uid="posts.delete_others_drafts")

        for event in (
            people.user_blocked,
            people.user_left,
            people.user_reinstated,
            people.user_suspended,
            people.user_unblocked,
        ):
            event.connect(cards.change_mentions_version, dispatch_uid="posts.change_mentions_version")
