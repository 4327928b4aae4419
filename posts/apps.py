from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PostsConfig(AppConfig):
    name = "posts"
    verbose_name = _("posts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from accounts.signals import user_followed, user_unfollowed
        from posts import checks, emails, receivers, signals  # noqa: F401 (checks and mails register themselves)

        signals.post_published.connect(
            receivers.tell_timeline_of_post, dispatch_uid="posts.tell_of_published"
        )
        signals.post_restored.connect(receivers.tell_timeline_of_post, dispatch_uid="posts.tell_of_restored")
        user_followed.connect(receivers.tell_timeline_of_follow, dispatch_uid="posts.tell_of_follow")
        user_unfollowed.connect(receivers.tell_timeline_of_unfollow, dispatch_uid="posts.tell_of_unfollow")
