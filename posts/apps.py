from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PostsConfig(AppConfig):
    name = "posts"
    verbose_name = _("posts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from posts import checks, emails  # noqa: F401 (they register themselves)
